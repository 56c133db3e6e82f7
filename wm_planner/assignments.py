"""What episodes that are planned in one batch are to do: goal pictures, instructions in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.types import Latent
from wm_planner.world_models.words import tokens


class NoGoal(UserError):
    """The planner is to reach a goal, and has none."""

    def __init__(self) -> None:
        super().__init__("waiting for a goal image")


class BadGoal(UserError):
    """A goal image of which the model makes nothing."""


class NoInstruction(UserError):
    """The model learned to be told what to do, and nobody does."""

    def __init__(self) -> None:
        super().__init__("waiting for an instruction")


class Assignments:
    """The goal and the instruction of each episode, by its number; each holds until another."""

    def __init__(
        self, needs_goal: bool, vocabulary: Sequence[str] | None, device: torch.device | str
    ) -> None:
        """`vocabulary`: the words the model knows; None: it is not told what to do."""
        self.needs_goal, self.vocabulary = needs_goal, vocabulary
        self._device = device
        self._goals: dict[int, Latent] = {}  # (1, D)
        self._instructions: dict[int, str] = {}

    @property
    def has_goal(self) -> bool:
        """Whether the first episode has a goal."""
        return 0 in self._goals

    @property
    def instruction(self) -> str:
        """Of the first episode; empty where there is none."""
        return self._instructions.get(0, "")

    @property
    def instructions(self) -> Mapping[int, str]:
        """Of each episode that has one."""
        return self._instructions

    def set_goal(self, goal: Latent | None, episode: int) -> None:
        """What an episode is to come to; None: nothing."""
        _set(self._goals, goal, episode)

    def set_instruction(self, text: str | None, episode: int) -> None:
        """What is to be done in an episode; None: that is not said.

        Raises:
            UserError: the model knows no words, or not these.
        """
        if text is not None:
            self.check(text)
        _set(self._instructions, text, episode)

    def tell(self, texts: Sequence[str]) -> None:
        """What is to be done in each episode, for a model that learned to be told; else nothing."""
        if self.vocabulary is not None:
            for episode, text in enumerate(texts):
                self.set_instruction(text, episode)

    def check(self, text: str) -> None:
        """A UserError unless the model knows all words of an instruction."""
        if self.vocabulary is None:
            raise UserError(
                f"instruction '{text}': the model knows no words; leave it out, or train a model "
                "with words (network.instruction_size 32)"
            )
        tokens([text], self.vocabulary)

    def goals(self, episodes: Sequence[int]) -> Latent | None:
        """The goals (B, D) of these episodes; None where they have none."""
        found = [self._goals[i] for i in episodes if i in self._goals]
        if self.needs_goal and len(found) < len(episodes):
            raise NoGoal
        if found and len(found) < len(episodes):
            raise ValueError("some episodes have a goal, some none; give all of them one")
        return Latent(*map(torch.cat, zip(*found, strict=True))) if found else None

    def told(self, episodes: Sequence[int]) -> Tensor | None:
        """The instructions (B, W) of these episodes; None for a model without words."""
        if self.vocabulary is None:
            return None
        if any(i not in self._instructions for i in episodes):
            raise NoInstruction
        texts = [self._instructions[i] for i in episodes]
        return tokens(texts, self.vocabulary).to(self._device)


def _set(of_episodes: dict, value: object, episode: int) -> None:
    if value is None:
        of_episodes.pop(episode, None)
    else:
        of_episodes[episode] = value
