"""Compiled imagination is the model's own, only faster; where it cannot be, PyTorch does it."""

from __future__ import annotations

import copy
import logging
import math

import pytest
import torch

from wm_planner.fastest import Fastest
from wm_planner.paths import model_dir
from wm_planner.types import Latent
from wm_planner.world_models import backend
from wm_planner.world_models.backend import with_backend
from wm_planner.world_models.layers import SimNorm
from wm_planner.world_models.store import load_model
from wm_planner.world_models.td_latent import TDLatent, TDLatentConfig, library, native
from wm_planner.world_models.td_latent.library import LibraryError, load_library
from wm_planner.world_models.td_latent.native import NativeTDLatent

try:
    load_library()
    MISSING = ""
except LibraryError as error:
    MISSING = str(error)

needs_library = pytest.mark.skipif(bool(MISSING), reason=MISSING)


def make(bins: int = 1, latent: int = 128, hidden: int = 80, members: int = 3) -> TDLatent:
    """Random weights everywhere, so that no layer is left out unnoticed."""
    torch.manual_seed(0)
    model = TDLatent(
        TDLatentConfig(
            image_size=32, latent_size=latent, hidden_size=hidden, value_members=members,
            bins=bins, channels=(4, 4, 8, 8),
        )
    )  # fmt: skip
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1 or parameter.shape[1] == 1:
                parameter += 0.2 * torch.randn_like(parameter)
    return model.eval().requires_grad_(False)


def inputs(model: TDLatent, batch: int, n: int, horizon: int) -> tuple[Latent, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    z = SimNorm()(torch.randn(batch, model.config.latent_size, generator=generator) * 3)
    return Latent(z), torch.rand(batch, n, horizon, 4, generator=generator) * 2 - 1


@needs_library
@pytest.mark.parametrize("bins", [1, 21])
@pytest.mark.parametrize(("batch", "n", "horizon"), [(1, 1, 1), (1, 300, 3), (3, 97, 5)])
def test_float32_agrees_with_pytorch(bins, batch, n, horizon):
    model = make(bins)
    latent, actions = inputs(model, batch, n, horizon)
    found = NativeTDLatent(model, torch.float32).rollout(latent, actions)
    wanted = model.rollout(latent, actions)
    for name in ("rewards", "terminal_value", "disagreement"):
        a, b = getattr(found, name), getattr(wanted, name)
        torch.testing.assert_close(a, b, rtol=2e-4, atol=2e-5 * float(b.abs().max()))


def why_not(dtype: torch.dtype) -> str:
    """Why this processor does not imagine in `dtype`; empty where it does."""
    try:
        NativeTDLatent(make(), dtype)
    except LibraryError as error:
        return str(error)
    return ""


DTYPES = [
    pytest.param(dtype, marks=pytest.mark.skipif(bool(reason), reason=reason), id=str(dtype)[6:])
    for dtype in (torch.float32, torch.bfloat16)
    for reason in [why_not(dtype)]
]
needs_bfloat16 = DTYPES[1].marks[0]


@needs_bfloat16
@pytest.mark.parametrize("bins", [1, 21])
def test_bfloat16_is_as_near_as_pytorchs_own(bins):
    model = make(bins)
    latent, actions = inputs(model, 2, 200, 3)
    wanted = model.rollout(latent, actions)
    found = NativeTDLatent(model, torch.bfloat16).rollout(latent, actions)
    half = copy.deepcopy(model).bfloat16()
    pytorchs = half.rollout(Latent(latent.z.bfloat16()), actions.bfloat16())
    for part in ("rewards", "terminal_value", "disagreement"):
        ours, theirs = (
            (getattr(rollout, part).float() - getattr(wanted, part)).square().mean().sqrt()
            for rollout in (found, pytorchs)
        )
        assert 0 < ours < 1.2 * theirs


@needs_library
def test_a_proposal_is_the_one_pytorch_makes_of_the_same_seed():
    model = make()
    latent, _ = inputs(model, 2, 1, 1)
    found, wanted = (
        m.propose(latent, 40, 4, torch.Generator().manual_seed(3))
        for m in (NativeTDLatent(model, torch.float32), model)
    )
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_candidates_depend_neither_on_their_neighbours_nor_on_the_threads(dtype):
    model = make()
    compiled = NativeTDLatent(model, dtype)
    latent, actions = inputs(model, 2, 300, 3)
    together = compiled.rollout(latent, actions)
    alone = compiled.rollout(Latent(latent.z[1:]), actions[1:, 250:])
    assert torch.equal(together.rewards[1:, 250:], alone.rewards)
    assert torch.equal(together.terminal_value[1:, 250:], alone.terminal_value)
    proposed, own = (
        compiled.propose(Latent(z), 40, 3, [torch.Generator().manual_seed(b) for b in rows])
        for z, rows in ((latent.z, (0, 1)), (latent.z[1:], (1,)))
    )
    assert all(torch.equal(a[1:], b) for a, b in zip(proposed, own, strict=True))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3 - min(threads, 2))
        assert torch.equal(compiled.rollout(latent, actions).rewards, together.rewards)
    finally:
        torch.set_num_threads(threads)


