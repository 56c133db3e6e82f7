"""Stacking is what it says: on the base, let go, and still there after a second."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.tasks.transfer import STAY_STEPS

RELEASE = np.array([0.0, 0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def stacking() -> Iterator[ManipulationEnv]:
    env = ManipulationEnv(EnvConfig("stack", cameras=()))
    yield env
    env.close()


def run(env: ManipulationEnv, seed: int) -> list[tuple[float, dict]]:
    """Reward and info after each step of the expert."""
    _, info = env.reset(seed=seed)
    history, over = [], False
    while not over:
        _, reward, done, truncated, info = env.step(info["expert"])
        history.append((reward, info))
        over = done or truncated
    return history


def place_on_base(env: ManipulationEnv, sideways: float) -> None:
    base = env.simulation.data.body("base").xpos
    env.simulation.place("cube", base + np.array([sideways, 0, 0.0452]), 0.2)
    env.simulation.settle()


@pytest.mark.parametrize("seed", range(6))
def test_the_expert_succeeds_on_clean_runs(stacking, seed):
    history = run(stacking, seed)
    assert history[-1][1]["success"]
    cube, base = (stacking.simulation.data.body(n).xpos for n in ("cube", "base"))
    assert np.linalg.norm((cube - base)[:2]) < 0.025
    assert cube[2] - base[2] == pytest.approx(0.045, abs=0.004)


@pytest.mark.slow
def test_the_expert_succeeds_on_99_of_100_clean_runs(stacking):
    failed = [s for s in range(5_000_000, 5_000_200) if not run(stacking, s)[-1][1]["success"]]
    assert len(failed) <= 2, f"failed seeds: {failed}"


def test_stages_are_passed_in_order_and_rewards_grow_with_them(stacking):
    history = run(stacking, 1)
    stages = [info["stage"] for _, info in history]
    assert set(stages) == set(range(len(stacking.task.stages)))
    best = [max(r for (r, i) in history if i["stage"] == stage) for stage in (0, 2, 5)]
    assert 0 <= best[0] < 0.35 < best[1] < 0.86 < best[2] <= 1
    assert all(0 <= reward <= 1 for reward, _ in history)
    assert stages[-STAY_STEPS:] == [5] * STAY_STEPS


def test_a_cube_on_the_base_must_stay_for_a_second(stacking):
    stacking.reset(seed=0)
    place_on_base(stacking, 0.0)
    ends = [stacking.step(RELEASE)[2] for _ in range(STAY_STEPS + 2)]
    assert ends.index(True) == STAY_STEPS - 1
    stacking.reset(seed=0)
    place_on_base(stacking, 0.0)
    for _ in range(STAY_STEPS - 2):
        assert not stacking.step(RELEASE)[2]
    stacking.simulation.place("cube", np.array([0.5, 0.25, 0.02]), 0.0)
    assert not any(stacking.step(RELEASE)[2] for _ in range(STAY_STEPS))


def test_a_cube_that_is_still_held_is_no_success(stacking):
    """The expert's run, with the hand kept closed from where it would let go."""
    _, info = stacking.reset(seed=2)
    while info["stage"] != stacking.task.stages.index("release"):
        *_, info = stacking.step(info["expert"])
    for _ in range(2 * STAY_STEPS):
        *_, done, _, info = stacking.step(np.array([0.0, 0.0, 0.0, -1.0]))
        assert not done


@pytest.mark.parametrize("sideways", [0.03, 0.06])
def test_a_cube_over_the_edge_is_no_success(stacking, sideways):
    stacking.reset(seed=0)
    place_on_base(stacking, sideways)
    assert not any(stacking.step(RELEASE)[2] for _ in range(2 * STAY_STEPS))


def test_the_two_start_apart_all_over_the_area(stacking):
    places = []
    for seed in range(80):
        stacking.reset(seed=seed)
        cube, base = (stacking.simulation.data.body(n).xpos.copy() for n in ("cube", "base"))
        assert np.linalg.norm((cube - base)[:2]) >= 0.12
        assert (cube[2], base[2]) == pytest.approx((0.02, 0.025), abs=1e-6)
        places.append(np.r_[cube[:2], base[:2]])
    assert (np.ptp(places, axis=0) > 0.85 * np.array([0.24, 0.36, 0.24, 0.36])).all()


def test_landmarks_say_where_cube_and_base_are(stacking):
    _, info = stacking.reset(seed=4)
    simulation = stacking.simulation
    hand = simulation.data.site(stacking.arm.config.hand_site).xpos
    cube, base = (simulation.data.body(n).xpos for n in ("cube", "base"))
    assert info["landmarks"][:3] * 0.2 == pytest.approx(cube - hand, abs=1e-6)
    assert info["landmarks"][3:6] * 0.2 == pytest.approx(base - cube + np.r_[0, 0, 0.045], abs=1e-6)
    assert len(info["landmarks"]) == stacking.task.landmark_size
