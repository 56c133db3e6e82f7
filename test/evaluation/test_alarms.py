"""What counts as noticed, and that the things that happen do happen."""

import math

import numpy as np
import pytest

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError
from wm_planner.evaluation import alarms
from wm_planner.evaluation.alarms import HAPPENINGS, AlarmsConfig, Trace, summarise
from wm_planner.planning import PlannerConfig


@pytest.fixture(scope="module")
def env():
    env = ManipulationEnv(EnvConfig("grasp", visitors=(alarms._VISITOR,)))
    yield env
    env.close()


def test_only_what_exceeds_the_limit_in_time_is_noticed():
    trace = Trace([math.nan, 9.0, 0.5, 1.6, 3.0], onset=2)
    assert trace.noticed(1.5) == 1
    assert trace.noticed(2.0) == 2
    assert trace.noticed(4.0) is None
    assert Trace([0.0] * 30 + [9.0], onset=5).noticed(1.5) is None


@pytest.mark.parametrize("name", HAPPENINGS)
def test_what_happens_can_be_seen_or_felt(env, name):
    still = np.array([0.0, 0.0, 0.0, 1.0])

    def after(happening):
        env.reset(seed=3)
        env.step(still)
        if happening is not None:
            happening(env, np.random.default_rng(0))
        for _ in range(3):
            observation = env.step(still)[0]
        env.simulation.__dict__.pop("render", None)
        return observation["front"].astype(float), env.simulation.joint_state().positions

    (frame, joints), (changed, moved) = after(None), after(HAPPENINGS[name])
    if name == "arm pushed":
        assert np.abs(joints - moved)[:-1].max() > 1e-3
    else:
        assert np.abs(frame - changed).max() > 50


def test_the_next_trial_is_a_clean_one(env):
    first = env.reset(seed=4)[0]["front"]
    HAPPENINGS["new object"](env, np.random.default_rng(0))
    HAPPENINGS["camera moved"](env, np.random.default_rng(0))
    assert np.array_equal(env.reset(seed=4)[0]["front"], first)


def test_false_alarms_are_of_trials_and_catches_of_each_thing():
    quiet, loud = Trace([math.nan, 0.5, 0.6], 1), Trace([math.nan, 2.0, 0.1], 1)
    traces = {"": [quiet, quiet, loud, quiet], **{name: [loud, quiet] for name in HAPPENINGS}}
    found = summarise(traces, AlarmsConfig(max_surprise=1.5, clean=4, trials=2), rate_hz=10.0)
    assert (found["false_alarms"], found["clean_trials"], found["clean_frames"]) == (1, 4, 8)
    assert found["largest_clean_surprise"] == 2.0
    first = found["happenings"][0]
    assert (first["caught"], first["trials"], first["median_delay_s"]) == (1, 2, 0.0)


@pytest.mark.parametrize(("rate_hz", "seconds"), [(10.0, 0.2), (20.0, 0.1)])
def test_a_delay_is_in_seconds_of_the_models_own_steps(rate_hz, seconds):
    trace = Trace([math.nan, 0.5, 0.5, 2.0], onset=1)
    traces = {"": [Trace([math.nan, 0.5], 1)], **{name: [trace] for name in HAPPENINGS}}
    found = summarise(traces, AlarmsConfig(max_surprise=1.5, clean=1, trials=1), rate_hz)
    assert found["happenings"][0]["median_delay_s"] == pytest.approx(seconds)


@pytest.mark.parametrize("wrong", [{"clean": 0}, {"trials": 0}, {"max_surprise": 1.0}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UserError, match="expected"):
        AlarmsConfig(**wrong)


def test_the_planner_drives_as_told_and_its_own_limit_does_not_end_a_trial():
    search = PlannerConfig(planner="noop", max_surprise=1.5)
    found = alarms.alarms(AlarmsConfig("grasp", clean=1, trials=1, search=search))
    assert found["clean_frames"] == 99 and found["false_alarms"] == 0  # it never succeeds
    caught = {happening["name"]: happening["caught"] for happening in found["happenings"]}
    assert caught["camera covered"] == 1
