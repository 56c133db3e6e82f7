"""Whatever a file holds, its loader gives a valid object or a UserError, soon and small."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import strategies as st
from mutations import EXAMPLES, fuzz, spoilt_bytes, spoilt_values

from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.evaluation.compare import CompareConfig, compare
from wm_planner.evaluation.records import Trial, TrialLog, read_run
from wm_planner.evaluation.report import write_report
from wm_planner.learning.episodes import read_episodes
from wm_planner.paths import robot_config
from wm_planner.safe_yaml import parse_yaml
from wm_planner.world_models import store
from wm_planner.world_models.store import ModelConfig, load_model, read_config, save_model
from wm_planner.world_models.td_latent import TDLatent, TDLatentConfig

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "learning"))
from toy_episodes import toy_episode, write_dataset

TINY = TDLatentConfig(
    image_size=32, latent_size=8, hidden_size=4, value_members=2, channels=(2, 2, 2, 2)
)
SETTINGS = {
    "task": "grasp", "planner": "mppi", "stages": ["reach", "lift"], "over": "process",
    "config": {"time_limit": 10.0, "faults": {"push": 0.0}},
    "model": {"name": "a", "sha256": "0123", "card": "# A",
              "config": {"task": "grasp", "network": {"discount": 0.97}}},
    "git": "abc", "machine": {"processor": "p", "device": "cpu", "torch": "2"},
}  # fmt: skip
TRIAL = Trial(
    "mppi", 5, False, "time limit", 3, 0.3, [0, 1, 1], [0.1, 0.2, 0.3], [1.5, float("nan"), 2.5],
    [10.0, 20.0, 30.0], [11.0, 21.0, 31.0], "strips/a.png", "videos/a.mp4", "bags/a",
)  # fmt: skip
examples = pytest.mark.parametrize("examples", EXAMPLES)


def as_yaml(values: dict) -> bytes:
    return yaml.safe_dump(values, allow_unicode=True).encode(errors="replace")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, TINY, {"updates": 3})
    save_model(tmp_path / "model", TDLatent(TINY), config)
    return tmp_path / "model"


@examples
def test_yaml(examples):
    text = st.text(alphabet="{}[]:,&*!?|>-#'\"%@` \n\tab10.eE+_~<=x", max_size=60)
    fuzz(examples, text, lambda text: parse_yaml(text, "fuzz"))


@examples
@pytest.mark.parametrize("kind", ["bytes", "values"])
def test_a_models_configuration(examples, kind, model):
    file = model / "config.yaml"
    valid = file.read_bytes()
    spoilt = {
        "bytes": spoilt_bytes(valid),
        "values": spoilt_values(yaml.safe_load(valid)).map(as_yaml),
    }

    def load(content: bytes) -> None:
        file.write_bytes(content)
        network = read_config(file).network
        with torch.device("meta"):
            TDLatent(network)  # whatever is accepted can be built

    fuzz(examples, spoilt[kind], load)


@examples
@pytest.mark.parametrize("dtype", [torch.float32, torch.int8])
@pytest.mark.parametrize("kind", ["header", "bytes"])
def test_a_models_weights(examples, kind, dtype, model, monkeypatch):
    config = read_config(model / "config.yaml")
    save_model(model, load_model(model).world_model, config, dtype)
    monkeypatch.setattr(store, "read_config", lambda path: config)  # spoilt in a test of its own
    file = model / "model.safetensors"
    valid = file.read_bytes()
    size = int.from_bytes(valid[:8], "little")
    header, data = valid[8 : 8 + size], valid[8 + size :]

    def with_header(header: bytes) -> bytes:
        return len(header).to_bytes(8, "little") + header + data

    spoilt = {
        "header": spoilt_values(json.loads(header)).map(
            lambda v: with_header(json.dumps(v).encode())
        ),
        "bytes": spoilt_bytes(valid[: size + 8]).map(lambda content: content + data),
    }

    def load(content: bytes) -> None:
        file.write_bytes(content)
        weights = load_model(model).world_model.state_dict()
        assert all(bool(values.isfinite().all()) for values in weights.values())

    fuzz(examples, spoilt[kind], load)


@examples
@pytest.mark.parametrize("kind", ["bytes", "values"])
def test_a_robot(examples, kind, tmp_path):
    file = tmp_path / "robot.yaml"
    valid = robot_config("panda").read_bytes()
    spoilt = {
        "bytes": spoilt_bytes(valid),
        "values": spoilt_values(yaml.safe_load(valid)).map(as_yaml),
    }

    def load(content: bytes) -> None:
        file.write_bytes(content)
        config = RobotConfig.load(file)
        for lower, home, upper in zip(config.lower, config.home, config.upper, strict=True):
            assert -1e6 <= lower < home < upper <= 1e6
        assert all(0 < limit <= 1e6 for limit in (*config.velocity, *config.jerk))
        assert "/" not in config.mjcf

    fuzz(examples, spoilt[kind], load)


@examples
def test_a_dataset(examples, tmp_path):
    file = tmp_path / "toy.hdf5"
    write_dataset(file, [toy_episode(seed, steps=4, size=8) for seed in range(2)])

    def load(content: bytes) -> None:
        file.write_bytes(content)
        for episode in read_episodes(file):
            assert {len(part) for part in episode.frames.values()} <= {len(episode.actions)}

    fuzz(examples, spoilt_bytes(file.read_bytes()), load)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    log = TrialLog(tmp_path / "run", SETTINGS)
    for seed in range(3):
        log.add(TRIAL._replace(seed=seed, success=seed == 0))
    log.close()
    return tmp_path / "run"


@examples
@pytest.mark.parametrize("kind", ["bytes", "values"])
def test_a_log_of_trials(examples, kind, run):
    file = run / "trials.jsonl"
    valid = file.read_bytes()
    line = json.loads(valid.splitlines()[0])
    spoilt = {
        "bytes": spoilt_bytes(valid),
        "values": spoilt_values(line).map(lambda v: json.dumps(v).encode() + b"\n"),
    }

    def load(content: bytes) -> None:
        file.write_bytes(content)
        for trial in read_run(run)[1]:
            for path in (trial.strip, trial.video, trial.bag):
                assert (run / path).resolve().is_relative_to(run.resolve())

    fuzz(examples, spoilt[kind], load)


@examples
def test_settings_of_a_run(examples, run):
    """Whatever is accepted can be compared, and gone on with."""
    file = run / "settings.json"
    spoilt = spoilt_values(SETTINGS).map(lambda v: json.dumps(v).encode())

    def load(content: bytes) -> None:
        file.write_bytes(content)
        read_run(run)
        compare(CompareConfig(run, run))

    fuzz(examples, spoilt | spoilt_bytes(file.read_bytes()), load)


@pytest.mark.parametrize("examples", [30, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_report_can_be_written_of_whatever_is_accepted(examples, run):
    settings, log = run / "settings.json", run / "trials.jsonl"
    line = json.loads(log.read_text().splitlines()[0])
    spoilt = st.tuples(spoilt_values(SETTINGS), spoilt_values(line))

    def load(values: tuple[dict, dict]) -> None:
        settings.write_text(json.dumps(values[0]))
        log.write_text(json.dumps(values[1]) + "\n")
        try:
            read_run(run)
        except UserError:
            log.write_text(json.dumps(line) + "\n")
        write_report(run)
        assert set(path.name for path in run.iterdir()) <= {
            "settings.json", "trials.jsonl", "report.html",
        }  # fmt: skip

    fuzz(examples, spoilt, load)
