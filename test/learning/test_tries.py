"""The planner's own tries: repeatable, disturbed in turn, and drawn to what it does not know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_model import CONFIG, SEARCH, tiny_model
from toy_episodes import toy_episode

from wm_planner.errors import UserError
from wm_planner.learning.episodes import read_episodes
from wm_planner.learning.tries import NOBODY, PERSON, TASK, TriesConfig, Try, tries_in_process
from wm_planner.learning.try_files import TryFiles
from wm_planner.planning import FOR_RETURN
from wm_planner.world_models.store import save_model

SEED = 3_000_000


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> TriesConfig:
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, tiny_model().world_model, CONFIG)
    return TriesConfig(model=folder, search=replace(SEARCH, backend="eager"), time_limit=0.4)


def tried(config: TriesConfig, seeds: list[int]) -> list[np.ndarray]:
    """Actions (T, A) of each."""
    return [a.episode.actions for a in tries_in_process(config, seeds)]


def test_the_same_seed_is_the_same_try(config):
    seeds = [SEED, SEED + 1]
    for a, b in zip(tried(config, seeds), tried(config, seeds[::-1])[::-1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_other_try_is_disturbed(config):
    seeds = [SEED, SEED + 1]
    calm, noisy = tried(config, seeds), tried(replace(config, noise=0.2), seeds)
    np.testing.assert_array_equal(calm[0], noisy[0])
    assert 0.02 < np.abs(calm[1] - noisy[1])[0, :3].mean() < 1
    assert replace(config, noise=0.2).groups(seeds) == {False: [SEED], True: [SEED + 1]}
    assert config.groups(seeds) == {False: seeds}


def test_exploration_pays_for_disagreement_instead_of_fining_it(config):
    assert config.planner(False).objectives == {}
    wanted = replace(config, exploration=3.0).planner(False).objectives
    assert wanted == {**FOR_RETURN, "uncertainty": 0.0, "curiosity": 3.0}
    own = replace(config, search=replace(SEARCH, objectives={"return": 2.0}), exploration=1.0)
    assert own.planner(False).objectives == {"return": 2.0, "uncertainty": 0.0, "curiosity": 1.0}


def test_exploration_changes_what_is_tried(config):
    off, on = (tried(replace(config, exploration=e), [SEED])[0] for e in (0.0, 100.0))
    assert np.abs(off - on)[:, :3].max() > 0.05


def test_nothing_privileged_is_kept(config):
    (attempt,) = tries_in_process(config, [SEED])
    episode = attempt.episode
    assert attempt.judge == TASK and not episode.success
    assert np.isnan(episode.rewards).all() and np.isnan(episode.expert_actions).all()
    assert episode.landmarks.shape == (4, 0)


def test_only_judged_tries_are_trained_on_and_the_others_counted(tmp_path):
    files = TryFiles(tmp_path / "t.hdf5", [0, 1, 2, 3, 4])
    judges = (TASK, PERSON, NOBODY, PERSON)
    for seed, judge in enumerate(judges):
        files.add(Try(seed, toy_episode(seed), judge))
    assert files.missing == [4]
    files.add(Try(4, None, TASK))
    tally = files.merge({})
    assert tally == (5, 1, 2, 2, 1, 1)
    assert tally.told() == (
        "1 of 3 tries worked, 2 judged by a person, 1 not used, nobody judged them, 1 not used, "
        "not seen whole"
    )
    assert [e.seed for e in read_episodes(files.dataset)] == [0, 1, 3]
    assert files.missing == [] and files.merge({}) == tally  # it is there
    assert list(tmp_path.iterdir()) == [files.dataset]


def test_tries_that_nobody_judged_teach_nothing(tmp_path):
    files = TryFiles(tmp_path / "t.hdf5", [0])
    files.add(Try(0, toy_episode(0), NOBODY))
    with pytest.raises(UserError, match=r"1 not used.*mark tries with y and n"):
        files.merge({})
