"""Fidelity, horizon and drift of models whose errors are known."""

import math

import pytest
import torch
from toy_worlds import ToyModel, toy_recording

from wm_planner.evaluation.world_model.calibration import calibration
from wm_planner.evaluation.world_model.drift import drift
from wm_planner.evaluation.world_model.fidelity import (
    frame_fidelity,
    latent_fidelity,
    proprio_fidelity,
    reward_fidelity,
)
from wm_planner.evaluation.world_model.futures import imagine_windows, joined
from wm_planner.evaluation.world_model.horizon import Horizon, horizon, horizon_by_stage
from wm_planner.evaluation.world_model.readout import fit_readout
from wm_planner.types import Latent

K = 20


def windows(model, **options):
    return imagine_windows(model, toy_recording(), K, stride=3, **options)


def test_a_perfect_model_never_errs_and_its_horizon_is_the_longest_there_is():
    futures = windows(ToyModel())
    latent, reward = latent_fidelity(futures), reward_fidelity(futures)
    assert latent.model.max() < 1e-5 and reward.model.max() < 1e-5
    assert (latent.null > 0.01).all()
    assert horizon(latent.model, latent.null) == Horizon(K, K, 1)


def test_a_model_that_predicts_no_change_is_the_null_model():
    latent = latent_fidelity(windows(ToyModel(still=True)))
    assert torch.equal(latent.model, latent.null)
    assert horizon(latent.model, latent.null) == Horizon(0, K, 0)


def test_a_biased_reward_errs_by_its_bias():
    reward = reward_fidelity(windows(ToyModel(reward_bias=0.3)))
    assert torch.allclose(reward.model, torch.full((K,), 0.3), atol=1e-5)


def test_copying_the_velocity_is_perfect_where_it_never_changes():
    encoded = toy_recording()
    t = torch.arange(41.0)[None, :, None]
    z = encoded.latents.z[:, :1] + 0.1 * t * encoded.latents.z[:, 1:2]
    recording = encoded.recording._replace(proprio=z)
    moving = encoded._replace(recording=recording, latents=Latent(z))
    futures = imagine_windows(ToyModel(), moving, K, stride=3)
    assert latent_fidelity(futures).velocity.max() < 1e-4
    readout = fit_readout(z, z, penalty=1e-6)
    assert proprio_fidelity(futures, readout).velocity.max() < 1e-4


def test_windows_line_up_with_the_recording():
    encoded = toy_recording()
    futures = imagine_windows(ToyModel(), encoded, K, stride=5, last_start=12)
    assert futures.start.unique().tolist() == [2, 7, 12]
    assert torch.equal(futures.encoded[1, 0], encoded.latents.z[0, 7])
    assert torch.equal(futures.before[1], encoded.latents.z[0, 6])
    assert torch.equal(futures.rewards[1], encoded.recording.rewards[0, 7 : 7 + K])
    assert torch.equal(futures.rewards_before[1], encoded.recording.rewards[0, 5:7])
    assert futures.disagreement[0].isfinite().nonzero()[:, 0].tolist() == [0, 4, 9, 14, 19]


def test_too_short_recordings_are_refused():
    with pytest.raises(ValueError, match="expected 42 or more"):
        imagine_windows(ToyModel(), toy_recording(), 40, stride=1)


def test_windows_of_two_recordings_are_joined_with_their_frames():
    first, second = toy_recording(seed=0), toy_recording(seed=1)
    second.recording.images[:] = 7
    both = joined([imagine_windows(ToyModel(), x, K, stride=9) for x in (first, second)])
    n = len(both.start)
    assert len(both.frames.place) == n == len(both.imagined)
    assert both.frames.at([0], 3).max() == 0 and both.frames.at([n - 1], 3).min() == 7


class Decoding(ToyModel):
    """Decodes every state to frames of one grey."""

    def decode(self, latent, seen=None):
        return torch.full((len(latent.z), 1, 3, 16, 16), 100, dtype=torch.uint8)


