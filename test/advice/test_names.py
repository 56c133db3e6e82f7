"""What a server is asked under which names, and which answers are taken."""

import numpy as np
import pytest

from wm_planner.advice.names import Names
from wm_planner.advice.wire import WireError
from wm_planner.errors import UserError

FRAME = np.zeros((4, 4, 3), np.uint8)
STATE = np.arange(8.0)
USUAL = Names.of(("front", "wrist"), {})


def test_the_usual_names_are_those_of_our_lerobot_export():
    question = USUAL.question({"front": FRAME, "wrist": FRAME}, STATE, "")
    assert set(question) == {
        "observation.images.front",
        "observation.images.wrist",
        "observation.state",
    }
    assert question["observation.state"].dtype == np.float32


def test_openpis_names_can_be_given():
    given = {"front": "observation/image", "state": "observation/state", "actions": "action"}
    names = Names.of(("front",), given)
    question = names.question({"front": FRAME}, STATE, "grasp it")
    assert set(question) == {"observation/image", "observation/state", "prompt"}
    assert question["prompt"] == "grasp it"
    assert names.chunk({"action": np.zeros((5, 4))}, 4).shape == (5, 4)


def test_an_unknown_name_is_refused():
    with pytest.raises(UserError, match="'top'; what can be named is front, wrist, state"):
        Names.of(("front", "wrist"), {"top": "observation/image"})


def test_a_single_action_is_a_chunk_of_one_and_a_little_too_large_is_clipped():
    chunk = USUAL.chunk({"actions": np.array([1.2, -1.4, 0.5, 0.0])}, 4)
    assert chunk.tolist() == [[1.0, -1.0, 0.5, 0.0]] and chunk.dtype == np.float32


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({}, "the answer has nothing, expected an array 'actions'"),
        ({"action": np.zeros((5, 4))}, "the answer has action, expected an array 'actions'"),
        ({"actions": [[0.0] * 4]}, "expected an array"),
        ({"actions": np.zeros((5, 7))}, r"shape \(5, 7\), expected \(steps, 4\)"),
        ({"actions": np.zeros((0, 4))}, r"shape \(0, 4\)"),
        ({"actions": np.zeros((2, 5, 4))}, r"shape \(2, 5, 4\)"),
        ({"actions": np.array(0.5)}, r"shape \(\)"),
        ({"actions": np.full((5, 4), np.nan)}, "not all finite"),
        ({"actions": np.full((5, 4), 1e300)}, "not all finite"),
        ({"actions": np.full((5, 4), 37.0)}, "reach 37, expected -1 to 1.*something else"),
    ],
)
def test_an_answer_that_cannot_be_followed_says_why(answer, told):
    with pytest.raises(WireError, match=told), np.errstate(over="ignore"):
        USUAL.chunk(answer, 4)


def test_an_endless_chunk_is_cut():
    assert len(USUAL.chunk({"actions": np.zeros((100_000, 4), np.float32)}, 4)) == 1000
