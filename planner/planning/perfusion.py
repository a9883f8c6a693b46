"""What a catheter's tip feeds: voxels of the liver that hang on vessels beyond it, or that were seen perfused.

Each voxel hangs on the nearest point of its own branch (`flow_numbers`), so that a tip that slides along a branch
feeds less and less; sums are over classes of voxels and exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.outline_distance import OutlineDistance
from planner.compute.outline_nearness import OutlineNearness
from planner.model.assessment import ScalarField
from planner.model.catheter import CatheterTarget
from planner.model.geometry import FloatArray
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning.arterial_names import organ_of, vessel_name
from planner.planning.catheter_way import CatheterWay
from planner.planning.flow_numbers import FlowNumbers
from planner.planning.leaving_branches import leaving_branches
from planner.planning.liver_classes import LESION, LiverClasses
from planner.planning.liver_ground import LiverGround
from planner.planning.segment_map import SegmentMap, segments_there
from planner.planning.shared_vessels import SharedVessels
from planner.planning.territories import INFLOW_ROLES, Territories, inflow

BoolArray = npt.NDArray[np.bool_]

#: Columns of the classes beside the lesions: the segment, and the lesion whose rim a voxel lies in.
SEGMENT, RIM = "segment", "rim"
#: The field that says which tip feeds each voxel: its place among them from 1, and this where several do.
PERFUSED, SEVERAL = "perfused", 255


@dataclass(frozen=True, eq=False)
class PerfusionGround:
    """The liver by lesion, rim, segment, points of vessels and volumes that were seen perfused.

    Parameters
    ----------
    liver
        Its classes.
    vessels
        What the liver is shared out among: arteries of all trunks together, and portal branches.
    flows
        By shared vessels (the id of all of them as one tree) which of their points each voxel hangs on.
    rim_mm
        How far the rim of a lesion reaches.
    outside_ml
        By perfused structure what of it lies outside the liver.
    leaving
        By number, in all arteries as one tree, branches that end outside the liver: how far, and at which organ.
    notes
        What a reader should know, in words.
    """

    liver: LiverClasses
    vessels: tuple[SharedVessels, ...]
    flows: Mapping[str, FlowNumbers]
    rim_mm: float
    outside_ml: Mapping[str, float] = field(default_factory=dict)
    leaving: Mapping[int, tuple[float, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        structures: StructureSet,
        trees: Sequence[VesselTree],
        rim_mm: float = 5.0,
        way: str = "euclidean",
        task: Task | None = None,
    ) -> Self:
        """Of structures and, among trees, arteries and the portal veins that stand in for them.

        Parameters
        ----------
        way
            How the nearest branch is measured: a word of `territories.WAYS`.

        Raises
        ------
        InvalidValue
            If no liver is outlined.
        """
        task = task or Task()
        task.report(0.0, "The liver and what lies in it")
        ground = LiverGround.of(structures)
        liver, notes = LiverClasses.of(structures, ground), []
        if liver.lesions and rim_mm > 0:
            liver = liver.with_column(RIM, _rims(structures, liver, rim_mm))
        if segments_there(structures):
            labels = SegmentMap.of(structures).labels.astype(np.int32)
            liver = liver.with_column(SEGMENT, np.where(labels > 0, labels, -1))
        outside: dict[str, float] = {}
        for structure in structures.with_role(Role.PERFUSED_VOLUME):
            box = liver.box_of(structures)
            mask = structures.mask(structure.name)
            within = mask[box] & ground.mask
            missed = np.count_nonzero(mask) - np.count_nonzero(within)
            outside[structure.name] = missed * liver.grid.voxel_volume_ml
            liver = liver.with_column(_seen(structure.name), np.where(within, 0, -1))
        flows: dict[str, FlowNumbers] = {}
        leaving: Mapping[int, tuple[float, str]] = {}
        shared = SharedVessels.by_role([t for t in trees if t.role in INFLOW_ROLES and t.branches])
        for n, vessels in enumerate(shared):
            part = task.part(0.2 + 0.8 * n / len(shared), 0.2 + 0.8 * (n + 1) / len(shared))
            tree = vessels.tree
            try:
                territories = _hepatic_inflow(tree, structures, way, part, ground)
            except InvalidValue as error:
                notes.append(f"{tree.id}: {error.what}")
                continue
            flows[tree.id] = FlowNumbers.of(territories)
            if tree.role is Role.HEPATIC_ARTERY:
                leaving = leaving_branches(tree, structures, ground)
            notes += [t for t in territories.notes if t not in notes]
            liver = liver.with_column(_flow(tree.id), flows[tree.id].voxels.astype(np.int32))
        task.report(1.0, "What each vessel feeds")
        known = tuple(v for v in shared if v.tree.id in flows)
        return cls(liver, known, flows, rim_mm, outside, leaving, tuple(notes))

    @cached_property
    def volumes_ml(self) -> FloatArray:
        """Of each class, (classes,)."""
        codes = self.liver.codes
        counts = np.bincount(codes[codes >= 0], minlength=self.liver.classes)
        return np.asarray(counts * self.liver.grid.voxel_volume_ml, dtype=float)

    @property
    def lesions(self) -> tuple[str, ...]:
        """Of the liver."""
        return self.liver.lesions

    @property
    def arteries(self) -> VesselTree | None:
        """All arteries as one tree; None where none reaches the liver."""
        return next((v.tree for v in self.vessels if v.role is Role.HEPATIC_ARTERY), None)

    def way(self, target: CatheterTarget) -> CatheterWay | None:
        """The way to a tip; None where it names no tree.

        Raises
        ------
        InvalidValue
            If the tree is not known, or the tip lies on no branch of it.
        """
        if not target.tree:
            return None
        known = {t.id: t for v in self.vessels for t in v.parts}
        if target.tree not in known:
            raise InvalidValue(
                "A catheter target lies in vessels whose territories are not known.",
                f"'{target.id}': '{target.tree}'",
                f"Known are: {', '.join(known) or 'none'}.",
            )
        return CatheterWay.to(known[target.tree], target.position_lps_mm)

    def together(self, way: CatheterWay) -> CatheterWay:
        """A way in a tree as one in all vessels of its kind."""
        if way.tree.id in self.flows:
            return way
        return next(v.together(way) for v in self.vessels if any(t.id == way.tree.id for t in v.parts))

    def fed(self, target: CatheterTarget) -> BoolArray:
        """Which classes a tip feeds, (classes,): what was seen perfused, where that is given, else its territory.

        Raises
        ------
        InvalidValue
            If the structure or tree is not known, or the tip lies on no branch.
        """
        if target.perfused_structure:
            column = _seen(target.perfused_structure)
            if column not in self.liver.columns:
                raise InvalidValue(
                    "There is no such perfused volume.",
                    f"'{target.perfused_structure}' of '{target.id}'",
                    "Import or paint it, with the role perfused volume.",
                )
            return self.liver.chosen(column)
        way = self.way(target)
        assert way is not None
        return self.fed_beyond(way)

    def fed_beyond(self, way: CatheterWay) -> BoolArray:
        """Which classes hang on vessels beyond a tip, (classes,); the way may be one in all of its kind, too."""
        way = self.together(way)
        flow = self.flows[way.tree.id]
        start, stop = flow.spans[way.branch]
        points = flow.points_lps_mm[start:stop]
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        # Points before the tip are fed from before it; the branch's last point always lies beyond.
        share = way.along_mm / max(way.tree.branch(way.branch).length_mm, 1e-9)
        first = min(start + int(np.searchsorted(along, share * along[-1] - 1e-6)), stop - 1)
        numbers = self.liver.columns[_flow(way.tree.id)]
        return np.asarray((numbers >= first) & (numbers <= flow.last[start]))

    def mask(self, fed: BoolArray) -> BoolArray:
        """Voxels [k, j, i] of the liver's box of some classes."""
        return np.asarray(np.append(fed, False)[self.liver.codes])

    def of_lesion(self, name: str, with_rim: bool = False) -> BoolArray:
        """Which classes are of a lesion, or of it and its rim, (classes,)."""
        return np.asarray(self.lesion_numbers(with_rim) == self.lesions.index(name))

    def lesion_numbers(self, with_rim: bool = False) -> npt.NDArray[np.int64]:
        """Place of each class's lesion, or of the one whose rim it lies in, among the lesions; -1 for none."""
        return self.liver.columns[RIM if with_rim and RIM in self.liver.columns else LESION]

    @cached_property
    def lesions_ml(self) -> tuple[FloatArray, FloatArray]:
        """Of each lesion, without and with its rim."""
        return self.by_lesion_ml(slice(None)), self.by_lesion_ml(slice(None), True)

    def by_lesion_ml(self, classes: BoolArray | slice, with_rim: bool = False) -> FloatArray:
        """What of each lesion lies in some classes, (lesions,)."""
        numbers = self.lesion_numbers(with_rim)[classes] + 1
        found = np.bincount(numbers, self.volumes_ml[classes], len(self.lesions) + 1)
        return np.asarray(found[1:], dtype=float)

    @cached_property
    def tumor(self) -> BoolArray:
        """Which classes are tumour, (classes,)."""
        return self.liver.chosen(LESION)


