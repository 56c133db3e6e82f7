"""The command on bags of what a planner publishes."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from std_msgs.msg import Float64MultiArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from toy_bags import Sent, written

from wm_planner.assembly import build_arm
from wm_planner.commands.streaming import StreamingConfig, sent_in, streaming
from wm_planner.contract import Contract
from wm_planner.errors import UserError
from wm_planner.nodes.messages import trajectory_message
from wm_planner.types import JointState

TOPIC = "/wm_planner/joint_trajectory"


@pytest.fixture(scope="module")
def arm():
    return build_arm("panda")


def messages(arm, stamped: bool, episodes: int = 2):
    """A hand that goes forth and up, from another place in each episode."""
    found = []
    for episode in range(episodes):
        pose = arm.home
        pose[0] += 0.3 * episode
        state = JointState(pose, np.zeros_like(pose), 0.0)
        arm.reset(state)
        for step in range(8):
            action = np.array([0.5, 0.3, 0.2 if step % 2 else -0.2, 1.0])
            command = arm.to_command(action, JointState(arm.commanded, 0 * pose, 0.0))
            at = 20.0 + 10 * episode + 0.1 * step
            message = trajectory_message(command, stamp=at if stamped else None)
            found.append(Sent(TOPIC, message, at + 0.003))
            for _ in range(5):
                arm.advance()
    return found


@pytest.mark.parametrize("stamped", [False, True])
def test_episodes_are_told_apart_and_each_message_goes_on_from_the_last(arm, tmp_path, stamped):
    bag = written(tmp_path / "bag", messages(arm, stamped))
    episodes = sent_in(bag, Contract(), arm.config)
    assert [len(episode) for episode in episodes] == [8, 8]
    for episode in episodes:
        for before, after in pairwise(episode):
            np.testing.assert_allclose(after.motion[0], before.state(0.1), atol=1e-6)
            assert after.times[0] == 0.0 and after.at == pytest.approx(before.at + 0.1)


def test_a_table_tells_what_a_drive_gets(arm, tmp_path, capsys):
    bag = written(tmp_path / "bag", messages(arm, stamped=False))
    assert streaming(StreamingConfig(bag)) == 0
    told = capsys.readouterr().out
    assert "16 trajectories of 2 episodes, 500 cycles a second" in told
    assert len([line for line in told.splitlines() if line.startswith("| on time")]) == 8
    assert "up to 20 ms late, 5% lost" in told


def test_a_bag_without_trajectories_is_told(arm, tmp_path):
    bag = written(tmp_path / "bag", [Sent("/wm_planner/commands", Float64MultiArray(), 1.0)])
    with pytest.raises(UserError, match=r"not one topic of .*JointTrajectory, but \['/wm_pl"):
        streaming(StreamingConfig(bag))


@pytest.mark.parametrize(
    ("values", "told"),
    [({"rate_hz": 5.0}, "rate_hz is 5"), ({"jitter": 1.0}, "jitter is"), ({"lost": -1}, "lost is")],
)
def test_settings_out_of_range_are_told(values, told):
    with pytest.raises(UserError, match=told):
        StreamingConfig(Path("bag"), **values)
