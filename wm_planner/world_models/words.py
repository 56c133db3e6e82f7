"""Instructions as numbers: which word of a model's vocabulary comes when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from wm_planner.errors import UserError

MOST_WORDS = 64  # of an instruction
MOST_KNOWN = 4096  # words of a vocabulary
LONGEST = 40  # letters of a word
_WORD = re.compile(r"[\w'-]+")


def words_of(instruction: str) -> list[str]:
    """Its words in order, in small letters, without punctuation."""
    return _WORD.findall(instruction.lower())


def vocabulary_of(instructions: Iterable[str], known: Sequence[str] = ()) -> tuple[str, ...]:
    """All words of these instructions; those `known` keep their places, others come after them.

    Raises:
        UserError: a word is too long, or there are too many.
    """
    found = {word for instruction in instructions for word in words_of(instruction)}
    vocabulary = (*known, *sorted(found - set(known)))
    if endless := [word for word in vocabulary if len(word) > LONGEST]:
        raise UserError(
            f"word '{endless[0]}' in an instruction: expected {LONGEST} letters at most"
        )
    if len(vocabulary) > MOST_KNOWN:
        raise UserError(
            f"instructions have {len(vocabulary)} different words, expected {MOST_KNOWN} at most; "
            "say the same with fewer"
        )
    return vocabulary


def tokens(instructions: Sequence[str], vocabulary: Sequence[str]) -> Tensor:
    """Places (B, W) int64 in the vocabulary, from 1 on, of the words of B instructions; 0: none.

    Raises:
        UserError: an instruction that is empty or too long, or has words the model never learned.
    """
    places = {word: place for place, word in enumerate(vocabulary, 1)}
    found = []
    for instruction in instructions:
        words = words_of(instruction)
        if not 0 < len(words) <= MOST_WORDS:
            raise UserError(
                f"instruction '{instruction}' has {len(words)} words, expected 1 to {MOST_WORDS}"
            )
        if unknown := [word for word in words if word not in places]:
            raise UserError(
                f"instruction '{instruction}': the model does not know {', '.join(unknown)}; "
                f"{told_words(vocabulary)}"
            )
        found.append([places[word] for word in words])
    longest = max(map(len, found))
    return torch.tensor([own + [0] * (longest - len(own)) for own in found])


def told_words(vocabulary: Sequence[str]) -> str:
    """Which words there are, for a person."""
    return f"it knows the words {', '.join(sorted(vocabulary))}"