@dataclass(frozen=True, eq=False)
class Fed:
    """Volumes of what one tip, or several together, feed.

    Parameters
    ----------
    ground
        The liver.
    classes
        Which are fed.
    """

    ground: PerfusionGround
    classes: BoolArray

    @property
    def volume_ml(self) -> float:
        """All of it."""
        return self._ml(self.classes)

    @property
    def share_percent(self) -> float:
        """Of the liver."""
        return 100.0 * self.volume_ml / float(self.ground.volumes_ml.sum())

    @property
    def tumor_ml(self) -> float:
        """Tumour in it."""
        return self._ml(self.classes & self.ground.tumor)

    @property
    def normal_ml(self) -> float:
        """Liver without tumour in it."""
        return self._ml(self.classes & ~self.ground.tumor)

    def lesion_percent(self, name: str, with_rim: bool = False) -> float:
        """Share of a lesion, or of it with its rim, that is fed."""
        return float(self.lesion_shares_percent[with_rim][self.ground.lesions.index(name)])

    @cached_property
    def lesion_shares_percent(self) -> tuple[FloatArray, FloatArray]:
        """Share of each lesion, without and with its rim, that is fed."""
        ground = self.ground
        without, with_rim = (
            100.0 * ground.by_lesion_ml(self.classes, is_with) / np.maximum(whole, 1e-9)
            for is_with, whole in zip((False, True), ground.lesions_ml, strict=True)
        )
        return without, with_rim

    @cached_property
    def segments_ml(self) -> Mapping[int, float]:
        """By Couinaud segment; empty where there are none."""
        if SEGMENT not in self.ground.liver.columns:
            return {}
        numbers = self.ground.liver.columns[SEGMENT]
        found = np.bincount(numbers[self.classes] + 1, self.ground.volumes_ml[self.classes], 10)[1:]
        return {n: float(ml) for n, ml in enumerate(found) if n > 0 and ml > 0}

    def _ml(self, classes: BoolArray) -> float:
        return float(self.ground.volumes_ml[classes].sum())


