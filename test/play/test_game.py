"""A game without a page: who acts, when time goes on, and where it begins."""

from __future__ import annotations

import cv2
import h5py
import numpy as np
import pytest

from wm_planner.errors import UserError
from wm_planner.learning.episodes import Episode, unknown, write_episode
from wm_planner.planning import PlannerConfig
from wm_planner.play.drivers import DreamPlanner
from wm_planner.play.export import strip_of, write_video
from wm_planner.play.game import Game
from wm_planner.play.keys import Intent, intent_of
from wm_planner.play.starts import Start, from_dataset, from_pictures
from wm_planner.play.web.commands import Held, obey

CAMERAS = ("front", "wrist")
SEARCH = PlannerConfig(
    backend="eager", samples=8, prior_samples=2, iterations=1, elites=2, horizon=3
)


@pytest.fixture
def game(dream, loaded) -> Game:
    return Game(dream, 1, lambda: DreamPlanner(loaded, SEARCH))


def test_time_stands_still_until_somebody_acts(game):
    assert not game.tick(Intent())
    assert game.view().step == 0
    assert game.tick(intent_of({"d"}))
    assert game.view().step == 1
    game.wait()
    assert game.view().step == 2
    obey(game, {"do": "run", "running": True})
    assert game.tick(Intent())
    assert game.view().frames_per_s > 0


@pytest.mark.parametrize("driver", ["prior", "planner"])
def test_prior_and_planner_drive_until_hands_take_over(game, driver):
    obey(game, {"do": "drive", "driver": driver})
    actions = []
    for _ in range(3):
        assert game.tick(Intent())
        actions.append(game.view().now.action)
    assert np.abs(actions).max() > 0.01
    assert np.abs(actions).max() <= 1
    obey(game, {"do": "drive", "driver": "hands"})
    assert not game.tick(Intent())


def test_going_back_and_acting_shows_two_futures_side_by_side(game):
    for _ in range(4):
        game.tick(intent_of({"a"}))
    obey(game, {"do": "go", "step": 1})
    game.tick(intent_of({"d"}))
    view = game.view()
    branch, moment = view.beside
    assert (view.branch.name, branch.name, view.step) == ("b", "a", 2)
    assert moment is branch.moments[2]
    obey(game, {"do": "rename", "branch": "a", "new": "left"})
    assert game.view().beside[0].name == "left"
    obey(game, {"do": "choose", "branch": "left"})
    assert (game.view().branch.name, game.view().beside[0].name) == ("left", "b")
    obey(game, {"do": "compare", "branch": ""})
    assert game.view().beside is None


def test_the_gripper_is_as_it_was_when_one_goes_back(game):
    game.tick(intent_of({"space"}))
    game.tick(intent_of({"w"}))
    assert game.view().now.action[3] == -1
    game.go(0)
    game.tick(intent_of({"w"}))
    assert game.view().now.action[3] == 1
    game.choose("a")
    game.go(2)
    game.tick(intent_of({"w"}))
    assert game.view().now.action[3] == -1


def test_a_new_scene_forgets_all_futures_and_again_is_the_same(game):
    game.tick(intent_of({"a"}))
    game.tick(intent_of({"n"}))
    view = game.view()
    assert (view.step, len(view.branches), view.start) == (0, 1, "scene 2")
    first = view.now.belief.frames["front"]
    game.tick(intent_of({"e"}))
    game.tick(intent_of({"r"}))
    assert np.array_equal(game.view().now.belief.frames["front"], first)
    with pytest.raises(UserError, match="scene is -1"):
        obey(game, {"do": "restart", "seed": -1})