def test_frames_that_are_right_score_best_and_frames_off_by_a_tenth_score_20_db():
    encoded = toy_recording()
    images = torch.full((6, 41, 1, 3, 16, 16), 100, dtype=torch.uint8)
    images[:, 30:] = 125.5  # 0.1 of 255 brighter, rounded down
    recording = encoded.recording._replace(images=images)
    futures = imagine_windows(Decoding(), encoded._replace(recording=recording), K, 9, last_start=2)
    frames = frame_fidelity(Decoding(), futures)
    assert frames.ssim.at(5) == pytest.approx(1.0) and frames.psnr.at(5) == 60
    assert frames.psnr.at(1) == 60 and math.isnan(frames.psnr.at(4))
    assert frames.psnr.null.min() == 60
    futures = imagine_windows(Decoding(), encoded._replace(recording=recording), K, 9, 20)
    late = frame_fidelity(Decoding(), futures, windows=3)
    assert late.psnr.model[-1] < 60


@pytest.mark.parametrize(
    ("model", "steps", "better_at"),
    [([1, 2, 3, 4], 4, 1), ([1, 2, 6, 4], 2, 1), ([9, 2, 3, 4], 4, 2), ([9, 2, 9, 4], 2, 2),
     ([9, 9, 9, 9], 0, 0)],
)  # fmt: skip
def test_the_horizon_ends_where_the_null_model_is_passed(model, steps, better_at):
    null = torch.full((4,), 5.0)
    assert horizon(torch.tensor(model, dtype=torch.float), null) == Horizon(steps, 4, better_at)


def test_horizons_of_stages_are_told_apart():
    null, stage = torch.ones(8, 5), torch.tensor([0] * 4 + [1] * 4)
    model = torch.where(stage[:, None] == 0, 0.5, 2.0).expand(-1, 5)
    found = horizon_by_stage(model, null, stage, ("reach", "lift", "hold"))
    assert found == {"reach": Horizon(5, 5, 1), "lift": Horizon(0, 5, 0)}


def test_a_readout_finds_what_is_linear_in_the_latent():
    z = torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    proprio = z @ torch.randn(6, 2, generator=torch.Generator().manual_seed(1)) + 3
    readout = fit_readout(z[:250], proprio[:250], penalty=1e-5)
    assert readout.explained(z[250:], proprio[250:]) > 0.999
    noise = torch.randn(500, 2, generator=torch.Generator().manual_seed(2))
    assert fit_readout(z[:250], noise[:250]).explained(z[250:], noise[250:]) < 0.1


def test_a_perfect_model_does_not_drift_and_a_biased_one_does():
    encoded = toy_recording(steps=120)
    readout = fit_readout(encoded.latents.z, encoded.latents.z)
    perfect = drift(ToyModel(), encoded, readout)
    biased = drift(ToyModel(bias=0.01), encoded, readout)
    assert perfect.errors.max() < 1e-4 and len(perfect.errors) == 118
    assert len(perfect.gaps) == 0  # it does not decode
    assert biased.errors[0] == pytest.approx(0.01, rel=0.01)
    assert math.isnan(drift(ToyModel(), toy_recording(steps=50), readout).ratio())
    assert biased.ratio() > 1.2


def test_a_latent_that_frames_cannot_have_shows_as_a_gap():
    encoded = toy_recording(steps=40)
    readout = fit_readout(encoded.latents.z, encoded.latents.z, penalty=1e-6)
    found = drift(Decoding(), encoded, readout)  # encodes the proprioception that is read out
    assert found.gap_steps.tolist() == [0, 10, 20, 30] and found.gaps.max() < 1e-3
    constant = readout._replace(weight=torch.zeros_like(readout.weight))
    assert drift(Decoding(), encoded, constant).gaps.min() > 0.1


def test_disagreement_that_is_the_error_is_calibrated_and_a_constant_one_is_not():
    futures = windows(ToyModel(bias=0.02))
    size = torch.rand(len(futures.start), 1, generator=torch.Generator().manual_seed(0)) + 0.1
    encoded = futures.imagined + size[..., None]
    known = futures._replace(encoded=encoded, disagreement=size.expand(-1, K))
    assert calibration(known, 5).correlation == pytest.approx(1.0)
    assert (calibration(known, 5).error.diff() > 0).all()
    constant = known._replace(disagreement=torch.ones_like(futures.disagreement))
    assert calibration(constant, 5).correlation == 0
    with pytest.raises(ValueError, match="not asked after 4 steps"):
        calibration(futures, 4)
