"""What a mode lays over the views: lines, dots, words and meshes, drawn the same way for every mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from planner.model.assessment import Surface
from planner.model.geometry import FloatArray
from planner.model.points import Point
from planner.scene.pixel_plane import Patch
from planner.scene.planes import PlaneStack


@dataclass(frozen=True, eq=False)
class Lines:
    """Segments on one slice.

    Parameters
    ----------
    segments_mm
        Ends in right and down mm, (n, 2, 2).
    color, width_px, is_dashed
        How they are drawn.
    """

    segments_mm: FloatArray
    color: str
    width_px: float = 2.2
    is_dashed: bool = False


@dataclass(frozen=True)
class Dot:
    """A place on a slice, or projected onto it, with a word beside it.

    Parameters
    ----------
    lps_mm
        Where.
    color, radius_px, is_open
        How it is drawn; an open one is a ring.
    label
        The word; may be empty.
    opacity
        1 for a place in the slice.
    """

    lps_mm: Point
    color: str
    radius_px: float = 4.5
    is_open: bool = False
    label: str = ""
    opacity: float = 1.0


@dataclass(frozen=True, eq=False)
class SliceMarks:
    """What a layer draws on one slice: pixels lowest, then lines, then dots."""

    patches: tuple[Patch, ...] = ()
    lines: tuple[Lines, ...] = ()
    dots: tuple[Dot, ...] = ()


@dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh in space.

    Parameters
    ----------
    surface
        Points and triangles; its values where it is painted by them.
    color
        Of all of it; empty paints it by its values, in the classes of its name (`palette.PAINTED`).
    opacity
        1 for solid.
    shift_lps_mm
        Where it is moved to.
    """

    surface: Surface
    color: str = ""
    opacity: float = 1.0
    shift_lps_mm: Point = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Tube:
    """A vessel or a line in space, as thick as its radii: points (n, 3) and radii (n,)."""

    points_lps_mm: FloatArray
    radii_mm: FloatArray
    color: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Ball:
    """A place in space."""

    lps_mm: Point
    radius_mm: float
    color: str


SpacePart = Mesh | Tube | Ball


class Layer(Protocol):
    """What a mode lays over slices and space; parts that stay the same are given as the same objects."""

    def on_slice(self, stack: PlaneStack, index: int) -> SliceMarks:
        """What lies on a slice."""

    def in_space(self) -> tuple[SpacePart, ...]:
        """What stands in the 3D view."""
