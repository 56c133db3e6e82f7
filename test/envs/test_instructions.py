"""The grammar of instructions."""

from __future__ import annotations

from wm_planner.envs.colours import COLOURS
from wm_planner.envs.tasks.instructions import NOUNS, VOCABULARY, lift, push, put, thing


def test_instructions_read_as_english():
    assert lift(thing("red", "cube")) == "lift the red cube"
    assert push("the red block", "the blue mark") == "push the red block to the blue mark"
    assert put(("the red cube", "the blue cube")) == "put the red cube on the blue cube"
    assert put(("the red cube", "the green mark"), ("the blue cube", "the yellow mark")) == (
        "put the red cube on the green mark and the blue cube on the yellow mark"
    )


def test_the_vocabulary_has_every_word_once_in_order():
    assert list(VOCABULARY) == sorted(set(VOCABULARY))
    everything = [lift(thing(colour, noun)) for colour in COLOURS for noun in NOUNS]
    everything += [push("", ""), put(("", ""), ("", ""))]
    assert {word for text in everything for word in text.split()} == set(VOCABULARY)
