"""Jobs in several processes, or in this one."""

import os

import pytest

from wm_planner.workers import in_workers


def job(number: int, power: int) -> tuple[int, int]:
    return number**power, os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_once(workers):
    found = [value for value, _ in in_workers(job, [(n, 2) for n in range(5)], workers)]
    assert sorted(found) == [0, 1, 4, 9, 16]


def test_one_worker_is_this_process_and_keeps_the_order():
    assert list(in_workers(job, [(3, 1), (2, 1)], 1)) == [(3, os.getpid()), (2, os.getpid())]


def test_what_a_job_raises_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        list(in_workers(job, [(0, -1)], 2))
