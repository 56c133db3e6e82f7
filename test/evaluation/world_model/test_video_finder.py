"""Things are found in true frames, and not in frames that do not show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.evaluation.world_model.recording import ExpertPilot
from wm_planner.evaluation.world_model.video.finder import ShapeFinder, centre, largest
from wm_planner.evaluation.world_model.video.objects import Search, Searcher
from wm_planner.evaluation.world_model.video.truth import (
    HAND,
    Truth,
    record_truth,
    shown_by,
)

FRONT, WRIST = 0, 1
STEPS = 40  # until the expert holds the cube


class Scene(NamedTuple):
    """An episode, and who looks for things in its frames."""

    env: ManipulationEnv
    truth: Truth
    searcher: Searcher

    def label(self, name: str) -> int:
        return 1 + [thing.name for thing in self.truth.things].index(name)

    def frame(self, t: int, camera: int) -> np.ndarray:
        return self.truth.recording.images[0, t, camera].permute(1, 2, 0).numpy()

    def search(self, t: int, camera: int, name: str) -> Search | None:
        shown = self.truth.shown[0, t, camera].numpy()
        return self.searcher.look(0, camera, self.label(name), self.frame(t, camera), shown)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    env = ManipulationEnv(EnvConfig("stack"))
    truth = record_truth([env], ExpertPilot([env]), [5_000_000], STEPS, "test")
    yield Scene(env, truth, Searcher(truth))
    env.close()


def test_a_scene_has_its_cubes_and_a_hand_that_the_wrist_camera_cannot_lose(scene):
    assert {thing.name: thing.cameras for thing in scene.truth.things} == {
        HAND: (FRONT,),
        "cube": (FRONT, WRIST),
        "base": (FRONT, WRIST),
    }


@pytest.mark.parametrize("name", ["cube", "base"])
def test_cubes_are_found_where_the_simulator_says_they_are(scene, name):
    errors, asked = [], 0
    for t in range(STEPS + 1):
        for camera in (FRONT, WRIST):
            mask = scene.truth.shown[0, t, camera].numpy() == scene.label(name)
            if (search := scene.search(t, camera, name)) is not None:
                asked += 1
                found, whole = search.find(scene.frame(t, camera)), centre(mask)
                errors += [] if found is None else [found.distance(whole)]
    assert asked > STEPS
    assert len(errors) == asked
    assert np.mean(errors) < 0.5
    assert max(errors) < 2.5


def test_the_hand_is_found_again_where_it_moved_to(scene):
    errors = []
    for t in range(4, STEPS - 1, 2):
        mask = scene.truth.shown[0, t + 2, FRONT].numpy() == scene.label(HAND)
        found = scene.search(t, FRONT, HAND).find(scene.frame(t + 2, FRONT))
        errors += [] if found is None else [found.distance(centre(mask))]
    assert len(errors) > 10
    assert np.mean(errors) < 1.5


@pytest.mark.parametrize("name", ["cube", "base", HAND])
def test_nothing_is_found_in_a_blur(scene, name):
    for t in range(0, STEPS, 5):
        blurred = cv2.GaussianBlur(scene.frame(t, FRONT), (0, 0), 5.0)
        search = scene.search(t, FRONT, name)
        assert search is None or np.isnan(search.error(blurred)), t


@pytest.mark.parametrize("name", ["cube", "base"])
def test_nothing_is_found_where_a_cube_has_faded_into_the_table(scene, name):
    frame = scene.frame(0, FRONT)
    mask = scene.truth.shown[0, 0, FRONT].numpy() == scene.label(name)
    around = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    table = np.median(frame[40:, :][~around[40:, :]], axis=0)
    faded = frame.copy()
    faded[around] = (0.3 * frame[around] + 0.7 * table).astype(np.uint8)
    search = scene.search(0, FRONT, name)
    assert search.error(frame) == 0
    assert np.isnan(search.error(faded))


def test_nothing_is_found_where_a_cube_was_taken_away(scene):
    searches = [scene.search(0, camera, "cube") for camera in (FRONT, WRIST)]
    scene.env.reset(seed=5_000_000)
    scene.env.simulation.place("cube", np.array([0.5, 0.0, -5.0]), 0.0)
    scene.env.simulation.settle()
    frames = scene.env.simulation.frames()
    assert scene.label("cube") not in shown_by(scene.env, scene.truth.things)
    for search, frame in zip(searches, frames.values(), strict=True):
        assert np.isnan(search.error(frame))


def test_the_hand_is_not_found_where_it_is_painted_over(scene):
    frame = scene.frame(0, FRONT).copy()
    mask = scene.truth.shown[0, 0, FRONT].numpy() == scene.label(HAND)
    frame[cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = 0
    assert np.isnan(scene.search(0, FRONT, HAND).error(frame))


def test_a_copied_frame_has_the_error_of_how_far_the_thing_went(scene):
    last = scene.search(STEPS, WRIST, "cube")
    before = centre(scene.truth.shown[0, 10, WRIST].numpy() == scene.label("cube"))
    error = last.error(scene.frame(10, WRIST))
    assert np.isnan(error) or error == pytest.approx(last.truth.distance(before), abs=2.0)
    assert not error < 3


def test_a_patch_is_the_largest_one_and_a_gap_of_a_pixel_does_not_part_it():
    mask = np.zeros((16, 16), bool)
    mask[2:4, 2:4] = True
    mask[8:12, 5:10] = True
    mask[8:12, 7] = False
    found = largest(mask)
    assert (found.x, found.y, found.area) == (7.0, 9.5, 16)
    assert largest(np.zeros((8, 8), bool)) is None


def test_a_shape_without_contrast_is_no_find():
    frame = np.full((32, 32, 3), 200, np.uint8)
    frame[8:16, 8:20] = 40
    mask = np.zeros((32, 32), bool)
    mask[8:16, 8:20] = True
    finder = ShapeFinder(frame, mask)
    assert finder.find(np.roll(frame, 3, 1)).x == finder.truth.x + 3
    pale = (200 + 0.3 * (frame.astype(float) - 200)).astype(np.uint8)
    assert finder.find(pale) is None
