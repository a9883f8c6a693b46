"""A liver under a plan's resections: volumes by class that add up, margins of lesions, vessels that are crossed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.compute.class_runs import ClassRuns, RowIntervals
from planner.compute.outline_distance import OutlineDistance
from planner.model.geometry import FloatArray
from planner.model.points import Point, as_point
from planner.model.resection import Resection
from planner.model.vessel_tree import VesselTree
from planner.planning.liver_classes import LESION, LiverClasses
from planner.planning.resection_sides import Side, side_of

BoolArray = npt.NDArray[np.bool_]

#: The margin is looked for again around so many of the nearest points of the cut.
REFINED = 3
#: A lesion of which less than this is taken is left behind.
MOST_LEFT_PERCENT = 0.5
#: Column of the voxels that are ablated, and of the caudate lobe.
ABLATED, CAUDATE = "ablated", "caudate"


@dataclass(frozen=True)
class CutMargin:
    """How near a cut comes to a lesion.

    Parameters
    ----------
    margin_mm
        Least distance of the cut within the liver from the lesion's outline; negative where the cut goes
        through the lesion, by how deep.
    cut_lps_mm
        Where.
    """

    margin_mm: float
    cut_lps_mm: Point


@dataclass(frozen=True)
class CrossedVessel:
    """A vessel the cut goes through."""

    tree: str
    branch: int
    title: str
    diameter_mm: float
    where_lps_mm: Point


@dataclass(frozen=True, eq=False)
class ResectedLiver:
    """What all resections of a plan take of a liver.

    Parameters
    ----------
    liver
        With a column for each set of voxels that is taken (`set_column`), and `ABLATED` and `CAUDATE` where known.
    resections
        Of the plan.
    """

    liver: LiverClasses
    resections: tuple[Resection, ...]

    @cached_property
    def sides(self) -> tuple[Side, ...]:
        """What each takes."""
        return tuple(side_of(r, self.liver) for r in self.resections)

    @cached_property
    def taken_ml(self) -> FloatArray:
        """Volume taken of each class, (classes,); what is given to one side counts there whatever the cut says.

        Each cut is followed along the rows of the lattice that meet it best; cuts with the same rows are
        joined on them, others over what those before them have left of each voxel.
        """
        liver, found = self.liver, np.zeros(self.liver.classes)
        by_axis: dict[int, list[Side]] = {}
        for side in self.sides:
            by_axis.setdefault(_best_axis(side, liver), []).append(side)
        left: npt.NDArray[np.float32] | None = None
        for n, (axis, sides) in enumerate(by_axis.items()):
            runs = (
                liver.runs(axis)
                if left is None
                else ClassRuns.of(liver.grid, liver.codes, axis, liver.classes, left)
            )
            taken = RowIntervals.union([side.beyond(runs) for side in sides])
            found += runs.taken_ml(taken)
            if n + 1 < len(by_axis):
                kept = np.float32(1.0) - runs.shares(taken)
                left = kept if left is None else left * kept
        for to, value in (("specimen", self.all_ml), ("remnant", np.zeros(liver.classes))):
            if any(r.caudate == to for r in self.resections) and CAUDATE in liver.columns:
                own = liver.chosen(CAUDATE)
                found[own] = value[own]
        return found

    @property
    def all_ml(self) -> FloatArray:
        """Volume of each class, (classes,)."""
        return self.liver.runs(0).volumes_ml

    def sum_ml(self, chosen: BoolArray | None = None) -> tuple[float, float]:
        """Volume taken and left of chosen classes, or of all."""
        kept = np.ones(self.liver.classes, dtype=bool) if chosen is None else chosen
        taken = float(self.taken_ml[kept].sum())
        return taken, float(self.all_ml[kept].sum()) - taken

    def lesion_ml(self, lesion: str) -> tuple[float, float]:
        """Volume taken and left of a lesion."""
        return self.sum_ml(self.liver.chosen(LESION, (self.liver.lesions.index(lesion),)))

    def is_left(self, lesion: str) -> bool:
        """Whether a lesion stays, all but a sliver of it."""
        taken, left = self.lesion_ml(lesion)
        return taken <= 0.01 * MOST_LEFT_PERCENT * (taken + left)

    def is_taken(self, points_lps_mm: FloatArray) -> BoolArray:
        """Which points are taken by any cut, (n,)."""
        found = np.zeros(len(points_lps_mm), dtype=bool)
        for side in self.sides:
            found |= side.is_taken(points_lps_mm)
        return found

    @cached_property
    def surface_lps_mm(self) -> tuple[tuple[Side, FloatArray], ...]:
        """Points of each cut within the liver that no other cut takes anyway."""
        found = []
        for n, side in enumerate(self.sides):
            points = side.surface_lps_mm(self.liver)
            for m, other in enumerate(self.sides):
                if m != n and len(points):
                    points = points[~other.is_taken(points)]
            found.append((side, points))
        return tuple(found)

    def margin(self, outline: OutlineDistance) -> CutMargin | None:
        """How near the cut comes to a lesion's outline; None where no cut goes through the liver."""
        samples = outline.outline.samples.points_lps_mm
        middle, reach = samples.mean(axis=0), 0.0
        reach = float(np.linalg.norm(samples - middle, axis=1).max())
        best: CutMargin | None = None
        for side, points in self.surface_lps_mm:
            if not len(points):
                continue
            away = np.linalg.norm(points - middle, axis=1)
            # Farther than this none can be the nearest: the lesion fits into a ball.
            near = points[away <= float(away.min()) + 2.0 * reach + 1e-6]
            distances = -outline.signed_distance_mm(near)
            for at in np.argsort(distances, kind="stable")[:REFINED]:
                fine = side.refined_lps_mm(near[at])
                fine = np.concatenate([near[at][None], fine[self.liver.at(fine) >= 0]])
                values = -outline.signed_distance_mm(fine)
                n = int(values.argmin())
                if best is None or values[n] < best.margin_mm:
                    best = CutMargin(float(values[n]), as_point(fine[n]))
        return best

    def crossed(self, trees: Sequence[VesselTree]) -> tuple[CrossedVessel, ...]:
        """Vessels that go through a cut within the liver, thickest first."""
        found = []
        for tree in trees:
            for branch in tree.branches:
                points = branch.points_lps_mm
                taken, inside = self.is_taken(points), self.liver.at(points) >= 0
                for n in np.flatnonzero((taken[1:] != taken[:-1]) & (inside[1:] | inside[:-1])):
                    place = as_point(0.5 * (points[n] + points[n + 1]))
                    diameter = float(branch.radii_mm[n] + branch.radii_mm[n + 1])
                    found.append(CrossedVessel(tree.id, branch.number, branch.title, diameter, place))
        return tuple(sorted(found, key=lambda v: (-v.diameter_mm, v.tree, v.branch)))

    def remnant_pieces_ml(self, least_ml: float) -> tuple[float, ...]:
        """Volumes of the pieces the remnant is in, largest first; smaller ones than the least are left out."""
        points = self._liver_points
        left = np.zeros(self.liver.codes.shape, dtype=bool)
        left[self.liver.codes >= 0] = ~self.is_taken(points)
        labels, count = ndi.label(left)
        sizes = np.bincount(labels.ravel())[1:] if count else np.zeros(0)
        volumes = sorted((float(n) * self.liver.grid.voxel_volume_ml for n in sizes), reverse=True)
        return tuple(v for v in volumes if v >= least_ml)

    @property
    def _liver_points(self) -> FloatArray:
        return self.liver.grid.to_lps(np.argwhere(self.liver.codes >= 0)[:, ::-1].astype(float))


def _best_axis(side: Side, liver: LiverClasses) -> int:
    """The axis of the lattice along which rows meet a cut at the steepest."""
    return 0 if side.normal_lps is None else int(np.argmax(np.abs(liver.grid.axes.T @ side.normal_lps)))
