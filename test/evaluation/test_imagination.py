"""The picture of a plan shows the frames now and what the model decodes, step by step."""

import numpy as np
import torch

from wm_planner.evaluation.imagination import TILE, imagine_strip
from wm_planner.interfaces import Decodable
from wm_planner.types import Latent, Plan, PlanStatistics, Seen

CAPTION = 20  # rows at the bottom of a tile
RNG = np.random.default_rng(0)


def _latent(model):
    return Latent(torch.randn(1, model.config.latent_size, generator=torch.manual_seed(1)))


def _seen(model):
    size = (1, 2, 3, model.config.image_size, model.config.image_size)
    return Seen(torch.full(size, 60, dtype=torch.uint8), _latent(model))


def _plan(horizon=3, fill=0.5):
    actions = torch.full((1, horizon, 4), fill)
    return Plan(actions, torch.zeros(1), torch.zeros_like(actions), PlanStatistics(1, 0))


def _frames(height=32, width=32):
    return {
        name: np.full((height, width, 3), colour, np.uint8)
        for name, colour in (("front", (200, 40, 90)), ("wrist", (10, 220, 30)))
    }


def _tile(picture, row, column):
    tile = picture[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
    return tile[2 : -CAPTION - 2, 2:-2]


def test_a_latent_world_model_can_be_looked_at(model):
    assert isinstance(model, Decodable)


def test_a_row_for_each_camera_and_a_column_for_each_step(model):
    picture = imagine_strip(model, _latent(model), _plan(horizon=5), _seen(model), _frames())
    assert picture.shape == (2 * TILE, (1 + 5) * TILE, 3)
    assert picture.dtype == np.uint8


def test_first_column_is_the_frame_now(model):
    picture = imagine_strip(model, _latent(model), _plan(), _seen(model), _frames())
    assert (_tile(picture, 0, 0) == (200, 40, 90)).all()
    assert (_tile(picture, 1, 0) == (10, 220, 30)).all()


def test_other_columns_decode_the_latent_rolled_through_the_plan(model):
    latent, plan = _latent(model), _plan()
    picture = imagine_strip(model, latent, plan, _seen(model), _frames())
    z = latent.z
    for column in range(1, 4):
        z = model.step(z, plan.actions[:, column - 1])
        decoded = model.decode(Latent(z))[0].permute(0, 2, 3, 1).numpy()  # (V, h, w, C)
        for row in range(2):
            believed = decoded[row, :24].mean((0, 1))  # leaves the caption out
            np.testing.assert_allclose(_tile(picture, row, column).mean((0, 1)), believed, atol=4)


def test_another_plan_is_another_future_of_the_same_present(model):
    latent = _latent(model)
    one, other = (
        imagine_strip(model, latent, _plan(fill=f), _seen(model), _frames()) for f in (-1.0, 1.0)
    )
    np.testing.assert_array_equal(one[:, :TILE], other[:, :TILE])
    assert (one[:, TILE:] != other[:, TILE:]).any()


def test_wide_frames_are_cropped_as_the_model_sees_them(model):
    frames = _frames(height=48, width=64)
    frames["front"][:, :8] = frames["front"][:, -8:] = 0  # outside the centre square
    picture = imagine_strip(model, _latent(model), _plan(), _seen(model), frames)
    assert (_tile(picture, 0, 0) == (200, 40, 90)).all()


def test_nothing_that_goes_in_is_changed(model):
    latent, plan, frames = _latent(model), _plan(), _frames()
    before = latent.z.clone(), plan.actions.clone(), {k: v.copy() for k, v in frames.items()}
    imagine_strip(model, latent, plan, _seen(model), frames)
    assert torch.equal(latent.z, before[0]) and torch.equal(plan.actions, before[1])
    for name, frame in frames.items():
        np.testing.assert_array_equal(frame, before[2][name])
