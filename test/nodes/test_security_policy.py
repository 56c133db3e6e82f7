"""Who may command the arm: the domain keeps others out, and the SROS2 policy says who may what."""

from __future__ import annotations

import os
import time
import xml.etree.ElementTree as ET
from fnmatch import fnmatchcase
from typing import NamedTuple

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from wm_planner.paths import config_dir

NODES = {"wm_planner": "/wm_planner", "sim": "/sim", "trials": "/operator"}
COMMANDS = ("/wm_planner/commands", "/wm_planner/joint_trajectory")


class Rule(NamedTuple):
    """What an enclave's node may do with a topic or service."""

    enclave: str
    action: str  # publish, subscribe, reply, request
    name: str


@pytest.fixture(scope="module")
def rules():
    rules = []
    for enclave in ET.parse(config_dir() / "sros2/policy.xml").iter("enclave"):
        for profile in enclave.iter("profile"):
            for part in profile:
                for expression in part:
                    name = expression.text.replace("~", f"/{profile.get('node')}")
                    name = name if name.startswith("/") else f"/{name}"
                    allowed = [k for k, v in part.attrib.items() if v == "ALLOW"]
                    rules += [Rule(enclave.get("path"), action, name) for action in allowed]
    return rules


def allowed(rules, enclave, action, name):
    return any(
        fnmatchcase(name, r.name) for r in rules if (r.enclave, r.action) == (enclave, action)
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_only_the_planner_may_command(rules, name):
    enclaves = {rule.enclave for rule in rules}
    assert {e for e in enclaves if allowed(rules, e, "publish", name)} == {"/wm_planner"}


@pytest.mark.parametrize("name", ["/joint_states", "/front/color", "/wrist/color", "/clock"])
def test_only_the_robot_may_say_where_it_is(rules, name):
    enclaves = {rule.enclave for rule in rules}
    assert {e for e in enclaves if allowed(rules, e, "publish", name)} == {"/sim"}


def test_the_policy_has_an_enclave_for_each_node(rules):
    assert {rule.enclave for rule in rules} == set(NODES.values())


@pytest.fixture(scope="module")
def graph(lockstep):
    """What each node publishes, hears, serves and asks for, once all are discovered."""
    node, deadline = lockstep.node, time.monotonic() + 10
    while not set(NODES) <= set(node.get_node_names()):
        assert time.monotonic() < deadline, node.get_node_names()
        time.sleep(0.1)
    kinds = {
        "publish": node.get_publisher_names_and_types_by_node,
        "subscribe": node.get_subscriber_names_and_types_by_node,
        "reply": node.get_service_names_and_types_by_node,
        "request": node.get_client_names_and_types_by_node,
    }
    return {
        Rule(enclave, action, topic)
        for name, enclave in NODES.items()
        for action, ask in kinds.items()
        for topic, _ in ask(name, "/")
    }


def test_another_domain_sees_nothing(lockstep):
    """Beside it, an observer in the nodes' own domain sees both."""
    own = int(os.environ["ROS_DOMAIN_ID"])
    contexts = [Context(), Context()]
    for context, domain in zip(contexts, (own, own % 100 + 1), strict=True):
        rclpy.init(context=context, domain_id=domain)
    here, there = (Node("observer", context=context) for context in contexts)
    deadline = time.monotonic() + 10
    while not {"sim", "wm_planner"} <= set(here.get_node_names()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1.0)
    assert there.get_node_names() == ["observer"]
    for node, context in zip((here, there), contexts, strict=True):
        node.destroy_node()
        context.try_shutdown()


def test_all_that_the_nodes_do_is_allowed(rules, graph):
    assert Rule("/wm_planner", "publish", "/wm_planner/commands") in graph
    assert not [done for done in graph if not allowed(rules, *done)]


def test_no_more_is_allowed_than_the_nodes_do(rules, graph):
    optional = {"/wm_planner/candidates", "/clock"}
    said = {rule for rule in rules if rule.enclave != "/operator" and "*" not in rule.name}
    assert not [rule for rule in said - graph if rule.name not in optional]
