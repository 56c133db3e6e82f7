"""Which part of a picture becomes a frame, for cameras of any size and aspect."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.errors import UserError
from wm_planner.perception.framing import Framing
from wm_planner.perception.images import fit

PICTURE = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)


def test_nothing_declared_changes_nothing():
    assert Framing().of(PICTURE) is PICTURE


def test_a_size_keeps_the_largest_centred_square_as_training_and_planning_do():
    np.testing.assert_array_equal(Framing(size=32).of(PICTURE), fit(PICTURE, 32))


def test_a_crop_is_cut_out_to_the_pixel():
    part = Framing(crop=(5, 10, 20, 30)).of(PICTURE)
    np.testing.assert_array_equal(part, PICTURE[5:25, 10:40])


def test_squeezing_keeps_all_of_a_wide_picture():
    wide = np.zeros((20, 80, 3), np.uint8)
    wide[:, :4], wide[:, -4:] = 255, 255
    squeezed = Framing(squeeze=True, size=20).of(wide)
    assert squeezed.shape == (20, 20, 3)
    assert squeezed[:, 0].min() == squeezed[:, -1].min() == 255
    assert Framing(size=20).of(wide).max() == 0


def test_a_crop_outside_the_picture_names_both():
    with pytest.raises(UserError, match=r"\[50, 0, 20, 20\].*90 x 60"):
        Framing(crop=(50, 0, 20, 20)).of(PICTURE)


def test_a_frame_made_once_is_not_changed_by_the_same_size():
    once = Framing(crop=(3, 3, 50, 70), size=24).of(PICTURE)
    np.testing.assert_array_equal(fit(once, 24), once)