def test_pictures_begin_a_dream_without_truth(game):
    frames = game.view().now.truth.frames
    pictures = {c: cv2.imencode(".png", f[:, :, ::-1])[1].tobytes() for c, f in frames.items()}
    game.start(from_pictures(pictures, CAMERAS))
    view = game.view()
    assert (view.start, view.now.truth) == ("pictures", None)
    game.tick(intent_of({"a"}))
    assert game.view().step == 1
    with pytest.raises(UserError, match="expected"):
        game.start(Start({"front": frames["front"], "wrist": np.zeros(3)}, None, "nonsense"))
    assert (game.view().start, game.view().step) == ("pictures", 1)
    game.tick(intent_of({"a"}))
    with pytest.raises(UserError, match="no picture of camera wrist"):
        from_pictures({"front": pictures["front"]}, CAMERAS)
    with pytest.raises(UserError, match="picture of camera wrist: no JPEG or PNG"):
        from_pictures({**pictures, "wrist": b"what?"}, CAMERAS)


def test_a_moment_of_a_dataset_begins_a_dream_with_the_hand_where_it_was(game, tmp_path):
    game.tick(intent_of({"a", "e"}))
    game.tick(intent_of({"a", "e"}))
    frames = game.view().now.truth.frames
    env = game.dream.env
    proprio = env.arm.proprioception(env.simulation.joint_state())
    actions = np.zeros((3, 4), np.float32)
    episode = Episode(
        frames={camera: np.stack([frame] * 3) for camera, frame in frames.items()},
        proprio=np.stack([proprio] * 3),
        actions=actions,
        success=False,
        seed=0,
        **unknown(actions),
    )
    path = tmp_path / "one.hdf5"
    with h5py.File(path, "w") as file:
        write_episode(file.create_group("data/demo_0"), episode)
    game.start(from_dataset(path, 0, 2, CAMERAS))
    assert game.view().start == "one.hdf5, episode 0, step 2"
    told = game.dream.arm.proprioception(game.dream.joints)
    np.testing.assert_allclose(told[[0, 1, 2, 6]], proprio[[0, 1, 2, 6]], atol=0.1)
    for episode_number, step, match in ((1, 0, "episode is 1"), (0, 3, "step is 3")):
        with pytest.raises(UserError, match=match):
            from_dataset(path, episode_number, step, CAMERAS)
    with pytest.raises(UserError, match="no frames of camera side"):
        from_dataset(path, 0, 0, ("side",))


def test_keys_are_heard_once_or_while_they_are_held():
    held = Held()
    held.hear(["d"], ["d", "space"], [0, 0, 0.5])
    assert held.intent() == Intent((0, 1, 0.5), toggle=True)
    assert held.intent() == Intent((0, 1, 0.5))
    held.hear([], ["w"], [0, 0, 0])  # a tap between two steps
    assert held.intent().move == (-1, 0, 0)
    assert held.intent() == Intent()
    held.hear(["p"], [], [9, 0, 0])
    assert held.intent() == Intent((1, 0, 0), prior=True)
    held.release()
    assert held.intent() == Intent()
    for keys, stick, match in ((["k"], [0, 0, 0], "unknown key"), ([], [0, 1], "three numbers")):
        with pytest.raises(UserError, match=match):
            held.hear(keys, [], stick)


@pytest.mark.parametrize(
    "message", [None, [], {"do": "fly"}, {"do": "go", "step": "3"}, {"do": "drive", "driver": 3}]
)
def test_messages_that_mean_nothing_are_said_to(game, message):
    with pytest.raises(UserError, match="asks for nothing known"):
        obey(game, message)


def test_two_futures_are_written_as_a_video_and_a_strip(game, tmp_path):
    for key in ("a", "a", "a"):
        game.tick(intent_of({key}))
    game.go(1)
    game.tick(intent_of({"d"}))
    branches = game.view().branches
    write_video(tmp_path / "two.mp4", branches, 10.0)
    video = cv2.VideoCapture(str(tmp_path / "two.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    one, two = strip_of(branches[:1]), strip_of(branches)
    assert two.shape == (2 * one.shape[0], *one.shape[1:])
    assert np.array_equal(two[: len(one)], one)
    assert not np.array_equal(two[len(one) :], one)
