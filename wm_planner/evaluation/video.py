"""Pictures of trials: a video, and a film strip for paper."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.evaluation.imagination import TILE

_MOST_WAITING = 300  # frames: half a minute at 10 Hz, then whoever writes has to wait
_LONG = 2.0  # s of waiting for the last frames, from which on a bar shows them


class Video:
    """VP9 in an MP4 file, which browsers play, written frame by frame; use it in a `with` block.

    Encoding takes up to two cores. It happens in a thread of the lowest priority: what plans and
    simulates meanwhile goes first, and the block's end waits for the frames that are left.
    """

    def __init__(self, path: Path, rate_hz: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._rate = path, rate_hz
        self._writer: cv2.VideoWriter | None = None  # the thread's
        self._shape: tuple[int, ...] = ()
        self._thread = ThreadPoolExecutor(1, "video", initializer=_give_way)
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_: object) -> None:
        left = tqdm(self._waiting, self._path.name, unit="frame", delay=_LONG)
        try:
            for frame in left:
                frame.result()
        finally:
            left.close()
            self._thread.shutdown(cancel_futures=True)
            if self._writer is not None:
                self._writer.release()

    def write(self, frame: np.ndarray) -> None:
        """Append a frame (h, w, 3) uint8 RGB; all of one size."""
        self._shape = self._shape or frame.shape
        if frame.shape != self._shape:  # OpenCV would leave it out without a word
            raise UserError(f"{self._path}: frame has shape {frame.shape}, expected {self._shape}")
        self._settle()
        self._waiting.append(self._thread.submit(self._encode, frame[:, :, ::-1].copy()))

    def _settle(self) -> None:
        """Wait while too many frames are left; raises what went wrong with earlier ones."""
        while self._waiting and (len(self._waiting) > _MOST_WAITING or self._waiting[0].done()):
            self._waiting.popleft().result()

    def _encode(self, frame: np.ndarray) -> None:
        if self._writer is None:
            fourcc = cv2.VideoWriter.fourcc(*"vp09")  # OpenCV's wheels have no H.264
            size = (frame.shape[1], frame.shape[0])
            self._writer = cv2.VideoWriter(str(self._path), fourcc, self._rate, size)
        if not self._writer.isOpened():
            raise UserError(f"{self._path}: OpenCV cannot write a video there; is the disk full?")
        self._writer.write(frame)


def _give_way() -> None:
    """Let this thread, and those it starts, run only when nothing else wants to."""
    with suppress(OSError, AttributeError):  # where priorities are of processes, or forbidden
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def paced(
    pictures: Sequence[np.ndarray], times: Sequence[float], rate_hz: float
) -> Iterator[np.ndarray]:
    """Frames of a video at so many a second: each of the pictures until the next one's time, s."""
    for picture, now, later in zip(pictures, times, [*times[1:], *times[-1:]], strict=True):
        for _ in range(max(1, round((later - now) * rate_hz))):
            yield picture


def film_strip(
    pictures: Sequence[np.ndarray], times: Sequence[float], moments: int = 7
) -> np.ndarray:
    """Moments of a trial side by side: each camera above what was imagined for it.

    Args:
        pictures: of `imagine_strip`.
        times: of each picture, seconds, in order.
        moments: columns at most; as far apart in time as the pictures allow.

    Returns:
        Picture (h, w, 3) uint8 RGB.
    """
    if not pictures:
        raise UserError("no picture of the trial came; is ~/imagination published?")
    since = np.asarray(times) - times[0]
    wanted = np.linspace(0.0, since[-1], moments)
    columns = []
    for index in np.unique(np.abs(since[:, None] - wanted).argmin(0)):
        picture = pictures[index]
        rows = [picture[top : top + TILE] for top in range(0, len(picture), TILE)]
        tiles = [tile for row in rows for tile in (row[:, :TILE], row[:, -TILE:])]
        column = np.concatenate(tiles, axis=0)
        columns.append(_captioned(column, f"{since[index]:.1f} s"))
    return np.concatenate(columns, axis=1)


def _captioned(column: np.ndarray, text: str) -> np.ndarray:
    """The time at the top left, on the dark of a badge."""
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, _), _ = cv2.getTextSize(text, font, 0.45, 1)
    column[1:21, 1 : width + 12] = (40, 40, 40)
    return cv2.putText(column, text, (6, 16), font, 0.45, (255, 255, 255), 1, cv2.LINE_AA)


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture (h, w, 3) uint8 RGB as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture[:, :, ::-1]):
        raise UserError(f"{path}: the picture cannot be written; is the disk full?")
