"""Each factor of domain randomisation changes what it says, nothing else, and is undone."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from wm_planner.control.robot_config import RobotConfig
from wm_planner.envs.props import Cube
from wm_planner.envs.randomization import Randomization, Randomizer
from wm_planner.envs.scene import build_scene
from wm_planner.errors import UserError
from wm_planner.paths import robot_config

PARTS = ("cam_pos", "cam_quat", "light_diffuse", "geom_rgba", "geom_friction", "geom_size")
AWAY = {"camera_position": 0.1, "camera_angle": 0.1, "colour": 0.1, "latency": 0.1}
CHANGES = {
    "camera_position": {"cam_pos"},
    "camera_angle": {"cam_quat"},
    "light": {"light_diffuse", "headlight"},
    "colour": {"geom_rgba"},
    "friction": {"geom_friction"},
    "size": {"geom_size"},
    "latency": set(),
}


@pytest.fixture(scope="module")
def model():
    return build_scene(RobotConfig.load(robot_config("panda")), [Cube("cube")])


def state(model) -> dict[str, np.ndarray]:
    parts = {name: getattr(model, name).copy() for name in PARTS}
    return parts | {"headlight": np.array(model.vis.headlight.diffuse)}


def changed(before: dict, after: dict) -> set[str]:
    return {name for name in before if not np.allclose(before[name], after[name], atol=1e-9)}


def test_every_factor_is_tested_here():
    assert set(CHANGES) == {field.name for field in fields(Randomization)}


def test_zero_is_the_nominal_scene(model):
    nominal = state(model)
    randomizer = Randomizer(Randomization(), model)
    randomizer.apply(np.random.default_rng(0))
    assert changed(nominal, state(model)) == set()
    assert randomizer.latency_waypoints == 0


@pytest.mark.parametrize("factor", CHANGES)
def test_a_factor_changes_what_it_says_and_is_undone(model, factor):
    nominal = state(model)
    randomizer = Randomizer(Randomization(**{factor: (AWAY.get(factor, 1.1),) * 2}), model)
    randomizer.apply(np.random.default_rng(1))
    assert changed(nominal, state(model)) == CHANGES[factor]
    randomizer.config = Randomization()
    randomizer.apply(np.random.default_rng(2))
    assert changed(nominal, state(model)) == set()


def test_draws_do_not_add_up_over_episodes(model):
    nominal = state(model)
    randomizer = Randomizer(
        Randomization(camera_position=(0, 0.01), colour=(0, 0.1), size=(0.9, 1.1)), model
    )
    rng = np.random.default_rng(0)
    for _ in range(100):
        randomizer.apply(rng)
        moved = state(model)
        assert np.linalg.norm(moved["cam_pos"] - nominal["cam_pos"], axis=1).max() <= 0.01 + 1e-9
        assert np.abs(moved["geom_rgba"] - nominal["geom_rgba"]).max() <= 0.1 + 1e-6
        ratio = moved["geom_size"] / np.where(nominal["geom_size"] == 0, 1, nominal["geom_size"])
        assert ratio.max() <= 1.1 + 1e-9
    randomizer.config = Randomization()
    randomizer.apply(rng)
    assert changed(nominal, state(model)) == set()


def test_relative_factors_stay_within_their_ranges(model):
    cube = model.geom("cube").id
    nominal = state(model)
    randomizer = Randomizer(Randomization(friction=(0.5, 2.0), light=(1 / 1.5, 1.5)), model)
    friction, light = [], []
    rng = np.random.default_rng(0)
    for _ in range(200):
        randomizer.apply(rng)
        friction.append(model.geom_friction[cube, 0] / nominal["geom_friction"][cube, 0])
        light.append(model.light_diffuse[0, 0] / nominal["light_diffuse"][0, 0])
    assert 0.5 <= min(friction) < 0.55 and 1.9 < max(friction) <= 2.0
    assert 1 / 1.5 - 1e-6 <= min(light) < 0.7 and 1.45 < max(light) <= 1.5 + 1e-6
    randomizer.config = Randomization()
    randomizer.apply(rng)


def test_only_props_change_size_and_friction(model):
    nominal = state(model)
    Randomizer(Randomization(size=(0.8, 0.9), friction=(2.0, 3.0)), model).apply(
        np.random.default_rng(3)
    )
    different = np.any(model.geom_size != nominal["geom_size"], axis=1)
    assert list(np.flatnonzero(different)) == [model.geom("cube").id]
    different = np.any(model.geom_friction != nominal["geom_friction"], axis=1)
    assert list(np.flatnonzero(different)) == [model.geom("cube").id]
    Randomizer(Randomization(), model)
    model.geom_size[:], model.geom_friction[:] = nominal["geom_size"], nominal["geom_friction"]


def test_the_same_generator_draws_the_same_scene_whatever_factors_are_on(model):
    """Otherwise a seed would mean another start for each setting."""
    rngs = np.random.default_rng(5), np.random.default_rng(5)
    nominal = Randomizer(Randomization(), model)
    nominal.apply(rngs[0])
    everything = Randomization(
        (0, 0.01), (0, 5), (0.5, 2), (0, 0.1), (0.5, 2), (0.9, 1.1), (0, 0.06)
    )
    Randomizer(everything, model).apply(rngs[1])
    assert rngs[0].random() == rngs[1].random()
    nominal.apply(rngs[0])


def test_equal_ends_fix_a_value(model):
    """As a table of robustness needs it: exactly 2 cm and 3 degrees, in a random direction."""
    nominal = state(model)
    fixed = Randomization(camera_position=(0.02, 0.02), camera_angle=(3.0, 3.0), size=(0.9, 0.9))
    for seed in range(20):
        Randomizer(fixed, model).apply(np.random.default_rng(seed))
        moved = state(model)
        distance = np.linalg.norm(moved["cam_pos"] - nominal["cam_pos"], axis=1)
        assert distance == pytest.approx([0.02] * model.ncam)
        cosine = np.abs((moved["cam_quat"] * nominal["cam_quat"]).sum(1))
        assert np.rad2deg(2 * np.arccos(cosine)) == pytest.approx([3.0] * model.ncam, abs=1e-3)
        cube = model.geom("cube").id
        assert moved["geom_size"][cube] == pytest.approx(0.9 * nominal["geom_size"][cube])
        for name in PARTS:
            getattr(model, name)[:] = nominal[name]
        model.vis.headlight.diffuse = nominal["headlight"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"light": (0.0, 1.0)}, r"light is \[0.0, 1.0\].*above 0"),
        ({"size": (1.2, 0.8)}, r"size is \[1.2, 0.8\].*low <= high"),
        ({"latency": (-0.1, 0.1)}, r"latency is \[-0.1, 0.1\].*0 or more"),
    ],
)
def test_ranges_that_cannot_be_are_named(values, message):
    with pytest.raises(UserError, match=message):
        Randomization(**values)