@dataclass(frozen=True, eq=False)
class Perfusion:
    """What the tips of a plan feed, each and together."""

    ground: PerfusionGround
    targets: tuple[CatheterTarget, ...]

    @cached_property
    def classes(self) -> Mapping[str, BoolArray]:
        """By tip which classes it feeds."""
        return {t.id: self.ground.fed(t) for t in self.targets}

    @cached_property
    def by_tip(self) -> Mapping[str, Fed]:
        """By tip what it feeds; where tips overlap, each counts it."""
        return {id: Fed(self.ground, classes) for id, classes in self.classes.items()}

    @cached_property
    def all(self) -> Fed:
        """What any of them feeds; nothing counts twice."""
        none = np.zeros(self.ground.liver.classes, dtype=bool)
        return Fed(self.ground, np.logical_or.reduce([none, *self.classes.values()]))

    @cached_property
    def overlaps_ml(self) -> Mapping[tuple[str, str], float]:
        """By two tips what both feed, where they do."""
        ids = list(self.classes)
        found = {}
        for n, one in enumerate(ids):
            for other in ids[n + 1 :]:
                both = Fed(self.ground, self.classes[one] & self.classes[other]).volume_ml
                if both > 0:
                    found[one, other] = both
        return found

    @property
    def field(self) -> ScalarField:
        """Which tip feeds each voxel of the liver's box: 0 none, 1 the first, `SEVERAL` more than one."""
        label, count = np.zeros(self.ground.liver.classes, np.uint8), np.zeros(self.ground.liver.classes, int)
        for number, own in enumerate(self.classes.values()):
            label[own] = number + 1
            count += own
        label[count > 1] = SEVERAL
        values = np.append(label, np.uint8(0))[self.ground.liver.codes]
        return ScalarField(PERFUSED, self.ground.liver.grid, values, "")

    def feeding(self, lesion: str, least_percent: float = 1.0) -> tuple[tuple[str, float], ...]:
        """Tips that feed a lesion, with the share each feeds, most first."""
        shares = [(id, fed.lesion_percent(lesion)) for id, fed in self.by_tip.items()]
        return tuple(sorted((s for s in shares if s[1] >= least_percent), key=lambda s: -s[1]))


