"""Video gets codes, and by a few labelled episodes actions; only its frames are read."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from toy_episodes import toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.episodes import read_episodes
from wm_planner.learning.video.config import VideoLabelConfig, VideoLearnConfig
from wm_planner.learning.video.label import label
from wm_planner.learning.video.learn import learn
from wm_planner.learning.video.meaning import Labelled, fit_meaning
from wm_planner.world_models.latent_actions import LatentActionsConfig
from wm_planner.world_models.latent_actions_store import load_latent_actions

TINY = LatentActionsConfig(image_size=32, key_points=4, digits=2, levels=5, ahead=1, width=8)
SHOWN = range(100, 104)
FEW = range(0, 3)
MANY = range(0, 32)


def poisoned(path: Path) -> Path:
    """The same frames, beside which nothing can be read without an error."""
    with h5py.File(path, "a") as file:
        for demo in file["data"].values():
            for name in [name for name in demo if name != "obs"]:
                del demo[name]
                demo[name] = np.full((3, 3, 3), b"poison")
            del demo["obs/proprio"]
            demo["obs/proprio"] = np.full((2, 2), np.nan)
            demo.attrs["seed"] = "poison"
    return path


def told(folder: Path, video: Path, updates: int) -> Path:
    """What video shows, after codes were learned from it alone, and what was learned beside it."""
    options = {"updates": updates, "batch_size": 16, "network": TINY, "learning_rate": 5e-3}
    model = learn(VideoLearnConfig(data=(video,), out=folder / video.stem, **options))
    out = folder / f"{video.stem}_told.hdf5"
    return label(VideoLabelConfig(model, (folder / "shown.hdf5",), (video,), out))


def written(folder: Path, name: str, seeds: range) -> Path:
    return write_dataset(folder / name, [toy_episode(seed, steps=20) for seed in seeds])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled episodes, video with and without poison, and what was told of each."""
    folder = tmp_path_factory.mktemp("video")
    written(folder, "shown.hdf5", SHOWN)
    told(folder, written(folder, "clean.hdf5", FEW), updates=6)
    told(folder, poisoned(written(folder, "poison.hdf5", FEW)), updates=6)
    return folder


def test_poison_beside_the_frames_changes_nothing(folder: Path) -> None:
    clean, poison = (load_latent_actions(folder / name).model for name in ("clean", "poison"))
    for name, weight in clean.state_dict().items():
        assert torch.equal(weight, poison.state_dict()[name]), name
    told = [list(read_episodes(folder / f"{name}_told.hdf5")) for name in ("clean", "poison")]
    assert len(told[0]) == len(told[1]) == len(SHOWN) + len(FEW)
    for one, other in zip(*told, strict=True):
        assert np.array_equal(one.actions, other.actions)
        assert np.array_equal(one.proprio, other.proprio)
        assert one.success == other.success


def test_labelled_episodes_stay_as_they_are_and_come_first(folder: Path) -> None:
    before = list(read_episodes(folder / "shown.hdf5"))
    after = list(read_episodes(folder / "clean_told.hdf5"))
    for one, other in zip(before, after, strict=False):
        assert np.array_equal(one.actions, other.actions)
        assert np.array_equal(one.frames["front"], other.frames["front"])
        assert (one.success, one.seed) == (other.success, other.seed)


def test_which_codes_are_used_is_told(folder: Path) -> None:
    provenance = load_latent_actions(folder / "clean").provenance
    assert 1 <= provenance["perplexity"] <= provenance["codes"] <= 25
    assert provenance["episodes"] == len(FEW)


@pytest.mark.slow
def test_actions_that_can_be_seen_are_found(tmp_path: Path) -> None:
    written(tmp_path, "shown.hdf5", SHOWN)
    out = told(tmp_path, written(tmp_path, "video.hdf5", MANY), updates=500)
    episodes = list(read_episodes(out))[len(SHOWN) :]
    found, moved, felt, place = [], [], [], []
    for seed, episode in zip(MANY, episodes, strict=True):
        truth = toy_episode(seed, steps=20).proprio[:, 0]
        found.append(episode.actions[:-1, 0])
        moved.append(np.diff(truth))
        felt.append(episode.proprio[:, 0])
        place.append(truth)
    assert correlation(found, moved) > 0.8
    assert correlation(felt, place) > 0.9
    provenance = load_latent_actions(tmp_path / "video").provenance
    assert provenance["perplexity"] > 3
    assert provenance["told"] > 0.3


def correlation(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    return float(np.corrcoef(np.concatenate(a), np.concatenate(b))[0, 1])


def test_a_linear_meaning_is_found_also_of_switches() -> None:
    generator = torch.Generator().manual_seed(0)
    read = torch.randn(300, 20, generator=generator)
    wanted = 0.1 * read @ torch.randn(20, 3, generator=generator)
    actions = torch.cat([wanted[:, :2], wanted[:, 2:].sign()], 1)
    shown, other = (Labelled(read[x], actions[x], wanted[x]) for x in (slice(250), slice(250, 300)))
    meant = fit_meaning([shown], switches=[2]).meant(other.read)
    assert torch.nn.functional.cosine_similarity(meant.proprio, other.proprio, 0).min() > 0.95
    assert torch.nn.functional.cosine_similarity(meant.actions, other.actions, 0).min() > 0.7
    assert set(meant.actions[:, 2].tolist()) == {-1.0, 1.0}


def test_other_cameras_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lacks obs/side_image"):
        learn(VideoLearnConfig((folder / "clean.hdf5",), tmp_path / "out", ("side",), network=TINY))


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="video learn"):
        load_latent_actions(tmp_path)
    (tmp_path / "config.yaml").write_text("cameras: [front]\n")
    with pytest.raises(UserError, match="expected"):
        load_latent_actions(tmp_path)


@pytest.mark.parametrize("options", [{"updates": 0}, {"learning_rate": 0.0}, {"cameras": ()}])
def test_what_cannot_be_learned_with_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(options))):
        VideoLearnConfig(data=(Path("video.hdf5"),), **options)


def test_codes_without_end_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer of both"):
        LatentActionsConfig(digits=16, levels=64)
