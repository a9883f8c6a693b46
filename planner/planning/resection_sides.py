"""What a cut does: which part of rows, points and classes it takes, and where its surface runs in the liver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.class_runs import ClassRuns, RowIntervals
from planner.compute.clipped_mesh import TriangleArray
from planner.compute.hull import convex_corners
from planner.compute.mask_part_mesh import part_mesh
from planner.compute.patch_surface import PatchSurface
from planner.model.geometry import FloatArray, unit_vector
from planner.model.resection import MarginCut, PatchCut, PlaneCut, Resection, SegmentsCut
from planner.planning.liver_classes import LiverClasses

BoolArray = npt.NDArray[np.bool_]

#: Corners of a cut's surface lie so far apart over its mean plane.
SURFACE_STEP_MM = 2.5


class Side(Protocol):
    """What is taken by one cut."""

    @property
    def normal_lps(self) -> FloatArray | None:
        """Mean direction of the side that is taken; None where it is a set of voxels."""

    def beyond(self, runs: ClassRuns) -> RowIntervals:
        """What of the rows of a lattice is taken."""

    def is_taken(self, points_lps_mm: FloatArray) -> BoolArray:
        """Which points (n, 3) are taken, (n,)."""

    def taken_level(self, points_lps_mm: FloatArray) -> FloatArray:
        """A number for each point (n, 3) that is positive where it is taken and zero on the surface, (n,)."""

    def mesh(self, liver: LiverClasses) -> tuple[FloatArray, TriangleArray]:
        """The surface in the liver and somewhat beyond; normals point to what is taken."""

    def around_lps_mm(self, point_lps_mm: FloatArray, half_mm: float, step_mm: float) -> FloatArray:
        """Points of the surface in a square about one of its points, (n, 3)."""


@dataclass(frozen=True, eq=False)
class OverPlane:
    """A surface over a plane: a plane itself, or a patch over its mean plane."""

    point_lps_mm: FloatArray
    normal_lps: FloatArray
    height_mm: Callable[[FloatArray], FloatArray]
    rows: Callable[[ClassRuns], RowIntervals]
    patch: PatchSurface | None = None

    def beyond(self, runs: ClassRuns) -> RowIntervals:
        """What of the rows of a lattice is taken."""
        return self.rows(runs)

    def is_taken(self, points_lps_mm: FloatArray) -> BoolArray:
        """Which points (n, 3) are taken, (n,)."""
        return np.asarray(self.height_mm(points_lps_mm) > 0)

    def taken_level(self, points_lps_mm: FloatArray) -> FloatArray:
        """Height beyond the surface."""
        return self.height_mm(points_lps_mm)

    def mesh(self, liver: LiverClasses) -> tuple[FloatArray, TriangleArray]:
        """A square net over the plane, as far as the liver's box reaches."""
        corners = _outer_points(liver) - self.point_lps_mm
        lows, counts = [], []
        for way in self._across:
            along = corners @ way
            lows.append(float(along.min()))
            counts.append(int(np.ceil((float(along.max()) - lows[-1]) / SURFACE_STEP_MM)) + 1)
        one, two = (
            low + SURFACE_STEP_MM * np.arange(n, dtype=float) for low, n in zip(lows, counts, strict=True)
        )
        points = np.asarray(self.point_lps_mm + _net(one, two) @ np.stack(self._across))
        if self.patch is not None:
            heights = self.patch.heights_over_net_mm(points[0], SURFACE_STEP_MM, (len(one), len(two)))
            points += heights[:, None] * self.normal_lps
        return points, _net_triangles(len(one), len(two))

    def around_lps_mm(self, point_lps_mm: FloatArray, half_mm: float, step_mm: float) -> FloatArray:
        """Points of the surface in a square about one of its points, (n, 3)."""
        return self._onto(point_lps_mm + _square(half_mm, step_mm) @ np.stack(self._across))

    @cached_property
    def _across(self) -> tuple[FloatArray, FloatArray]:
        least = np.eye(3)[int(np.argmin(np.abs(self.normal_lps)))]
        one = unit_vector(np.cross(self.normal_lps, least))
        return one, np.cross(self.normal_lps, one)

    def _onto(self, flat: FloatArray) -> FloatArray:
        return np.asarray(flat - self.height_mm(flat)[:, None] * self.normal_lps)


