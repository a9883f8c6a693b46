"""Two outlines of vessels that overlap or have grown together, each given back its own voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.task import Task
from planner.model.geometry import Box, FloatArray
from planner.model.structures import StructureSet

BoolArray = npt.NDArray[np.bool_]
#: Points along k, j, i in mm, (n, 3), and radii, (n,).
Line = tuple[FloatArray, FloatArray]

#: A gap in a vessel that the other outline fills is bridged up to this length.
GAP_MM = 40.0
#: An end points at the end across the gap to this cosine.
FACING = 0.7
#: A line within this share of the radius of the middle of another vessel is that vessel's.
AMID = 0.7
#: Less than this in the wrong outline alone is roughness and stays.
LEAST_ML = 0.01
#: Farther than this from every wall it does not matter how far.
FAR_MM = 15.0
#: A bridge is laid at points so far apart.
BRIDGE_STEP_MM = 0.5


@dataclass(frozen=True, eq=False)
class PartedVessels:
    """Structures of which two no longer share voxels.

    Parameters
    ----------
    structures
        The set with the two outlines parted.
    shared_ml
        What lay in both.
    moved_ml
        What lay in one of them alone, within the other's vessel.
    notes
        The same in words; empty where nothing was to be done.
    """

    structures: StructureSet
    shared_ml: float
    moved_ml: float
    notes: tuple[str, ...]


def parted(structures: StructureSet, first: str, second: str, task: Task | None = None) -> PartedVessels:
    """Give each voxel that lies in two outlines of vessels, or in the wrong one, to the nearer vessel.

    Nearer is by the distance to the middle line, less the vessel's radius.  A voxel of one outline alone
    changes over only where it lies within the other's vessel and outside its own.  Vessels that touch but
    keep to their own outlines are left as they are.

    Raises
    ------
    InvalidValue
        If one of the structures is missing or has no voxel, or both are one.
    """
    work = task or Task()
    box = _box(structures, first, second)
    one, two = structures.mask(first, box), structures.mask(second, box)
    work.report(0.1, f"Middle line: {first}")
    shared = one & two
    if not _meet(one, two):
        return PartedVessels(structures, 0.0, 0.0, ())
    either = one | two
    step_mm = np.array(structures.grid.spacing_mm[::-1])
    lines = [_Vessel.of(one & ~two, either, structures.grid.spacing_mm)]
    work.report(0.4, f"Middle line: {second}")
    lines.append(_Vessel.of(two & ~one, either, structures.grid.spacing_mm))
    lines = [line.without(other) for line, other in zip(lines, lines[::-1], strict=True)]
    work.report(0.7, "Parting the vessels")
    kji = np.argwhere(either)
    in_one, in_two = one[tuple(kji.T)], two[tuple(kji.T)]
    voxel = 0.5 * float(step_mm.max())
    both = in_one & in_two
    # Few voxels lie within the other's vessel; only of those it matters how far they lie from both.
    doubtful = both.copy()
    for own, other in ((in_one & ~both, lines[1]), (in_two & ~both, lines[0])):
        places = kji[own] * step_mm
        doubtful[own] = (other.outside_mm(places, 0.0) < 0) | (other.off_bridge_mm(places, voxel) < voxel)
    to_one, to_two, off_one, off_two = (np.full(len(kji), np.inf) for _ in range(4))
    places = kji[doubtful] * step_mm
    to_one[doubtful], to_two[doubtful] = (line.outside_mm(places) for line in lines)
    off_one[doubtful], off_two[doubtful] = (line.off_bridge_mm(places) for line in lines)
    lost = in_one & ~in_two & doubtful & _is_others(to_one, to_two, off_two, voxel)
    gained = in_two & ~in_one & doubtful & _is_others(to_two, to_one, off_one, voxel)
    if float((lost | gained).sum()) * structures.grid.voxel_volume_ml < LEAST_ML:
        lost, gained = np.zeros_like(lost), np.zeros_like(gained)
    is_one = np.where(both, to_one <= to_two, (in_one & ~lost) | gained)
    if not (both | lost | gained).any():
        return PartedVessels(structures, 0.0, 0.0, ())
    parts = structures
    for name, chosen in ((first, is_one), (second, ~is_one)):
        mask = np.zeros(structures.grid.shape, dtype=bool)
        mask[tuple((kji[chosen] + box.start).T)] = True
        parts = parts.with_mask(structures[name], mask)
    work.report(1.0, "Parting the vessels")
    voxel_ml = structures.grid.voxel_volume_ml
    return _said(
        parts, first, second, float(shared.sum()) * voxel_ml, float((lost | gained).sum()) * voxel_ml
    )


def _is_others(own: FloatArray, other: FloatArray, bridge: FloatArray, voxel: float) -> BoolArray:
    """Which voxels of one outline alone are the other vessel's, by how far outside of each they lie.

    Well within the other's and outside their own; or all that is nearer to a gap the other bridges, up to
    half a voxel around it, so that no shell stays behind.
    """
    return ((other < 0) & (own > voxel)) | ((bridge < voxel) & (other < own) & (own > 0))


def _said(parts: StructureSet, first: str, second: str, shared_ml: float, moved_ml: float) -> PartedVessels:
    notes = []
    if shared_ml:
        notes.append(f"{shared_ml:.2f} ml lay in both '{first}' and '{second}': given to the nearer vessel.")
    if moved_ml:
        notes.append(
            f"{moved_ml:.2f} ml of one of '{first}' and '{second}' lay within the other: moved there."
        )
    return PartedVessels(parts, shared_ml, moved_ml, tuple(notes))


def _box(structures: StructureSet, first: str, second: str) -> Box:
    from planner.base.errors import InvalidValue

    if first == second:
        raise InvalidValue(
            "A structure cannot be parted from itself.", f"'{first}'", "Choose two structures."
        )
    boxes = [structures.box(name) for name in (first, second)]
    for name, box in zip((first, second), boxes, strict=True):
        if box.is_empty:
            raise InvalidValue("A structure has no voxel.", f"'{name}'", "Outline the vessels first.")
    low = tuple(min(a) for a in zip(*(b.start for b in boxes), strict=True))
    high = tuple(max(a) for a in zip(*(b.stop for b in boxes), strict=True))
    return Box(low, high).grown((1, 1, 1), structures.grid.shape)


def _meet(one: BoolArray, two: BoolArray) -> bool:
    """Whether two masks share voxels or have some side by side."""
    padded = np.pad(two, 1)
    kji = np.argwhere(one) + 1
    around = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    return any(bool(padded[tuple((kji + step).T)].any()) for step in around)


@dataclass(frozen=True, eq=False)
class _Vessel:
    """Middle lines of an outline and pieces that bridge gaps in them, each as points with radii."""

    lines: list[Line]
    bridges: list[Line]

    @classmethod
    def of(cls, mask: BoolArray, either: BoolArray, spacing_mm: tuple[float, float, float]) -> _Vessel:
        """The vessels of a mask, with gaps bridged that the other one fills."""
        from planner.compute.vessel_centerline import center_lines
        from planner.compute.vessel_graph import Stretch, VesselGraph
        from planner.compute.vessel_mask import cleaned
        from planner.compute.vessel_skeleton import skeleton_of

        if not mask.any():
            return cls([], [])
        clean = cleaned(mask, 1).mask
        skeleton = skeleton_of(clean, spacing_mm)
        graph = VesselGraph.of(skeleton, spacing_mm)
        graph.open_loops()
        graph.prune(max(spacing_mm))
        stretches: list[tuple[int | None, Stretch]] = []
        for component in range(len(skeleton.sizes)):
            for root in graph.tips(component)[:1]:
                before = len(stretches)
                rooted = graph.rooted(root)
                stretches += [(None if p is None else p + before, s) for p, s in rooted]
        lines = [
            (line.points_mm, line.radii_mm)
            for line in center_lines(stretches, graph.opened, clean, spacing_mm)
        ]
        return cls(lines, _bridges(lines, either, np.array(spacing_mm[::-1])))

    def without(self, other: _Vessel) -> _Vessel:
        """The vessel without lines that begin or end amid a gap the other bridges: those are the other's."""
        from scipy.spatial import cKDTree

        if not other.bridges:
            return self
        bridge, radii = (np.concatenate(of) for of in zip(*other.bridges, strict=True))
        tree = cKDTree(bridge)
        kept = []
        for points, wide in self.lines:
            away, nearest = tree.query(points[[0, -1]])
            if (away > AMID * radii[nearest]).all():
                kept.append((points, wide))
        return _Vessel(kept, self.bridges)

    def outside_mm(self, places_mm: FloatArray, far_mm: float = FAR_MM) -> FloatArray:
        """How far places (n, 3) lie outside the vessels, negative within; infinite far from all of them."""
        return _outside_mm([*self.lines, *self.bridges], places_mm, far_mm)

    def off_bridge_mm(self, places_mm: FloatArray, far_mm: float = FAR_MM) -> FloatArray:
        """The same for the bridges alone."""
        return _outside_mm(self.bridges, places_mm, far_mm)


