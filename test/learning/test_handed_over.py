"""The expert goes on where a model's own flight ends."""

from __future__ import annotations

import numpy as np

from wm_planner.learning.behaviour import GaveUp, HandedOver, follow_expert

MODELS, EXPERTS = np.zeros(4), np.ones(4)


def test_the_expert_takes_over_after_so_many_steps():
    pilot = HandedOver(lambda *_: MODELS, follow_expert, 2)
    assert [pilot({}, EXPERTS)[0] for _ in range(4)] == [0.0, 0.0, 1.0, 1.0]


def test_the_expert_takes_over_for_good_where_the_model_gives_up():
    asked = []

    def gives_up(*_: object) -> np.ndarray:
        asked.append(1)
        if len(asked) == 2:
            raise GaveUp
        return MODELS

    pilot = HandedOver(gives_up, follow_expert, 10)
    assert [pilot({}, EXPERTS)[0] for _ in range(4)] == [0.0, 1.0, 1.0, 1.0]
    assert len(asked) == 2
