"""Trees of vessels found in their outlines, with what was done on the way said in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.vessel_mask import CleanMask, cleaned
from planner.model.geometry import Box, FloatArray, Grid
from planner.model.points import Point, finite_point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import Branch, VesselTree

if TYPE_CHECKING:
    from planner.compute.vessel_centerline import CenterLine
    from planner.compute.vessel_graph import Stretch, VesselGraph

#: Pieces below this are specks of the outlining: a vessel of 3 mm across and 7 mm long.
SMALLEST_ML = 0.05
#: A piece shorter than this many times its width is no vessel.
SLENDERNESS = 1.2
#: Loops around less than this many voxels are pinholes of an outline and not worth a word.
PINHOLE_VOXELS = 6.0
#: A loop longer than this does not come from outlining one system of vessels.
LONG_LOOP_MM = 60.0
#: An end of hepatic veins a mm wider in radius may lie so many mm farther from the vena cava.
CAVA_RADII = 4.0
#: An end so near to the scan's last voxels is cut by it, in voxels.
CUT_VOXELS = 0.75


def find_tree(
    structures: StructureSet,
    name: str,
    *,
    id: str,
    role: Role | None = None,
    root_lps_mm: Point | None = None,
    task: Task | None = None,
) -> VesselTree:
    """The tree of the vessels a structure outlines: its middle lines, radii, forks and roots.

    The root of a portal vein is its widest end outside the liver, of hepatic veins the end nearest to the
    vena cava, of others, or where those structures are missing, the widest end.  Further pieces of the
    outline become further roots.  Branches are numbered from the largest piece's root outwards.

    Parameters
    ----------
    role
        Which vessels these are; the structure's own where not given.
    root_lps_mm
        The end nearest to this place becomes the root of its piece.

    Raises
    ------
    InvalidValue
        If the structure is missing or has no voxel, or nothing in it is longer than wide.
    """
    work = task or Task()
    place = None if root_lps_mm is None else finite_point(root_lps_mm, "root of a tree of vessels")
    rule = _RootRule(structures, role or structures[name].role, place)
    outline = _Outline.of(structures, name, rule, work)
    pieces = outline.roots(rule)
    work.report(0.6, f"Radii: {name}")
    branches = outline.branches(pieces)
    tree = VesselTree(
        id, role or structures[name].role, branches, name, structures.frame_of_reference_uid, outline.notes()
    )
    work.report(1.0, f"Vessels: {name}")
    return replace(
        tree, notes=(*tree.notes, *_cut_notes(tree, structures.grid), *_liver_notes(tree, structures))
    )


@dataclass(frozen=True)
class LiverPart:
    """Which branches of a tree lie in the liver.

    Parameters
    ----------
    branches
        Numbers of those with at least half their length inside.
    shares
        Share of each branch's length inside, 0..1.
    percent
        Of the whole tree's length.
    """

    branches: frozenset[int]
    shares: Mapping[int, float]
    percent: float


def liver_part(tree: VesselTree, structures: StructureSet) -> LiverPart:
    """Which branches of a tree lie in the liver, and how much of each.

    Raises
    ------
    InvalidValue
        If the set has no liver, or it has no voxel.
    """
    livers = [s.name for s in structures.with_role(Role.LIVER) if structures.voxel_count(s.name)]
    if not livers:
        raise InvalidValue(
            "There is no liver.", f"set '{structures.id}'", "Give a structure the role of liver."
        )
    shares, inside_mm = {}, 0.0
    for branch in tree.branches:
        middles = 0.5 * (branch.points_lps_mm[1:] + branch.points_lps_mm[:-1])
        length = float(branch.steps_mm[_within(structures, livers, middles)].sum())
        shares[branch.number] = length / branch.length_mm
        inside_mm += length
    chosen = frozenset(n for n, share in shares.items() if share >= 0.5)
    whole_mm = tree.length_mm
    return LiverPart(chosen, MappingProxyType(shares), 100.0 * inside_mm / whole_mm if whole_mm else 0.0)


def _within(
    structures: StructureSet, names: Iterable[str], points_lps_mm: FloatArray
) -> npt.NDArray[np.bool_]:
    """Which points (n, 3) lie in voxels of any of these structures."""
    ijk = np.rint(structures.grid.to_ijk(points_lps_mm)).astype(int)
    scanned = np.all((ijk >= 0) & (ijk < np.array(structures.grid.shape[::-1])), axis=1)
    i, j, k = ijk[scanned].T
    found = np.zeros(len(ijk), dtype=bool)
    for name in names:
        structure = structures[name]
        found[scanned] |= structures.layers[structure.layer][k, j, i] == structure.label
    return found


@dataclass(frozen=True, eq=False)
class _End:
    """A tip of a piece: its node, where it is and how wide the vessel is there."""

    node: int
    lps_mm: FloatArray
    radius_mm: float


class _RootRule:
    """At which of a piece's ends blood enters or leaves."""

    def __init__(self, structures: StructureSet, role: Role, place: Point | None) -> None:
        self.structures, self.role, self.place = structures, role, place
        self.livers = [s.name for s in structures.with_role(Role.LIVER)]
        cavas = [s.name for s in structures.with_role(Role.VENA_CAVA) if structures.voxel_count(s.name)]
        self.cavas = cavas if role is Role.HEPATIC_VEIN else []

    def mouths(self, mask: npt.NDArray[np.bool_], box: Box) -> npt.NDArray[np.int64]:
        """The voxel deepest in the vena cava, or amid the contact with it, of each piece of a mask, (n, 3)."""
        from scipy.ndimage import binary_dilation, distance_transform_edt, label

        around = np.ones((3, 3, 3), dtype=bool)
        cava = self.structures.union_mask(self.cavas, box)
        if not cava.any():
            return np.empty((0, 3), dtype=np.int64)
        depth = distance_transform_edt(cava, sampling=self.structures.grid.spacing_mm[::-1])
        contacts, count = label(mask & binary_dilation(cava, around), structure=around)
        pieces, _ = label(mask, structure=around)
        widest: dict[int, npt.NDArray[np.int64]] = {}
        kji = np.argwhere(contacts)
        number = contacts[tuple(kji.T)]
        for contact in range(1, count + 1):
            voxels = kji[number == contact]
            piece = int(pieces[tuple(voxels[0])])
            if len(voxels) > len(widest.get(piece, ())):
                widest[piece] = voxels
        amid = []
        for voxels in widest.values():
            away = np.linalg.norm(voxels - voxels.mean(axis=0), axis=1)
            amid.append(voxels[np.lexsort((away, -depth[tuple(voxels.T)]))[0]])
        return np.array(amid, dtype=np.int64).reshape(-1, 3)

    def gap_mm(self, ends: Sequence[_End]) -> float:
        """How far the nearest of some ends is from the place that was asked for."""
        if self.place is None:
            return float("inf")
        return min(float(np.linalg.norm(e.lps_mm - np.array(self.place))) for e in ends)

    def root(self, ends: Sequence[_End], is_asked: bool, mouths: set[int]) -> int:
        """The node of the end that is the root."""
        if is_asked and self.place is not None:
            place = np.array(self.place)
            return min(ends, key=lambda e: float(np.linalg.norm(e.lps_mm - place))).node
        for end in ends:
            if end.node in mouths:
                return end.node
        if self.cavas:
            away = _nearest_mm(self.structures, self.cavas, np.array([e.lps_mm for e in ends]))
            # A twig may end beside the vena cava too: a wide end counts as so much nearer.
            widths = np.array([CAVA_RADII * e.radius_mm for e in ends])
            return ends[int(np.argmin(away - widths))].node
        if self.role is Role.PORTAL_VEIN and self.livers:
            inside = _within(self.structures, self.livers, np.array([e.lps_mm for e in ends]))
            ends = [e for e, within in zip(ends, inside, strict=True) if not within] or ends
        return max(ends, key=lambda e: e.radius_mm).node