@needs_library
def test_what_is_not_a_number_stays_visible():
    model = make()
    latent, actions = inputs(model, 1, 5, 2)
    actions[0, 3, 1, 0] = math.nan
    rewards = NativeTDLatent(model, torch.float32).rollout(latent, actions).rewards
    assert rewards[0, 3, 1].isnan()
    assert rewards[0, [0, 1, 2, 4]].isfinite().all()


@needs_library
def test_huge_activations_overflow_to_nothing_worse_than_pytorchs():
    model = make()
    with torch.no_grad():
        model.dynamics[0][1].weight *= 1e4
    latent, actions = inputs(model, 1, 50, 2)
    found = NativeTDLatent(model, torch.float32).rollout(latent, actions).rewards
    torch.testing.assert_close(found, model.rollout(latent, actions).rewards, rtol=1e-3, atol=1e-4)


@needs_library
@pytest.mark.parametrize("z", [torch.zeros(2, 128), torch.zeros(1, 128, dtype=torch.float64)])
def test_inputs_that_do_not_fit_are_refused(z):
    operator = torch.ops.wm_planner.imagine
    compiled = NativeTDLatent(make(), torch.float32)
    with pytest.raises(RuntimeError, match=r"expected|must be"):
        operator(z, torch.zeros(1, 4, 2, 4), compiled._mlps, compiled._action_weight, None, 8)


@needs_library
@pytest.mark.parametrize(
    ("weight", "wrong"),
    [(torch.zeros(4, 5), "axis 1"), (torch.zeros(3, 64).bfloat16(), "axis 0"),
     (torch.zeros(64), "inputs, outputs"), (torch.zeros(4, 64).double(), "Double")],
)  # fmt: skip
def test_weights_that_cannot_be_packed_are_refused(weight, wrong):
    with pytest.raises(RuntimeError, match=wrong):
        torch.ops.wm_planner.pack(weight)


@needs_library
@pytest.mark.parametrize(
    ("sizes", "named"), [({"latent": 64}, "latent"), ({"hidden": 24}, "hidden")]
)
def test_sizes_that_do_not_suit_are_named(sizes, named):
    with pytest.raises(LibraryError, match=f"{named}_size is no multiple of"):
        NativeTDLatent(make(**sizes), torch.float32)


