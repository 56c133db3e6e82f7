"""A decoder fitted anew shows more, and nothing else of the model changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy_episodes import TINY

from wm_planner.errors import UserError
from wm_planner.learning.decoder import DecoderConfig, draw, fit_decoder
from wm_planner.learning.picture_fit import prepare
from wm_planner.learning.rounds import train
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.learning.train_config import TrainConfig
from wm_planner.monitoring.look import Look
from wm_planner.types import Latent
from wm_planner.world_models.pictures import Usual, as_decoded, decoder_loss
from wm_planner.world_models.store import ModelConfig, load_model, read_config, save_model
from wm_planner.world_models.td_latent import TDLatent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = replace(TINY, landmark_size=4)
    config = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, network, {"updates": 7})
    save_model(tmp_path / "model", TDLatent(network), config)
    return tmp_path / "model"


@pytest.fixture
def settings(folder, dataset, tmp_path) -> DecoderConfig:
    out = tmp_path / "fitted"
    return DecoderConfig(str(folder), (dataset,), out, updates=100, batch_size=16, horizon=2)


def error(folder: Path, dataset: Path) -> float:
    """Mean absolute error of the decoded frames of all encoded moments, in [0, 255]."""
    model = load_model(folder).world_model
    store = EpisodeStore([dataset], ("front", "wrist"), 32, 0.97)
    decoded = model.decode(Latent(model.embed(store.images, store.proprio)))
    return float((decoded.float() - store.images.float()).abs().mean())


def test_the_pictures_get_better_and_all_else_stays_to_the_bit(settings, folder, dataset):
    out = fit_decoder(settings)
    before, after = (load_file(f / "model.safetensors") for f in (folder, out))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("decoder.") for name in changed)
    assert error(out, dataset) < 0.5 * error(folder, dataset)


def test_the_model_says_where_its_decoder_comes_from(settings, folder):
    described = read_config(fit_decoder(replace(settings, updates=3)) / "config.yaml")
    assert described.provenance["updates"] == 7
    fitted = described.provenance["decoder"]
    known = {"data": ["toy.hdf5"], "episodes": 4, "updates": 3, "seed": 0}
    assert known.items() <= fitted.items()
    assert replace(described, provenance={}) == replace(
        read_config(folder / "config.yaml"), provenance={}
    )


def test_the_same_seed_gives_the_same_decoder(settings, tmp_path):
    short = replace(settings, updates=3)
    hashes = [
        load_model(fit_decoder(replace(short, out=tmp_path / name, seed=seed))).sha256
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert hashes[0] == hashes[1]
    weights = [load_file(tmp_path / n / "model.safetensors") for n in "ac"]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_half_are_encoded_half_imagined_and_each_with_the_frames_of_its_moment(folder, dataset):
    """Imagined from up to two steps before; at the start of an episode, there is nothing before."""
    model = load_model(folder).world_model
    store = EpisodeStore([dataset], ("front", "wrist"), 32, 0.97)
    examples = prepare(model, store)
    (z,), frames = draw(model, examples, 64, 2, torch.Generator().manual_seed(0))
    assert z.shape == (64, 32)
    known, most = [], dict.fromkeys(store.starts.tolist(), 0)  # latents, moments, steps imagined
    for moment in range(store.steps):
        steps = most.setdefault(moment, min(2, most.get(moment - 1, 0) + 1))
        for ahead in range(steps + 1):
            latent = examples.latents[moment - ahead][None]
            for k in range(moment - ahead, moment):
                latent = model.step(latent, examples.actions[k][None])
            known.append((latent[0], moment, ahead))
    latents = torch.stack([latent for latent, *_ in known])
    drawn = []
    for b in range(64):
        latent, moment, ahead = known[int((latents - z[b]).abs().amax(1).argmin())]
        torch.testing.assert_close(z[b], latent)
        assert torch.equal(frames[b], as_decoded(store.images[moment][None])[0])
        drawn.append((ahead, most[moment]))
    assert all(ahead == 0 for ahead, _ in drawn[:32])
    assert all(ahead >= min(1, steps) for ahead, steps in drawn[32:])
    assert {ahead for ahead, steps in drawn[32:] if steps == 2} == {1, 2}


def test_a_small_thing_counts_whether_it_is_missing_or_too_many():
    table = torch.zeros(1, 3, 16, 16)
    cube = table.clone()
    cube[..., 3:6, 3:6] = 0.5
    usual = Usual(table[0], torch.full((3, 16, 16), 0.001))

    def loss(decoded, wanted, emphasis):
        return float(decoder_loss(decoded, wanted, usual, emphasis, 0.0))

    missing = loss(table, cube, 4.0)
    assert missing == pytest.approx(loss(cube, table, 4.0))
    assert missing > 5 * loss(table, cube, 0.0)


@pytest.mark.filterwarnings("ignore")
def test_training_ends_with_prior_and_decoder_and_makes_neither_twice(dataset, tmp_path):
    config = TrainConfig(
        data=(dataset,), out=tmp_path / "run", updates=2, batch_size=8, horizon=2, shift=1,
        network=TINY, prior_updates=2, decoder_updates=3,
    )  # fmt: skip
    out = train(config)
    described = read_config(out / "config.yaml")
    assert described.provenance["prior"]["updates"] == 2
    assert described.provenance["decoder"]["updates"] == 3
    plain, fitted = (load_file(folder / "model.safetensors") for folder in (out / "round_0", out))
    changed = {name.split(".")[0] for name, part in plain.items() if not part.equal(fitted[name])}
    assert changed == {"prior", "decoder"}
    assert Look.beside(out, ("front", "wrist")) is not None
    parts = [out / part / "model.safetensors" for part in ("prior", "decoder")]
    before = [path.stat().st_mtime_ns for path in parts]
    assert load_file(train(config) / "model.safetensors").keys() == fitted.keys()
    assert [path.stat().st_mtime_ns for path in parts] == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"updates": 0}, "updates is 0"),
        ({"emphasis": -1.0}, "emphasis is -1.0, expected 0 or more"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
    ],
)
def test_settings_that_make_no_sense_are_named(changes, message):
    with pytest.raises(UserError, match=message):
        DecoderConfig(**changes)


def test_missing_data_and_models_are_named(settings, tmp_path):
    with pytest.raises(UserError, match=r"gone\.hdf5: no such dataset"):
        fit_decoder(replace(settings, data=(tmp_path / "gone.hdf5",)))
    with pytest.raises(UserError, match="unknown model 'juggle'"):
        fit_decoder(replace(settings, model="juggle"))