def _nearest_mm(structures: StructureSet, names: Sequence[str], points_lps_mm: FloatArray) -> FloatArray:
    """Distance of points (n, 3) to the nearest voxel centre of some structures."""
    from scipy.spatial import cKDTree

    boxes = [structures.box(n) for n in names]
    voxels = [np.argwhere(structures.mask(n, box)) + box.start for n, box in zip(names, boxes, strict=True)]
    tree = cKDTree(structures.grid.to_lps(np.concatenate(voxels)[:, ::-1]))
    return np.asarray(tree.query(points_lps_mm)[0])


class _Outline:
    """The cleaned outline of a structure and the graph of its middle line."""

    def __init__(self, name: str, grid: Grid, clean: CleanMask, mouths_kji: npt.NDArray[np.int64]) -> None:
        from planner.compute.vessel_graph import VesselGraph
        from planner.compute.vessel_skeleton import skeleton_of

        self.name, self.grid, self.clean = name, grid, clean
        self.step_mm = np.array(grid.spacing_mm[::-1])
        self.voxel_mm = float(self.step_mm.max())
        skeleton = skeleton_of(clean.mask, grid.spacing_mm, mouths_kji)
        self.sizes = skeleton.sizes
        self.graph: VesselGraph = VesselGraph.of(skeleton, grid.spacing_mm)
        self.loops_mm = self.graph.open_loops()
        nodes = [self.graph.keep(place, self.voxel_mm) for place in mouths_kji * self.step_mm]
        self.mouths = {node for node in nodes if node is not None}
        self.graph.prune(self.voxel_mm)
        self.graph.join_near_forks(self.voxel_mm)
        self.blobs: list[int] = []
        self.found = 0

    @classmethod
    def of(cls, structures: StructureSet, name: str, rule: _RootRule, work: Task) -> _Outline:
        """The outline of a structure."""
        work.report(0.0, f"Cleaning the outline: {name}")
        structure_box = structures.box(name)
        if structure_box.is_empty:
            raise InvalidValue("A structure has no voxel.", f"'{name}'", "Outline the vessels first.")
        box = structure_box.grown((1, 1, 1), structures.grid.shape)
        mask = structures.mask(name, box)
        smallest = int(np.ceil(SMALLEST_ML / structures.grid.voxel_volume_ml))
        clean = cleaned(mask, min(smallest, max(1, int(mask.sum()))))
        if not clean.mask.any():
            raise _no_vessel(name, f"{clean.specks} specks below {SMALLEST_ML} ml each")
        if clean.mask.all():
            raise _no_vessel(name, "it fills the whole scan")
        mouths = rule.mouths(clean.mask, box)
        work.report(0.2, f"Middle line: {name}")
        return cls(name, structures.grid.cropped(box), clean, mouths)

    def to_lps(self, points_mm: FloatArray) -> FloatArray:
        """LPS mm of points along k, j, i in mm."""
        return self.grid.to_lps((points_mm / self.step_mm)[..., ::-1])

    def ends(self, component: int) -> list[_End]:
        """The ends of a piece; of a ring those where it was opened."""
        graph = self.graph
        nodes = graph.tips(component) or [n for n, c in graph.components.items() if c == component]
        return [_End(n, self.to_lps(graph.places_mm[n]), self._radius_mm(n)) for n in nodes if graph.at(n)]

    def _radius_mm(self, node: int) -> float:
        """How wide the vessel is near an end: the median over a stretch as long as three radii."""
        stretch = self.graph.stretches[self.graph.at(node)[0]].seen_from(node)
        away = np.linalg.norm(stretch.points_mm - stretch.points_mm[0], axis=1)
        return float(
            np.median(stretch.depth_mm[away <= max(3 * self.graph.depths_mm[node], 2 * self.voxel_mm)])
        )

    def roots(self, rule: _RootRule) -> list[int]:
        """Roots of the pieces, the largest piece first; pieces as wide as long are left out."""
        ends = {}
        for component in np.argsort(-self.sizes, kind="stable").tolist():
            found = self.ends(component)
            if found and self._is_slender(component):
                ends[component] = found
            else:
                self.blobs.append(component)
        if not ends:
            raise _no_vessel(self.name, "nothing in it is longer than wide")
        asked = min(ends, key=lambda c: rule.gap_mm(ends[c]))
        self.found = len(ends)
        return [rule.root(of, component == asked, self.mouths) for component, of in ends.items()]

    def _is_slender(self, component: int) -> bool:
        own = [s for s in self.graph.stretches.values() if self.graph.components[s.start] == component]
        caps = [self.graph.depths_mm[n] for n in self.graph.tips(component)]
        widest = max(float(s.depth_mm.max()) for s in own)
        return sum(s.length_mm for s in own) + sum(caps) >= SLENDERNESS * 2 * widest

    def branches(self, roots: Sequence[int]) -> tuple[Branch, ...]:
        """Branches from some roots, numbered outwards."""
        from planner.compute.vessel_centerline import center_lines

        stretches: list[tuple[int | None, Stretch]] = []
        for root in roots:
            before = len(stretches)
            rooted = self.graph.rooted(root)
            stretches += [(None if parent is None else parent + before, s) for parent, s in rooted]
        lines = center_lines(stretches, self.graph.opened, self.clean.mask, self.grid.spacing_mm)
        return tuple(self._branch(number, line) for number, line in enumerate(lines))

    def _branch(self, number: int, line: CenterLine) -> Branch:
        return Branch(number, line.parent, self.to_lps(line.points_mm), line.radii_mm)

    def notes(self) -> tuple[str, ...]:
        """What was done to the outline, in words."""
        voxel_ml = self.grid.voxel_volume_ml
        found = []
        if self.clean.specks:
            found.append(
                f"{_count(self.clean.specks, 'speck')} of {self.clean.dropped * voxel_ml:.2f} ml together left out."
            )
        if self.clean.filled:
            found.append(f"Enclosed holes of {self.clean.filled * voxel_ml:.2f} ml filled.")
        if self.blobs:
            lost = float(self.sizes[self.blobs].sum()) * voxel_ml
            found.append(
                f"{_count(len(self.blobs), 'piece')} of {lost:.2f} ml together left out: as wide as long, no vessel."
            )
        loops = [length for length in self.loops_mm if length > PINHOLE_VOXELS * self.voxel_mm]
        if loops:
            found.append(
                f"{_count(len(loops), 'loop')} opened at the thinnest place, the longest {max(loops):.0f} mm around."
            )
        if loops and max(loops) > LONG_LOOP_MM:
            found.append(
                "Long loops arise where two systems of vessels touch in one outline: look at the forks."
            )
        if self.found > 1:
            found.append(f"The outline is in {self.found} pieces: each has a root of its own.")
        return tuple(found)


