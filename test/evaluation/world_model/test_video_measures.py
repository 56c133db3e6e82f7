"""What imagined video is measured by: perfect video scores best, and bad video worse."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch
from tiny_families import tiny

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.evaluation.world_model.recording import ExpertPilot
from wm_planner.evaluation.world_model.video.frechet import Encoder, distance
from wm_planner.evaluation.world_model.video.likeness import flicker, likeness
from wm_planner.evaluation.world_model.video.objects import (
    Searcher,
    copied,
    imagined,
    kept,
    tally,
    true,
)
from wm_planner.evaluation.world_model.video.reel import Reel
from wm_planner.evaluation.world_model.video.strips import film
from wm_planner.evaluation.world_model.video.truth import Truth, record_truth
from wm_planner.evaluation.world_model.video.variety import variety
from wm_planner.interfaces import Sampled
from wm_planner.types import Latent, Observation

STEPS = 20


@pytest.fixture(scope="module")
def truth() -> Iterator[Truth]:
    env = ManipulationEnv(EnvConfig("grasp"))
    yield record_truth([env], ExpertPilot([env]), [5_000_000], STEPS + 1, "test")
    env.close()


class Shower:
    """Encodes frames as themselves; one that samples makes noise where the frame is dark."""

    def encode(self, observation, foreseen=None):
        return Latent(observation.images.float())

    def advance(self, latent, action):
        return latent

    def decode(self, latent, seen=None):
        return latent.z.clamp(0, 255).byte()


class Dice(Shower):
    def sample(self, latent, action, generator):
        return Latent(latent.z + torch.randn(latent.z.shape, generator=generator) * 10)


def reel_of(truth: Truth, shown: torch.Tensor) -> Reel:
    """A reel from step 1 on that shows these frames (W, K + 1, V, C, h, w)."""
    return Reel(truth, 1, Latent(truth.recording.images[:, 1].float()), shown)


def perfect(truth: Truth) -> Reel:
    return reel_of(truth, truth.recording.images[:, 1 : STEPS + 2])


def test_perfect_video_is_as_like_as_it_can_be_and_the_floor_too(truth):
    found = likeness(Shower(), [perfect(truth)], [1, 10, STEPS])
    assert found.frames == (1, 1, 1)
    for scores in (found.psnr, found.ssim):
        assert torch.equal(scores.model, scores.floor)
        assert (scores.copy < scores.model).all()
        assert (scores.copy[:, 0] > scores.copy[:, 2]).all()
    assert (found.psnr.model == 60).all()


def test_steps_that_only_some_reels_reach_are_told_of_those(truth):
    short = reel_of(truth, truth.recording.images[:, 1:7])
    found = likeness(Shower(), [perfect(truth), short], [5, 10])
    assert found.frames == (2, 1)


def test_blurred_video_is_less_like_and_has_no_cube(truth):
    sharp = perfect(truth)
    frames = sharp.imagined.permute(0, 1, 2, 4, 5, 3).numpy()
    soft = np.stack([cv2.GaussianBlur(f, (0, 0), 4.0) for f in frames.reshape(-1, 64, 64, 3)])
    blurred = torch.from_numpy(soft.reshape(frames.shape)).permute(0, 1, 2, 5, 3, 4)
    blur = reel_of(truth, blurred)
    scores = likeness(Shower(), [blur], [10]).psnr
    assert (scores.model < 30).all()
    searcher, steps = Searcher(truth), range(STEPS + 1)
    front = {
        name: [k for k in kept(searcher, reel, steps, imagined) if k.camera == "front"]
        for name, reel in (("sharp", sharp), ("blur", blur))
    }
    assert tally(front["sharp"], steps).present == 1
    assert tally(front["sharp"], steps).error == pytest.approx(0, abs=1e-9)
    assert tally(front["blur"], steps).present < 0.1


def test_a_copy_keeps_things_but_not_where_they_are(truth):
    reel, steps = perfect(truth), range(STEPS + 1)
    searcher = Searcher(truth)
    hand = [[k for k in kept(searcher, reel, steps, f) if k.thing.is_hand] for f in (copied, true)]
    assert tally(hand[0], [0]).error == pytest.approx(0, abs=1e-9)
    assert tally(hand[0], [3]).error > 1
    assert tally(hand[1], steps).present == 1
    assert np.isnan(tally(hand[0], [STEPS + 9]).error)  # farther than it reaches


def test_flicker_is_the_change_from_frame_to_frame(truth):
    reel = perfect(truth)
    same, real = flicker([reel])
    assert torch.equal(same, real)
    noise = torch.randint(0, 40, reel.imagined.shape, generator=torch.Generator().manual_seed(0))
    noisy, _ = flicker([reel_of(truth, (reel.imagined.int() + noise).clamp(0, 255).byte())])
    assert (noisy > real + 5).all()


def test_the_frechet_distance_of_two_gaussians_is_as_it_should_be():
    torch.manual_seed(0)
    a, b = torch.randn(20_000, 3), 2 * torch.randn(20_000, 3) + torch.tensor([1.0, 0, 0])
    assert distance(a, a) == pytest.approx(0, abs=1e-6)
    assert distance(a, b) == pytest.approx(1 + 3, rel=0.05)  # |m|^2 + sum of (2 - 1)^2


def test_frames_of_any_size_have_the_features_of_the_size_that_the_encoder_takes():
    model = tiny("td_latent")
    encoder = Encoder("tiny", model, 32)
    images = torch.randint(256, (3, 2, 3, 32, 32), dtype=torch.uint8)
    seen = Observation(images, torch.zeros(3, model.config.proprio_size))
    large = seen._replace(images=seen.images.repeat_interleave(2, -2).repeat_interleave(2, -1))
    assert torch.equal(encoder.features(large), model.encode(seen).z)
    assert torch.equal(encoder.features(seen), model.encode(seen).z)


def test_samples_differ_by_what_they_draw(truth):
    assert isinstance(Dice(), Sampled)
    assert not isinstance(Shower(), Sampled)
    found = variety(Dice(), perfect(truth), (1, 4), 16, seed=0)
    assert found.moving[1] > 1.5 * found.moving[0] > 0
    repeated = variety(Dice(), perfect(truth), (1, 4), 16, seed=0)
    assert torch.equal(found.still, repeated.still)


def test_a_film_strip_shows_each_pixel_of_both_rows_of_each_camera(truth):
    reel = perfect(truth)
    picture = film(reel, 0, 10.0)
    columns, tile = 5, 194  # at 0, 1, 5, 10, 20 steps
    assert picture.shape == (24 + 4 * tile, 26 + columns * tile, 3)
    first = picture[24 : 24 + 192 : 3, 26 : 26 + 192 : 3]
    assert np.array_equal(first, reel.real(0)[0, 0].permute(1, 2, 0).numpy())
