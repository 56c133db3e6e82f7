"""A dataset that lies about its size, its place or its types is refused before it is read."""

from __future__ import annotations

import tracemalloc

import h5py
import numpy as np
import pytest

from wm_planner.errors import UserError
from wm_planner.learning.episodes import open_dataset, read_episodes

VAST = (1_000_000, 1000, 1000, 3)


def replaced(dataset, name, make):
    """demo_1's array `name`, made anew by `make(group, name)`."""
    with h5py.File(dataset, "a") as file:
        group = file["data/demo_1"]
        if name in group:
            del group[name]
        make(group, name)


def vast(group, name):
    group.create_dataset(name, VAST, np.uint8, chunks=(1, 1000, 1000, 3), compression="gzip")


def hollow(group, name):
    """Inside every limit, and nothing stored."""
    group.create_dataset(name, (12, 2000, 2000, 3), np.uint8, chunks=True, compression="gzip")


def external(group, name):
    group[name] = h5py.ExternalLink("/etc/passwd", "/secret")


def soft(group, name):
    group[name] = h5py.SoftLink("/data/demo_0/" + name)


def virtual(group, name):
    layout = h5py.VirtualLayout((12,), np.float32)
    layout[:] = h5py.VirtualSource("other.hdf5", "rewards", (12,))
    group.create_virtual_dataset(name, layout)


def outside(group, name):
    group.create_dataset(name, (12,), np.float32, external=[("/etc/passwd", 0, 48)])


def values(array, **options):
    return lambda group, name: group.create_dataset(name, data=array, **options)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("obs/front_image", vast, "at most .* are read"),
        ("obs/front_image", hollow, "declares 144000000 bytes, but 0 are stored"),
        ("obs/front_image", external, "front_image is a link"),
        ("obs", external, "obs/proprio is a link"),
        ("rewards", soft, "rewards is a link"),
        ("rewards", virtual, "rewards lies in other files"),
        ("rewards", outside, "rewards lies in other files"),
        ("rewards", values(np.array([b"x"] * 12)), "rewards is of type"),
        ("rewards", values(np.zeros(12, [("a", "f4")])), "rewards is of type"),
        ("rewards", values(np.full(12, np.nan)), "rewards holds NaN"),
        ("rewards", values(np.full(12, 1e300)), "rewards holds NaN or infinity"),
        ("rewards", values(np.zeros(12), scaleoffset=2, chunks=True), "filter 6"),
        ("actions", values(np.zeros((12, 9999))), "expected 2 axes, up to 4096"),
        ("actions", values(np.zeros(())), r"actions has shape \(\)"),
        ("obs/proprio", values(np.zeros(12)), "expected 2 axes"),
        ("obs/front_image", values(np.zeros((12, 8, 8, 3), np.uint16)), "expected uint8"),
        ("obs/front_image", values(np.zeros((12, 8, 8, 4), np.uint8)), r"expected \(T, h, w, 3\)"),
        ("expert_actions", values(np.zeros((12, 3), np.float32)), r"expert_actions has shape"),
        ("landmarks", values(np.zeros((11, 3), np.float32)), "lengths"),
        ("dones", values(np.zeros(3, np.uint8)), "lengths"),
    ],
)
def test_it_is_named_and_not_read(dataset, name, make, message):
    replaced(dataset, name, make)
    tracemalloc.start()
    with pytest.raises(UserError, match=rf"toy\.hdf5: /data/demo_1.*{message}"):
        list(read_episodes(dataset))
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


@pytest.mark.parametrize("seed", ["five", [1, 2], 1.5, np.zeros(4000)])
def test_a_seed_is_a_number(dataset, seed):
    with h5py.File(dataset, "a") as file:
        file["data/demo_1"].attrs["seed"] = seed
    with pytest.raises(UserError, match="the attribute seed is no whole number"):
        list(read_episodes(dataset))


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        (5, "is no short text"),
        (["lift", "it"], "is no short text"),
        (np.bytes_(b"x" * 4000), "is no short text"),
        ("x" * 201, "has 201 characters"),
        ("lift\x1b[2Jit", "has 10 characters, expected up to 200 that can be printed"),
    ],
)
def test_an_instruction_is_a_short_text(dataset, instruction, message):
    with h5py.File(dataset, "a") as file:
        file["data/demo_1"].attrs["instruction"] = instruction
    with pytest.raises(UserError, match=f"the attribute instruction {message}"):
        list(read_episodes(dataset))


def test_data_that_lie_elsewhere_are_no_data(tmp_path, dataset):
    with h5py.File(tmp_path / "thief.hdf5", "w") as file:
        file["data"] = h5py.ExternalLink(str(dataset), "/data")
    with pytest.raises(UserError, match="data is a link"):
        open_dataset(tmp_path / "thief.hdf5")


def test_an_episode_that_lies_elsewhere_is_none(dataset):
    with h5py.File(dataset, "a") as file:
        file["data/demo_9"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(UserError, match="demo_9 is no group"):
        list(read_episodes(dataset))


@pytest.mark.parametrize("name", ["demo_", "demo_x", "demo_1234567890", "7", "demo_\u0663"])
def test_a_name_is_demo_and_a_number(dataset, name):
    with h5py.File(dataset, "a") as file:
        file.create_group(f"data/{name}")
    with pytest.raises(UserError, match=r"is no episode, expected demo_<number>"):
        list(read_episodes(dataset))
