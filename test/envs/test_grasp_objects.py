"""Things to grasp: as the instruction calls them, at rest, and small enough for the hand."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.envs.colours import COLOURS, SEEN_COLOURS, UNSEEN_COLOURS
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.randomization import Randomization
from wm_planner.envs.shapes import SEEN_SHAPES, UNSEEN_SHAPES

SHAPES = {"grasp_objects": SEEN_SHAPES, "grasp_unseen": UNSEEN_SHAPES}
VARIED = Randomization(size=(0.88, 1.12), colour=(0.0, 0.15))


@pytest.fixture(scope="module", params=SHAPES)
def things(request):
    env = ManipulationEnv(EnvConfig(request.param, cameras=(), randomization=VARIED))
    yield env
    env.close()


def of_each_shape(env) -> list[int]:
    """Seeds whose episodes show all shapes once."""
    found: dict[str, int] = {}
    for seed in range(60):
        env.reset(seed=seed)
        found.setdefault(env.task.instruction.split()[-1], seed)
    assert set(found) == {shape.name for shape in SHAPES[env.task.name]}
    return list(found.values())


def test_nothing_unseen_is_ever_seen():
    assert not {s.name for s in SEEN_SHAPES} & {s.name for s in UNSEEN_SHAPES}
    assert not set(SEEN_COLOURS) & set(UNSEEN_COLOURS)
    assert len(SEEN_COLOURS + UNSEEN_COLOURS) == len(COLOURS) == 20


def test_colours_differ():
    values = np.array(list(COLOURS.values()))
    distances = np.linalg.norm(values[:, None] - values, axis=2) + np.eye(len(values))
    assert distances.min() > 0.2


def test_it_has_the_shape_and_colour_it_is_called_by(things):
    model = things.simulation.model
    names = [model.geom(i).name for i in range(model.ngeom)]
    for seed in range(20):
        things.reset(seed=seed)
        *_, colour, shape = things.task.instruction.split()
        for name in (name for name in names if name.startswith("object_")):
            geom, there = model.geom(name), name.startswith(f"object_{shape}_")
            assert geom.rgba[3] == geom.contype == geom.conaffinity == int(there)
        shift = np.abs(model.geom(f"object_{shape}_0").rgba[:3] - COLOURS[colour])
        assert shift.max() <= 0.15 + 1e-6


def test_it_lies_still_where_it_is_put(things):
    for seed in of_each_shape(things):
        things.reset(seed=seed)
        body = things.simulation.data.body("object")
        start = body.xpos.copy()
        things.simulation.advance(0.5)
        assert np.abs(body.xpos - start).max() < 2e-3, things.task.instruction
        assert body.xmat[8] > 0.99, "fell over"


def test_the_expert_lifts_each_shape(things):
    for seed in of_each_shape(things):
        _, info = things.reset(seed=seed)
        done = over = False
        while not (done or over):
            *_, done, over, info = things.step(info["expert"])
        assert done, things.task.instruction


def test_parts_stay_together_at_every_size(things):
    """A mug's handle is on the mug."""
    model = things.simulation.model
    shape = next(s for s in SHAPES[things.task.name] if len(s.parts) > 1)
    for seed in range(3):
        things.reset(seed=seed)
        geoms = [model.geom(f"object_{shape.name}_{i}") for i in range(len(shape.parts))]
        scale = geoms[0].size[0] / shape.parts[0].size[0]
        for geom, part in zip(geoms, shape.parts, strict=True):
            assert geom.pos == pytest.approx(scale * np.array(part.at))
