"""A demonstrator like a person: late, slower, clumsy, and mostly successful."""

import numpy as np
import pytest

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.learning.behaviour import UNDISTURBED, Disturbance, GaveUp
from wm_planner.learning.collect import drive
from wm_planner.learning.person import Habits, Person

RIGHT = np.array([1.0, 0.0, 0.0, 1.0])
STEADY = Habits(slant=(1.0, 1.0), curve=0.0, tremor=0.0, pause=0.0, early=0.0, drop=0.0)


def steer(habits, seen, seed=0):
    person = Person(np.random.default_rng(seed), habits)
    return np.array([person({}, action) for action in seen])


@pytest.mark.parametrize("late", [0, 1, 3])
def test_it_reacts_late(late):
    still = np.array([0.0, 0.0, 0.0, 1.0])
    habits = Habits(**{**vars(STEADY), "reaction": (late, late), "smoothing": (0.0, 0.0)})
    moved = steer(habits, [still, still, *[RIGHT] * 5])[:, 0]
    assert not moved[: 2 + late].any()
    assert moved[2 + late] > 0.5


def test_it_is_slower_than_the_arm():
    habits = Habits(**{**vars(STEADY), "speed": (0.6, 0.6), "foresight": 0.0})
    assert steer(habits, [RIGHT] * 30).max() == pytest.approx(1.0)  # the gripper
    assert steer(habits, [RIGHT] * 30)[:, :3].max() == pytest.approx(0.6)


def test_the_same_seed_is_the_same_person():
    assert (steer(Habits(), [RIGHT] * 40, 3) == steer(Habits(), [RIGHT] * 40, 3)).all()
    assert (steer(Habits(), [RIGHT] * 40, 3) != steer(Habits(), [RIGHT] * 40, 4)).any()


def test_it_pauses():
    moved = steer(Habits(**{**vars(STEADY), "pause": 0.1}), [RIGHT] * 300)[:, 0]
    assert (moved < 0.05).any()
    assert (moved > 0.5).any()


def test_after_a_mishap_it_may_give_up():
    near = np.array([0.1, 0.0, 0.0, 1.0])
    with pytest.raises(GaveUp):
        steer(Habits(early=1.0, resigns=1.0), [near] * 20)
    closed = steer(Habits(early=1.0, resigns=0.0), [near] * 20)[:, 3] < 0
    assert 3 < closed.sum() < 10, "it closed too early, then opened again"


def test_most_of_its_grasps_succeed_and_some_fail():
    env = ManipulationEnv(EnvConfig(cameras=()))
    shown = []
    for seed in range(30):
        rng = np.random.default_rng([seed, 1])
        shown.append(drive(env, seed, Person(rng), Disturbance(UNDISTURBED, rng), 150))
    successes = sum(episode.success for episode in shown)
    assert 21 <= successes <= 29, "0.8 to 0.9 of many"
    lengths = [len(episode.actions) for episode in shown if episode.success]
    assert 40 < np.median(lengths) < 90


def test_a_person_turns_the_hand_too_where_actions_have_that():
    person = Person(np.random.default_rng(0), Habits(tremor=0.0, pause=0.0, early=0.0, drop=0.0))
    expert = np.array([0.0, 0.0, 0.0, 0.8, 1.0])
    turned = [person({}, expert) for _ in range(10)]
    assert all(action.shape == (5,) for action in turned)
    assert turned[0][3] > 0 and np.abs([a[:3] for a in turned]).max() < 1e-9
    assert all(action[-1] == 1.0 for action in turned)
