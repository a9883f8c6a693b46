"""Was it enough? The margin of a lesion in the zone after treatment, and a second probe for what is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.assessment import Confidence, Surface
from planner.model.geometry import Grid
from planner.model.plan import Plan
from planner.model.registration import Registration
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.constants import Constant
from planner.planning.device_library import device_library
from planner.session.brushing import drawn_under
from planner.session.following_up import FollowingUp
from planner.session.residual import ResidualRegion, residual_name, residual_regions
from planner.session.scan_pairs import ScanPair, names_of

if TYPE_CHECKING:
    from planner.compute.liver_region import LiverRegion
    from planner.compute.margin import PreparedMargin
    from planner.planning.access_rules import AccessRules
    from planner.planning.achieved_margin import AchievedMargin
    from planner.planning.devices import Device
    from planner.planning.suggesting import SuggestedNeedles

BoolArray = npt.NDArray[np.bool_]

#: What an achieved margin is judged by; a planned one is judged by its chance to achieve it.
ENOUGH = Constant(
    5.0,
    "mm",
    "Laimer 2025, Eur Radiol 35:1046; Wang 2013, CVIR 36:166 (5 mm on the scan after treatment)",
    Confidence.SOURCE_READ,
)
PART_WORDS = {
    "registration": "registration",
    "voxels": "voxels",
    "outline": "hand that draws",
    "contraction": "shrinkage, upwards only",
}


@dataclass(frozen=True, eq=False)
class AchievedSubject:
    """Which lesion is judged against which zone, and how well the scans fit."""

    pair: ScanPair
    lesion: str
    zone: str
    registration: Registration


@dataclass(frozen=True, eq=False)
class AchievedAnswer:
    """The margin achieved, with what a second probe needs, in the planning scan's space."""

    subject: AchievedSubject
    margin: AchievedMargin
    prepared: PreparedMargin
    liver: LiverRegion | None
    zone: BoolArray
    zone_grid: Grid
    surface: Surface
    residual: tuple[ResidualRegion, ...] = ()


@dataclass(frozen=True)
class SecondGoal:
    """What a second probe is to reach, and with what."""

    device: Device
    settings: Mapping[str, float]
    margin_mm: float
    rules: AccessRules | None


