"""What a check finds in datasets with something wrong in them, and nothing in a good one."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
from toy_episodes import toy_episode, write_dataset

from wm_planner.commands.check import CheckConfig, check
from wm_planner.evaluation.dataset.findings import BAD, findings
from wm_planner.evaluation.dataset.lag import lag
from wm_planner.evaluation.dataset.survey import survey
from wm_planner.learning.episodes import Episode

PERIOD = 0.1


def moved(seed: int, late: int, steps: int = 60) -> Episode:
    """The hand goes where the actions say, `late` steps later."""
    rng = np.random.default_rng(seed)
    episode = toy_episode(seed, steps=steps, size=16)
    actions = np.c_[0.4 * rng.uniform(-1, 1, (steps, 3)), np.sign(rng.normal(size=steps))]
    delayed = np.vstack([np.zeros((late, 3)), actions[: steps - late, :3]])
    place = np.vstack([np.zeros(3), np.cumsum(0.1 * delayed[:-1], axis=0)])
    noise = rng.integers(0, 255, (steps, 16, 16, 3), np.uint8)
    return episode._replace(
        actions=actions.astype(np.float32),
        proprio=np.c_[place, np.zeros((steps, 5))].clip(-1, 1).astype(np.float32),
        frames={"front": noise, "wrist": noise[:, ::-1].copy()},
        success=seed % 3 > 0,
    )


def told(episodes: list[Episode]) -> list[str]:
    found = survey(episodes)
    measured = lag(found.actions, found.proprio)
    return [f.text for f in findings(found, measured, PERIOD) if f.level == BAD]


@pytest.mark.parametrize("late", [0, 1, 3, 6])
def test_the_lag_is_found_to_the_step(late):
    episodes = [moved(seed, late) for seed in range(4)]
    found = lag([e.actions for e in episodes], [e.proprio for e in episodes])
    assert abs(found.steps - late) < 0.2 and found.strength > 0.9


def test_nothing_is_to_be_mended_of_a_good_dataset():
    assert told([moved(seed, 1) for seed in range(24)]) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda e: e._replace(success=False), "no episode worked"),
        (lambda e: e._replace(frames={"front": 0 * e.frames["front"]}), "front shows nothing"),
        (
            lambda e: e._replace(frames={"front": 0 * e.frames["front"] + 255}),
            "white; change light",
        ),
        (
            lambda e: e._replace(frames={"front": np.repeat(e.frames["front"][::3], 3, axis=0)}),
            "frames are the one before",
        ),
        (lambda e: e._replace(actions=e.actions * 30), "actions reach"),
        (lambda e: e._replace(actions=e.actions * [1, 1, 0, 1]), "action 2 is always"),
        (lambda e: e._replace(proprio=e.proprio[::-1].copy()), "hardly go together"),
    ],
)
def test_what_is_wrong_is_told(change, text):
    found = told([change(moved(seed, 1)) for seed in range(24)])
    assert any(text in one for one in found), found


def test_late_stamps_few_episodes_and_copies_are_told():
    found = told([moved(seed % 6, 6) for seed in range(12)])
    assert any("6.0 steps, 600 ms" in text for text in found)
    assert any("12 episodes, fewer than 20" in text for text in found)
    assert any("6 copies, as demo_6 is one of demo_0" in text for text in found)


def test_the_page_shows_films_and_says_what_is_missing(tmp_path, capsys):
    path = write_dataset(tmp_path / "toy.hdf5", [moved(seed, 1) for seed in range(6)], False)
    assert check(CheckConfig(path, family="", strict=True)) == 1
    assert check(CheckConfig(path, family="")) == 0
    page = (tmp_path / "toy.html").read_text()
    assert page.count("data:image/jpeg;base64") == 8  # of two cameras, four episodes
    assert "6 episodes, fewer than 20" in page and "did not work" in page
    out = capsys.readouterr().out
    assert "episodes          6, 4 worked" in out and "1.0 steps, 100 ms" in out
