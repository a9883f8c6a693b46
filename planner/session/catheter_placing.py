"""Catheter targets of the plan: tips clicked on branches, slid along them, and what is given there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.points import Point
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.session.pointing import Handle, Pointer
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.planning.arterial_names import Variant
    from planner.planning.catheter_way import CatheterWay
    from planner.planning.perfusion import PerfusionGround
    from planner.planning.tip_suggesting import TipChoice, TipGoal
    from planner.session.perfused_painting import PerfusedPainting

#: Modules that judge catheter targets; what the first prepares the others prepare alike.
MODULES = {
    AgentType.Y90_GLASS: "radioembolization",
    AgentType.Y90_RESIN: "radioembolization",
    AgentType.TACE: "chemoembolization",
    AgentType.INFUSION: "arterial_infusion",
}
#: Vessels a tip may lie in: arteries, or portal branches that stand in for them.
ROLES = (Role.HEPATIC_ARTERY, Role.PORTAL_VEIN)
TIP = "tip"


@dataclass(frozen=True, eq=False)
class AskedTips:
    """What tips are to be suggested for."""

    ground: PerfusionGround
    agent: AgentType
    trees: tuple[VesselTree, ...]
    lesions: tuple[str, ...]
    goal: TipGoal


class CatheterPlacing:
    """Adds and changes catheter targets; each change can be undone.

    Parameters
    ----------
    session
        Whose plan they belong to.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.is_on = False
        self.agent = AgentType.Y90_GLASS
        self.choices: tuple[TipChoice, ...] = ()
        self._goal: TipGoal | None = None
        self._choices_of: AskedTips | None = None

    # what there is -------------------------------------------------------------------------

    @property
    def targets(self) -> tuple[CatheterTarget, ...]:
        """Of the plan as it is shown."""
        return self._session.plan.catheter_targets if self._session.is_open else ()

    @property
    def chosen(self) -> CatheterTarget | None:
        """The selected one."""
        return next((t for t in self.targets if t.id == self._session.selection.instrument), None)

    @property
    def module(self) -> str:
        """The module that judges the chosen target, or the next one."""
        return MODULES[self.given]

    @property
    def judged_together(self) -> tuple[AgentType, ...]:
        """What is given at targets the same module judges."""
        return tuple(agent for agent, module in MODULES.items() if module == self.module)

    @property
    def given(self) -> AgentType:
        """What is given at the chosen target, or else at the next one."""
        chosen = self.chosen
        return chosen.agent.type if chosen is not None else self.agent

    @property
    def trees(self) -> tuple[VesselTree, ...]:
        """Vessels a tip may lie in, arteries first."""
        trees = self._session.case.vessel_trees if self._session.is_open else ()
        found = [t for t in trees if t.role in ROLES and t.branches]
        return tuple(sorted(found, key=lambda t: ROLES.index(t.role)))

    @property
    def arteries(self) -> tuple[VesselTree, ...]:
        """Trees of arteries."""
        return tuple(t for t in self.trees if t.role is Role.HEPATIC_ARTERY)

    @property
    def ground(self) -> PerfusionGround | None:
        """What vessels feed, as a module prepared it; None where it is not ready."""
        from planner.planning.perfusion import PerfusionGround

        prepared = self._session.judgements.prepared(self.module)
        return prepared if isinstance(prepared, PerfusionGround) else None

    @property
    def seen(self) -> tuple[str, ...]:
        """Structures that were seen to be perfused."""
        sets = self._session.case.structure_sets if self._session.is_open else ()
        return tuple(s.name for s in sets[0].with_role(Role.PERFUSED_VOLUME)) if sets else ()

    def way(self, target: CatheterTarget) -> CatheterWay | None:
        """The way to a tip; None where it lies in no tree that is there."""
        from planner.planning.catheter_way import CatheterWay

        tree = next((t for t in self.trees if t.id == target.tree), None)
        return None if tree is None else CatheterWay.nearest(tree, target.position_lps_mm)

    @property
    def variant(self) -> Variant:
        """Michels' type, as it follows from names or as it was told."""
        from planner.planning.arterial_names import MICHELS_FACT, variant

        return variant(self.arteries, dict(self._session.case.patient.facts).get(MICHELS_FACT, ""))

    # placing -------------------------------------------------------------------------------

    def start(self) -> None:
        """Wait for clicks on branches; asking again stops waiting.

        Raises
        ------
        PlannerError
            If there is no vessel a tip could lie in.
        """
        if not self.is_on and not self.trees:
            raise PlannerError(
                "No artery is known.",
                "",
                "Find or draw the arteries in the mode Vessels, or choose a perfused volume.",
            )
        self.is_on = not self.is_on
        self.changed.emit()

    def stop(self) -> None:
        """Wait no more."""
        if self.is_on:
            self.is_on = False
            self.changed.emit()

    def click(self, lps_mm: Point) -> None:
        """Put a tip into the nearest vessel: an artery, where one is near enough, else a portal branch.

        Raises
        ------
        PlannerError
            If no vessel is near, or the shown scan has another frame of reference.
        """
        from planner.planning.catheter_way import ON_BRANCH_MM, CatheterWay

        self._session.check_frame(self._session.selection.image)
        ways = [CatheterWay.nearest(tree, lps_mm) for tree in self.trees]
        near = [w for w in ways if w.off_mm <= ON_BRANCH_MM]
        if not near:
            raise InvalidValue(
                "No vessel is near.",
                f"{min((w.off_mm for w in ways), default=0):.0f} mm",
                "Click on a branch.",
            )
        way = min(near, key=lambda w: (w.tree.role is not Role.HEPATIC_ARTERY, w.off_mm))
        self.is_on = False
        self.add(way)

    def add(self, way: CatheterWay) -> None:
        """Add a target with its tip at the end of a way."""
        plan = self._session.plan
        target = CatheterTarget(
            plan.free_id("c"), way.tree.id, way.tip_lps_mm, Agent(self.agent), "", way.title
        )
        self._session.change_plan(f"Place tip {target.id}", plan.with_instrument(target))
        self._session.selection.choose(instrument=target.id)
        self.changed.emit()

    def add_seen(self, structure: str) -> None:
        """Add a target for a volume that was seen to be perfused, without a vessel."""
        plan = self._session.plan
        target = CatheterTarget(
            plan.free_id("c"), "", (0.0, 0.0, 0.0), Agent(self.agent), structure, structure
        )
        self._session.change_plan(f"Add {structure} as {target.id}", plan.with_instrument(target))
        self._session.selection.choose(instrument=target.id)
        self.changed.emit()

    def choose(self, id: str) -> None:
        """Select a target, and go to its tip."""
        self._session.selection.choose(instrument=id)
        chosen = self.chosen
        if chosen is not None and chosen.tree:
            self._session.selection.move_cursor(chosen.position_lps_mm)
        self.changed.emit()

    # changing the chosen one ---------------------------------------------------------------

    def slide(self, by_mm: float) -> None:
        """Move the chosen tip along its vessels, outwards where it is positive."""
        chosen = self._need_chosen()
        way = self.way(chosen)
        if way is not None:
            moved = way.slid(by_mm)
            name = moved.title if chosen.name in ("", way.title) else chosen.name
            self._change(
                f"Slide tip {chosen.id}", replace(chosen, position_lps_mm=moved.tip_lps_mm, name=name)
            )

    def set_agent(self, type: AgentType) -> None:
        """Choose what is given: at the chosen tip, and at the next one."""
        self.agent = AgentType(type)
        chosen = self.chosen
        if chosen is not None and chosen.agent.type is not self.agent:
            activity = chosen.agent.activity_gbq if self.agent.is_y90 else None
            self._change(
                f"Give {self.agent.words} at {chosen.id}",
                replace(chosen, agent=Agent(self.agent, activity, chosen.agent.notes)),
            )
        self.changed.emit()

    def set_activity(self, gbq: float | None) -> None:
        """Enter the activity that is given at the chosen tip; None where it is not known."""
        chosen = self._need_chosen()
        self._change(
            f"Activity of {chosen.id}", replace(chosen, agent=replace(chosen.agent, activity_gbq=gbq))
        )

    def set_notes(self, notes: str) -> None:
        """Enter drug, particles and doses in the user's own words."""
        chosen = self._need_chosen()
        if notes != chosen.agent.notes:
            self._change(f"Notes of {chosen.id}", replace(chosen, agent=replace(chosen.agent, notes=notes)))

    def set_seen(self, structure: str) -> None:
        """Say which volume was seen perfused from the chosen tip; empty goes by the tree."""
        chosen = self._need_chosen()
        if structure != chosen.perfused_structure:
            self._change(f"Perfused volume of {chosen.id}", replace(chosen, perfused_structure=structure))

    def rename(self, name: str) -> None:
        """Name what the chosen tip feeds."""
        chosen = self._need_chosen()
        if name.strip() and name.strip() != chosen.name:
            self._change(f"Name {chosen.id}", replace(chosen, name=name.strip()))

    def delete(self) -> None:
        """Take the chosen target out of the plan."""
        chosen = self._need_chosen()
        self._session.change_plan(f"Delete {chosen.id}", self._session.plan.without_instrument(chosen.id))
        self.changed.emit()

    # the case ------------------------------------------------------------------------------

    def confirm(self, tree: str, is_confirmed: bool = True) -> None:
        """Say that a tree was looked at and is right, or take that back."""
        case = self._session.case
        found = replace(case.vessel_tree(tree), is_confirmed=is_confirmed)
        label = f"{'Confirm' if is_confirmed else 'Doubt'} {tree}"
        self._session.change_case(label, case.with_vessel_tree(found))
        self.changed.emit()

    def tell_variant(self, type: str) -> None:
        """Correct Michels' type; empty goes by the names of branches."""
        from planner.planning.arterial_names import MICHELS_FACT

        case = self._session.case
        facts = {k: v for k, v in case.patient.facts if k != MICHELS_FACT}
        if type:
            facts[MICHELS_FACT] = type
        self._session.change_case("Tell Michels type", case.with_patient(case.patient.with_facts(facts)))
        self.changed.emit()

    # suggesting ----------------------------------------------------------------------------

    @property
    def goal(self) -> TipGoal:
        """What suggested tips are to reach."""
        from planner.planning.tip_suggesting import TipGoal

        return self._goal or TipGoal()

    def aim(self, *, with_rim: bool | None = None, least_diameter_mm: float | None = None) -> None:
        """Ask more or less of tips that are suggested."""
        goal = self.goal
        if with_rim is not None:
            goal = replace(goal, with_rim=with_rim)
        if least_diameter_mm is not None:
            goal = replace(goal, least_diameter_mm=least_diameter_mm)
        self._goal = goal
        self.changed.emit()

    def asked(self, lesions: Iterable[str]) -> AskedTips:
        """What to suggest tips for.

        Raises
        ------
        PlannerError
            If no tree of arteries (or portal branches) is known yet, or what they feed is still looked at.
        """
        trees, ground = self.trees, self.ground
        if not trees:
            raise PlannerError("No artery is known.", "", "Find or draw the arteries in the mode Vessels.")
        if ground is None:
            raise PlannerError("What the vessels feed is still being looked at.", "", "Wait a moment.")
        return AskedTips(ground, self.given, trees, tuple(lesions), self.goal)

    @staticmethod
    def suggest(asked: AskedTips, task: Task) -> tuple[TipChoice, ...]:
        """The fewest tips that feed some lesions, and more selective ones; any thread may ask."""
        from planner.planning.suggested_tips import tip_choices

        return tip_choices(asked.ground, asked.agent, asked.lesions, asked.goal, task)

    def show(self, asked: AskedTips, choices: tuple[TipChoice, ...]) -> None:
        """Offer choices."""
        self._choices_of, self.choices = asked, choices
        self.changed.emit()

    def take(self, number: int) -> None:
        """Put the tips of a choice into the plan, in the place of those that are there; one step to undo.

        Raises
        ------
        PlannerError
            If the vessels were changed since the choices were made.
        """
        asked = self._choices_of
        if asked is None or _vessels(asked.trees) != _vessels(self.trees):
            self.choices = ()
            self.changed.emit()
            raise PlannerError(
                "The vessels were changed since these tips were suggested.", "", "Suggest anew."
            )
        from planner.planning.suggested_tips import plan_with_tips

        choice = self.choices[number]
        plan = plan_with_tips(self._session.plan, choice.ways, asked.agent)
        self._session.change_plan(f"Take {len(choice.ways)} suggested tips", plan)
        self.choices = ()
        if plan.catheter_targets:
            self._session.selection.choose(instrument=plan.catheter_targets[0].id)
        self.changed.emit()

    def forget(self) -> None:
        """Another case."""
        self.is_on, self.choices, self._choices_of = False, (), None
        self.changed.emit()

    def _need_chosen(self) -> CatheterTarget:
        if self.chosen is None:
            raise PlannerError("No catheter target is chosen.", "", "Choose one, or click a branch.")
        return self.chosen

    def _change(self, label: str, target: CatheterTarget) -> None:
        self._session.change_plan(label, self._session.plan.with_instrument(target))
        self.changed.emit()


