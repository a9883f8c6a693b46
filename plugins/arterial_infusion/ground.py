"""The liver and what its arteries feed, all of them together: what a pump perfuses is found by the junction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt
from planner_plugins.arterial_infusion.junction import Junction, junction_at
from planner_plugins.arterial_infusion.settings import AT_JUNCTION

from planner.base.task import Task
from planner.model.catheter import AgentType, CatheterTarget
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning.catheter_way import CatheterWay
from planner.planning.flow_numbers import joined_tree
from planner.planning.perfusion import PerfusionGround

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class InfusionGround(PerfusionGround):
    """As `PerfusionGround`, but a pump at the gastroduodenal artery perfuses what lies beyond its junction.

    Parameters
    ----------
    arteries
        The same liver shared out among all arteries as one tree; None where no artery reaches it.
    steps
        By tree of arteries what is added to its numbers in that one tree.
    at_junction_mm
        A tip so near to the junction lies at it.
    """

    arteries: PerfusionGround | None = None
    steps: Mapping[str, int] = field(default_factory=dict)
    at_junction_mm: float = AT_JUNCTION.value

    @classmethod
    def made(
        cls,
        structures: StructureSet,
        trees: Sequence[VesselTree],
        rim_mm: float,
        way: str,
        at_junction_mm: float,
        task: Task,
    ) -> InfusionGround:
        """Of structures and trees; raises `InvalidValue` where no liver is outlined."""
        own = [t for t in trees if t.role is Role.HEPATIC_ARTERY]
        one = own[0] if len(own) == 1 else None
        if len(own) > 1:
            one = replace(joined_tree(own), id=" + ".join(t.id for t in own))
        asked = [*trees, one] if one is not None and len(own) > 1 else list(trees)
        found = PerfusionGround.of(structures, asked, rim_mm, way, task)
        flows = {t.id: found.flows[t.id] for t in trees if t.id in found.flows}
        arteries = None
        if one is not None and one.id in found.flows:
            arteries = replace(found, flows={one.id: found.flows[one.id]})
        known = {f.name: getattr(found, f.name) for f in fields(found)}
        return cls(
            **{**known, "flows": flows},
            arteries=arteries,
            steps=_steps(own),
            at_junction_mm=at_junction_mm,
        )

    @property
    def tree(self) -> VesselTree | None:
        """All arteries as one tree; None where no artery reaches the liver."""
        return next(iter(self.arteries.flows.values())).tree if self.arteries is not None else None

    @property
    def leaving_liver(self) -> Mapping[int, tuple[float, str]]:
        """Arteries, in all of them together, that end outside the liver: how far, mm, and at which organ."""
        if self.tree is None or self.arteries is None:
            return {}
        return self.arteries.leaving.get(self.tree.id, {})

    def together(self, way: CatheterWay) -> CatheterWay:
        """A way in a tree of arteries as one in all of them together; any other as it is."""
        if self.tree is None or way.tree.id not in self.steps:
            return way
        return CatheterWay(self.tree, way.branch + self.steps[way.tree.id], way.along_mm, way.off_mm)

    def junction(self, target: CatheterTarget) -> Junction | None:
        """Where the gastroduodenal artery leaves that a pump's tip lies in or at; None for any other tip.

        Raises
        ------
        InvalidValue
            If the tip lies on no branch, or in a gastroduodenal artery that hangs on no other one.
        """
        if target.agent.type is not AgentType.INFUSION or target.perfused_structure:
            return None
        way = self.way(target)
        if way is None or way.tree.role is not Role.HEPATIC_ARTERY:
            return None
        return junction_at(self.together(way), self.at_junction_mm)

    def fed(self, target: CatheterTarget) -> BoolArray:
        """Which classes a tip perfuses: what was seen, else beyond the junction it lies at, else beyond the tip."""
        if target.perfused_structure or target.agent.type is not AgentType.INFUSION:
            return super().fed(target)
        way = self.way(target)
        assert way is not None
        ground = self.arteries if way.tree.id in self.steps else None
        if ground is None:
            return super().fed(target)
        junction = self.junction(target)
        if junction is None:
            return ground.fed_beyond(self.together(way))
        none = np.zeros(self.liver.classes, dtype=bool)
        onward = [ground.fed_beyond(CatheterWay(junction.tree, n, 0.0)) for n in junction.onward]
        return np.asarray(np.logical_or.reduce([none, *onward]))


def _steps(trees: Sequence[VesselTree]) -> dict[str, int]:
    """What `joined_tree` adds to the numbers of each tree."""
    found, free = {}, 0
    for tree in trees:
        found[tree.id] = free
        free += tree.free_number
    return found
