"""Functions of tensors on a GPU, recorded as CUDA graphs: one launch instead of hundreds.

A plan is hundreds of small kernels. To launch one takes a processor longer than a GPU takes to
compute it, so a plan takes as long as its launches; a recording is launched once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor

Function = Callable[..., tuple[Tensor, ...]]

_KEPT = 64  # recordings; batches of trials shrink as these end
_WARM_UP = 3  # calls before recording, in which libraries choose their kernels


class Replays:
    """Runs functions of tensors by replaying what they launched for others of the same shapes.

    A function is known by its name. It must launch the same whatever the numbers are, and draw no
    random ones. The first call with other shapes records, in tenths of a second. Nothing is
    learned through it: there are no gradients.
    """

    def __init__(self) -> None:
        self._recordings: OrderedDict[Hashable, _Recording] = OrderedDict()

    @torch.inference_mode()
    def __call__(
        self, function: Function, first: Tensor, *others: Tensor | None
    ) -> tuple[Tensor, ...]:
        inputs = (first, *others)
        shapes = (None if x is None else (x.shape, x.dtype) for x in inputs)
        key = (function.__name__, *shapes)
        recording = self._recordings.pop(key, None) or _Recording(function, inputs)
        self._recordings[key] = recording  # the last to be forgotten
        if len(self._recordings) > _KEPT:
            self._recordings.popitem(last=False)
        return recording.replayed(inputs)


class _Recording:
    """A function at inputs of some shapes, which lie where it was recorded."""

    def __init__(self, function: Function, inputs: Sequence[Tensor | None]) -> None:
        self._inputs = [None if x is None else x.clone() for x in inputs]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                function(*self._inputs)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        # other threads may use the GPU meanwhile
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._outputs = function(*self._inputs)

    def replayed(self, inputs: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
        """What comes of `inputs`; the next replay does not change it."""
        for held, given in zip(self._inputs, inputs, strict=True):
            if held is not None and given is not None:
                held.copy_(given)
        self._graph.replay()
        return tuple(x.clone() for x in self._outputs)
