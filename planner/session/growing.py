"""The future remnant over time: volumetry, embolizations and stages; each change can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date as day
from typing import TYPE_CHECKING

from psygnal import Signal

from planner.base.errors import InvalidValue, PlannerError
from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.dates import day_of
from planner.model.embolization import Embolization
from planner.model.image import Image
from planner.model.resection import Resection
from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.model.volumetry import Volumetry
from planner.session.closed_territories import ClosedTerritories, outermost
from planner.session.resecting import MODULE
from planner.session.session import Session
from planner.session.staged_answers import StagedAnswers

if TYPE_CHECKING:
    from planner.planning.growth import Growth

#: How a volumetry names the plan it was taken from.
FROM_PLAN = "remnant of plan {plan} on the scan of {date}"


@dataclass(frozen=True)
class Proposal:
    """The plan's remnant as a volumetry; the day is empty where the scan tells none."""

    date: str
    remnant_ml: float
    liver_ml: float
    source: str


class Growing:
    """Keeps volumetry, embolizations and stages; ``answers`` tells what they leave, ``closed`` what they close.

    Parameters
    ----------
    session
        Whose case and plan these are.
    today
        Gives the day it is: a scan cannot be of a later one.
    """

    changed = Signal()

    def __init__(self, session: Session, today: Callable[[], day] = day.today) -> None:
        self._session = session
        self._today = today
        self.answers = StagedAnswers(session)
        self.answers.changed.connect(self._say_changed)
        self.closed = ClosedTerritories(session)
        self._is_closing = False

    # volumetry -----------------------------------------------------------------------------

    @property
    def entries(self) -> tuple[Volumetry, ...]:
        """The case's volumetries, by day."""
        return self._session.case.volumetry if self._session.is_open else ()

    @property
    def growth(self) -> Growth:
        """What the volumetries say, with the plan's embolization."""
        from planner.planning.growth import growth_of
        from planner.planning.staged_plans import embolized_on

        session = self._session
        settings = session.judgements.settings(MODULE)
        return growth_of(self.entries, session.case.patient, embolized_on(session.plan), settings)

    def add(self, entry: Volumetry) -> None:
        """Note a volumetry.

        Raises
        ------
        InvalidValue
            If there is one of its day already, or the day has not come yet.
        """
        if entry.date > self._today().isoformat():
            raise InvalidValue("A volumetry cannot be of a day to come.", entry.date, "Correct the day.")
        self._change(f"Note volumetry of {entry.date}", self._session.case.with_volumetry(entry))

    def delete(self, date: str) -> None:
        """Forget the volumetry of a day."""
        self._change(f"Delete volumetry of {date}", self._session.case.without_volumetry(date))

    def proposal(self) -> Proposal:
        """The plan's future remnant, with the day of the scan it was outlined on.

        Raises
        ------
        PlannerError
            If the plan has no resection, or is not assessed as it is.
        """
        case, plan = self._session.case, self._session.plan
        if not plan.resections:
            raise PlannerError("The plan has no resection.", f"plan '{plan.name}'", "Draw a cut first.")
        answer = self.answers.of(plan)
        if not isinstance(answer, Assessment):
            raise PlannerError(
                "The plan is not assessed as it is now.", f"plan '{plan.name}'", "Wait until it is assessed."
            )
        from planner.planning.staged_plans import stage_numbers

        numbers = stage_numbers(answer, self.growth.standard)
        date = day_of(structures_image(case).acquired) if case.images else ""
        liver = (
            numbers.liver_ml
            if not numbers.measured_percent
            else max(numbers.working_ml, 100.0 * numbers.working_ml / numbers.measured_percent)
        )
        source = FROM_PLAN.format(plan=plan.name, date=date or "unknown day")
        return Proposal(date, numbers.working_ml, liver, source)

    def take_from_plan(self) -> None:
        """Note the plan's remnant on the day of its scan, in the place of one that was taken from a plan.

        Raises
        ------
        PlannerError
            If there is none, the scan tells no day, or somebody typed in a volumetry of that day.
        """
        found = self.proposal()
        if not found.date:
            raise PlannerError(
                "The scan tells no day.", "volumetry of the plan", "Enter the day, then press Add."
            )
        entry = Volumetry(found.date, found.remnant_ml, found.liver_ml, found.source)
        case = self._session.case
        old = next((e for e in case.volumetry if e.date == found.date and e.source), None)
        if old is not None:
            case = case.without_volumetry(old.date)
        self._change(f"Take volumetry of plan {self._session.plan.name}", case.with_volumetry(entry))

    def set_needed(self, percent: float | None) -> None:
        """Say what share of the standard liver should remain; None leaves it to what is published."""
        from planner.planning.growth_criteria import NEEDED_FACT

        case = self._session.case
        facts = {k: v for k, v in case.patient.facts if k != NEEDED_FACT}
        if percent is not None:
            facts[NEEDED_FACT] = f"{percent:g}"
        patient = case.patient.with_facts(facts)
        if patient != case.patient:
            self._change("Set needed share of the remnant", case.with_patient(patient))

    def _change(self, label: str, case: Case) -> None:
        self._session.change_case(label, case)
        self.changed.emit()

    def _say_changed(self) -> None:
        self.changed.emit()

    # embolization and stages ---------------------------------------------------------------

    @property
    def trees(self) -> tuple[VesselTree, ...]:
        """The portal trees of the case, whose branches can be closed."""
        trees = self._session.case.vessel_trees if self._session.is_open else ()
        return tuple(t for t in trees if t.role is Role.PORTAL_VEIN and t.branches)

    def embolize(self, tree: str, branches: Iterable[int]) -> None:
        """Close branches, with all beyond them.

        Raises
        ------
        InvalidValue
            If no branch is named, or one is not there.
        """
        numbers = self._outermost(tree, branches)
        plan = self._session.plan
        made = Embolization(plan.free_id("v"), tree, numbers, self._name(tree, numbers))
        self._session.change_plan(f"Embolize {made.name}", plan.with_instrument(made))
        self._session.selection.choose(instrument=made.id)

    def is_closed(self, tree: str, number: int) -> bool:
        """Whether an embolization closes a branch itself; what lies beyond one is not asked for."""
        return any(e.tree == tree and number in e.branches for e in self._session.plan.embolizations)

    def toggle_closed(self, tree: str, number: int) -> None:
        """Close a branch, together with what the chosen embolization of its tree closes; or open it again.

        The chosen one is the selected, else the last of the tree. One that lies beyond a closed branch is opened
        with that. Branches that are gone from the tree are forgotten.
        """
        own = [e for e in self._session.plan.embolizations if e.tree == tree]
        chosen = [e for e in own if e.id == self._session.selection.instrument]
        vessels, closing = self._session.case.vessel_tree(tree), self.closing(tree, number)
        if closing is not None:
            holding = next(e for e in own if closing in e.branches)
            self.set_branches(holding.id, {n for n in holding.branches if n in vessels} - {closing})
        elif own:
            found = (chosen or own)[-1]
            self.set_branches(found.id, {n for n in (*found.branches, number) if n in vessels})
        else:
            self.embolize(tree, (number,))

    @property
    def is_closing(self) -> bool:
        """Whether clicks in the views close branches."""
        return self._is_closing

    def close_by_clicks(self, is_on: bool) -> None:
        """Let clicks in the views close branches, or no more."""
        if is_on != self._is_closing:
            self._is_closing = is_on
            self.changed.emit()

    def closing(self, tree: str, number: int) -> int | None:
        """The branch whose closure closes a branch too: itself, or one on the way to it; None where it is open."""
        return next((c.closing(number) for c in self.closed.trees if c.tree.id == tree), None)

    def set_branches(self, id: str, branches: Iterable[int]) -> None:
        """Close other branches by an embolization; none at all deletes it."""
        old = self._embolization(id)
        numbers = self._outermost(old.tree, branches)
        if not numbers:
            self._session.change_plan(f"Delete embolization {id}", self._session.plan.without_instrument(id))
            return
        changed = replace(old, branches=numbers, name=self._name(old.tree, numbers))
        self._session.change_plan(f"Embolize {changed.name}", self._session.plan.with_instrument(changed))

    def set_stage(self, id: str, stage: int) -> None:
        """Do a resection or an embolization in another stage; it goes onto the day of that stage's operation."""
        each = self._staged(id)
        changed = replace(each, stage=stage)
        if isinstance(changed, Resection):
            changed = replace(changed, date=self.stage_date(stage))
        word = "embolization" if isinstance(each, Embolization) else "resection"
        self._session.change_plan(
            f"Do {word} {id} in stage {stage}", self._session.plan.with_instrument(changed)
        )

    def embolization_date(self, id: str) -> str:
        """Day of an embolization; empty where none is set, or it is there no more."""
        own = self._session.plan.embolizations if self._session.is_open else ()
        return next((e.date for e in own if e.id == id), "")

    def set_embolization_date(self, id: str, date: str) -> None:
        """Set the day of an embolization; empty for none."""
        changed = replace(self._embolization(id), date=date)
        self._session.change_plan(
            f"Set day of embolization {id}", self._session.plan.with_instrument(changed)
        )

    def stage_date(self, stage: int) -> str:
        """Day of a stage's operation; empty where none is set."""
        cuts = self._session.plan.resections if self._session.is_open else ()
        return next((r.date for r in cuts if r.stage == stage and r.date), "")

    def set_stage_date(self, stage: int, date: str) -> None:
        """Set the day of a stage's operation, of all its resections; empty for none."""
        plan = self._session.plan
        for cut in plan.resections:
            if cut.stage == stage:
                plan = plan.with_instrument(replace(cut, date=date))
        self._session.change_plan(f"Set day of stage {stage}", plan)

    def _embolization(self, id: str) -> Embolization:
        each = self._session.plan.instrument(id)
        if not isinstance(each, Embolization):
            raise InvalidValue("This is no embolization.", f"'{id}'", "Select an embolization.")
        return each

    def _staged(self, id: str) -> Embolization | Resection:
        each = self._session.plan.instrument(id)
        if not isinstance(each, Embolization | Resection):
            raise InvalidValue("Only resections and embolizations have stages.", f"'{id}'")
        return each

    def _outermost(self, tree: str, branches: Iterable[int]) -> tuple[int, ...]:
        """Branches without those that lie beyond others of them: those are closed anyway."""
        vessels, numbers = self._session.case.vessel_tree(tree), set(branches)
        for number in numbers:
            vessels.branch(number)
        return outermost(vessels, numbers)

    def _name(self, tree: str, numbers: tuple[int, ...]) -> str:
        vessels = self._session.case.vessel_tree(tree)
        return " + ".join(vessels.branch(n).title for n in numbers)


def structures_image(case: Case) -> Image:
    """The image the structures plans are judged on were outlined on: the first of their lattice, else of their frame."""
    if case.structure_sets:
        structures = case.structures
        for image in case.images:
            if image.grid.same_as(structures.grid):
                return image
        for image in case.images:
            if image.identity.frame_of_reference_uid == structures.frame_of_reference_uid != "":
                return image
    return case.image()
