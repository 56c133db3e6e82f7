"""Messages come back as they were sent, and nothing else is made of bytes."""

import numpy as np
import pytest

msgpack = pytest.importorskip("msgpack", reason="policy servers are an extra")

from wm_planner.advice.wire import WireError, pack, unpack  # noqa: E402

ARRAY = {b"__ndarray__": True, b"data": b"\0" * 8, b"dtype": "<f4", b"shape": [2]}


@pytest.mark.parametrize("dtype", ["u1", "<f4", ">f8", "<i8", "f2", "?"])
def test_arrays_come_back_with_type_and_shape(dtype):
    sent = np.arange(24).reshape(2, 3, 4).astype(dtype)
    got = unpack(pack({"a": sent, "deep": {"b": [sent[0, 0, 1]]}, "words": "grasp it"}))
    assert got["a"].dtype == sent.dtype and np.array_equal(got["a"], sent)
    assert got["deep"]["b"][0] == sent[0, 0, 1] and got["words"] == "grasp it"


def test_an_array_that_is_no_block_of_memory_comes_back_too():
    sent = np.arange(12).reshape(3, 4)[:, ::2]
    assert np.array_equal(unpack(pack({"a": sent}))["a"], sent)


def test_objects_are_not_sent():
    with pytest.raises(TypeError, match="cannot be sent"):
        pack({"a": np.array([object()])})


@pytest.mark.parametrize(
    "wrong",
    [
        {b"dtype": "O"},  # pointers, from who knows whom
        {b"dtype": "V4"},
        {b"dtype": "f4,f4"},
        {b"dtype": "nonsense"},
        {b"dtype": ",f4"},  # NumPy parses it as Python, and says SyntaxError
        {b"dtype": "f3"},
        {b"dtype": 4},
        {b"shape": [3]},
        {b"shape": [-1, -2]},
        {b"shape": [True, 2]},
        {b"shape": 2},
        {b"shape": [2**40, 2**40]},
        {b"data": "text"},
        {b"data": None},
    ],
)
def test_an_array_that_is_not_what_it_claims_is_refused(wrong):
    with pytest.raises(WireError, match="no message"):
        unpack(msgpack.packb({"a": {**ARRAY, **wrong}}))


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xc1", b"{'json': 1}", b"\x80\x80", b"\xdf\xff\xff\xff\xff", b"\x91" * 5000),
        *(msgpack.packb({"s": "x"})[:-1], msgpack.packb({1: 2}), b"\x81\xa1\xff\x01"),
    ],
)
def test_bytes_that_are_no_message_are_refused(data):
    with pytest.raises(WireError):
        unpack(data)


@pytest.mark.parametrize("value", [[1, 2], "text", 3, None, {**ARRAY}])
def test_a_message_has_names(value):
    with pytest.raises(WireError, match="expected names with values"):
        unpack(msgpack.packb(value))
