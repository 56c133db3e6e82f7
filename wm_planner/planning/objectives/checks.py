"""What the numbers of every objective must be."""

from __future__ import annotations


def check_weight(weight: float) -> None:
    """Raise ValueError unless `weight` is usable."""
    if not 0 <= weight < float("inf"):
        raise ValueError(
            f"weight is {weight}, expected finite and at least 0: the sign is the objective's own"
        )


def check_discount(discount: float) -> None:
    """Raise ValueError unless `discount` is usable."""
    if not 0 < discount <= 1:
        raise ValueError(
            f"discount is {discount}, expected in (0, 1]: use the one the value was trained with"
        )
