"""Keys, their script language, and the hands that turn them into actions."""

import numpy as np
import pytest

from wm_planner.errors import UserError
from wm_planner.play.keys import Hands, Intent, intent_of, read_script


def test_a_script_is_one_intent_a_step():
    intents = list(read_script("w*3 space . a+e*2 Esc"))
    assert [i.move for i in intents] == [
        *[(-1, 0, 0)] * 3, (0, 0, 0), (0, 0, 0), *[(0, -1, 1)] * 2, (0, 0, 0),
    ]  # fmt: skip
    assert [i.toggle for i in intents].index(True) == 3
    assert intents[-1].quit


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"up"}, Intent((-1, 0, 0))),
        ({"down"}, Intent((1, 0, 0))),
        ({"left"}, Intent((0, -1, 0))),
        ({"right"}, Intent((0, 1, 0))),
        ({"w", "s"}, Intent()),
        ({"r"}, Intent(reset=True)),
        ({"n"}, Intent(next=True)),
        ({"p"}, Intent(prior=True)),
        (set(), Intent()),
    ],
)
def test_what_keys_mean(keys, expected):
    assert intent_of(keys) == expected


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("w*3 jump", "unknown key 'jump'; there is w s a d e q j l up"),
        ("w*", "count is '', expected a whole number"),
        ("w*0", "count is '0'"),
        ("w*-2", "count is '-2'"),
        ("w*99999", "more than 10000 steps"),
        ("  ", "the script is empty"),
    ],
)
def test_a_wrong_script_is_named(script, message):
    with pytest.raises(UserError, match=message.replace("*", r"\*")):
        read_script(script)


def test_the_gripper_stays_as_it_was_told():
    hands = Hands()
    grips = [hands.action(intent)[3] for intent in read_script("w space w space w")]
    assert grips == [1, -1, -1, 1, 1]


def test_hands_go_on_with_the_gripper_of_whom_they_followed():
    hands = Hands()
    hands.follow(np.array([0.0, 0.0, 0.0, -1.0]))
    assert hands.action(Intent())[3] == -1


def test_two_sticks_at_once_stay_inside_the_action_space():
    assert (np.abs(Hands().action(Intent((-1.5, 2.0, 0.0)))) <= 1).all()


@pytest.mark.parametrize(("size", "turn"), [(4, []), (5, [1.0]), (7, [0.0, 0.0, 1.0])])
def test_j_turns_the_hand_where_actions_can(size, turn):
    action = Hands(size).action(intent_of({"j", "w"}))
    assert action.tolist() == [-1.0, 0.0, 0.0, *turn, 1.0]
    assert Hands(size).action(intent_of({"j", "l"}))[3:-1].tolist() == [0.0] * (size - 4)
