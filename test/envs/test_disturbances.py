"""Disturbances come as often as they say, repeat with their seed and are gone when they are off."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.envs.disturbances import Disturbances, Disturber
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError

NOTHING = np.array([0.0, 0.0, 0.0, 1.0])


def forces(
    env: ManipulationEnv, disturbances: Disturbances, seed: int, steps: int = 400
) -> np.ndarray:
    """On the hand, after each step's beginning (steps, 3) N."""
    injector = Disturber(disturbances, env.simulation)
    injector.reset(seed)
    body = env.simulation.model.site(env.arm.config.hand_site).bodyid[0]
    found = []
    for _ in range(steps):
        injector.begin_step()
        found.append(env.simulation.data.xfrc_applied[body, :3].copy())
    injector.reset(seed)
    return np.array(found)


def test_frames_are_lost_at_the_stated_rate_and_the_same_for_a_seed(blind):
    injector = Disturber(Disturbances(frame_loss=0.2), blind.simulation)
    runs = []
    for seed in (1, 1, 2):
        injector.reset(seed)
        runs.append([injector.begin_step() for _ in range(1000)])
    assert runs[0] == runs[1] != runs[2]
    assert 0.16 < np.mean(runs[0]) < 0.24


def test_pushes_have_their_force_last_two_steps_and_end(blind):
    found = forces(blind, Disturbances(push=30.0), seed=3)
    size = np.linalg.norm(found, axis=1)
    assert set(np.round(np.unique(size), 6)) == {0.0, 30.0}
    assert 0.1 < np.mean(size > 0) < 0.3
    pushed = found[size > 0]
    assert np.array_equal(pushed[0:-1:2], pushed[1::2]), "each lasts two steps"
    body = blind.simulation.model.site(blind.arm.config.hand_site).bodyid[0]
    assert not blind.simulation.data.xfrc_applied[body].any(), "a new episode begins unpushed"


def test_a_push_moves_the_arm_and_no_fault_does_not():
    def path(disturbances: Disturbances) -> np.ndarray:
        """Of the hand, (steps, 3) m."""
        env = ManipulationEnv(EnvConfig(cameras=(), disturbances=disturbances))
        env.reset(seed=0)
        found = []
        for _ in range(30):
            env.step(NOTHING)
            found.append(env.simulation.data.site(env.arm.config.hand_site).xpos.copy())
        return np.array(found)

    assert np.array_equal(path(Disturbances()), path(Disturbances(frame_loss=0.3)))
    moved = np.abs(path(Disturbances(push=60.0)) - path(Disturbances())).max()
    assert 5e-4 < moved < 0.1, f"{moved} m"


def test_lost_frames_are_told(blind):
    env = ManipulationEnv(EnvConfig(cameras=(), disturbances=Disturbances(frame_loss=0.3)))
    _, info = env.reset(seed=0)
    assert info["lost"] is False, "an episode begins with a frame"
    lost = [env.wait()[4]["lost"] for _ in range(60)]
    assert 0.1 < np.mean(lost) < 0.5


@pytest.mark.parametrize(
    "values", [{"frame_loss": 1.0}, {"frame_loss": -0.1}, {"push": 1e6}, {"cover": -1.0}]
)
def test_faults_that_cannot_be_are_named(values):
    with pytest.raises(UserError, match=next(iter(values))):
        Disturbances(**values)


def test_a_cloth_covers_all_cameras_for_so_long_and_the_same_for_a_seed(blind):
    frames = dict.fromkeys(("front", "wrist"), np.full((8, 8, 3), 200, np.uint8))
    injector = Disturber(Disturbances(cover=2.0), blind.simulation)
    starts, shown = set(), []
    for seed in (1, 1, *range(2, 30)):
        injector.reset(seed)
        seen = [injector.seen(frames)]
        for _ in range(40):
            injector.begin_step()
            seen.append(injector.seen(frames))
        dark = [bool((view["front"] < 120).all()) for view in seen]
        assert dark == [bool((view["wrist"] < 120).all()) for view in seen]
        assert sum(dark) == 20 and dark[dark.index(True) :][:20] == [True] * 20
        assert all(
            (view["front"] == 200).all() for view, d in zip(seen, dark, strict=True) if not d
        )
        starts.add(dark.index(True))
        shown.append(np.stack([view["front"] for view in seen]))
    assert np.array_equal(shown[0], shown[1]) and not np.array_equal(shown[1], shown[2])
    assert min(starts) >= 3 and max(starts) <= 10 and len(starts) > 4
