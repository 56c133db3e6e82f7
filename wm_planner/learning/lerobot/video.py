"""Frames of a video file at given times, and a video file of frames, with FFmpeg's libraries."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, final

import numpy as np

from wm_planner.errors import UserError
from wm_planner.learning.lerobot.optional import needed
from wm_planner.perception.pictures import PictureError, check_size

CODECS = {"h264": "h264", "av1": "libsvtav1"}
_OPTIONS = {
    "h264": {"g": "2", "crf": "18"},
    "av1": {"g": "2", "crf": "23", "preset": "8", "svtav1-params": "lp=1"},
}


def read_frames(path: Path, start: float, times: np.ndarray, fps: float) -> np.ndarray:
    """Frames (T, h, w, 3) uint8 RGB at `start` + `times` s; each nearest, within half a frame."""
    av = needed("av")
    wanted = start + np.asarray(times, np.float64)
    if not path.is_file():
        raise UserError(f"{path}: no such video")
    try:
        with av.open(str(path)) as container:
            found = _decoded(container, wanted, fps)
    except (PictureError, av.error.FFmpegError, IndexError, ValueError) as error:
        raise UserError(f"{path}: cannot be decoded: {error}") from error
    if len(found) < len(wanted):
        raise UserError(
            f"{path}: no frame at {wanted[len(found)]:.3f} s; the video is shorter than the data"
        )
    return np.stack(found)


def _decoded(container: Any, wanted: np.ndarray, fps: float) -> list[np.ndarray]:
    """The frames there are, up to the first that is missing."""
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise PictureError("there is no decoder for it")
    check_size(stream.codec_context.width, stream.codec_context.height)
    container.seek(int(max(0.0, wanted[0] - 1 / fps) / stream.time_base), stream=stream)
    found: list[np.ndarray] = []
    for frame in container.decode(stream):
        if frame.time is None:
            continue
        while len(found) < len(wanted) and abs(frame.time - wanted[len(found)]) < 0.5 / fps:
            found.append(frame.to_ndarray(format="rgb24"))
        if len(found) == len(wanted) or frame.time > wanted[len(found)] + 0.5 / fps:
            break
    return found


@final
class VideoFile:
    """In its `with` block frames are added; `frames` counts them."""

    def __init__(self, path: Path, fps: float, codec: str) -> None:
        self.path, self.frames = path, 0
        self._fps, self._codec = Fraction(fps).limit_denominator(1000), codec
        self._container: Any = None
        self._stream: Any = None

    def add(self, frame: np.ndarray) -> None:
        """A frame (h, w, 3) uint8 RGB, of the size of the first one."""
        av = needed("av")
        if self._container is None:
            self._open(av, *frame.shape[:2])
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        picture.pts, picture.time_base = self.frames, 1 / self._fps
        self._container.mux(self._stream.encode(picture))
        self.frames += 1

    def close(self) -> None:
        if self._container is not None:
            self._container.mux(self._stream.encode())
            self._container.close()

    def _open(self, av: Any, height: int, width: int) -> None:
        if height % 2 or width % 2:
            raise UserError(
                f"{self.path}: frames of {width} x {height}, but videos need even sizes; import "
                "with another size in the robot's interface file"
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._container = av.open(str(self.path), "w")
            self._stream = self._container.add_stream(CODECS[self._codec], rate=self._fps)
        except (av.error.FFmpegError, ValueError) as error:
            raise UserError(
                f"{self.path}: cannot be encoded as {self._codec}: {error}; choose another --codec "
                f"of {', '.join(CODECS)}"
            ) from error
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = _OPTIONS[self._codec]
