"""Heads fitted anew know more, and nothing else of the model changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_families import tiny
from toy_episodes import toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.compact import CompactConfig, compact
from wm_planner.learning.heads import fit_heads, prepare
from wm_planner.learning.heads_config import HeadsConfig
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.world_models.store import ModelConfig, load_model, read_config, save_model

CAMERAS = ("front", "wrist")
HEADS = ("reward.", "value.", "prior.", "landmarks.", "success.")


def saved(folder: Path, family: str) -> Path:
    model = tiny(family)
    save_model(folder, model, ModelConfig("grasp", "panda", CAMERAS, 10.0, model.config))
    return folder


@pytest.fixture
def data(tmp_path) -> Path:
    return write_dataset(tmp_path / "toy.hdf5", [toy_episode(seed) for seed in range(6)])


def settings(tmp_path: Path, data: Path, family: str, **changes: object) -> HeadsConfig:
    given = {
        "model": str(saved(tmp_path / family, family)),
        "data": (data,),
        "out": tmp_path / f"{family}_heads",
        "updates": 40,
        "batch_size": 16,
        "privileged": True,
        "learning_rate": 0.01,
        **changes,
    }
    return HeadsConfig(**given)  # type: ignore[arg-type]


def landmark_error(folder: Path, data: Path) -> float:
    model = load_model(folder).world_model
    store = EpisodeStore([data], CAMERAS, 32, 0.97)
    errors = []
    for first, end in zip(store.starts, store.ends, strict=True):
        parts = store.images[None, first:end], store.proprio[None, first:end]
        latents = model.filtered(*parts, store.actions[None, first : end - 1])[0]
        errors.append((model.landmarks(latents) - store.landmarks[first:end]).abs().mean())
    return float(torch.stack(errors).mean())


@pytest.mark.parametrize("family", ["td_latent", "flow", "tokens"])
def test_heads_know_more_and_all_else_stays_to_the_bit(family, tmp_path, data):
    config = settings(tmp_path, data, family)
    out = fit_heads(config)
    before, after = (load_file(f / "model.safetensors") for f in (Path(config.model), out))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith(HEADS) for name in changed)
    assert {name.split(".")[0] + "." for name in changed} == set(HEADS)
    assert landmark_error(out, data) < 0.8 * landmark_error(Path(config.model), data)


def test_the_same_seed_fits_the_same_heads(tmp_path, data):
    config = settings(tmp_path, data, "td_latent", updates=5)
    first, again = (
        load_file(fit_heads(replace(config, out=tmp_path / name)) / "model.safetensors")
        for name in ("one", "two")
    )
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_held_out_episodes_are_not_learned_from(tmp_path, data):
    model = load_model(saved(tmp_path / "model", "td_latent")).world_model
    store = EpisodeStore([data], CAMERAS, 32, 0.97, held_out=0.34)
    moments = prepare(model, store, horizon=2)
    held = {i for span in store.held_out for i in range(span.start, span.stop)}
    assert held and not held & set(moments.at.tolist())
    assert moments.before.shape[0] == 4  # encoded, one and two steps ahead, dreamt
    assert torch.equal(moments.before[0, 1:11], moments.after[0, :10])


def test_a_dream_begins_with_what_is_seen_and_goes_on_by_itself(tmp_path, data):
    model = load_model(saved(tmp_path / "model", "td_latent")).world_model
    store = EpisodeStore([data], CAMERAS, 32, 0.97)
    moments = prepare(model, store, horizon=1)
    seen, ahead, dreamt = moments.before
    assert torch.equal(dreamt[0], seen[0])
    torch.testing.assert_close(dreamt[1], ahead[1])  # a step from what was seen
    assert not torch.allclose(dreamt[2], ahead[2])
    assert torch.equal(dreamt[2], moments.after[1, 1])


def test_only_the_named_heads_are_fitted(tmp_path, data):
    config = settings(tmp_path, data, "flow", updates=5, only=("success",))
    out = fit_heads(config)
    before, after = (load_file(f / "model.safetensors") for f in (Path(config.model), out))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("success.") for name in changed)
    assert {"heads", "success"} & set(read_config(out / "config.yaml").provenance) == {"success"}


def test_the_model_says_where_its_heads_come_from(tmp_path, data):
    out = fit_heads(settings(tmp_path, data, "td_latent", updates=3))
    provenance = read_config(out / "config.yaml").provenance
    assert {"data": ["toy.hdf5"], "updates": 3}.items() <= provenance["heads"].items()
    assert provenance["privileged"] is True


def test_heads_that_a_model_has_not_and_data_of_another_robot_are_refused(tmp_path, data):
    with pytest.raises(UserError, match="learned no rewards"):
        fit_heads(settings(tmp_path, data, "jepa", only=("value",)))
    with pytest.raises(UserError, match="landmarks of the data have 8 numbers"):
        fit_heads(settings(tmp_path, data, "td_latent", privileged=False))
    compacted = str(compact(CompactConfig(str(saved(tmp_path / "model", "td_latent")))))
    with pytest.raises(UserError, match=r"only is \('landmarks',\), of which .* has no head"):
        fit_heads(settings(tmp_path, data, "td_latent", model=compacted, only=("landmarks",)))


@pytest.mark.parametrize("privileged", [False, True])
def test_heads_of_a_compacted_model_are_fitted_without_landmarks(privileged, tmp_path, data):
    compacted = compact(CompactConfig(str(saved(tmp_path / "model", "td_latent")), bits=8))
    changes = {"model": str(compacted), "updates": 3, "privileged": privileged}
    out = fit_heads(settings(tmp_path, data, "td_latent", **changes))
    before, after = (load_model(folder).world_model for folder in (compacted, out))
    assert after.landmarks is None
    assert not torch.equal(before.reward(torch.ones(32)), after.reward(torch.ones(32)))


@pytest.mark.parametrize(
    "changes",
    [{"updates": 0}, {"noise": -1.0}, {"held_out": 0.7}, {"dreamt": 1.5}, {"only": ("decoder",)}],
)
def test_what_makes_no_sense_is_refused(changes):
    (name,) = changes
    with pytest.raises(UserError, match=name):
        HeadsConfig(**changes)
