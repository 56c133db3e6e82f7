"""Episodes survive the disk in robomimic's layout; a file that is not one is named."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from toy_episodes import toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.episodes import merge_episodes, open_dataset, read_episodes


def equal(first, second) -> bool:
    frames = first.frames.keys() == second.frames.keys() and all(
        np.array_equal(first.frames[c], second.frames[c]) for c in first.frames
    )
    arrays = all(
        np.array_equal(a, b, equal_nan=True) and a.dtype == b.dtype
        for a, b in zip(first[1:6], second[1:6], strict=True)
    )
    return frames and arrays and first[6:] == second[6:]


def test_episodes_come_back_as_they_went(dataset):
    for seed, episode in enumerate(read_episodes(dataset)):
        assert equal(episode, toy_episode(seed))
    assert seed == 3


def test_episodes_are_in_the_order_of_their_numbers(tmp_path):
    """Not of their names: demo_10 comes after demo_9."""
    path = write_dataset(tmp_path / "many.hdf5", [toy_episode(seed, steps=3) for seed in range(12)])
    assert [episode.seed for episode in read_episodes(path)] == list(range(12))
    assert [episode.seed for episode in read_episodes(path, limit=11)] == list(range(11))


def test_labels_only_a_simulation_has_are_optional(tmp_path):
    path = write_dataset(tmp_path / "real.hdf5", [toy_episode(0)], simulated=False)
    (episode,) = read_episodes(path)
    assert np.isnan(episode.expert_actions).all()
    assert episode.expert_actions.shape == episode.actions.shape
    assert episode.landmarks.shape == (12, 0)


@pytest.mark.parametrize("text", ["", "lift the red cube", b"lift the red cube"])
def test_an_instruction_may_be_absent_or_of_bytes(tmp_path, text):
    """As other recorders leave it."""
    path = write_dataset(tmp_path / "told.hdf5", [toy_episode(0)._replace(instruction="")])
    with h5py.File(path, "a") as file:
        assert "instruction" not in file["data/demo_0"].attrs
        if text:
            file["data/demo_0"].attrs["instruction"] = text
    (episode,) = read_episodes(path)
    assert episode.instruction == ("lift the red cube" if text else "")


def test_merging_numbers_the_episodes_and_counts_their_samples(tmp_path):
    parts = [
        write_dataset(tmp_path / f"{seed}.hdf5", [toy_episode(seed, steps=3 + seed)])
        for seed in (2, 0, 1)
    ]
    merge_episodes(parts, tmp_path / "all.hdf5", {"task": "toy"})
    with open_dataset(tmp_path / "all.hdf5") as file:
        assert file["data"].attrs["total"] == 5 + 3 + 4
        assert [file[f"data/demo_{i}"].attrs["num_samples"] for i in range(3)] == [5, 3, 4]
    assert [episode.seed for episode in read_episodes(tmp_path / "all.hdf5")] == [2, 0, 1]
    assert not list(tmp_path.glob("*.partial"))


def test_a_missing_dataset_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError, match=r"gone\.hdf5: no such dataset.*wm_planner collect"):
        open_dataset(tmp_path / "gone.hdf5")


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_dataset_cut_short_is_refused(dataset, share):
    content = dataset.read_bytes()
    dataset.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=r"toy\.hdf5"):
        list(read_episodes(dataset))


def test_a_file_that_is_no_hdf5_is_refused(tmp_path):
    file = tmp_path / "notes.hdf5"
    file.write_text("dear diary " * 1000)
    with pytest.raises(UserError, match=r"notes\.hdf5: not a whole HDF5 file"):
        open_dataset(file)


def test_an_empty_dataset_is_refused(tmp_path):
    for name, group in (("none", None), ("empty", "data")):
        with h5py.File(tmp_path / name, "w") as file:
            if group:
                file.create_group(group)
        with pytest.raises(UserError, match="holds no episodes"):
            open_dataset(tmp_path / name)


@pytest.mark.parametrize("name", ["actions", "obs", "obs/proprio", "dones"])
def test_what_an_episode_lacks_is_named(dataset, name):
    with h5py.File(dataset, "a") as file:
        del file[f"data/demo_2/{name}"]
    with pytest.raises(UserError, match=rf"demo_2.*{name.split('/')[-1]}"):
        list(read_episodes(dataset))


def test_lengths_that_differ_are_named(dataset):
    with h5py.File(dataset, "a") as file:
        del file["data/demo_1/rewards"]
        file["data/demo_1/rewards"] = np.zeros(5, np.float32)
    with pytest.raises(UserError, match=r"demo_1.*5.*12"):
        list(read_episodes(dataset))


def test_an_episode_without_steps_is_named(dataset):
    with h5py.File(dataset, "a") as file:
        group = file["data/demo_1"]
        for name in ("actions", "rewards", "dones", "obs/proprio"):
            shape = (0, *group[name].shape[1:])
            del group[name]
            group.create_dataset(name, shape, np.float32)
        for name in ("obs/front_image", "obs/wrist_image"):
            del group[name]
            group.create_dataset(name, (0, 32, 32, 3), np.uint8)
    with pytest.raises(UserError, match="demo_1"):
        list(read_episodes(dataset))


def test_groups_of_other_names_are_named(dataset):
    with h5py.File(dataset, "a") as file:
        file.create_group("data/notes")
    with pytest.raises(UserError, match="notes"):
        list(read_episodes(dataset))


def test_an_episode_that_lingers_says_since_when_it_was_done(tmp_path):
    lingering = toy_episode(0)._replace(success=True, lingered=4)
    path = write_dataset(tmp_path / "long.hdf5", [lingering])
    with h5py.File(path, "r") as file:
        assert file["data/demo_0/dones"][()].tolist() == [0] * 7 + [1] * 5
    assert next(read_episodes(path)).lingered == 4