def _cut_notes(tree: VesselTree, grid: Grid) -> list[str]:
    """Which ends lie at the scan's edge."""
    roots = sum(_is_cut(b.points_lps_mm[0], grid) for b in tree.roots)
    tips = sum(_is_cut(b.points_lps_mm[-1], grid) for b in tree.branches if not tree.children(b.number))
    found = []
    if roots:
        found.append(f"{_count(roots, 'root')} {'is' if roots == 1 else 'are'} cut by the edge of the scan.")
    if tips:
        word = "branch is" if tips == 1 else "branches are"
        found.append(f"{tips} {word} cut by the edge of the scan.")
    return found


def _is_cut(lps_mm: FloatArray, grid: Grid) -> bool:
    ijk = grid.to_ijk(lps_mm)
    return bool(np.min([ijk + 0.5, np.array(grid.shape[::-1]) - 0.5 - ijk]) < CUT_VOXELS)


def _liver_notes(tree: VesselTree, structures: StructureSet) -> list[str]:
    """How much of a portal vein or of hepatic veins lies outside the liver."""
    if tree.role not in (Role.PORTAL_VEIN, Role.HEPATIC_VEIN):
        return []
    if not any(structures.voxel_count(s.name) for s in structures.with_role(Role.LIVER)):
        return []
    percent = liver_part(tree, structures).percent
    if percent == 0:
        return ["No part of these vessels lies in the liver."]
    return [f"{100 - percent:.0f} % of the length lies outside the liver."] if percent < 99.5 else []


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _no_vessel(name: str, why: str) -> InvalidValue:
    return InvalidValue(
        "No vessel was found.", f"'{name}': {why}", "Outline vessels, or draw them by clicks."
    )
