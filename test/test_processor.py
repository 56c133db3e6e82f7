"""A processor is told by name and class, and anew where it looks like another."""

from __future__ import annotations

from pathlib import Path

from wm_planner import processor


def test_this_processor_has_a_name_and_a_class():
    assert processor.processor_name()
    assert processor.processor_class() in (
        "AMX",
        "AVX512",
        "AVX2",
        "DEFAULT",
        "NEON",
        "SVE",
        "SVE256",
    )


def test_the_fingerprint_stays_and_heeds_limits(monkeypatch):
    first = processor.fingerprint()
    assert processor.fingerprint() == first
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "another")
    assert processor.fingerprint() != first


def test_without_proc_the_architecture_has_to_do(monkeypatch):
    def nothing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", nothing)
    assert processor.processor_name() == processor.platform.machine()


def test_an_arm_core_that_has_no_name_is_told_by_its_maker_and_part(monkeypatch):
    core = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n\nprocessor\t: 1\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: core)
    assert processor.processor_name().endswith("CPU implementer 0x41 CPU part 0xd0c")


def test_the_cache_is_where_the_user_wants_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert processor.cache_dir() == tmp_path / "wm_planner"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert processor.cache_dir() == Path.home() / ".cache" / "wm_planner"
