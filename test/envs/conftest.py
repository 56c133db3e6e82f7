"""Environments are built once: compiling a scene and opening a renderer take longest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv


@pytest.fixture(scope="session")
def env() -> Iterator[ManipulationEnv]:
    """Grasping, nominal, small frames."""
    env = ManipulationEnv(EnvConfig(image_size=32))
    yield env
    env.close()


@pytest.fixture(scope="session")
def blind() -> Iterator[ManipulationEnv]:
    """Grasping without cameras: fast."""
    env = ManipulationEnv(EnvConfig(cameras=()))
    yield env
    env.close()
