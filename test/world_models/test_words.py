"""Instructions as numbers of words: what is known gets a place, what is not is named."""

from __future__ import annotations

import pytest
import torch

from wm_planner.envs.tasks.instructions import VOCABULARY
from wm_planner.errors import UserError
from wm_planner.world_models.network_config import NetworkConfig
from wm_planner.world_models.words import tokens, vocabulary_of, words_of

KNOWN = ("blue", "cube", "lift", "red", "the")


def test_capitals_and_points_do_not_matter():
    assert words_of("Lift the red cube, please.") == ["lift", "the", "red", "cube", "please"]
    assert torch.equal(tokens(["Lift the red cube."], KNOWN), tokens(["lift the red cube"], KNOWN))


def test_shorter_instructions_end_in_zeros():
    found = tokens(["lift the red cube", "lift"], KNOWN)
    assert found.tolist() == [[3, 5, 4, 2], [3, 0, 0, 0]]


def test_words_that_were_known_keep_their_places():
    more = vocabulary_of(["lift the yellow cube"], KNOWN)
    assert more == (*KNOWN, "yellow")
    assert torch.equal(tokens(["lift the cube"], more), tokens(["lift the cube"], KNOWN))


def test_vocabularies_are_bounded():
    with pytest.raises(UserError, match=r"word 'x{41}' in an instruction: expected 40 letters"):
        vocabulary_of(["lift the " + 41 * "x"])
    with pytest.raises(UserError, match="4097 different words, expected 4096 at most"):
        vocabulary_of(map(str, range(4097)))


def test_the_grammar_is_made_of_words():
    assert all(words_of(word) == [word] for word in VOCABULARY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lift the hammer", "does not know hammer; it knows the words blue, cube, lift, red, the"),
        ("", "has 0 words, expected 1 to 64"),
        ("!?", "has 0 words"),
        ("lift " * 65, "has 65 words"),
    ],
)
def test_what_cannot_be_understood_is_named(text, message):
    with pytest.raises(UserError, match=message):
        tokens([text], KNOWN)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vocabulary": ("red",)}, "needs an instruction_size"),
        ({"vocabulary": ("red", "red"), "instruction_size": 8}, "twice"),
        ({"vocabulary": ("Red",), "instruction_size": 8}, "small letters"),
        ({"vocabulary": ("red cube",), "instruction_size": 8}, "small letters"),
        ({"vocabulary": (3,), "instruction_size": 8}, "small letters"),
        ({"vocabulary": "red", "instruction_size": 8}, "small letters"),
        ({"instruction_size": -1}, "instruction_size -1"),
    ],
)
def test_vocabularies_that_cannot_be_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        NetworkConfig(**changes)
