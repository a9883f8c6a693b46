"""How the 3D scene is looked at and how surfaces look in it, known without loading the renderer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from planner.model.plan import Point
from planner.scene.palette import Color

#: By name: where the viewer stands seen from the focus (LPS), and what is up in the picture.
VIEW_DIRECTIONS: Mapping[str, tuple[Point, Point]] = {
    "anterior": ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    "posterior": ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "left": ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "right": ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "superior": ((0.0, 0.0, 1.0), (0.0, -1.0, 0.0)),
    "inferior": ((0.0, 0.0, -1.0), (0.0, -1.0, 0.0)),
}


@dataclass(frozen=True)
class SurfaceStyle:
    """Colour and opacity of a structure in 3D; opacity 0 hides it."""

    color: Color
    opacity: float
