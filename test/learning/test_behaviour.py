"""Disturbances stay in range, come at the stated rates and are repeated by their seed."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.learning.behaviour import Disturbance, Mix

EXPERT = np.array([0.2, -0.1, 0.0, -1.0])


def episode(mix: Mix, seed: int, steps: int = 60) -> np.ndarray:
    behaviour = Disturbance(mix, np.random.default_rng(seed))
    return np.array([behaviour.disturb(EXPERT) for _ in range(steps)])


def only(noise: float, **settings: float) -> Mix:
    return Mix(shares=(1.0,), noise=(noise,), **settings)


def test_actions_stay_valid_and_the_expert_is_untouched():
    before = EXPERT.copy()
    actions = np.concatenate([episode(Mix(), seed) for seed in range(50)])
    assert np.abs(actions).max() <= 1
    assert set(np.unique(actions[:, 3])) == {-1.0, 1.0}
    assert np.array_equal(EXPERT, before)


def test_a_seed_repeats_its_episode():
    assert np.array_equal(episode(Mix(), 1), episode(Mix(), 1))
    assert not np.array_equal(episode(Mix(), 1), episode(Mix(), 2))


def test_without_disturbance_the_expert_drives():
    actions = episode(only(0.0, burst=0.0, slip=0.0), 0)
    assert np.array_equal(actions, np.tile(EXPERT, (60, 1)))


def test_noise_has_its_size_and_is_correlated():
    noise = np.concatenate(
        [episode(only(0.3, burst=0.0, slip=0.0), s, 200)[50:, :3] - EXPERT[:3] for s in range(50)]
    )
    assert noise.std(0) == pytest.approx([0.3] * 3, rel=0.1)
    assert np.corrcoef(noise[:-1, 0], noise[1:, 0])[0, 1] == pytest.approx(0.8, abs=0.05)


def test_the_gripper_slips_for_three_steps_now_and_then():
    actions = np.concatenate([episode(only(0.1, burst=0.0, slip=0.02), s) for s in range(100)])
    slipped = actions[:, 3] != EXPERT[3]
    assert 0.02 < slipped.mean() < 0.10
    lengths = np.diff(np.flatnonzero(np.diff(np.r_[0, slipped[:60], 0])))[::2]
    assert all(length >= 1 for length in lengths)


def test_play_heeds_no_expert():
    play = only(np.inf)
    behaviours = [Disturbance(play, np.random.default_rng(0)) for _ in range(2)]
    for _ in range(20):
        assert np.array_equal(behaviours[0].disturb(EXPERT), behaviours[1].disturb(-EXPERT))


@pytest.mark.parametrize(
    ("shares", "noise"), [((0.5, 0.4), (0.1, 0.2)), ((1.0,), (0.1, 0.2)), ((), ())]
)
def test_shares_must_add_up_to_one(shares, noise):
    with pytest.raises(ValueError, match="add up to 1"):
        Mix(shares=shares, noise=noise)


@pytest.mark.parametrize("moves", [3, 4, 6])
def test_all_but_the_gripper_is_disturbed_however_long_an_action_is(moves):
    noisy = Mix(shares=(1.0,), noise=(0.3,), burst=0.0, slip=0.0)
    behaviour = Disturbance(noisy, np.random.default_rng(0), moves)
    expert = np.r_[np.zeros(moves), -1.0]
    done = np.array([behaviour.disturb(expert) for _ in range(20)])
    assert (done[:, :-1].std(0) > 0.05).all()
    assert (done[:, -1] == -1).all()
