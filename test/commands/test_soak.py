"""What a soak says of its samples."""

import pytest

from wm_planner.commands.soak import Sample, SoakConfig, describe, draw, summarise
from wm_planner.errors import UserError
from wm_planner.process import Holdings, holdings, resident_mb


def samples(growth, count=40):
    return [
        Sample(
            i / 10, i % 10 > 0, 5.0, 6.0, 7.0, {"planner_node": Holdings(300 + growth * i, 18, 23)}
        )
        for i in range(count)
    ]


def test_growth_shows_between_the_second_and_the_last_quarter():
    found = summarise(samples(growth=1.0))
    early, late = found["planner_node_memory_mb"]
    assert late - early == pytest.approx(20.0)
    assert (found["trials"], found["successes"]) == (40, 36)
    assert "planner_node_memory_mb" in describe(found)


def test_what_is_flat_is_flat():
    found = summarise(samples(growth=0.0))
    assert found["planner_node_memory_mb"] == [300.0, 300.0]
    assert found["planner_node_threads"] == [18.0, 18.0]


def test_too_few_trials_say_nothing():
    with pytest.raises(UserError, match="soak for longer"):
        summarise(samples(0.0, count=5))


def test_the_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib, which is optional")
    assert draw(samples(0.5), tmp_path / "a" / "soak.png").stat().st_size > 10_000


@pytest.mark.parametrize("minutes", [0.0, -1.0, 1e9])
def test_minutes_that_make_no_sense_are_refused(minutes):
    with pytest.raises(UserError, match="minutes"):
        SoakConfig(minutes=minutes)


def test_what_this_process_holds():
    import os

    found = holdings(os.getpid())
    assert 20 < found.memory_mb < 100_000 and found.threads >= 1 and found.file_handles >= 3
    assert resident_mb() == pytest.approx(found.memory_mb, rel=0.2)
