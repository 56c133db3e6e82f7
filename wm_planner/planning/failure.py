"""Plans that there are not."""

from __future__ import annotations

from wm_planner.types import Plan


class PlanningError(RuntimeError):
    """There is no plan for some batch elements; the arm should hold."""

    def __init__(self, batch_elements: tuple[int, ...]) -> None:
        self.batch_elements = batch_elements
        super().__init__(
            f"no plan: no candidate has a finite score in batch elements {list(batch_elements)}, "
            "expected at least one each: check the observation for NaN and the model's weights "
            "(or, if a policy server is to be followed alone, that it answers), then hold"
        )


def raise_if_failed(plan: Plan) -> None:
    """Raise PlanningError unless every batch element has a plan; call it before acting on one."""
    failed = plan.failed.tolist()  # (B,)
    if any(failed):
        raise PlanningError(tuple(b for b, bad in enumerate(failed) if bad))
