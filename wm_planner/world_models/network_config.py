"""What the networks of every family are told: sizes of robot, cameras and heads."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from wm_planner.world_models.words import LONGEST, MOST_KNOWN, words_of

_MOST_CHANNELS = 4096


@dataclass(frozen=True)
class NetworkConfig:
    """Shapes that networks of all families share.

    Attributes:
        cameras: number of cameras.
        image_size: height and width of their frames, pixels, a multiple of 16.
        proprio_size: size of the proprioception vector.
        action_size: size of an action.
        switches: actions that are switches.
        landmark_size: numbers that say where things are, which the latent must predict; 0 if none.
        hidden_size: of every MLP.
        value_members: heads of the value ensemble.
        bins: outputs of a reward or value head: 1 for a number, more for two-hot regression.
        channels: of the encoder's four stride-2 convolutions; of key points, the first three.
        key_points: that are looked for in each camera's frame; 0: which pattern is where.
        discount: worth of a reward one step later.
        success: with a head that says whether the task is done.
        unfelt: with features that stand for proprioception which is not known (NaN).
        instruction_size: of the vector that an instruction in words becomes, which the encoder
            heeds; 0: the model knows no words.
        vocabulary: the words it knows, beside those of the data it is trained on.
        repaint: with a network that paints what is imagined over what was seen, which
            `wm_planner repainter` fits to a trained model.
    """

    cameras: int = 2
    image_size: int = 64
    proprio_size: int = 8
    action_size: int = 4
    switches: tuple[int, ...] = (3,)
    landmark_size: int = 4
    hidden_size: int = 256
    value_members: int = 4
    bins: int = 1
    channels: tuple[int, ...] = (32, 48, 64, 64)
    key_points: int = 0
    discount: float = 0.97
    success: bool = True
    unfelt: bool = True
    instruction_size: int = 0
    vocabulary: tuple[str, ...] = ()
    repaint: bool = False

    SIZES: ClassVar[dict[str, tuple[int, int]]] = {
        "cameras": (1, 16),
        "image_size": (32, 1024),
        "proprio_size": (1, 4096),
        "action_size": (1, 256),
        "landmark_size": (0, 4096),
        "hidden_size": (1, 16384),
        "value_members": (2, 64),
        "bins": (1, 4096),
        "key_points": (0, 1024),
        "instruction_size": (0, 4096),
    }
    """Least and most of each; far above what any arm needs, far below what fills a machine."""

    def __post_init__(self) -> None:
        for name, (least, most) in self.SIZES.items():
            if not is_whole(size := getattr(self, name), least, most):
                raise ValueError(f"{name} {size!r} must be a whole number from {least} to {most}")
        if self.image_size % 16:
            raise ValueError(f"image_size {self.image_size} must be a multiple of 16")
        if not isinstance(self.discount, float) or not 0 < self.discount < 1:
            raise ValueError(f"discount {self.discount!r} must be inside (0, 1)")
        if not are_whole(self.channels, 1, _MOST_CHANNELS) or len(self.channels) != 4:
            raise ValueError(
                f"channels {self.channels!r} must be four whole numbers from 1 to {_MOST_CHANNELS}"
            )
        if not are_whole(self.switches, 0, self.action_size - 1):
            raise ValueError(
                f"switches {self.switches!r} must be among 0 to {self.action_size - 1}"
            )
        self._check_words()
        for field in fields(self):
            if field.type == "bool" and not isinstance(value := getattr(self, field.name), bool):
                raise ValueError(f"{field.name} {value!r} must be true or false")

    def _check_words(self) -> None:
        words = self.vocabulary
        if not isinstance(words, tuple) or not all(map(is_word, words)):
            raise ValueError(f"vocabulary {words!r} must be words in small letters")
        if len(set(words)) < len(words) or len(words) > MOST_KNOWN:
            raise ValueError(f"vocabulary must be up to {MOST_KNOWN} words, none of them twice")
        if words and not self.instruction_size:
            raise ValueError("vocabulary needs an instruction_size above 0, such as 32")


def is_whole(value: object, least: int, most: int) -> bool:
    """Whether it is an int, no bool, in that range."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def are_whole(values: object, least: int, most: int) -> bool:
    """Whether it is a tuple of such ints."""
    return isinstance(values, tuple) and all(is_whole(v, least, most) for v in values)


def is_word(value: object) -> bool:
    """Whether it is one word, as instructions are read."""
    return isinstance(value, str) and len(value) <= LONGEST and words_of(value) == [value]
