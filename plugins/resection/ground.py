"""What a resection is judged on: the liver's classes, outlines of its lesions, its vessels and territories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from planner_plugins.resection.settings import Settings

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.outline_distance import OutlineDistance
from planner.compute.outline_nearness import OutlineNearness
from planner.compute.zone_union import ZoneUnion
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.resection import MarginCut, Resection, SegmentsCut, TerritoriesCut
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning.cut_surface import CutDistances, CutSurface
from planner.planning.device_library import device_library
from planner.planning.excision import excised
from planner.planning.flow_numbers import FlowNumbers, LiverVessels, joined_tree
from planner.planning.liver_classes import LiverClasses
from planner.planning.liver_ground import LiverGround
from planner.planning.placing import zone_of
from planner.planning.resected_liver import ABLATED, CAUDATE, ResectedLiver
from planner.planning.resection_sides import is_set, set_column
from planner.planning.territories import OUTFLOW_ROLES, Territories, inflow, outflow
from planner.planning.vessel_finding import find_tree

#: Vessels that feed and drain the liver, in the order they are looked at.
ROLES = (Role.PORTAL_VEIN, Role.HEPATIC_VEIN)


@dataclass(eq=False)
class ResectionGround:
    """All that depends on the case alone, and what is kept of plans that were looked at.

    Parameters
    ----------
    structures
        Of the case.
    liver
        Its classes, without anything a plan adds.
    outlines
        Of each lesion of the liver.
    trees
        Portal and hepatic veins, those of the case first; found in the outlines where it has none.
    found
        Ids of trees that were found and that nobody has looked at.
    territories
        By tree.
    vessels
        Which point of the portal and of the hepatic veins each voxel hangs on; None where none is known.
    notes
        What could not be found, in words.
    """

    structures: StructureSet
    liver: LiverClasses
    outlines: Mapping[str, OutlineNearness]
    trees: tuple[VesselTree, ...]
    found: frozenset[str]
    territories: Mapping[str, Territories]
    vessels: LiverVessels | None
    notes: tuple[str, ...]
    _kept: tuple[object, LiverClasses] | None = field(default=None, repr=False)
    _distances: dict[str, tuple[CutSurface, tuple[str, ...], CutDistances]] = field(
        default_factory=dict, repr=False
    )

    def liver_of(self, plan: Plan, settings: Settings) -> LiverClasses:
        """The liver with what a plan's sets of voxels and its ablations take; the last one is kept.

        Raises
        ------
        InvalidValue
            If a cut names a structure, tree, branch or lesion that is not there.
        """
        sets = tuple(r for r in plan.resections if is_set(r))
        key = (sets, plan.applicators, settings.allow_ex_vivo)
        if self._kept is not None and self._kept[0] == key:
            return self._kept[1]
        liver = self.liver
        for resection in sets:
            liver = liver.with_column(set_column(resection), _marked(self._taken(resection)))
        zones = [
            zone_of(a, device_library().device(a.device).zone(a.settings, settings.allow_ex_vivo))
            for a in plan.applicators
        ]
        if zones:
            liver = liver.with_column(ABLATED, _marked(self._within(ZoneUnion(zones))))
        self._kept = (key, liver)
        return liver

    def distances(
        self, resected: ResectedLiver, number: int, outlines: Mapping[str, OutlineNearness]
    ) -> CutDistances:
        """How near lesions lie to the surface of a resection; kept where that of a set stays as it is."""
        cut, names = resected.surfaces[number], tuple(outlines)
        if not is_set(resected.resections[number]):
            return resected.distances(number, outlines)
        kept = self._distances.get(cut.resection)
        if kept is not None and kept[1] == names and kept[0].is_same(cut):
            return kept[2]
        found = resected.distances(number, outlines)
        self._distances[cut.resection] = (cut, names, found)
        return found

    def _taken(self, resection: Resection) -> npt.NDArray[np.bool_]:
        cut, structures = resection.surface, self.structures
        if isinstance(cut, SegmentsCut):
            missing = [name for name in cut.structures if name not in structures]
            if missing:
                raise InvalidValue(
                    "A resection names a structure that is not there.",
                    f"'{resection.id}': {', '.join(missing)}",
                    "Make the liver's segments first, or choose others.",
                )
            return structures.union_mask(cut.structures)[self.liver.box_of(structures)]
        if isinstance(cut, TerritoriesCut):
            if cut.tree not in self.territories:
                raise InvalidValue(
                    "A resection names vessels whose territories are not known.",
                    f"'{resection.id}': '{cut.tree}'",
                    f"Known are: {', '.join(self.territories) or 'none'}.",
                )
            return self.territories[cut.tree].mask(cut.branches)
        assert isinstance(cut, MarginCut)
        if cut.lesion not in self.outlines:
            raise InvalidValue(
                "A resection is drawn around a lesion that does not lie in the liver.",
                f"'{resection.id}': '{cut.lesion}'",
                "Choose another lesion.",
            )
        return excised(self.liver, cut, self.outlines[cut.lesion])

    def _within(self, zones: ZoneUnion) -> npt.NDArray[np.bool_]:
        inside = self.liver.codes >= 0
        points = self.liver.grid.to_lps(np.argwhere(inside)[:, ::-1].astype(float))
        found = np.zeros(inside.shape, dtype=bool)
        found[inside] = zones.signed_distance_mm(np.ascontiguousarray(points)) >= 0
        return found


def prepare_ground(case: Case, settings: Settings, task: Task) -> ResectionGround:
    """The liver, its lesions' outlines, vessels and territories of a case; seconds for a whole CT.

    Raises
    ------
    InvalidValue
        If no liver is segmented.
    """
    structures = case.structures
    task.report(0.0, "The liver and what lies in it")
    body = LiverGround.of(structures)
    liver = LiverClasses.of(structures, body)
    caudate = [s.name for s in structures.with_role(Role.COUINAUD_1)]
    if caudate:
        mask = structures.union_mask(caudate)[liver.box_of(structures)]
        liver = liver.with_column(CAUDATE, _marked(mask))
    # Outlines and vessels need nothing of each other.
    with ThreadPoolExecutor(1) as beside:
        try:
            waiting = {name: beside.submit(_outline, structures, name) for name in liver.lesions}
            trees, found, notes = _trees(case, task.part(0.1, 0.6))
            territories, flow, more = _territories(
                structures, body, trees, settings.territories, task.part(0.6, 0.8)
            )
            vessels = LiverVessels.of(body.mask, flow.get("inflow"), flow.get("outflow"))
            outlines = {}
            for n, (name, future) in enumerate(waiting.items()):
                task.report(0.8 + 0.2 * n / len(waiting), f"Outline of {name}")
                outlines[name] = future.result()
        finally:
            beside.shutdown(cancel_futures=True)
    return ResectionGround(
        structures,
        liver,
        MappingProxyType(outlines),
        tuple(trees),
        frozenset(found),
        MappingProxyType(territories),
        vessels,
        (*notes, *more),
    )


def _outline(structures: StructureSet, name: str) -> OutlineNearness:
    mask, grid = structures.cropped(name, max(structures.grid.spacing_mm))
    return OutlineNearness.of(OutlineDistance.of_mask(mask, grid))


def _territories(
    structures: StructureSet, body: LiverGround, trees: Sequence[VesselTree], way: str, task: Task
) -> tuple[dict[str, Territories], dict[str, FlowNumbers], list[str]]:
    """Territories of each tree, and what each voxel hangs on; several trees of one flow count as one there."""
    territories: dict[str, Territories] = {}
    flow: dict[str, FlowNumbers] = {}
    notes = []
    for n, (word, share) in enumerate((("inflow", inflow), ("outflow", outflow))):
        part = task.part(0.5 * n, 0.5 * (n + 1))
        for tree in trees:
            if (tree.role in OUTFLOW_ROLES) != (word == "outflow"):
                continue
            try:
                territories[tree.id] = share(tree, structures, way, part, body)
            except InvalidValue as error:
                notes.append(f"Territories of {tree.id}: {error.what}")
        known = [t for t in trees if t.id in territories and (t.role in OUTFLOW_ROLES) == (word == "outflow")]
        if len(known) == 1:
            flow[word] = FlowNumbers.of(territories[known[0].id])
        elif known:
            flow[word] = FlowNumbers.of(share(joined_tree(known), structures, way, part, body))
    return territories, flow, notes


def _trees(case: Case, task: Task) -> tuple[list[VesselTree], list[str], list[str]]:
    """The case's trees of veins; where it has none of a kind, those found in its outlines."""
    trees: list[VesselTree] = [t for t in case.vessel_trees if t.role in ROLES]
    found, notes = [], []
    for n, role in enumerate(ROLES):
        if any(t.role == role for t in trees):
            continue
        part = task.part(n / len(ROLES), (n + 1) / len(ROLES))
        for structure in case.structures.with_role(role):
            try:
                trees.append(find_tree(case.structures, structure.name, id=structure.name, task=part))
                found.append(structure.name)
            except InvalidValue as error:
                notes.append(f"{structure.name}: {error.what}")
    return trees, found, notes


def _marked(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    return np.where(mask, 0, -1).astype(np.int8)
