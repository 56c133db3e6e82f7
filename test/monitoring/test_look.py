"""Frames like those that a model learned from, and frames that are not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_families import tiny
from torch import Tensor
from toy_episodes import toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.look import LookConfig, look
from wm_planner.monitoring.look import FILE, GRID, Look, Usual, keep_look
from wm_planner.world_models.store import ModelConfig, save_model

CAMERAS = ("front", "wrist")


def scene(frames: int, seed: int) -> Tensor:
    """Frames (T, 2, 3, 32, 32) uint8: another steady background for each camera, and noise."""
    background = (
        torch.randint(40, 200, (1, 2, 3, 8, 8), generator=torch.Generator().manual_seed(0))
        .repeat_interleave(4, -1)
        .repeat_interleave(4, -2)
    )
    noise = torch.randint(
        -20, 21, (frames, 2, 3, 32, 32), generator=torch.Generator().manual_seed(seed)
    )
    return (background + noise).to(torch.uint8)


@pytest.fixture(scope="module")
def known() -> Look:
    return Look.of(scene(500, 1), CAMERAS)


def test_what_it_knows_is_not_strange(known):
    strangeness = known.strangeness(scene(500, 1))
    assert strangeness.shape == (500, 2)
    assert (strangeness > 1).float().mean() < 0.005
    assert known.strangeness(scene(50, 2)).max() < 1.5


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("cameras in another order", lambda x: x.flip(1)),
        ("colours in another order", lambda x: x.flip(2)),
        ("upside down", lambda x: x.flip(3)),
        ("mirrored", lambda x: x.flip(4)),
        ("moved by a patch", lambda x: x.roll(4, 4)),
        ("dark", lambda x: x // 2),
        ("with other colours", lambda x: x // torch.tensor([1, 2, 1])[:, None, None]),
        ("a cloth", torch.zeros_like),
    ],
)
def test_what_differs_is_strange(known, what, changed):
    assert known.strangeness(changed(scene(20, 2))).amax(1).min() > 2, what


def test_it_is_read_as_it_was_written(known, tmp_path):
    known.save(tmp_path / FILE)
    assert Look.beside(tmp_path, CAMERAS) == known
    (other := tmp_path / "other").mkdir()
    keep_look(tmp_path, other)
    assert Look.beside(other, CAMERAS) == known


def test_without_a_file_nothing_is_known(tmp_path):
    assert Look.beside(tmp_path, CAMERAS) is None
    keep_look(tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("front: 3", "front: expected the keys colours, pattern"),
        ("front: {colours: 1, pattern: 2}", "front, colours: expected the keys distance, mean"),
        (
            "front: {colours: {mean: 1, spread: [], distance: 1}, pattern: 2}",
            "front, colours: mean is no list",
        ),
        ("{}", r"of cameras \[\], the model's are"),
        ("- 1", "expected a mapping"),
    ],
)
def test_a_broken_file_is_named(tmp_path, text, message):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UserError, match=message):
        Look.beside(tmp_path, CAMERAS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mean": (1.0,)}, f"mean: expected {3 * GRID**2} finite numbers"),
        ({"spread": (float("nan"),) * 192}, "spread: expected"),
        ({"spread": (-0.1,) * 192}, "-0.1 is below 0"),
        ({"distance": 0.0}, "distance is 0.0"),
        ({"distance": True}, "distance is True"),
    ],
)
def test_what_is_usual_makes_sense(changes, message):
    given = {"mean": (0.5,) * 192, "spread": (0.1,) * 192, "distance": 1.0, **changes}
    with pytest.raises(UserError, match=message):
        Usual(**given)


def test_the_command_writes_it_beside_a_model(tmp_path: Path):
    data = write_dataset(tmp_path / "grasp.hdf5", [toy_episode(seed) for seed in range(3)])
    model = tiny("td_latent")
    config = ModelConfig("grasp", "panda", CAMERAS, 10.0, model.config)
    save_model(tmp_path / "model", model, config)
    path = look(LookConfig(str(tmp_path / "model"), (data,)))
    assert path == tmp_path / "model" / FILE
    assert Look.beside(path.parent, CAMERAS) is not None
