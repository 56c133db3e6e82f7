"""A robot whose camera and encoders can be made to fail: a real node, real messages."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from wm_planner.assembly import build_arm
from wm_planner.nodes.messages import encode_image

CAMERAS = ("front", "wrist")


class BadRobot:
    """Publishes good frames at 10 Hz and joints at 50 Hz, unless told otherwise.

    `spoil_image` and `spoil_joints` take a message and return the one to send, or None for none.
    """

    def __init__(self, environment):
        command = [sys.executable, "-m", "wm_planner.nodes.planner_node"]
        self.process = subprocess.Popen(command, env={**os.environ, **environment})
        self.node = Node("bad_robot")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        arm = build_arm("panda")
        self.names, self.home = arm.joint_names, arm.home
        self.heal()
        self.commands, self.fault = [], ""
        self._images = {c: self.node.create_publisher(Image, f"{c}/color", 2) for c in CAMERAS}
        self._joints = self.node.create_publisher(JointStateMsg, "joint_states", 10)
        self.node.create_subscription(
            Float64MultiArray, "/wm_planner/commands", self._on_command, 100
        )
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.node.create_timer(0.1, self._send_images)
        self.node.create_timer(0.02, self._send_joints)

    def heal(self):
        self.spoil_image = self.spoil_joints = lambda message: message

    def activate(self):
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            request = ChangeState.Request(transition=Transition(id=transition))
            assert self.call(ChangeState, "change_state", request).success

    def trigger(self, name):
        return self.call(Trigger, name, Trigger.Request())

    def call(self, kind, name, request):
        client = self.node.create_client(kind, f"/wm_planner/{name}")
        assert client.wait_for_service(30.0)
        future = client.call_async(request)
        self.executor.spin_until_future_complete(future, timeout_sec=30.0)
        return future.result()

    def spin(self, seconds):
        """Let time pass; returns the commands that came."""
        self.commands = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.02)
        return np.array(self.commands)

    def wait_for_fault(self, text, seconds=8.0):
        """Spin until the diagnostics say `text` ("" for none); returns whether they did."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.02)
            if (text in self.fault) if text else not self.fault:
                return True
        return False

    def close(self):
        """Returns the exit code of the planner after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + 10.0
        while self.process.poll() is None and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.02)
        if self.process.poll() is None:
            self.process.kill()
        self.executor.shutdown()
        self.node.destroy_node()
        return self.process.wait()

    def _stamp(self):
        return self.node.get_clock().now().nanoseconds * 1e-9

    def _send_images(self):
        stamp = self._stamp()
        for camera, publisher in self._images.items():
            message = self.spoil_image(
                encode_image(np.full((64, 64, 3), 90, np.uint8), stamp, camera)
            )
            if message is not None:
                publisher.publish(message)

    def _send_joints(self):
        message = JointStateMsg(name=list(self.names), position=self.home.tolist())
        message.header.stamp = self.node.get_clock().now().to_msg()
        message = self.spoil_joints(message)
        if message is not None:
            self._joints.publish(message)

    def _on_command(self, message):
        self.commands.append(np.array(message.data))

    def _on_diagnostics(self, message):
        (status,) = message.status
        self.fault = status.message if status.level == b"\x02" else ""


def start(domain_id):
    """A BadRobot with its planner, in a DDS domain of its own."""
    from wm_planner.nodes.processes import ros_environment

    environment = ros_environment(domain_id)
    os.environ.update(environment)
    context_free = not rclpy.ok()
    if context_free:
        rclpy.init()
    return BadRobot(environment)