def _outside_mm(pieces: list[Line], places_mm: FloatArray, far_mm: float) -> FloatArray:
    """How far places lie outside of pieces; infinite beyond a distance from the widest wall."""
    from scipy.spatial import cKDTree

    if not pieces or not len(places_mm):
        return np.full(len(places_mm), np.inf)
    points, radii = (np.concatenate(of) for of in zip(*pieces, strict=True))
    away, nearest = cKDTree(points).query(places_mm, distance_upper_bound=float(radii.max()) + far_mm + 1e-6)
    return np.asarray(away - np.append(radii, 0.0)[nearest])


def _bridges(lines: list[Line], either: BoolArray, step_mm: FloatArray) -> list[Line]:
    """Straight pieces between ends that face each other across a gap filled by one of the outlines."""
    ends = []
    for number, (points, radii) in enumerate(lines):
        for end, inner in ((0, min(5, len(points) - 1)), (-1, max(-6, -len(points)))):
            way = points[end] - points[inner]
            ends.append((number, points[end], way / max(float(np.linalg.norm(way)), 1e-9), float(radii[end])))
    found = []
    for n, (line, place, way, radius) in enumerate(ends):
        for other, target, back, wide in ends[n + 1 :]:
            gap = target - place
            length = float(np.linalg.norm(gap))
            if other == line or not 0 < length <= GAP_MM:
                continue
            if min(float(way @ gap), -float(back @ gap)) < FACING * length:
                continue
            share = np.linspace(0, 1, int(np.ceil(length / BRIDGE_STEP_MM)) + 1)
            bridge = place + share[:, None] * gap
            kji = np.clip(np.rint(bridge / step_mm).astype(int), 0, np.array(either.shape) - 1)
            if either[tuple(kji.T)].mean() > 0.9:
                found.append((bridge, radius + share * (wide - radius)))
    return found
