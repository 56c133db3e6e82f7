"""Whatever a policy server answers: a chunk that can be followed, or an error that says why."""

import numpy as np
import pytest
from hypothesis import strategies as st
from mutations import EXAMPLES, WEIRD, fuzz, spoilt_bytes

msgpack = pytest.importorskip("msgpack", reason="policy servers are an extra")

from wm_planner.advice.names import Names  # noqa: E402
from wm_planner.advice.wire import pack, unpack  # noqa: E402

ANSWER = pack({"actions": np.linspace(-1, 1, 20).reshape(5, 4), "server_timing": {"infer_ms": 3.0}})
NAMES = Names.of(("front",), {})


@pytest.mark.parametrize("examples", EXAMPLES)
def test_a_spoilt_answer(examples):
    def follow(data: bytes) -> None:
        chunk = NAMES.chunk(unpack(data), 4)
        assert chunk.ndim == 2 and chunk.shape[1] == 4 and np.abs(chunk).max() <= 1

    with np.errstate(all="ignore"):
        fuzz(examples, spoilt_bytes(ANSWER), follow)


@pytest.mark.slow
def test_a_weird_answer():
    array = st.fixed_dictionaries(
        {
            b"__ndarray__": st.just(True),
            b"data": WEIRD | st.binary(),
            b"dtype": WEIRD,
            b"shape": WEIRD,
        }
    )

    def follow(actions: object) -> None:
        try:
            data = msgpack.packb({"actions": actions})
        except (TypeError, ValueError, OverflowError, UnicodeEncodeError):
            return  # nobody can send that
        NAMES.chunk(unpack(data), 4)

    fuzz(1000, array | WEIRD, follow)
