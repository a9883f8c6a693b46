"""What of a resection is judged while it is dragged; the whole answer is this and what takes longer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from planner_plugins.resection import findings as say
from planner_plugins.resection import numbers as count
from planner_plugins.resection.flow import LostFlow
from planner_plugins.resection.function import function_findings
from planner_plugins.resection.ground import ResectionGround
from planner_plugins.resection.settings import Settings

from planner.compute.second_thread import second_thread
from planner.model.assessment import Finding, Metric, Surface
from planner.model.case import Case
from planner.model.plan import Plan
from planner.planning.cut_surface import CutDistances, CutMargin, least_margins
from planner.planning.resected_liver import ABLATED, ResectedLiver

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class QuickJudgement:
    """Volumes, shares, margins, flow and the cut's surface under a plan's resections."""

    case: Case
    ground: ResectionGround
    plan: Plan
    settings: Settings

    @cached_property
    def resected(self) -> ResectedLiver:
        """The liver under the plan; raises `InvalidValue` where a cut names what is not there or folds."""
        return ResectedLiver(self.ground.liver_of(self.plan, self.settings), self.plan.resections)

    @cached_property
    def distances(self) -> tuple[CutDistances, ...]:
        """How near lesions that are taken, or partly taken, lie to each cut."""
        taken = {n: o for n, o in self.ground.outlines.items() if not self.resected.is_left(n)}
        count = len(self.plan.resections)
        return tuple(self.ground.distances(self.resected, n, taken) for n in range(count))

    @cached_property
    def margins(self) -> dict[str, CutMargin | None]:
        """Of lesions that are taken, or partly taken; None where no cut goes through the liver."""
        names = [n for n in self.ground.outlines if not self.resected.is_left(n)]
        return least_margins(self.distances, names)

    @cached_property
    def shares(self) -> count.Shares:
        """Volumes that add up."""
        return count.Shares.of(self.resected)

    @cached_property
    def lost(self) -> LostFlow | None:
        """Flow the remnant loses; None where no vessels are known."""
        vessels = self.ground.vessels
        return None if vessels is None else LostFlow.of(self.resected, vessels)

    def work_side_by_side(self) -> None:
        """Find what takes longest on two threads; the answers are the same."""
        assert self.resected.sides is not None  # both need them
        beside = second_thread()
        cut = beside.submit(lambda: self.resected.surfaces)
        try:
            assert self.shares
        finally:
            cut.result()
        lost = beside.submit(lambda: self.lost)
        try:
            assert self.distances is not None
        finally:
            lost.result()

    @property
    def living(self) -> BoolArray:
        """Voxels of the liver's box that stay and are not ablated [k, j, i]."""
        liver = self.resected.liver
        if ABLATED not in liver.columns:
            return self.resected.left
        return self.resected.left & ~liver.chosen(ABLATED)[liver.codes]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Numbers."""
        return (
            *count.volume_metrics(self.shares, self.case.patient, self.settings),
            *([] if self.lost is None else count.loss_metrics(self.lost)),
            *count.cut_metrics(self.resected.surfaces, self.distances, bool(self.margins)),
            *count.lesion_metrics(self.ground, self.resected, self.margins),
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Sentences, in no order."""
        treated = frozenset(i.lesion for i in self.plan.instruments if i.lesion and i.kind != "resection")
        return (
            *say.ground_findings(self.case, self.ground),
            *say.given_findings(self.resected, self.ground),
            *say.volume_findings(self.shares, self.settings),
            *say.lesion_findings(self.ground, self.resected, self.margins, treated, self.settings),
            *say.flow_findings(self.lost, self.shares.remnant),
            *function_findings(self.case.patient, self.shares, self.settings),
        )

    @property
    def surfaces(self) -> tuple[Surface, ...]:
        """The cuts, coloured by distance."""
        pairs = zip(self.resected.surfaces, self.distances, strict=True)
        return tuple(cut.surface(own.values_mm) for cut, own in pairs)