def _vessels(trees: Iterable[VesselTree]) -> list[tuple[str, tuple[Branch, ...]]]:
    """What suggested tips rest on: who confirms vessels changes none of them."""
    return [(t.id, t.branches) for t in trees]


class CatheterPointer(Pointer):
    """The mouse of the mode: tips are dragged along their vessels, and clicks put new ones.

    Parameters
    ----------
    session, placing, painting
        What it works on.
    """

    def __init__(
        self, session: Session, placing: CatheterPlacing, painting: PerfusedPainting | None = None
    ) -> None:
        self._session, self._placing, self._painting = session, placing, painting
        #: From where the 3D view looks while the mouse is over it; None while it is over a slice.
        self.eye: Callable[[], Point | None] = lambda: None

    @property
    def is_waiting(self) -> bool:
        """Whether a click puts a tip, or a drag paints."""
        return self._placing.is_on or self.wants_stroke

    @property
    def wants_stroke(self) -> bool:
        """Whether a left drag paints: on slices alone, the 3D view goes on being turned."""
        return self._painting is not None and self._painting.is_on and self.eye() is None

    def begin_stroke(self, lps_mm: Point, towards_lps: Point) -> None:
        """Set the brush down."""
        if self._painting is not None:
            self._painting.begin_stroke(lps_mm)

    def extend_stroke(self, lps_mm: Point) -> None:
        """Draw the brush on."""
        if self._painting is not None:
            self._painting.brush_to(lps_mm)

    def end_stroke(self) -> None:
        """Lift the brush."""
        if self._painting is not None:
            self._painting.end_stroke()

    def click(self, lps_mm: Point) -> bool:
        """Put a tip, where one is waited for."""
        if not self._placing.is_on:
            return False
        self._placing.click(lps_mm)
        return True

    @property
    def handles(self) -> tuple[Handle, ...]:
        """The tips in vessels."""
        return tuple(Handle(f"{t.id} {TIP}", t.position_lps_mm) for t in self._placing.targets if t.tree)

    def drag(self, handle: Handle, by_lps_mm: Point, is_all: bool) -> None:
        """Move a tip to the place of its tree next to the mouse."""
        from planner.planning.catheter_way import CatheterWay

        id = handle.id.split()[0]
        held = next((t for t in self._session.recorded_plan.catheter_targets if t.id == id), None)
        tree = next((t for t in self._placing.trees if held is not None and t.id == held.tree), None)
        if held is None or tree is None:
            return
        if id != self._session.selection.instrument:
            self._placing.choose(id)
        x, y, z = (a + b for a, b in zip(handle.lps_mm, by_lps_mm, strict=True))
        way = CatheterWay.nearest(tree, (x, y, z))
        old = CatheterWay.nearest(tree, held.position_lps_mm)
        name = way.title if held.name in ("", old.title) else held.name
        moved = replace(held, position_lps_mm=way.tip_lps_mm, name=name)
        self._session.drag_plan(self._session.plan.with_instrument(moved))

    def drop(self, handle: Handle) -> None:
        """End a drag: one change that can be undone."""
        self._session.drop(f"Move tip {handle.id.split()[0]}")

    def cancel_drag(self) -> None:
        """Put it back."""
        self._session.cancel_drag()
