"""A joystick is eight bytes an event, read from a pipe here."""

import os
import struct

import pytest

from wm_planner.errors import UserError
from wm_planner.play.joystick import Joystick
from wm_planner.play.keys import Intent

BUTTON, AXIS, INITIAL = 1, 2, 0x80


def event(kind, number, value):
    return struct.pack("IhBB", 0, value, kind, number)


@pytest.fixture
def device(tmp_path):
    """The joystick, and a function that makes events of it."""
    path = tmp_path / "js0"
    os.mkfifo(path)
    joystick = Joystick(path)
    end = os.open(path, os.O_WRONLY)
    yield joystick, lambda *events: os.write(end, b"".join(events))
    os.close(end)
    joystick.close()


def test_at_rest_it_wants_nothing(device):
    joystick, send = device
    assert joystick.intent() == Intent()
    send(event(AXIS | INITIAL, 0, 2000), event(BUTTON | INITIAL, 0, 1))
    assert joystick.intent() == Intent(), "a stick that is a little off, and the kernel's report"


def test_sticks_move_and_stay(device):
    joystick, send = device
    send(event(AXIS, 0, 32767), event(AXIS, 1, -32767), event(AXIS, 4, -32768))
    for _ in range(2):
        assert joystick.intent().move == (-1.0, 1.0, 1.0)


def test_a_press_counts_once_and_a_held_button_for_the_prior_goes_on(device):
    joystick, send = device
    send(event(BUTTON, 0, 1), event(BUTTON, 3, 1))
    first, second = joystick.intent(), joystick.intent()
    assert (first.toggle, second.toggle) == (True, False)
    assert first.prior and second.prior
    send(event(BUTTON, 3, 0))
    assert not joystick.intent().prior


def test_an_event_in_two_parts(device):
    joystick, send = device
    whole = event(BUTTON, 1, 1)
    send(whole[:3])
    assert not joystick.intent().reset
    send(whole[3:])
    assert joystick.intent().reset


def test_none_plugged_in_says_so(tmp_path):
    with pytest.raises(UserError, match=r"js7: No such file.*plug a joystick in"):
        Joystick(tmp_path / "js7")
