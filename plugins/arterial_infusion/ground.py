"""The liver and what its arteries feed, all of them together: what a pump perfuses is found by the junction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from planner_plugins.arterial_infusion.settings import AT_JUNCTION

from planner.base.task import Task
from planner.model.catheter import AgentType, CatheterTarget
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning.catheter_way import CatheterWay
from planner.planning.gastroduodenal import Junction, junction_at
from planner.planning.perfusion import PerfusionGround

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class InfusionGround(PerfusionGround):
    """As `PerfusionGround`, but a pump at the gastroduodenal artery perfuses what lies beyond its junction.

    Parameters
    ----------
    at_junction_mm
        A tip so near to the junction lies at it.
    """

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
        return replace(cls.of(structures, trees, rim_mm, way, task), at_junction_mm=at_junction_mm)

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
        junction = self.junction(target)
        if junction is None:
            return self.fed_beyond(way)
        none = np.zeros(self.liver.classes, dtype=bool)
        onward = [self.fed_beyond(CatheterWay(junction.tree, n, 0.0)) for n in junction.onward]
        return np.asarray(np.logical_or.reduce([none, *onward]))
