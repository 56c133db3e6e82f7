"""Pictures of a dream: tiles for what is imagined and what is so, and a panel."""

import numpy as np
import pytest

from wm_planner.errors import UserError
from wm_planner.play.dream import Belief
from wm_planner.play.screen import TILE, draw, strip

COLOURS = {"front": (200, 40, 90), "wrist": (10, 220, 30)}
RED, GREEN = (228, 86, 74), (86, 190, 110)


def frames():
    return {name: np.full((16, 16, 3), colour, np.uint8) for name, colour in COLOURS.items()}


def belief(**changes):
    values = {"reward": 0.5, "value": 10.0, "highest_value": 33.0, "disagreement": 0.1}
    return Belief(frames(), **{**values, "drift": 0.1, "seconds": 1.0, **changes})


def share(picture, colour):
    """Of the panel's pixels that have this colour."""
    return float((picture[:, -TILE:] == colour).all(-1).mean())


def test_a_column_for_each_camera_and_the_panel():
    picture = draw(belief(), np.zeros(4))
    assert picture.shape == (TILE, 3 * TILE, 3) and picture.dtype == np.uint8
    assert tuple(picture[50, 50]) == COLOURS["front"]
    assert tuple(picture[50, TILE + 50]) == COLOURS["wrist"]


def test_what_a_simulation_did_is_below():
    truth = {name: np.zeros((16, 16, 3), np.uint8) for name in COLOURS}
    picture = draw(belief(), np.zeros(4), truth)
    assert picture.shape == (2 * TILE, 3 * TILE, 3)
    assert not picture[TILE + 50, : 2 * TILE - 1 : 40].any()


def test_the_drift_meter_grows_and_turns_red():
    low, high = (draw(belief(drift=d, reward=0.0), np.zeros(4)) for d in (0.1, 1.2))
    assert share(low, RED) == 0 and share(low, GREEN) > 0
    assert share(high, RED) > 5 * share(low, GREEN)


def test_a_reward_that_is_not_known_has_no_bar():
    unknown, known = (draw(belief(reward=r, drift=1.2), np.zeros(4)) for r in (np.nan, 0.5))
    assert share(unknown, GREEN) == 0 < share(known, GREEN)


@pytest.mark.parametrize("action", [(1, 0, 0, 1), (0, -1, 0, 1), (0, 0, 1, 1), (0, 0, 0, -1)])
def test_every_part_of_the_action_shows(action):
    still, moved = (draw(belief(), np.array(a, float)) for a in ((0, 0, 0, 1), action))
    assert (still != moved).any()


def test_a_strip_has_a_column_for_each_moment():
    pictures = [draw(belief(seconds=s), np.zeros(4), frames()) for s in range(9)]
    picture = strip(pictures, moments=4)
    assert picture.shape == (5 * TILE * 2 // 3, 4 * TILE * 2 // 3, 3)


def test_a_strip_of_nothing_is_refused():
    with pytest.raises(UserError, match="no picture"):
        strip([])
