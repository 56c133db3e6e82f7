"""A run that is not privileged looks at nothing that only a simulation knows."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from toy_episodes import TINY, toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.episodes import read_episodes
from wm_planner.learning.layout import PRIVILEGED
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.learning.train import fit
from wm_planner.learning.train_config import TrainConfig
from wm_planner.world_models.store import load_model, write_config

CAMERAS = ("front", "wrist")


def poisoned(path):
    """The same episodes, whose privileged fields cannot be looked at without an error."""
    with h5py.File(path, "a") as file:
        for demo in file["data"].values():
            for name in PRIVILEGED:
                del demo[name]
                demo[name] = np.full((3, 3, 3), b"poison")
    return path


@pytest.fixture
def poison(tmp_path):
    path = tmp_path / "poison.hdf5"
    return poisoned(write_dataset(path, [toy_episode(seed) for seed in range(4)]))


@pytest.fixture
def bare(tmp_path):
    """As a real robot would write it."""
    path = tmp_path / "bare.hdf5"
    return write_dataset(path, [toy_episode(seed) for seed in range(4)], simulated=False)


def trained(data, out, **options):
    config = TrainConfig(
        data=(data,), out=out, updates=2, batch_size=4, threads=1, network=TINY, **options
    )
    fit(config, config.datasets, out)
    return load_model(out)


def test_poison_is_noticed_by_who_looks(poison):
    with pytest.raises(UserError, match="rewards"):
        list(read_episodes(poison))


def test_a_run_learns_the_same_with_and_without_what_is_privileged(poison, bare, tmp_path):
    one = trained(poison, tmp_path / "one", privileged=False)
    other = trained(bare, tmp_path / "other", privileged=False)
    weights = other.world_model.state_dict()
    for name, value in one.world_model.state_dict().items():
        assert torch.equal(value, weights[name]), name
    assert one.config.provenance["privileged"] is False


def test_the_ceiling_is_measured_with_it(dataset, tmp_path):
    model = trained(dataset, tmp_path / "ceiling", privileged=True)
    assert model.config.provenance["privileged"] is True
    assert model.config.network.landmark_size == 4


@pytest.mark.parametrize("had", [True, False])
def test_what_was_learned_with_privilege_stays_so(had, bare, tmp_path):
    start = trained(bare, tmp_path / "start", privileged=False)
    write_config(start.directory, replace(start.config, provenance={"privileged": had}))
    config = TrainConfig(
        data=(bare,), out=tmp_path / "on", updates=2, batch_size=4, threads=1, privileged=False,
        network=start.config.network,
    )  # fmt: skip
    fit(config, config.datasets, tmp_path / "on", start.directory)
    assert load_model(tmp_path / "on").config.privileged is had


def test_a_success_is_paid_at_its_last_step_and_a_failure_never(bare):
    store = EpisodeStore([bare], CAMERAS, 32, 0.9, privileged=False)
    assert torch.equal(store.rewards, store.success)
    worked = torch.from_numpy(0.9 ** np.arange(11, -1, -1)).float()
    for i, (start, end) in enumerate(zip(store.starts, store.ends, strict=True)):
        wanted = worked if toy_episode(i).success else torch.zeros(12)
        assert torch.allclose(store.returns[start:end], wanted)
    assert store.labels.isnan().all()


def test_batches_hold_the_success_that_an_episode_ends_with(bare):
    store = EpisodeStore([bare], CAMERAS, 32, 0.9, privileged=False)
    ended = [bool(toy_episode(i).success) for i in range(store.episodes)]
    told = store.success[torch.from_numpy(store.ends) - 2]  # its frame is the last there is
    assert told.bool().tolist() == ended and any(ended)
    seen = [next(store.batches(3, 64, 0, 0.0, seed)) for seed in range(4)]
    assert any(batch.success.any() for batch in seen)
    assert all(torch.equal(batch.success, batch.rewards) for batch in seen)


@pytest.mark.parametrize("share", [-0.1, 0.5, 0.7, 1.0])
def test_less_than_half_of_the_episodes_is_held_out(share):
    with pytest.raises(UserError, match="held_out"):
        TrainConfig(held_out=share)
