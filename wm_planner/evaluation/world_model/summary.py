"""An evaluation as flat figures, and as a table for a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from wm_planner.evaluation.world_model.confidence import UNWEIGHTED, confidence_figures
from wm_planner.evaluation.world_model.controllability import Controllability
from wm_planner.evaluation.world_model.drift import Drift
from wm_planner.evaluation.world_model.fidelity import Fidelity
from wm_planner.evaluation.world_model.measure import Evaluation, OpenLoop

AT = (1, 10, 100)  # steps that errors are told after
_TABLE = (
    ("horizon, steps (of {limit})", "horizon_steps", "{:d}"),
    ("  of the reward", "reward_horizon_steps", "{:d}"),
    ("  of proprioception, read out", "proprio_horizon_steps", "{:d}"),
    ("latent error after 10 steps", "latent_error_10", "{:.4f}"),
    ("  of predicting no change", "null_latent_error_10", "{:.4f}"),
    ("reward error after 10 steps", "reward_error_10", "{:.4f}"),
    ("  of predicting no change", "null_reward_error_10", "{:.4f}"),
    ("decoded frame after 10 steps, PSNR dB", "psnr_10", "{:.1f}"),
    ("controllability, rank correlation", "controllability_rank_correlation", "{:.3f}"),
    ("  direction cosine", "controllability_cosine", "{:.3f}"),
    ("  size, predicted over real", "controllability_size_ratio", "{:.3f}"),
    ("  share of action dimensions that matter", "controllable_dimensions_share", "{:.0%}"),
    ("drift, error at 100 steps over 10", "drift_100_over_10", "{:.2f}"),
    ("imagined and real return, rank correlation", "return_rank_correlation", "{:.3f}"),
    ("regret of the chosen plan", "plan_regret", "{:.1%}"),
    ("  of a plan chosen by chance", "random_plan_regret", "{:.1%}"),
    ("gap of imagined and real return", "return_gap", "{:.3f}"),
    ("  simulation lemma's bound", "return_gap_bound", "{:.3f}"),
    ("reward, calibration error", "reward_calibration_error", "{:.3f}"),
    ("  predicted minus observed", "reward_signed_error", "{:+.3f}"),
    ("value, calibration error", "value_calibration_error", "{:.3f}"),
    ("  predicted minus observed", "value_signed_error", "{:+.3f}"),
    ("success, expected calibration error", "success_calibration_error", "{:.3f}"),
    ("  predicted minus observed", "success_signed_error", "{:+.3f}"),
    ("impossible futures told from possible", "physics_told_share", "{:.0%}"),
    ("disagreement and error, rank correlation", "disagreement_error_correlation", "{:.3f}"),
    ("false alarms, share of clean steps", "surprise_false_alarm_share", "{:.2%}"),
)


def flat(evaluation: Evaluation) -> dict[str, Any]:
    """Every figure under its own key; NaN where it was not measured. Bins are in `reliability`."""
    e, o = evaluation, evaluation.open_loop
    pairs = sum(len(case.pairs) for case in e.physics)
    return {
        "windows": o.windows,
        **_fidelity(o),
        "readout_r2": o.readout_r2,
        "horizon_steps": o.latent_horizon.steps,
        "horizon_limit": o.latent_horizon.limit,
        "horizon_better_from": o.latent_horizon.better_at,
        "reward_horizon_steps": o.reward_horizon.steps if o.knows_rewards else math.nan,
        "proprio_horizon_steps": o.proprio_horizon.steps,
        **{f"horizon_steps_{stage}": h.steps for stage, h in o.stage_horizons.items()},
        **_controllability("controllability", e.controllability),
        **_controllability("proprio_controllability", e.proprio_controllability),
        "controllable_dimensions_share": e.controllability.share_of_dimensions,
        "drift_100_over_10": together(e.drifts).ratio(),
        **_drifts(e.drifts),
        "return_rank_correlation": e.decision.rank_correlation,
        "return_rank_correlation_pooled": e.decision.pooled_rank_correlation,
        "plan_regret": e.decision.regret,
        "random_plan_regret": e.decision.random_regret,
        "return_gap": e.lemma.gap,
        "return_gap_bound": e.lemma.bound,
        "return_gap_worst_case_bound": e.lemma.worst_case_bound,
        "return_one_step_error": e.lemma.one_step_error,
        "physics_told_share": sum(case.told for case in e.physics) / max(1, pairs),
        "physics_pairs": pairs,
        **{f"physics_told_share_{case.name}": case.share for case in e.physics},
        **{f"physics_told_by_pictures_{c.name}": c.share_by_pictures for c in e.physics},
        "disagreement_error_correlation": o.calibration.correlation,
        "disagreement_reward_error_correlation": o.calibration.reward_correlation,
        **confidence_figures(e.confidence),
    }


def together(drifts: Mapping[str, Drift]) -> Drift:
    """Mean over who drove, each counting the same."""
    parts = list(drifts.values())
    errors = torch.stack([part.errors for part in parts]).mean(0)
    return Drift(errors, parts[0].gap_steps, torch.stack([part.gaps for part in parts]).mean(0))


def table(figures: Mapping[str, Any]) -> str:
    """The figures that say most, a line each."""
    lines = []
    for text, key, form in _TABLE:
        value = figures.get(key)
        if value is not None and value == value:
            text = text.format(limit=figures["horizon_limit"])
            lines.append(f"{text:44s}{form.format(value):>10s}")
    for name, part in figures.get("reliability", {}).items():
        if name != UNWEIGHTED and "missing" in part:
            lines.append(f"{f'calibration of its {name}':44s}{chr(0x2013):>10s}  {part['missing']}")
    return "\n".join(lines)


def _fidelity(o: OpenLoop) -> dict[str, float]:
    curves = {"latent_error": o.latent, "reward_error": o.reward, "proprio_error": o.proprio}
    if o.frames is not None:
        curves |= {"psnr": o.frames.psnr, "ssim": o.frames.ssim}
    found = {}
    for name, curve in curves.items():
        for k in AT:
            found[f"{name}_{k}"] = curve.at(k)
            found[f"null_{name}_{k}"] = _at(curve, curve.null, k)
            found[f"velocity_{name}_{k}"] = _at(curve, curve.velocity, k)
            found[f"floor_{name}_{k}"] = _at(curve, curve.floor, k)
    return {key: value for key, value in found.items() if value == value}


def _at(curve: Fidelity, values: Tensor, k: int) -> float:
    return curve._replace(model=values).at(k)


def _controllability(name: str, c: Controllability) -> dict[str, float]:
    return {
        f"{name}_rank_correlation": c.rank_correlation,
        f"{name}_cosine": c.cosine,
        f"{name}_size_ratio": c.size_ratio,
        f"{name}_size_rank_correlation": c.size_rank_correlation,
    }


def _drifts(drifts: Mapping[str, Drift]) -> dict[str, float]:
    found = {}
    for name, drift in drifts.items():
        found[f"drift_100_over_10_{name}"] = drift.ratio()
        for k in (10, 100, 200):
            if len(drift.errors) >= k:
                found[f"drift_error_{k}_{name}"] = float(drift.errors[k - 1])
        for step, gap in zip(drift.gap_steps.tolist(), drift.gaps.tolist(), strict=False):
            if step in (0, 10, 100, 200):
                found[f"reencoding_gap_{step}_{name}"] = gap
    return found
