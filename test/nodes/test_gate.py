"""What the planner node may do, and when."""

from wm_planner.nodes.gate import Gate, State


def active():
    gate = Gate()
    gate.activate()
    return gate


def test_nothing_starts_before_activation():
    gate = Gate()
    ok, reason = gate.start()
    assert not ok and "activate" in reason
    assert gate.state is State.INACTIVE


def test_an_active_node_holds_until_started():
    gate = active()
    assert gate.active and not gate.running
    assert gate.start()[0] and gate.running


def test_stop_latches_until_reset():
    gate = active()
    gate.start()
    gate.stop()
    assert not gate.start()[0] and gate.state is State.STOPPED
    gate.activate()
    assert gate.state is State.STOPPED
    assert gate.reset()[0] and gate.state is State.HOLDING
    assert gate.start()[0] and gate.running


def test_reset_ends_planning():
    gate = active()
    gate.start()
    gate.reset()
    assert gate.state is State.HOLDING


def test_deactivation_ends_everything():
    gate = active()
    gate.start()
    gate.deactivate()
    assert not gate.active and not gate.reset()[0]
