"""Points in patient space as instruments keep them: three finite numbers, LPS in mm."""

from __future__ import annotations

import math
from typing import Any

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray

Point = tuple[float, float, float]


def finite_point(values: Any, what: str) -> Point:
    """Three finite numbers; raises `InvalidValue` naming what they are of where they are not."""
    try:
        numbers = tuple(float(v) for v in values)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 3 or not all(math.isfinite(v) for v in numbers):
        raise InvalidValue("A point needs three finite numbers in mm.", f"{what}: {values!r}")
    return numbers[0], numbers[1], numbers[2]


def as_point(values: FloatArray) -> Point:
    """The point of an array of shape (3,)."""
    return float(values[0]), float(values[1]), float(values[2])
