"""A model survives the disk bit by bit; whatever is wrong with its files is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from wm_planner.errors import UserError
from wm_planner.world_models.store import check_device, load_model, read_card, save_model

BIAS = "encoder.visual.0.bias"


@pytest.fixture
def saved(tmp_path: Path, model, config) -> Path:
    save_model(tmp_path / "toy", model, config)
    return tmp_path / "toy"


def edit_config(folder: Path, **changes: object) -> None:
    """Change keys of config.yaml; `network__x` is a key of its network, None removes one."""
    file = folder / "config.yaml"
    values = yaml.safe_load(file.read_text())
    for name, value in changes.items():
        part, _, key = name.rpartition("__")
        place = values[part] if part else values
        if value is None:
            del place[key]
        else:
            place[key] = value
    file.write_text(yaml.safe_dump(values))


def edit_weights(folder: Path, name: str, value: torch.Tensor | None) -> None:
    weights = load_file(folder / "model.safetensors")
    if value is None:
        del weights[name]
    else:
        weights[name] = value
    save_file(weights, folder / "model.safetensors")


def test_a_saved_model_gives_the_same_bits(saved, model, config, observation):
    loaded = load_model(saved)
    latent, other = model.encode(observation), loaded.world_model.encode(observation)
    assert torch.equal(latent.z, other.z)
    actions = torch.rand(3, 5, 2, 4) * 2 - 1
    for a, b in zip(
        model.rollout(latent, actions), loaded.world_model.rollout(other, actions), strict=True
    ):
        assert torch.equal(a, b)
    for a, b in zip(
        model.propose(latent, 5, 2, torch.Generator().manual_seed(0)),
        loaded.world_model.propose(other, 5, 2, torch.Generator().manual_seed(0)),
        strict=True,
    ):
        assert torch.equal(a, b)
    assert torch.equal(model.decode(latent), loaded.world_model.decode(other))
    assert loaded.config == config


def test_a_model_is_exactly_two_files_and_saving_leaves_no_others(saved):
    assert {file.name for file in saved.iterdir()} == {"config.yaml", "model.safetensors"}


def test_the_hash_follows_the_weights(saved):
    before = load_model(saved).sha256
    edit_weights(saved, BIAS, torch.ones(24))
    assert load_model(saved).sha256 != before


def test_a_loaded_model_is_not_trained_by_accident(saved):
    loaded = load_model(saved).world_model
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


@pytest.mark.parametrize("name", ["config.yaml", "model.safetensors"])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(UserError, match=f"{name}: no such file"):
        load_model(saved)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_weights_cut_short_are_refused(saved, share):
    file = saved / "model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=r"model\.safetensors: not a whole safetensors file"):
        load_model(saved)


def test_a_pickle_is_never_opened(saved):
    torch.save({BIAS: torch.zeros(24)}, saved / "model.safetensors")
    with pytest.raises(UserError, match="not a whole safetensors file"):
        load_model(saved)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            BIAS,
            torch.zeros(25),
            r"encoder\.visual\.0\.bias has shape \(25,\), expected \(24,\)",
        ),
        (BIAS, None, r"lacks \['encoder\.visual\.0\.bias'\]"),
        ("extra", torch.zeros(1), r"holds \['extra'\]"),
        (
            BIAS,
            torch.full((24,), torch.nan),
            r"visual\.0\.bias holds NaN or infinity",
        ),
        (
            BIAS,
            torch.full((24,), torch.inf),
            r"visual\.0\.bias holds NaN or infinity",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(saved, name, value, message):
    edit_weights(saved, name, value)
    with pytest.raises(UserError, match=message):
        load_model(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "dreamer"}, "unknown family"),
        ({"family": None}, "unknown family"),
        ({"speed": 3}, "speed"),
        ({"robot": None}, "robot"),
        ({"network__depth": 3}, "depth"),
        ({"network__hidden_size": None}, "hidden_size"),
        ({"network": [1, 2]}, "TDLatentConfig"),
        ({"cameras": ["front"]}, r"cameras \['front'\], expected 2"),
        ({"network__hidden_size": 16}, "has shape"),
        ({"network__image_size": 50}, "image_size 50"),
        ({"network__image_size": "large"}, "image_size"),
        ({"network__latent_size": 64}, "has shape"),
        ({"network__switches": [7]}, "switches"),
        ({"control_rate_hz": "fast"}, "control_rate_hz"),
        ({"control_rate_hz": 0}, "control_rate_hz"),
        ({"control_rate_hz": float("inf")}, "control_rate_hz"),
        ({"robot": "../../elsewhere/robot.yaml"}, "robot .* never files"),
        ({"robot": "/tmp/robot.yaml"}, "robot .* never files"),
        ({"task": ["grasp"]}, "task"),
        ({"cameras": ["front", "front"]}, "twice"),
        ({"cameras": "front"}, "cameras"),
        ({"provenance": [1]}, "provenance"),
        ({"provenance": {"privileged": "maybe"}}, "learned what only"),
        ({"network__cameras": True}, "cameras True"),
        ({"network__switches": [3.0]}, "switches"),
        ({"network__channels": 4}, "channels"),
        ({"network__discount": "0.9"}, "discount"),
    ],
)
def test_a_config_that_does_not_fit_is_named(saved, changes, message):
    edit_config(saved, **changes)
    with pytest.raises(UserError, match=message):
        load_model(saved)


@pytest.mark.parametrize(
    "text",
    [
        "family: [td_latent",
        "just words",
        "",
        "\x00\x01",
    ],
)
def test_a_config_that_is_no_plain_yaml_is_refused(saved, text):
    (saved / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"config\.yaml"):
        load_model(saved)


@pytest.mark.parametrize("key", ["family", "provenance"])
def test_a_config_never_runs_code(saved, tmp_path, key):
    victim = tmp_path / "written"
    values = (saved / "config.yaml").read_text().replace(f"{key}:", "ignored:")
    attack = f"{key}: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path"
    (saved / "config.yaml").write_text(f"{values}\n{attack} ['{victim}']]\n")
    with pytest.raises(UserError, match=r"config\.yaml: not YAML.*python/object"):
        load_model(saved)
    assert not victim.exists()


def test_a_config_of_other_bytes_is_refused(saved):
    (saved / "config.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError, match=r"config\.yaml"):
        load_model(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network__hidden_size": 10_000_000}, "hidden_size 10000000 must be .* to 16384"),
        ({"network__image_size": 2**40}, "image_size"),
        ({"network__value_members": 10**6}, "value_members"),
        ({"network__hidden_size": 16384, "network__latent_size": 16384}, "bytes of weights"),
    ],
)
def test_sizes_of_a_planet_are_refused_before_they_are_allocated(saved, changes, message):
    edit_config(saved, **changes)
    with pytest.raises(UserError, match=message):
        load_model(saved)


def test_weights_of_another_type_are_refused(saved):
    edit_weights(saved, BIAS, torch.zeros(24, dtype=torch.int32))
    with pytest.raises(UserError, match=r"visual\.0\.bias is of type I32, expected F32, F16, I8"):
        load_model(saved)


def test_a_header_of_a_planet_is_refused(saved):
    weights = load_file(saved / "model.safetensors")
    save_file(weights, saved / "model.safetensors", {"note": "x" * 2**21})
    with pytest.raises(UserError, match="calls for"):
        load_model(saved)


def test_a_card_is_read_if_it_is_text_of_reasonable_size(saved):
    assert read_card(saved) == ""
    (saved / "README.md").write_text("# A card")
    assert read_card(saved) == "# A card"
    (saved / "README.md").write_bytes(b"#" * 2**21)
    with pytest.raises(UserError, match=r"README\.md: more than"):
        read_card(saved)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none_is_refused(saved):
    with pytest.raises(UserError, match=r"'cuda': this machine has no usable CUDA.*cpu"):
        load_model(saved, "cuda")


@pytest.mark.parametrize("device", ["gpu", "cpu:zero", ""])
def test_an_unknown_device_lists_the_known(device):
    with pytest.raises(UserError, match="expected cpu, cuda or cuda:N"):
        check_device(device)


def test_a_failed_write_leaves_the_old_model_whole(saved, model, config):
    """A disk that fills up while the configuration is written."""
    before = (saved / "config.yaml").read_bytes()
    (saved / "config.yaml.partial").mkdir()  # nothing can be written there
    with pytest.raises(IsADirectoryError):
        save_model(saved, model, config)
    assert (saved / "config.yaml").read_bytes() == before
    assert load_model(saved).config == config