def _hepatic_inflow(
    tree: VesselTree, structures: StructureSet, way: str, task: Task, ground: LiverGround
) -> Territories:
    """The liver shared out among branches that are not named as another organ's, and what lies beyond those."""
    other = {b.number for b in tree.branches if organ_of(vessel_name(tree, b.number))}
    if not other:
        return inflow(tree, structures, way, task, ground)
    own = tree.with_branches(
        replace(b, parent=None) if b.parent in other else b for b in tree.branches if b.number not in other
    )
    found = inflow(own, structures, way, task, ground)
    return Territories(tree, ground, found.labels, way, found.notes)


def _seen(name: str) -> str:
    return f"seen {name}"


def _flow(tree: str) -> str:
    return f"flow {tree}"


def _rims(structures: StructureSet, liver: LiverClasses, rim_mm: float) -> npt.NDArray[np.int32]:
    """By voxel the lesion it lies in, or in whose rim: the nearest one, the first of equal ones; -1 elsewhere.

    Distances are those of margins: to the lesion's outline, to a small part of a voxel.
    """
    found = np.append(liver.columns[LESION], -1)[liver.codes].astype(np.int32)
    nearest = np.where(found >= 0, 0.0, np.inf).astype(np.float32)
    inside = liver.codes >= 0
    for number, name in enumerate(liver.lesions):
        outline = OutlineNearness.of(OutlineDistance.of_mask(*structures.cropped(name, rim_mm)))
        middle, reach = liver.grid.to_ijk(outline.middle_lps_mm[None])[0], outline.reach_mm + rim_mm
        low, high = (np.ceil(middle + way * reach / np.array(liver.grid.spacing_mm)) for way in (-1.0, 1.0))
        box = tuple(
            slice(max(0, int(a) - 1), max(0, int(b) + 1)) for a, b in zip(low[::-1], high[::-1], strict=True)
        )
        kji = np.argwhere(inside[box] & (found[box] != number)) + [b.start for b in box]
        away = -outline.signed_distance_mm(liver.grid.to_lps(kji[:, ::-1].astype(float)))
        is_nearer = (away <= rim_mm) & (away < nearest[tuple(kji.T)])
        at = tuple(kji[is_nearer].T)
        found[at], nearest[at] = number, away[is_nearer]
    return found