@dataclass(frozen=True, eq=False)
class WithinColumn:
    """Whole classes of voxels: those with any number in a column; the cut runs along the faces of the voxels."""

    liver: LiverClasses
    column: str
    normal_lps: FloatArray | None = None

    @cached_property
    def taken(self) -> BoolArray:
        """Which classes, (classes,)."""
        return self.liver.chosen(self.column)

    def beyond(self, runs: ClassRuns) -> RowIntervals:
        """What of the rows of a lattice is taken."""
        return runs.of_classes(self.taken)

    def is_taken(self, points_lps_mm: FloatArray) -> BoolArray:
        """Which points (n, 3) are taken, (n,)."""
        codes = self.liver.at(points_lps_mm)
        return np.asarray((codes >= 0) & self.taken[codes])

    def taken_level(self, points_lps_mm: FloatArray) -> FloatArray:
        """Level of its smooth border."""
        return self.liver.part_border(self.column).at(points_lps_mm)

    def mesh(self, liver: LiverClasses) -> tuple[FloatArray, TriangleArray]:
        """Its smooth border to the rest of the liver; kept."""
        return _column_mesh(self.liver, self.column)

    def around_lps_mm(self, point_lps_mm: FloatArray, half_mm: float, step_mm: float) -> FloatArray:
        """None: corners of the surface lie close enough."""
        return np.zeros((0, 3))


def side_of(resection: Resection, liver: LiverClasses) -> Side:
    """What a resection takes of a liver.

    Parameters
    ----------
    liver
        With a column for each cut that is a set of voxels: see `set_column`.

    Raises
    ------
    InvalidValue
        If a patch folds.
    """
    cut = resection.surface
    if isinstance(cut, PlaneCut):
        point, normal = np.array(cut.point_lps_mm), np.array(cut.normal_lps)
        return OverPlane(point, normal, cut.distance_mm, lambda runs: runs.beyond_plane(point, normal))
    if isinstance(cut, PatchCut):
        reach = 2.0 * float(np.linalg.norm(np.array(liver.grid.shape[::-1]) * liver.grid.spacing_mm))
        try:
            surface = PatchSurface.through(cut.control, reach)
        except InvalidValue as error:
            raise InvalidValue(error.what, f"resection '{resection.id}': {error.thing}", error.todo) from None
        middle = cut.control.reshape(-1, 3).mean(axis=0)
        return OverPlane(middle, surface.normal_lps, surface.height_mm, surface.beyond, surface)
    return WithinColumn(liver, set_column(resection))


def set_column(resection: Resection) -> str:
    """Name of the column that says which voxels a set of segments, territories or a margin takes."""
    return f"cut {resection.id}"


def is_set(resection: Resection) -> bool:
    """Whether a resection takes voxels by what they are, and not by a side of a surface."""
    return isinstance(resection.surface, SegmentsCut | MarginCut) or resection.surface.type == "territories"


@lru_cache(maxsize=6)
def _column_mesh(liver: LiverClasses, column: str) -> tuple[FloatArray, TriangleArray]:
    return part_mesh(liver.part_border(column))


@lru_cache(maxsize=4)
def _outer_points(liver: LiverClasses) -> FloatArray:
    """Corners around the liver: what holds them all holds it, (n, 3)."""
    border = liver.border
    k, j = np.nonzero((border.level_mm > -2.0).any(axis=2))
    inside = border.level_mm[k, j] > -2.0
    first, last = inside.argmax(axis=1), inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
    ends = np.concatenate([np.column_stack([i, j, k]) for i in (first, last)])
    return convex_corners(border.lattice.to_lps(ends.astype(float)))


@lru_cache(maxsize=8)
def _square(half_mm: float, step_mm: float) -> FloatArray:
    side = np.arange(-half_mm, half_mm + 0.5 * step_mm, step_mm)
    return _net(side, side)


def _net(one: npt.NDArray[np.floating], two: npt.NDArray[np.floating]) -> FloatArray:
    """All pairs, the second running fastest, (n, 2)."""
    return (
        np.stack(np.meshgrid(one, two, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float64, copy=False)
    )


@lru_cache(maxsize=8)
def _net_triangles(rows: int, columns: int) -> TriangleArray:
    at = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel(), at[:-1, 1:].ravel()
    triangles = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    triangles.setflags(write=False)
    return triangles
