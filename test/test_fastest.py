"""The fastest way is found by trying, remembered, and never changed by a flutter."""

from __future__ import annotations

import json
import time

import pytest

from wm_planner.fastest import Unavailable, fastest
from wm_planner.processor import cache_dir


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def sleeping(ms: float):
    return lambda: lambda: time.sleep(ms / 1e3)


def missing():
    raise Unavailable("no such thing")


def test_the_fastest_is_found_and_the_hopeless_is_hardly_tried():
    calls = []

    def slow():
        return lambda: (calls.append(1), time.sleep(0.1))

    found = fastest("sleeping", {"long": sleeping(10), "short": sleeping(2), "slow": slow})
    assert found.name == "short"
    assert found.ms["short"] < found.ms["long"] < found.ms["slow"]
    assert len(calls) == 2


def test_the_first_wins_unless_another_is_clearly_faster():
    assert fastest("sleeping", {"first": sleeping(10.5), "second": sleeping(10)}).name == "first"


def test_what_cannot_be_had_is_left_out_and_told():
    found = fastest("sleeping", {"none": missing, "some": sleeping(1)})
    assert found.name == "some"
    assert "none not to be had: no such thing" in str(found)
    with pytest.raises(Unavailable, match="none: no such thing"):
        fastest("nothing", {"none": missing})


def test_an_answer_is_remembered_by_its_question():
    def never():
        raise AssertionError("measured again")

    first = fastest("sleeping", {"a": sleeping(1)})
    assert fastest("sleeping", {"a": never}) == first
    with pytest.raises(AssertionError, match="again"):
        fastest("waking", {"a": never})


def test_what_may_be_mended_is_tried_again():
    assert fastest("sleeping", {"a": missing, "b": sleeping(5)}).name == "b"
    assert fastest("sleeping", {"a": sleeping(1), "b": sleeping(5)}).name == "a"


def test_another_processor_or_a_limit_on_it_is_asked_anew(monkeypatch):
    fastest("sleeping", {"a": sleeping(1)})
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "another")
    assert fastest("sleeping", {"a": sleeping(3)}).ms["a"] > 2.5


@pytest.mark.parametrize("text", ["", "[]", '{"sleeping": 3}', "\0"])
def test_a_spoilt_memory_is_measured_anew(text):
    fastest("sleeping", {"a": sleeping(1)})
    (memory,) = cache_dir().glob("fastest-*.json")
    memory.write_text(text)
    assert fastest("sleeping", {"a": sleeping(1)}).name == "a"
    assert len(json.loads(memory.read_text())) == 1


def test_where_nothing_can_be_written_it_is_measured_every_time(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    assert fastest("sleeping", {"a": sleeping(1)}).name == "a"
