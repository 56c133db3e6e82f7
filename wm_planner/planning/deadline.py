"""Anytime planning: when to stop searching."""

from __future__ import annotations

import time
from typing import final

import torch


@final
class Deadline:
    """Says when the time for a plan, which starts now, is up. 0 ms is no deadline."""

    def __init__(self, milliseconds: float, device: torch.device) -> None:
        self._seconds, self._device = milliseconds / 1e3, device
        self._started = time.perf_counter()
        self._longest = self._last = 0.0  # seconds: of a round; until the end of the last one

    def over(self) -> bool:
        """After a round: whether one more, and the choice at the end, would be late."""
        if self._seconds == 0:
            return False
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)  # the device may be behind
        now = time.perf_counter() - self._started
        self._longest = max(self._longest, now - self._last)
        self._last = now
        return now + 1.5 * self._longest > self._seconds
