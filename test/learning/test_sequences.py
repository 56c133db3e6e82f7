"""Batches are sequences of one episode each, the same for the same seed."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from toy_episodes import toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.sequences import EpisodeStore

CAMERAS = ("front", "wrist")


def store(*paths, discount=0.9, limit=None, cameras=CAMERAS, size=32) -> EpisodeStore:
    return EpisodeStore(list(paths), cameras, size, discount, limit)


def batches(
    source: EpisodeStore,
    count: int = 5,
    shift: int = 2,
    seed: int = 0,
    horizon: int = 3,
    colour=0.0,
):
    return list(islice(source.batches(horizon, 16, shift, colour, seed), count))


def test_returns_are_computed_as_on_paper(tmp_path):
    """Rewards 1, 0, 2, the last one for ever after; scaled by 1 - discount = 0.5."""
    episode = toy_episode(0, steps=3)._replace(rewards=np.array([1, 0, 2], np.float32))
    source = store(write_dataset(tmp_path / "d.hdf5", [episode]), discount=0.5)
    last = 2.0
    middle = 0.5 * 0 + 0.5 * last
    assert source.returns.tolist() == pytest.approx([0.5 * 1 + 0.5 * middle, middle, last])


def test_returns_do_not_leak_into_the_episode_before(tmp_path):
    poor = toy_episode(0)._replace(rewards=np.zeros(12, np.float32))
    rich = toy_episode(1)._replace(rewards=np.ones(12, np.float32))
    returns = store(write_dataset(tmp_path / "d.hdf5", [poor, rich])).returns
    assert returns[:12].tolist() == [0.0] * 12
    assert returns[12:].tolist() == pytest.approx([1.0] * 12)


def test_the_same_seed_gives_the_same_batches(dataset):
    source = store(dataset)
    first, again, other = batches(source), batches(source), batches(source, seed=1)
    for a, b in zip(first, again, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True) if x is not None)
    assert not torch.equal(first[0].actions, other[0].actions)
    assert not torch.equal(first[0].actions, first[1].actions)


def test_a_batch_depends_on_the_seed_and_its_number_alone(dataset):
    source = store(dataset)
    whole = batches(source, 5)
    later = islice(source.batches(3, 16, 2, 0.0, seed=0, first=3), 2)
    for a, b in zip(whole[3:], later, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True) if x is not None)


def test_sequences_are_what_happened_and_never_cross_episodes(dataset):
    """Every sequence is found in one of the episodes, whole and in order."""
    source = store(dataset)
    episodes = [toy_episode(seed) for seed in range(4)]
    seen = set()
    for batch in batches(source, 20, shift=0):
        for i in range(16):
            seed, t = next(
                (seed, t)
                for seed, episode in enumerate(episodes)
                for t in range(12)
                if np.array_equal(episode.actions[t], batch.actions[i, 0])
            )
            seen.add((seed, t))
            e = episodes[seed]
            assert np.array_equal(e.actions[t : t + 3], batch.actions[i])
            assert np.array_equal(e.rewards[t : t + 3], batch.rewards[i])
            assert np.array_equal(e.expert_actions[t : t + 3], batch.labels[i])
            assert np.array_equal(e.proprio[t : t + 4], batch.proprio[i])
            assert np.array_equal(e.landmarks[t : t + 4], batch.landmarks[i])
            for v, camera in enumerate(CAMERAS):
                shown = batch.images[i, :, v].permute(0, 2, 3, 1).numpy()
                assert np.array_equal(e.frames[camera][t : t + 4], shown)
    assert seen == {(seed, t) for seed in range(4) for t in range(12 - 3)}, "every start is drawn"


def test_frames_of_a_sequence_are_shifted_alike(tmp_path):
    """A still scene stays still, and different sequences are shifted differently."""
    still = toy_episode(0)
    frames = {c: np.repeat(f[:1], 12, axis=0) for c, f in still.frames.items()}
    path = write_dataset(tmp_path / "d.hdf5", [still._replace(frames=frames)])
    (batch,) = batches(store(path), 1, shift=3)
    assert (batch.images == batch.images[:, :1]).all()
    assert len({image.numpy().tobytes() for image in batch.images[:, 0]}) > 4


def test_a_shift_moves_the_picture_by_at_most_so_many_pixels(tmp_path):
    frame = np.zeros((12, 32, 32, 3), np.uint8)
    frame[:, 15, 15] = 255
    episode = toy_episode(0)._replace(frames={"front": frame, "wrist": frame})
    path = write_dataset(tmp_path / "d.hdf5", [episode])
    places = set()
    for batch in batches(store(path), 10, shift=2):
        for image in batch.images[:, 0, 0, 0]:
            assert (image == 255).sum() == 1
            places.add(tuple(np.argwhere(image.numpy() == 255)[0] - 15))
    assert places == {(y, x) for y in range(-2, 3) for x in range(-2, 3)}


def test_colours_of_a_sequence_change_alike_and_by_little(tmp_path):
    """Each channel by a gain and an offset of its own; black and white show the bounds."""
    still = toy_episode(0)
    frames = {c: np.repeat(f[:1], 12, axis=0) for c, f in still.frames.items()}
    path = write_dataset(tmp_path / "d.hdf5", [still._replace(frames=frames)])
    (batch,) = batches(store(path), 1, shift=0, colour=0.1)
    assert (batch.images == batch.images[:, :1]).all()
    dark = batch.images[:, 0].amin((-2, -1))  # (B, V, C) where the picture is black
    assert 15 < dark.max() <= 26 and len(dark.unique()) > 10
    light = batch.images[:, 0].amax((-2, -1))
    assert 255 - 52 <= light.min() < 235
    (same,) = batches(store(path), 1, shift=0)
    assert not same.images.amin((-2, -1)).any()


def test_frames_are_cropped_and_cameras_chosen(dataset):
    source = store(dataset, cameras=("wrist",), size=48)
    assert source.images.shape == (48, 1, 3, 48, 48)


def test_only_the_first_episodes_of_each_dataset(tmp_path, dataset):
    other = write_dataset(tmp_path / "b.hdf5", [toy_episode(7), toy_episode(8)])
    source = store(dataset, other, limit=1)
    assert source.episodes == 2
    expected = np.concatenate([toy_episode(0).actions, toy_episode(7).actions])
    assert np.array_equal(source.actions, expected)


def test_simulated_and_real_episodes_train_together(tmp_path, dataset):
    real = write_dataset(tmp_path / "real.hdf5", [toy_episode(9)], simulated=False)
    source = store(real, dataset)
    assert source.landmarks.shape == (60, 4)
    assert source.landmarks[:12].isnan().all() and source.labels[:12].isnan().all()
    assert source.landmarks[12:].isfinite().all() and source.labels[12:].isfinite().all()


def test_a_camera_the_dataset_lacks_is_named(dataset):
    with pytest.raises(UserError, match=r"demo_0 has cameras.*front.*lacks \['ceiling'\]"):
        store(dataset, cameras=("front", "ceiling"))


def test_episodes_too_short_for_the_horizon_are_refused(dataset):
    with pytest.raises(UserError, match="longer than 12 steps"):
        batches(store(dataset), horizon=12)
    assert batches(store(dataset), 1, horizon=11)[0].actions.shape == (16, 11, 4)


def test_an_episode_shorter_than_the_horizon_is_left_out(tmp_path):
    path = write_dataset(tmp_path / "d.hdf5", [toy_episode(0, steps=2), toy_episode(1)])
    for batch in batches(store(path), 5):
        assert np.isin(batch.actions[:, 0, 0].numpy(), toy_episode(1).actions[:, 0]).all()


def test_proprioception_of_some_sequences_is_not_known(dataset):
    """All of a sequence or none of it; whatever else is in the batch stays."""
    source = store(dataset)
    (known,) = batches(source, 1)
    (some,) = islice(source.batches(3, 16, 2, 0.0, seed=0, unfelt=0.5), 1)
    lost = some.proprio.isnan().all((1, 2))
    assert 2 < lost.sum() < 14
    assert torch.equal(some.proprio[~lost], known.proprio[~lost])
    assert torch.equal(some.images, known.images) and torch.equal(some.actions, known.actions)


def test_something_covers_one_camera_or_all_for_a_while(dataset):
    """Nearly uniform where it does, untouched elsewhere; the scenes stay as they were."""
    source = store(dataset)
    (clear,) = islice(source.batches(8, 64, 2, 0.0, seed=0), 1)
    (batch,) = islice(source.batches(8, 64, 2, 0.0, seed=0, cover=0.5), 1)
    assert clear.scenes is clear.images and torch.equal(batch.scenes, clear.images)
    changed = (batch.images != clear.images).flatten(3).any(3)  # (B, T + 1, V)
    hidden = batch.images.flatten(3)[changed].int()
    assert (hidden.amax(1) - hidden.amin(1)).max() <= 8 and hidden.max() < 155
    runs = changed.int().diff(dim=1).abs().sum(1)
    assert runs.max() <= 2, "one span each"
    touched = changed.any(1)  # (B, V)
    assert 20 < touched.any(1).sum() < 44
    assert touched.all(1).any() and (touched.any(1) & ~touched.all(1)).any()
    (again,) = islice(source.batches(8, 64, 2, 0.0, seed=0, cover=0.5), 1)
    assert torch.equal(again.images, batch.images)


def test_a_dataset_that_is_named_three_times_counts_three_times(tmp_path):
    once = write_dataset(tmp_path / "once.hdf5", [toy_episode(0), toy_episode(1)])
    often = write_dataset(tmp_path / "often.hdf5", [toy_episode(2), toy_episode(3)])
    paths = [often, once, often, often]
    source = EpisodeStore(paths, CAMERAS, 32, 0.9, held_out=0.25)
    a, b, c, d = (slice(12 * i, 12 * (i + 1)) for i in range(4))
    assert (source.episodes, source.steps) == (4, 48), "read once"
    assert source.learned_from == [a, a, a, b, b, b, c]
    assert source.held_out == [d]
    drawn = torch.cat([batch.actions[:, 0] for batch in batches(source, 40)])
    known = {tuple(action) for action in source.actions[:24].tolist()}
    share = np.mean([tuple(action) in known for action in drawn.tolist()])
    assert 0.8 < share < 0.91  # 6 of 7
