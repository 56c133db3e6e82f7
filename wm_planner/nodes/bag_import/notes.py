"""What is to be told of an episode: nothing is left out in silence."""

from __future__ import annotations

from collections import Counter

_MOST = 50  # different ones


class Notes:
    """Short texts, each counted, with one example of what was wrong."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def add(self, what: str, example: str = "", count: int = 1) -> None:
        """`what` happened once more, for instance so."""
        if what in self._counts or len(self._counts) < _MOST:
            self._counts[what] += count
            self._examples.setdefault(what, example)

    def told(self) -> list[str]:
        """In the order they came up."""
        return [
            f"{f'{count} ' if count > 1 else ''}{what}{f': {example}' if example else ''}"
            for what, count in self._counts.items()
            for example in [self._examples[what][:300]]
        ]
