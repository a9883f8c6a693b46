"""A liver under a plan's resections: volumes by class that add up, margins of lesions, vessels that are crossed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.compute.class_runs import ClassRuns, RowIntervals
from planner.compute.clipped_mesh import TriangleArray, clipped, joined
from planner.compute.outline_nearness import OutlineNearness
from planner.model.geometry import FloatArray
from planner.model.points import Point, as_point
from planner.model.resection import Resection
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.cut_surface import CutDistances, CutMargin, CutSurface, least_margins
from planner.planning.hepatic_names import MIDDLE
from planner.planning.liver_classes import LESION, LiverClasses
from planner.planning.resection_sides import Side, WithinColumn, side_of

BoolArray = npt.NDArray[np.bool_]

#: Behind a surface a place is asked for this far from it.
BESIDE_MM = 1.5
#: A lesion of which less than this is taken is left behind.
MOST_LEFT_PERCENT = 0.5
#: Column of the voxels that are ablated, and of the caudate lobe.
ABLATED, CAUDATE = "ablated", "caudate"


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
        """What each takes, and last the caudate lobe where it is given to the specimen."""
        sides = [side_of(r, self.liver) for r in self.resections]
        if self.caudate_to == "specimen":
            sides.append(WithinColumn(self.liver, CAUDATE))
        return tuple(sides)

    @cached_property
    def spared(self) -> WithinColumn | None:
        """The caudate lobe where it is given to the remnant."""
        return WithinColumn(self.liver, CAUDATE) if self.caudate_to == "remnant" else None

    @cached_property
    def caudate_to(self) -> str:
        """To whom the caudate lobe is given; empty where nobody said, or it is not segmented.

        Where two resections give it to both, it stays.
        """
        given = {r.caudate for r in self.resections} - {""}
        if CAUDATE not in self.liver.columns or not given:
            return ""
        return "remnant" if "remnant" in given else "specimen"

    @cached_property
    def middle_vein_to(self) -> str:
        """To whom the middle hepatic vein is given; empty where nobody said, the remnant where both were."""
        given = {r.middle_hepatic_vein for r in self.resections} - {""}
        return "remnant" if "remnant" in given else next(iter(given), "")

    @cached_property
    def _rows(self) -> tuple[tuple[ClassRuns, RowIntervals], ...]:
        """Runs of classes, and what is taken of their rows, along the axes of the lattice that meet the cuts best.

        Cuts with the same rows are joined on them; others take their share of what those before them leave
        of each voxel.
        """
        liver, by_axis = self.liver, dict[int, list[Side]]()
        for side in self.sides:
            by_axis.setdefault(_best_axis(side, liver), []).append(side)
        found: list[tuple[ClassRuns, RowIntervals]] = []
        left: npt.NDArray[np.float32] | None = None
        for axis, sides in by_axis.items():
            if found:
                kept = np.float32(1.0) - found[-1][0].shares(found[-1][1])
                left = kept if left is None else left * kept
            runs = (
                liver.runs(axis)
                if left is None
                else ClassRuns.of(liver.grid, liver.codes, axis, liver.classes, left)
            )
            found.append((runs, RowIntervals.union([side.beyond(runs) for side in sides])))
        return tuple(found)

    @property
    def last_rows(self) -> tuple[ClassRuns, RowIntervals]:
        """Runs weighted by what all cuts but the last leave of them, and what that takes: the rest is kept."""
        if self._rows:
            return self._rows[-1]
        runs = self.liver.runs(0)
        return runs, RowIntervals.none(runs.rows)

    @cached_property
    def taken_ml(self) -> FloatArray:
        """Volume taken of each class, (classes,)."""
        found = np.zeros(self.liver.classes)
        for runs, taken in self._rows:
            found += runs.taken_ml(taken)
        if self.spared is not None:
            found[self.spared.taken] = 0.0
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
        taken, every = self._lesions_ml
        n = self.liver.lesions.index(lesion)
        return float(taken[n]), float(every[n] - taken[n])

    @cached_property
    def _lesions_ml(self) -> tuple[FloatArray, FloatArray]:
        """Volume taken of each lesion, and of it all."""
        numbers = self.liver.columns[LESION] + 1
        count = len(self.liver.lesions) + 1
        taken, every = (
            np.bincount(numbers, w, count).astype(float)[1:] for w in (self.taken_ml, self.all_ml)
        )
        return taken, every

    def is_left(self, lesion: str) -> bool:
        """Whether a lesion stays, all but a sliver of it."""
        taken, left = self.lesion_ml(lesion)
        return taken <= 0.01 * MOST_LEFT_PERCENT * (taken + left)

    def is_taken(self, points_lps_mm: FloatArray) -> BoolArray:
        """Which points are taken by any cut, (n,)."""
        found = np.zeros(len(points_lps_mm), dtype=bool)
        for side in self.sides:
            found |= side.is_taken(points_lps_mm)
        if self.spared is not None:
            found &= ~self.spared.is_taken(points_lps_mm)
        return found

    @cached_property
    def surfaces(self) -> tuple[CutSurface, ...]:
        """The surface of each resection within the liver that no other takes anyway, and the caudate lobe's.

        Where the lobe is given to one side, its border belongs to the first resection that gives it.
        """
        meshes = [[self._clipped(side)] for side in self.sides[: len(self.resections)]]
        giving = next((n for n, r in enumerate(self.resections) if r.caudate == self.caudate_to), 0)
        if self.caudate_to == "specimen":
            meshes[giving].append(self._clipped(self.sides[-1]))
        elif self.spared is not None:
            points, triangles = self.spared.mesh(self.liver)
            level = self.liver.border.at(points)
            taken = np.max([side.taken_level(points) for side in self.sides], axis=0)
            # Seen from the specimen the lobe lies on the other side.
            turned = np.ascontiguousarray(triangles[:, ::-1])
            meshes[giving].append(clipped(points, turned, np.minimum(level, taken)))
        return tuple(CutSurface(r.id, *joined(own)) for r, own in zip(self.resections, meshes, strict=True))

    def _clipped(self, side: Side) -> tuple[FloatArray, TriangleArray]:
        """A side's surface within the liver, where nothing else takes or spares it."""
        points, triangles = side.mesh(self.liver)
        if not len(points):
            return points, triangles
        level = self.liver.border.at(points)
        for other in self.sides:
            if other is not side:
                level = np.minimum(level, -other.taken_level(_kept_beside(side, other, points, triangles)))
        if self.spared is not None:
            level = np.minimum(level, -self.spared.taken_level(points))
        return clipped(points, triangles, level)

    def distances(self, number: int, outlines: Mapping[str, OutlineNearness]) -> CutDistances:
        """How near lesions lie to the surface of a resection, by its place among them."""
        side = self.sides[number]

        def around(point: FloatArray, half_mm: float, step_mm: float) -> FloatArray:
            points = side.around_lps_mm(point, half_mm, step_mm)
            return points[self._is_cut(side, points)]

        return CutDistances.of(self.surfaces[number], outlines, around)

    def margin(self, outline: OutlineNearness) -> CutMargin | None:
        """How near the cuts come to a lesion's outline; None where none goes through the liver."""
        every = [self.distances(n, {"": outline}) for n in range(len(self.resections))]
        return least_margins(every, [""])[""]

    def _is_cut(self, side: Side, points: FloatArray) -> BoolArray:
        """Which points of a side's surface lie in the liver, and nothing else takes or spares them."""
        found = np.asarray(self.liver.border.at(points) > 0)
        for other in self.sides:
            if other is not side:
                found &= other.taken_level(points) <= 0
        if self.spared is not None:
            found &= self.spared.taken_level(points) <= 0
        return found

    def given_branches(self, tree: VesselTree) -> frozenset[int]:
        """Branches that go where the middle hepatic vein is given, whatever the cut says.

        Those of that name; where it stays, the way to them from the root stays too.
        """
        if not self.middle_vein_to:
            return frozenset()
        named = tree.named(MIDDLE)
        if self.middle_vein_to == "specimen":
            return frozenset(b.number for b in named)
        return frozenset(w.number for b in named for w in tree.way_to(b.number))

    def is_branch_taken(self, tree: VesselTree, branch: Branch) -> BoolArray:
        """Which points of a branch are taken, (n,)."""
        if branch.number in self.given_branches(tree):
            return np.full(len(branch.points_lps_mm), self.middle_vein_to == "specimen")
        return self.is_taken(branch.points_lps_mm)

    def crossed(self, trees: Sequence[VesselTree]) -> tuple[CrossedVessel, ...]:
        """Vessels that go through a cut within the liver, thickest first."""
        found = []
        for tree in trees:
            given = self.given_branches(tree)
            for branch in tree.branches:
                points, radii = branch.points_lps_mm, branch.radii_mm
                taken, inside = self.is_branch_taken(tree, branch), self.liver.at(points) >= 0
                for n in np.flatnonzero((taken[1:] != taken[:-1]) & (inside[1:] | inside[:-1])):
                    place = as_point(0.5 * (points[n] + points[n + 1]))
                    diameter = float(radii[n] + radii[n + 1])
                    found.append(CrossedVessel(tree.id, branch.number, branch.title, diameter, place))
                if given and self._is_parted(tree, branch, bool(taken[0])):
                    place = as_point(points[0])
                    found.append(CrossedVessel(tree.id, branch.number, branch.title, 2.0 * radii[0], place))
        return tuple(sorted(found, key=lambda v: (-v.diameter_mm, v.tree, v.branch)))

    def _is_parted(self, tree: VesselTree, branch: Branch, is_taken: bool) -> bool:
        """Whether a branch is cut right where it begins, because a vein is given to the other side."""
        if branch.parent is None:
            return is_taken and branch.number in self.given_branches(tree)
        return bool(self.is_branch_taken(tree, tree.branch(branch.parent))[-1]) != is_taken

    @cached_property
    def left(self) -> BoolArray:
        """Voxels of the liver that stay, by their centres, [k, j, i]."""
        inside = self.liver.codes >= 0
        points = self.liver.grid.to_lps(np.argwhere(inside)[:, ::-1].astype(float))
        found = np.zeros(inside.shape, dtype=bool)
        found[inside] = ~self.is_taken(points)
        return found

    def remnant_pieces_ml(self, least_ml: float) -> tuple[float, ...]:
        """Volumes of the pieces the remnant is in, largest first; smaller ones than the least are left out."""
        labels, count = ndi.label(self.left)
        sizes = np.bincount(labels.ravel())[1:] if count else np.zeros(0)
        volumes = sorted((float(n) * self.liver.grid.voxel_volume_ml for n in sizes), reverse=True)
        return tuple(v for v in volumes if v >= least_ml)


def _best_axis(side: Side, liver: LiverClasses) -> int:
    """The axis of the lattice along which rows meet a cut at the steepest."""
    return 0 if side.normal_lps is None else int(np.argmax(np.abs(liver.grid.axes.T @ side.normal_lps)))


def _kept_beside(side: Side, other: Side, points: FloatArray, triangles: TriangleArray) -> FloatArray:
    """Where to ask whether another side takes what lies behind a surface.

    Borders of two sets may run along each other: there the answer lies on the kept side, `BESIDE_MM` away.
    """
    if side.normal_lps is not None or other.normal_lps is not None:
        return points
    a, b, c = (points[triangles[:, n]] for n in range(3))
    normals = np.zeros_like(points)
    for n in range(3):
        np.add.at(normals, triangles[:, n], np.cross(b - a, c - a))
    sizes = np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    return np.asarray(points - BESIDE_MM * normals / sizes[:, None])