class Achieving:
    """Judges lesions after treatment, and proposes what would complete it.

    Parameters
    ----------
    following
        The two scans.
    """

    changed = Signal()

    def __init__(self, following: FollowingUp) -> None:
        self._following = following
        self._session = following.session
        self.answer: AchievedAnswer | None = None
        self.trouble: PlannerError | None = None
        self.proposals: tuple[SuggestedNeedles, ...] = ()
        self.proposal_trouble: PlannerError | None = None
        self.looked_at: int | None = None
        self._zone = ""
        self._compared: tuple[StructureSet, StructureSet, bool] | None = None

    def clear(self) -> None:
        """Forget all, as when another case is opened."""
        self.answer = self.trouble = self.proposal_trouble = self.looked_at = None
        self.proposals, self._zone, self._compared = (), "", None
        self.changed.emit()

    # judging -------------------------------------------------------------------------------

    @property
    def zones(self) -> tuple[str, ...]:
        """Structures that are ablation zones."""
        return names_of(self._session.case, Role.ABLATION_ZONE)

    @property
    def zone(self) -> str:
        """The zone that is judged: the chosen one, or the newest; empty where there is none."""
        zones = self.zones
        return self._zone if self._zone in zones else (zones[-1] if zones else "")

    def choose_zone(self, name: str) -> None:
        """Judge against another zone."""
        self._zone = name
        self.changed.emit()

    @property
    def lesion(self) -> str:
        """The lesion that is judged: the selected one, or the first; empty where there is none."""
        lesions = names_of(self._session.case, Role.LESION)
        chosen = self._session.selection.lesion
        return chosen if chosen in lesions else (lesions[0] if lesions else "")

    def why_not(self) -> str:
        """Why nothing can be judged, or empty."""
        if self._following.pair is None:
            return "Add the scan after treatment first."
        if not self.lesion:
            return "The case has no lesion: mark one in the mode Structures."
        if not self.zone:
            return "There is no ablation zone yet: grow or draw it, and take it as a structure."
        lying = self._following.lying
        if lying is None or lying.error_mm is None:
            return "How well the scans fit is not known: register them, or mark landmarks."
        fit = drawn_under(self._session.case.structures[self.zone].origin)
        if fit and fit != lying.fingerprint:
            return (
                f"'{self.zone}' was drawn while the scans lay over each other in another way."
                f" Correct '{self.zone}' again where they lie now, or grow it anew, and take it."
            )
        return ""

    def subject(self) -> AchievedSubject:
        """What would be judged now; raises `InvalidValue` where something is missing."""
        why, pair, lying = self.why_not(), self._following.pair, self._following.lying
        if why or pair is None or lying is None:
            raise InvalidValue("The achieved margin cannot be judged yet.", "", why)
        return AchievedSubject(pair, self.lesion, self.zone, lying)

    @staticmethod
    def make(subject: AchievedSubject, task: Task) -> AchievedAnswer:
        """Judge a lesion; any thread may ask.

        Lesion and zone both lie in the planning scan's space, so they are compared as they are; the
        registration that brought the zone there counts by its error.

        Raises
        ------
        InvalidValue
            If lesion or zone is empty, or the registration's error unknown.
        """
        from planner.compute.margin import prepare_margin
        from planner.compute.outline_distance import OutlineDistance
        from planner.compute.outline_mesh import outline_mesh
        from planner.planning.achieved_margin import achieved_margin
        from planner.planning.error_budget import ErrorBudget

        structures = subject.pair.case.structures
        task.report(0.0, f"Outline of {subject.lesion}")
        liver = liver_region(structures)
        rim_mm = max(structures.grid.spacing_mm)
        mask, grid = structures.cropped(subject.lesion, rim_mm)
        prepared = prepare_margin(grid, mask, liver, task=task.part(0.1, 0.3))
        zone, zone_grid = structures.cropped(subject.zone, rim_mm)
        here = Registration.identity(subject.pair.planning)
        budget = ErrorBudget.of(subject.registration)
        margin = achieved_margin(prepared, here, zone, zone_grid, budget, task=task.part(0.3, 0.9))
        task.report(0.9, "Painting the lesion")
        points, triangles = outline_mesh(prepared.outline)
        values = OutlineDistance.of_mask(zone, zone_grid).nearest(np.asarray(points, dtype=float))[0]
        surface = Surface(
            "lesion_margin",
            points.astype(np.float32),
            triangles,
            values.astype(np.float32),
            "mm",
            subject.lesion,
        )
        task.report(0.95, "What is left, on both scans")
        left = residual_regions(subject.pair, subject.registration, margin)
        return AchievedAnswer(subject, margin, prepared, liver, zone, zone_grid, surface, left)

    def show(self, answer: AchievedAnswer) -> None:
        """Take over a judgement; what was proposed for an older one goes."""
        self.look_away()
        self.answer, self.trouble, self.proposals, self.proposal_trouble = answer, None, (), None
        self._compared = None
        self.changed.emit()

    def fail(self, error: PlannerError) -> None:
        """Say why there is no judgement."""
        self.answer, self.trouble, self.proposals = None, error, ()
        self.changed.emit()

    @property
    def is_current(self) -> bool:
        """Whether what was judged is what is there and chosen now."""
        if self.answer is None or self.why_not():
            return False
        old, new = self.answer.subject, self.subject()
        is_same = (old.lesion, old.zone) == (new.lesion, new.zone) and old.registration is new.registration
        return is_same and self._are_same_voxels(old, new)

    def _are_same_voxels(self, old: AchievedSubject, new: AchievedSubject) -> bool:
        """Compared once for two structure sets: this is asked at every paint."""
        one, two = old.pair.case.structures, new.pair.case.structures
        if self._compared is None or self._compared[0] is not one or self._compared[1] is not two:
            is_same = one.grid == two.grid and all(
                _voxels_are(one, two, name) for name in (old.lesion, old.zone)
            )
            self._compared = (one, two, is_same)
        return self._compared[2]

    # what is left --------------------------------------------------------------------------

    def residual_on(self, image: str) -> ResidualRegion | None:
        """What was left of the lesion in a scan's space, to be drawn; None where there is nothing to draw."""
        if self.answer is None or not self._following.is_on or not self.is_current:
            return None
        return next((r for r in self.answer.residual if r.image == image), None)

    @property
    def residual_title(self) -> str:
        """What the kept residual lesion would be called; empty where nothing was judged."""
        return "" if self.answer is None else residual_name(self.answer.subject.lesion)

    def why_not_keep(self) -> str:
        """Why what is left cannot become a structure, or empty."""
        if self.answer is None or not self.is_current:
            return "Judge the lesion first."
        return "" if self.answer.residual else "Nothing of the lesion lies outside the zone."

    @property
    def verdict(self) -> str:
        """What the margin says by the rule for achieved margins, in words."""
        assert self.answer is not None
        margin, enough = self.answer.margin.minimal, ENOUGH.value
        if margin.low_mm >= enough:
            return f"{enough:g} mm or more all round, at the interval's lower end too."
        if margin.value_mm >= enough:
            return f"{enough:g} mm all round as measured; the interval reaches below it."
        if margin.value_mm >= 0:
            doubt = f"; {enough:g} mm lies within the interval" if margin.high_mm >= enough else ""
            return f"Covered, but with less than the {enough:g} mm asked of an achieved margin{doubt}."
        doubt = "; the interval reaches above zero" if margin.high_mm >= 0 else ""
        return f"Part of the lesion lies outside the zone{doubt}."

    # a second probe ------------------------------------------------------------------------

    def goal(self, device: str, settings: Mapping[str, float], margin_mm: float) -> SecondGoal:
        """What a second probe is to reach: with the lesion's own device, else with the one given."""
        plan = self._session.recorded_plan
        known = device_library().devices
        own = [a for a in plan.applicators if a.lesion == self.lesion and a.device in known]
        name, values = (own[0].device, own[0].settings) if own else (device, settings)
        rules = self._session.judgements.access_rules(plan)
        return SecondGoal(device_library().device(name), dict(values), margin_mm, rules)

    @staticmethod
    def make_second(answer: AchievedAnswer, goal: SecondGoal, task: Task) -> tuple[SuggestedNeedles, ...]:
        """The fewest further needles for what is left; any thread may ask.

        Raises
        ------
        InvalidValue
            If nothing is left, or more needles would be needed than three.
        NoPath
            If no entry is allowed.
        """
        from planner.planning.case_ground import access_ground_of
        from planner.planning.second_probe import second_probe, still_to_treat

        subject = answer.subject
        ground = access_ground_of(subject.pair.case.structures, task.part(0.0, 0.4))
        task.report(0.4, "What is left to treat")
        here = Registration.identity(subject.pair.planning)
        left = still_to_treat(
            answer.prepared, here, answer.zone, answer.zone_grid, goal.margin_mm, answer.liver
        )
        return second_probe(
            ground,
            left,
            goal.device,
            goal.settings,
            subject.lesion,
            liver=answer.liver,
            rules=goal.rules,
            task=task.part(0.5, 1.0),
        )

    def show_second(self, proposals: tuple[SuggestedNeedles, ...]) -> None:
        """Offer further needles; the first is looked at at once."""
        self.proposals, self.proposal_trouble = proposals, None
        self.changed.emit()
        if proposals:
            self.look_at(0)

    def fail_second(self, error: PlannerError) -> None:
        """Say why none is proposed."""
        self.look_away()
        self.proposals, self.proposal_trouble = (), error
        self.changed.emit()

    def look_at(self, number: int) -> None:
        """Show further needles as a drag does: nothing is changed until they are taken."""
        self.looked_at = number
        self._session.drag_plan(self._plan_with(number))
        self.changed.emit()

    def look_away(self) -> None:
        """Show the plan as it is again."""
        if self.looked_at is not None:
            self.looked_at = None
            self._session.cancel_drag()
            self.changed.emit()

    def take(self, number: int) -> None:
        """Add the needles to the plan; can be undone."""
        plan = self._plan_with(number)
        count = len(plan.instruments) - len(self._session.recorded_plan.instruments)
        self.looked_at, self.proposals = None, ()
        self._session.change_plan("Add second probe" if count == 1 else f"Add {count} probes", plan)
        self.changed.emit()

    def _plan_with(self, number: int) -> Plan:
        plan = self._session.recorded_plan
        for needle in self.proposals[number].needles:
            plan = plan.with_instrument(replace(needle, id=plan.free_id()))
        return plan


def liver_region(structures: StructureSet) -> LiverRegion | None:
    """The liver with its lesions, as the margin needs it; None where none is outlined."""
    from planner.compute.liver_region import LiverRegion

    livers = [s.name for s in structures.with_role(Role.LIVER) if not structures.box(s.name).is_empty]
    if not livers:
        return None
    lesions = [s.name for s in structures.with_role(Role.LESION)]
    return LiverRegion.from_mask(structures.grid, structures.union_mask([*livers, *lesions]))


def _voxels_are(one: StructureSet, two: StructureSet, name: str) -> bool:
    if name not in one or name not in two:
        return False
    a, b = one[name], two[name]
    if one.layers[a.layer] is two.layers[b.layer] and a.label == b.label:
        return True
    box = one.box(name)
    return box == two.box(name) and bool(np.array_equal(one.mask(name, box), two.mask(name, box)))
