"""The figures of the bench mean what they say."""

import json
import time
from dataclasses import replace

import cv2
import pytest
import torch
from tiny_families import tiny

from wm_planner.errors import UserError
from wm_planner.evaluation.bench import BenchConfig, bench
from wm_planner.evaluation.contest import contest
from wm_planner.evaluation.peers import PEERS, Contest
from wm_planner.evaluation.scaling import draw_scaling, measure_scaling
from wm_planner.planning import PlannerConfig, Readings, make_planner
from wm_planner.timing import (
    gemm_peak,
    interleaved_ms,
    median_ratio,
    operations,
    time_ms,
)
from wm_planner.types import Latent, Situation
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
    imagined = samples * iterations + 1  # at the end the mean
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


def test_ratios_are_taken_pair_by_pair():
    assert median_ratio([2.0, 30.0, 6.0], [1.0, 10.0, 1.0]) == 3.0


def test_calls_are_timed_in_turns():
    order = []
    calls = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    samples = interleaved_ms(calls, repeats=3)
    assert [len(times) for times in samples.values()] == [3, 3]
    assert order[-6:] == ["a", "b"] * 3


@pytest.mark.parametrize("large", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_bench_prints_a_table_and_writes_its_keys(model_folder, tmp_path, capsys, large):
    file = tmp_path / "out" / "bench.json"
    bench(BenchConfig(model=str(model_folder), repeats=2, peers=False, large=large, json=file))
    result = json.loads(file.read_text())
    assert {"machine", "budget", "sizes", "memory_mb"} <= result.keys()
    for part in ("encode", "plan", "command", "inverse_kinematics", "frame_to_command"):
        assert result[f"{part}_ms"].keys() == PERCENTILES
    sizes = {"shipped", "shipped_h5"} | ({"tdmpc2", "tdmpc2_h5"} if large else set())
    assert result["sizes"].keys() == sizes
    for size in result["sizes"].values():
        assert size["ours_ms"].keys() == {"eager", "fp32", "fastest"}
        assert size["ours_percentiles_ms"]["eager"].keys() == PERCENTILES
        assert all(share > 0 for share in size["gemm_share"].values())
        peak = size["gflop"]["fp32"] / size["gemm_floor_ms"]["fp32"] * 1e3
        assert peak == pytest.approx(result["machine"]["gemm_gflops"]["float32"], rel=0.05)
    printed = capsys.readouterr().out
    for row in ("p50", "encode", "frame to command", "ours, fastest", "GFLOP", "memory"):
        assert row in printed


BUDGET = PlannerConfig(samples=32, prior_samples=4, iterations=2, elites=8)


def rest(common, compiled):
    """A peer that takes its time: much longer than anything of ours on a tiny model."""
    return lambda: time.sleep(0.05 if compiled else 0.08)


def broken(common, compiled):
    raise RuntimeError("no such thing\nhere")


def test_a_contest_takes_the_better_of_eager_and_compiled_and_names_who_cannot(model):
    peers, peaks = {"rest": rest, "broken": broken}, {"float32": 100.0, "bfloat16": 500.0}
    figures = contest("tiny", model, BUDGET, peers, peaks, repeats=3)
    assert 50 <= figures["peers_ms"]["rest"] < 80
    assert figures["peers_compiled"] == {"rest": True}
    assert figures["peers_skipped"] == {"broken": "RuntimeError: no such thing"}
    ours = figures["ours_ms"]["fp32"]
    assert figures["ratio_fp32"] == pytest.approx(figures["peers_ms"]["rest"] / ours, rel=0.5)


def test_without_rewards_all_plan_for_the_same_distance_to_a_goal():
    blind, met = tiny("jepa"), []
    figures = contest(
        "tiny", blind, BUDGET, {"rest": lambda common, _: met.append(common) or (lambda: None)},
        {"float32": 100.0}, repeats=2,
    )  # fmt: skip
    assert figures["ours_ms"]["eager"] > 0 and figures["peers_ms"].keys() == {"rest"}
    common = met[0]
    actions = torch.rand(1, 5, common.horizon, 4) * 2 - 1
    rollout = blind.rollout(Latent(common.z[None]), actions)
    objective = replace(BUDGET, objectives={"goal_image": 1.0}).objective(
        Readings(goal_features=blind.goal_features)
    )
    ours = objective.score(rollout, None, Situation(goal=Latent(common.goal[None])))
    theirs = common.reward(rollout.latents).sum(-1) + common.value(rollout.latents[:, :, -1])
    assert common.discount == 1.0 and torch.allclose(ours, theirs, atol=1e-6)
    assert not torch.allclose(ours, ours.mean())


@pytest.mark.parametrize("name", PEERS)
def test_peers_plan_towards_a_goal_without_rewards(name):
    pytest.importorskip({"p": "pytorch_mppi", "s": "stable_worldmodel", "t": "torchrl"}[name[0]])
    blind = tiny("jepa")
    z, goal = blind.example(2).z
    with torch.no_grad():
        found = PEERS[name](Contest(blind, z, 32, 2, 3, 8, goal), False)()
    actions = found["actions"][0, 0] if isinstance(found, dict) else found
    assert actions.shape == (4,) and actions.isfinite().all()


@pytest.mark.parametrize("name", PEERS)
def test_peers_plan_on_our_world_model(name, model):
    pytest.importorskip({"p": "pytorch_mppi", "s": "stable_worldmodel", "t": "torchrl"}[name[0]])
    common = Contest(model, torch.full((16,), 1 / 8), 32, 2, 3, 8)
    plan = PEERS[name](common, False)
    with torch.no_grad():
        found = plan()
        flop = operations(plan)
    actions = found["actions"][0, 0] if isinstance(found, dict) else found
    assert actions.shape == (4,) and actions.isfinite().all()
    c, candidates = model.config, common.samples * common.iterations
    step = _linear(c.latent_size + 4, c.hidden_size, 1) + 2 * _linear(
        c.hidden_size, c.hidden_size, 1
    )
    head = 2 * _linear(c.hidden_size, c.hidden_size, 1) + _linear(c.hidden_size, 1, 1)
    least = candidates * (3 * (step + head) + c.value_members * head)
    assert flop >= least  # nobody is let off


@pytest.mark.slow
def test_scaling_is_measured_and_drawn(model, tmp_path):
    scaling = measure_scaling(model, repeats=10, device="cpu")
    assert list(scaling["samples"]) == [str(2**k) for k in range(8, 15)]
    assert 0 < scaling["ms_a_sample_16384_over_256"] < 2
    pytest.importorskip("matplotlib")
    draw_scaling(scaling, tmp_path / "scaling.png")
    picture = cv2.imread(str(tmp_path / "scaling.png"))
    assert picture is not None and picture.std() > 5


@pytest.mark.parametrize("wrong", [{"repeats": 0}, {"threads": -1}])
def test_bench_refuses_numbers_below_one(wrong):
    with pytest.raises(UserError, match="at least 1"):
        BenchConfig(**wrong)


def test_bench_names_the_known_models():
    with pytest.raises(UserError, match="grasp"):
        bench(BenchConfig(model="nosuch"))