@pytest.mark.parametrize("dtype", DTYPES)
def test_code_that_disagrees_with_the_model_is_not_used(monkeypatch, caplog, dtype):
    monkeypatch.setitem(native._TOLERANCES, dtype, 1e-12)
    model = make()
    with caplog.at_level(logging.WARNING):
        assert with_backend(model, str(dtype)[6:]) is model
    assert "off by" in caplog.text


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["grasp", "unstack"])
def test_rewards_that_hardly_change_returns_may_be_rounded(name, dtype):
    """These learned from successes alone: elsewhere rewards are next to nothing."""
    model = load_model(model_dir(name)).world_model
    assert isinstance(with_backend(model, str(dtype)[6:]), NativeTDLatent)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_backend_is_what_it_is_called(dtype):
    chosen = with_backend(make(), str(dtype)[6:])
    assert isinstance(chosen, NativeTDLatent) and chosen.dtype == dtype


@needs_library
@pytest.mark.parametrize("name", ["float32", "eager"])
def test_auto_takes_what_was_measured_to_be_fastest(monkeypatch, name):
    monkeypatch.setattr(backend, "fastest", lambda *_: Fastest(name, {name: 1.0}, {}))
    model = make()
    assert (with_backend(model, "auto") is model) == (name == "eager")


def test_eager_is_the_model_itself():
    model = make()
    assert with_backend(model, "eager") is model


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A process that has not looked for the library yet, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    library._why_not.cache_clear()
    yield tmp_path
    library._why_not.cache_clear()


def test_without_a_compiler_pytorch_imagines_and_says_so(fresh, monkeypatch, caplog):
    monkeypatch.setenv("CXX", "no-such-compiler")
    model = make()
    with caplog.at_level(logging.WARNING):
        assert with_backend(model, "auto") is model
    assert "no C++ compiler: install g++" in caplog.text


@needs_library
def test_source_that_does_not_compile_is_reported_and_leaves_nothing(fresh, monkeypatch):
    wrong = fresh / "wrong.cpp"
    wrong.write_text("int main( {")
    monkeypatch.setattr(library, "_SOURCE", wrong)
    with pytest.raises(LibraryError, match="error"):
        load_library()
    assert list((fresh / "wm_planner").iterdir()) == []


CRASHING = """
#include <csignal>
__attribute__((constructor)) static void crash() { raise(SIGSEGV); }
"""


@needs_library
def test_code_that_crashes_ends_another_process_and_is_remembered(fresh, monkeypatch):
    source = fresh / "crashing.cpp"
    source.write_text(CRASHING)
    monkeypatch.setattr(library, "_SOURCE", source)
    monkeypatch.setattr(library, "_NARROWER", {})
    with pytest.raises(LibraryError, match=r"crashes here .SIGSEGV"):
        load_library()
    (kept,) = (fresh / "wm_planner").iterdir()
    library._why_not.cache_clear()
    monkeypatch.setattr(library, "_build", None)
    with pytest.raises(LibraryError, match=f"delete {kept} to try again"):
        load_library()


@needs_library
def test_where_wide_vectors_crash_narrower_ones_are_built(fresh, monkeypatch, caplog):
    source = fresh / "crashing_if_wide.cpp"
    source.write_text(f"#ifdef WIDE\n{CRASHING}\n#endif\n")
    capability = torch.backends.cpu.get_cpu_capability()
    monkeypatch.setattr(library, "_SOURCE", source)
    monkeypatch.setattr(library, "_LESSER", {capability: ("-DWIDE",)})
    monkeypatch.setattr(library, "_NARROWER", {capability: ("-UWIDE",)})
    with pytest.raises(LibraryError, match=r"a trial run .* failed: .*wm_planner"):
        load_library()  # it does not crash; there is nothing in it either
    assert "narrower vectors instead" in caplog.text


@needs_library
def test_a_compiler_that_hangs_is_ended(fresh, monkeypatch):
    slow = fresh / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("CXX", str(slow))
    monkeypatch.setattr(library, "_TIME_LIMIT", 0.2)
    with pytest.raises(LibraryError, match=r"more than 0\.2 s"):
        load_library()


@needs_library
def test_a_broken_library_in_the_cache_is_named(fresh):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "_build", lambda _, path: path.parent.mkdir(parents=True))
        with pytest.raises(LibraryError, match="delete it"):
            load_library()
