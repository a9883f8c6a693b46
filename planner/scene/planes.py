"""Axial, coronal, sagittal and oblique planes, and how they lie on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from planner.model.geometry import FloatArray, Grid
from planner.model.plan import Point


class Orientation(StrEnum):
    """The three planes of a slice view, as radiologists hang them."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


#: Right on the screen, down on the screen, and the scrolling direction (LPS), by orientation.
_AXES = {
    Orientation.AXIAL: ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    Orientation.CORONAL: ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    Orientation.SAGITTAL: ((0, 1, 0), (0, 0, -1), (1, 0, 0)),
}
#: Letters at the left, right, top and bottom edge.
_LETTERS = {
    Orientation.AXIAL: ("R", "L", "A", "P"),
    Orientation.CORONAL: ("R", "L", "S", "I"),
    Orientation.SAGITTAL: ("A", "P", "S", "I"),
}


@dataclass(frozen=True)
class ObliquePlane:
    """A plane that lies across the patient's axes, such as along a needle.

    Whoever looks at it looks along ``down`` x ``right`` = -(right x down): nothing is mirrored.

    Parameters
    ----------
    title
        What it is.
    right, down, normal
        Orthogonal unit vectors in LPS: right and down on the screen, and the scrolling direction.
    """

    title: str
    right: Point
    down: Point
    normal: Point


@dataclass(frozen=True)
class PlaneAxes:
    """Unit vectors of a plane in LPS, each shape (3,)."""

    right: FloatArray
    down: FloatArray
    normal: FloatArray


Cut = Orientation | ObliquePlane


def axes_of(orientation: Cut) -> PlaneAxes:
    """The axes of an orientation."""
    if isinstance(orientation, ObliquePlane):
        return PlaneAxes(*(np.array(v) for v in (orientation.right, orientation.down, orientation.normal)))
    right, down, normal = (np.array(v, dtype=float) for v in _AXES[orientation])
    return PlaneAxes(right, down, normal)


def letters_of(orientation: Cut) -> tuple[str, str, str, str]:
    """Orientation letters at the left, right, top and bottom edge of the view."""
    if isinstance(orientation, ObliquePlane):
        left = tuple(-v for v in orientation.right)
        up = tuple(-v for v in orientation.down)
        return tuple(_side(v) for v in (left, orientation.right, up, orientation.down))  # type: ignore[return-value]
    return _LETTERS[orientation]


def _side(direction: tuple[float, ...]) -> str:
    """The letter or two of a direction, the stronger first, such as ``RA``."""
    pairs = (("R", "L"), ("A", "P"), ("I", "S"))
    strong = sorted((n for n in range(3) if abs(direction[n]) > SIDE_SHARE), key=lambda n: -abs(direction[n]))
    return "".join(pairs[n][direction[n] > 0] for n in strong[:2])


#: A direction that leans this far towards a side has its letter: by 23 degrees and more.
SIDE_SHARE = 0.39


@dataclass(frozen=True)
class PlaneStack:
    """The slices of a volume in one orientation.

    Parameters
    ----------
    orientation
        Which plane.
    low_mm, high_mm
        Extent of the voxel centres along right, down and normal, shape (3,) each.
    step_mm
        Distance of pixels along right and down, and of slices, shape (3,).
    """

    orientation: Cut
    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]
    step_mm: tuple[float, float, float]

    @classmethod
    def of(cls, grid: Grid, orientation: Orientation) -> PlaneStack:
        """The stack that holds a grid: its own spacing where the axes agree, else the finest."""
        axes = axes_of(orientation)
        frame = np.stack([axes.right, axes.down, axes.normal])
        corners = grid.to_lps(grid.corners_ijk) @ frame.T
        along = np.abs(frame @ grid.axes)
        spacing = np.array(grid.spacing_mm)
        if is_upright(grid):
            steps = spacing[np.argmax(along, axis=1)]
        else:
            steps = np.full(3, spacing.min())
        return cls(
            orientation,
            _triple(corners.min(axis=0)),
            _triple(corners.max(axis=0)),
            _triple(steps),
        )

    @property
    def count(self) -> int:
        """Number of slices."""
        return round((self.high_mm[2] - self.low_mm[2]) / self.step_mm[2]) + 1

    @property
    def size(self) -> tuple[int, int]:
        """Number of pixels along right and down."""
        across = round((self.high_mm[0] - self.low_mm[0]) / self.step_mm[0]) + 1
        return across, round((self.high_mm[1] - self.low_mm[1]) / self.step_mm[1]) + 1

    def position_mm(self, index: int) -> float:
        """Position of a slice along the normal."""
        return self.low_mm[2] + index * self.step_mm[2]

    def index_of(self, lps_mm: Point) -> int:
        """The slice nearest to a point, kept within the stack."""
        at = float(axes_of(self.orientation).normal @ np.array(lps_mm))
        return int(np.clip(round((at - self.low_mm[2]) / self.step_mm[2]), 0, self.count - 1))

    def to_plane(self, lps_mm: FloatArray) -> FloatArray:
        """Right, down and normal coordinates in mm of points (..., 3)."""
        axes = axes_of(self.orientation)
        return np.asarray(lps_mm) @ np.stack([axes.right, axes.down, axes.normal]).T

    def to_lps(self, right_mm: float, down_mm: float, normal_mm: float) -> FloatArray:
        """LPS point (3,) of plane coordinates."""
        axes = axes_of(self.orientation)
        return np.asarray(right_mm * axes.right + down_mm * axes.down + normal_mm * axes.normal)


def is_upright(grid: Grid, tolerance: float = 1e-3) -> bool:
    """Whether a grid's axes run along the patient's axes, in any order and direction."""
    along = np.abs(grid.axes)
    return bool(np.all(np.abs(along.max(axis=0) - 1.0) < tolerance))


def _triple(values: FloatArray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
