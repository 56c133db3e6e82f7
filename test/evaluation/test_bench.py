"""The figures of the bench mean what they say."""

import json

import pytest
import torch

from wm_planner.errors import UserError
from wm_planner.evaluation.bench import BenchConfig, bench
from wm_planner.evaluation.timing import gemm_peak, operations, time_ms
from wm_planner.planning import PlannerConfig, make_planner
from wm_planner.types import Latent
from wm_planner.world_models.layers import EnsembleLinear

PERCENTILES = {"p50", "p95", "p99"}


def _linear(inputs, outputs, rows):
    return 2 * inputs * outputs * rows


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_operations_of_known_layers(mode):
    x, frame = torch.zeros(7, 30), torch.zeros(1, 3, 32, 32)
    linear, ensemble = torch.nn.Linear(30, 40), EnsembleLinear(3, 30, 40)
    convolution = torch.nn.Conv2d(3, 8, 4, stride=2, padding=1)
    with mode():
        assert operations(lambda: linear(x)) == _linear(30, 40, 7)
        assert operations(lambda: ensemble(x.expand(3, 7, 30))) == 3 * _linear(30, 40, 7)
        assert operations(lambda: convolution(frame)) == _linear(3 * 4 * 4, 8, 16 * 16)


def test_operations_of_a_plan_are_its_layers_times_its_candidates(model):
    """Counted by hand: what a search without a prior must imagine, and nothing else."""
    samples, iterations, horizon = 16, 2, 3
    search = PlannerConfig(
        samples=samples,
        prior_samples=0,
        iterations=iterations,
        horizon=horizon,
        elites=4,
        use_prior=False,
        use_warm_start=False,
    )
    planner = make_planner(model, model.action_space, search)
    c = model.config
    d, w, k = c.latent_size, c.hidden_size, c.value_members
    imagined = samples * iterations + 2  # at the end the mean, and doing nothing
    step = _linear(d + c.action_size, w, 1) + _linear(w, w, 1) + _linear(w, d, 1)
    reward = _linear(d, w, 1) + _linear(w, w, 1) + _linear(w, 1, 1)
    latent = Latent(torch.zeros(1, d))
    counted = operations(lambda: planner.plan(latent, None, torch.Generator()))
    assert counted == imagined * (horizon * (step + reward) + k * reward)


def test_percentiles_are_in_order_and_of_the_right_size():
    a = torch.zeros(400, 400)
    times = time_ms(lambda: a @ a, repeats=5)
    assert times.keys() == PERCENTILES
    assert 0.1 < times["p50"] <= times["p95"] <= times["p99"] < 1000


def test_peak_is_that_of_a_processor():
    assert 1e8 < gemm_peak(torch.float32, repeats=2) < 1e14


def test_bench_prints_a_table_and_writes_its_keys(model_folder, tmp_path, capsys):
    file = tmp_path / "out" / "bench.json"
    bench(BenchConfig(model=str(model_folder), repeats=2, json=file))
    result = json.loads(file.read_text())
    assert {"machine", "budget", "sizes"} <= result.keys()
    for part in ("encode", "command", "inverse_kinematics", "frame_to_command"):
        assert result[f"{part}_ms"].keys() == PERCENTILES
    shipped = result["sizes"]["shipped"]
    assert shipped["ours_ms"]["eager"].keys() == PERCENTILES
    assert 0 < shipped["gemm_share"] < 1
    assert shipped["gemm_floor_ms"] > 0
    printed = capsys.readouterr().out
    for row in ("p50", "encode", "frame to command", "plan, shipped", "GFLOP"):
        assert row in printed


@pytest.mark.parametrize("wrong", [{"repeats": 0}, {"threads": 0}])
def test_bench_refuses_numbers_below_one(wrong):
    with pytest.raises(UserError, match="at least 1"):
        BenchConfig(**wrong)


def test_bench_names_the_known_models():
    with pytest.raises(UserError, match="grasp"):
        bench(BenchConfig(model="nosuch"))
