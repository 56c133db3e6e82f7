"""The planner against its own imagination, over DDS: it grasps what only the model believes in."""

import os
import time

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from sensor_msgs.msg import JointState as JointStateMsg

from wm_planner.assembly import build_arm
from wm_planner.nodes.messages import decode_image, joint_state
from wm_planner.nodes.processes import TO_PLANNER, ros_environment, start_node
from wm_planner.nodes.trial_client import TrialClient

SEED = 4_000_000
PATIENCE = 20.0  # s
MODEL = "grasp_privileged"  # it knows what a step towards the cube is worth: others know the end


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Play node and planner in lockstep, in a domain of their own; the planner is active."""
    environment = ros_environment(101 + os.getpid() % 100)
    os.environ.update(environment)
    logs = tmp_path_factory.mktemp("logs")
    parts = {"play_node": {"seed": SEED}, "planner_node": {"use_sim_time": True}}
    processes = [
        start_node(
            f"wm_planner.nodes.{name}",
            logs,
            environment,
            {"lockstep": True, "model": MODEL, **own},
            TO_PLANNER if name == "play_node" else None,
        )
        for name, own in parts.items()
    ]

    def tail():
        return "\n".join(log.read_text()[-2000:] for log in logs.iterdir())

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)

    def alive():
        assert all(p.poll() is None for p in processes), tail()

    client = TrialClient(10.0, alive)
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert client.call(ChangeState, "/wm_planner/change_state", request).success
    yield client
    client.close()
    rclpy.shutdown()
    for process in processes:
        process.send_signal(2)
    codes = [process.wait(10) for process in processes]
    assert codes == [0, 0], tail()


class Watch:
    """What the play node publishes, from now on."""

    def __init__(self, client):
        self.client, self.beliefs, self.joints, self.frames = client, [], [], []
        qos = QoSProfile(depth=50)
        self._made = [
            client.node.create_subscription(kind, topic, callback, qos)
            for kind, topic, callback in (
                (DiagnosticStatus, "/play/belief", self._on_belief),
                (JointStateMsg, "/joint_states", self.joints.append),
                (Image, "/front/color", self.frames.append),
            )
        ]

    def _on_belief(self, message):
        self.beliefs.append({pair.key: pair.value for pair in message.values})

    def until(self, finished):
        deadline = time.monotonic() + PATIENCE
        while not finished() and time.monotonic() < deadline:
            self.client._executor.spin_once(timeout_sec=0.1)
            self.client._alive()
        assert finished(), f"{len(self.beliefs)} beliefs, the last {self.beliefs[-1:]}"

    def column(self, name):
        return np.array([float(belief[name]) for belief in self.beliefs])

    def close(self):
        for subscription in self._made:
            self.client.node.destroy_subscription(subscription)


@pytest.fixture
def watch(client):
    watch = Watch(client)
    yield watch
    watch.close()


def test_the_planner_grasps_in_its_own_imagination(client, watch):
    client.trigger("/wm_planner/reset")
    client.trigger("/play/reset")
    watch.until(lambda: watch.beliefs and watch.joints and watch.frames)
    assert watch.beliefs[-1]["step"] == "0"
    client.trigger("/wm_planner/start")
    watch.until(lambda: (watch.column("reward") > 0.6).any())
    client.trigger("/wm_planner/stop")
    rewards = watch.column("reward")
    assert np.nanmean(rewards[:8]) < 0.3, "it began away from the cube"
    assert np.isfinite(watch.column("drift")).all()

    arm = build_arm("panda")
    states = [joint_state(message, arm.joint_names) for message in watch.joints]
    hands = np.array([arm._kinematics.hand_position(s.positions[:-1]) for s in states])
    assert np.linalg.norm(hands[-1] - hands[0]) > 0.1, "the commands moved the hand"
    assert states[0].positions[-1] > 0.03 and min(s.positions[-1] for s in states) < 0.03
    first, last = (decode_image(watch.frames[i]).astype(float) for i in (0, -1))
    assert np.abs(first - last).mean() > 2, "and what is imagined of it"
    stamps = np.array([s.stamp for s in states])
    assert (np.diff(stamps) >= 0).all()


def test_reset_begins_with_the_scene_of_the_seed(client, watch):
    pictures = []
    for seed in (SEED, SEED + 1, SEED):
        client.set_seed("/play", seed)
        watch.beliefs.clear()
        watch.frames.clear()
        client.trigger("/play/reset")
        watch.until(lambda: watch.beliefs and watch.frames)
        assert watch.beliefs[-1]["seed"] == str(seed)
        pictures.append(decode_image(watch.frames[-1]))
    np.testing.assert_array_equal(pictures[0], pictures[2])
    assert (pictures[0] != pictures[1]).any()
