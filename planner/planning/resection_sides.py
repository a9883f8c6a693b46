"""What a cut does: which part of rows, points and classes it takes, and where its surface runs in the liver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.class_runs import ClassRuns, RowIntervals
from planner.compute.patch_surface import PatchSurface
from planner.model.geometry import FloatArray, unit_vector
from planner.model.resection import MarginCut, PatchCut, PlaneCut, Resection, SegmentsCut
from planner.planning.liver_classes import LiverClasses

BoolArray = npt.NDArray[np.bool_]

#: Points of a cut's surface lie so far apart.
SURFACE_STEP_MM = 2.0


class Side(Protocol):
    """What is taken by one cut."""

    @property
    def normal_lps(self) -> FloatArray | None:
        """Mean direction of the side that is taken; None where it is a set of voxels."""

    def beyond(self, runs: ClassRuns) -> RowIntervals:
        """What of the rows of a lattice is taken."""

    def is_taken(self, points_lps_mm: FloatArray) -> BoolArray:
        """Which points (n, 3) are taken, (n,)."""

    def surface_lps_mm(self, liver: LiverClasses) -> FloatArray:
        """Points of the cut within the liver, (n, 3)."""

    def refined_lps_mm(self, around_lps_mm: FloatArray) -> FloatArray:
        """Points of the cut near a point of it, closer together, (n, 3)."""


@dataclass(frozen=True, eq=False)
class _Over:
    """A surface over a plane: a plane itself, or a patch."""

    point_lps_mm: FloatArray
    normal_lps: FloatArray
    height_mm: Callable[[FloatArray], FloatArray]
    rows: Callable[[ClassRuns], RowIntervals]

    def beyond(self, runs: ClassRuns) -> RowIntervals:
        return self.rows(runs)

    def is_taken(self, points_lps_mm: FloatArray) -> BoolArray:
        return np.asarray(self.height_mm(points_lps_mm) > 0)

    @cached_property
    def _across(self) -> tuple[FloatArray, FloatArray]:
        least = np.eye(3)[int(np.argmin(np.abs(self.normal_lps)))]
        one = unit_vector(np.cross(self.normal_lps, least))
        return one, np.cross(self.normal_lps, one)

    def _on_surface(self, around_lps_mm: FloatArray, half_mm: float, step_mm: float) -> FloatArray:
        side = np.arange(-half_mm, half_mm + 0.5 * step_mm, step_mm)
        u, v = (a.reshape(-1, 1) for a in np.meshgrid(side, side, indexing="ij"))
        flat = around_lps_mm + u * self._across[0] + v * self._across[1]
        return np.asarray(flat - self.height_mm(flat)[:, None] * self.normal_lps)

    def surface_lps_mm(self, liver: LiverClasses) -> FloatArray:
        center = np.array(liver.grid.center_lps_mm)
        half = 0.5 * float(np.linalg.norm(np.array(liver.grid.shape[::-1]) * liver.grid.spacing_mm))
        center = center - float((center - self.point_lps_mm) @ self.normal_lps) * self.normal_lps
        points = self._on_surface(center, half, SURFACE_STEP_MM)
        return points[liver.at(points) >= 0]

    def refined_lps_mm(self, around_lps_mm: FloatArray) -> FloatArray:
        return self._on_surface(around_lps_mm, SURFACE_STEP_MM, 0.125 * SURFACE_STEP_MM)


@dataclass(frozen=True, eq=False)
class _Within:
    """Whole classes of voxels; the cut runs along the faces of the voxels."""

    liver: LiverClasses
    taken: BoolArray
    normal_lps: FloatArray | None = None

    def beyond(self, runs: ClassRuns) -> RowIntervals:
        return runs.of_classes(self.taken)

    def is_taken(self, points_lps_mm: FloatArray) -> BoolArray:
        codes = self.liver.at(points_lps_mm)
        return np.asarray((codes >= 0) & self.taken[codes])

    def surface_lps_mm(self, liver: LiverClasses) -> FloatArray:
        inside = self.liver.codes >= 0
        taken = inside & self.taken[self.liver.codes]
        kept = inside & ~taken
        found = []
        for axis in range(3):
            one, two = (np.moveaxis(a, axis, 0) for a in (taken, kept))
            faces = (one[1:] & two[:-1]) | (two[1:] & one[:-1])
            at = np.argwhere(faces)[:, [*range(1, axis + 1), 0, *range(axis + 1, 3)]].astype(float)
            at[:, axis] += 0.5
            found.append(self.liver.grid.to_lps(at[:, ::-1]))
        return np.concatenate(found)

    def refined_lps_mm(self, around_lps_mm: FloatArray) -> FloatArray:
        return np.asarray(around_lps_mm).reshape(1, 3)


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
        return _Over(point, normal, cut.distance_mm, lambda runs: runs.beyond_plane(point, normal))
    if isinstance(cut, PatchCut):
        reach = 2.0 * float(np.linalg.norm(np.array(liver.grid.shape[::-1]) * liver.grid.spacing_mm))
        try:
            surface = PatchSurface.through(cut.control, reach)
        except InvalidValue as error:
            raise InvalidValue(error.what, f"resection '{resection.id}': {error.thing}", error.todo) from None
        middle = cut.control.reshape(-1, 3).mean(axis=0)
        return _Over(middle, surface.normal_lps, surface.height_mm, surface.beyond)
    return _Within(liver, liver.chosen(set_column(resection)))


def set_column(resection: Resection) -> str:
    """Name of the column that says which voxels a set of segments, territories or a margin takes."""
    return f"cut {resection.id}"


def is_set(resection: Resection) -> bool:
    """Whether a resection takes voxels by what they are, and not by a side of a surface."""
    return isinstance(resection.surface, SegmentsCut | MarginCut) or resection.surface.type == "territories"
