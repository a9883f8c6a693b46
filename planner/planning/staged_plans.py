"""Plans in two stages: what is left after the first and after both, and what an embolization closes and spares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from planner.base.errors import InvalidValue
from planner.model.assessment import Assessment
from planner.model.embolization import Embolization
from planner.model.plan import Plan
from planner.model.resection import Resection, TerritoriesCut
from planner.planning.liver_volumes import StandardVolume


@dataclass(frozen=True)
class StageNumbers:
    """Volumes of the liver after a stage, on one scan: growth between the stages is not in them.

    Parameters
    ----------
    liver_ml, resected_ml, remnant_ml
        As the module for resections gives them.
    working_ml
        The remnant without tumour that is left in it.
    measured_percent, standard_percent
        Share of the measured and of the standard liver; None where unknown.
    """

    liver_ml: float
    resected_ml: float
    remnant_ml: float
    working_ml: float
    measured_percent: float | None
    standard_percent: float | None


@dataclass(frozen=True)
class EmbolizedLiver:
    """What the embolizations of a plan close.

    Parameters
    ----------
    territory_ml, liver_ml
        Liver fed by what is closed, and all of it.
    remnant_ml
        The future remnant, after all stages; None where the plan has no resection.
    remnant_embolized_ml
        What of that is closed too; None where there is none.
    """

    territory_ml: float
    liver_ml: float
    remnant_ml: float | None = None
    remnant_embolized_ml: float | None = None

    @property
    def share_percent(self) -> float:
        """Of the liver."""
        return 100.0 * self.territory_ml / self.liver_ml

    @property
    def spared_ml(self) -> float | None:
        """Future remnant that keeps its inflow."""
        if self.remnant_ml is None or self.remnant_embolized_ml is None:
            return None
        return self.remnant_ml - self.remnant_embolized_ml

    @property
    def spared_percent(self) -> float | None:
        """Of the future remnant; None where there is none."""
        return (
            100.0 * self.spared_ml / self.remnant_ml
            if self.spared_ml is not None and self.remnant_ml
            else None
        )


def is_two_stage(plan: Plan) -> bool:
    """Whether a resection belongs to the second stage."""
    return any(r.stage > 1 for r in plan.resections)


def first_stage(plan: Plan) -> Plan:
    """The plan without what is done in the second stage; ablations, which have no stage, count to the first."""
    kept = tuple(i for i in plan.instruments if not (isinstance(i, Resection | Embolization) and i.stage > 1))
    return replace(plan, instruments=kept)


def embolized_on(plan: Plan) -> str:
    """Day of the first embolization that has one; empty where none has."""
    return min((e.date for e in plan.embolizations if e.date), default="")


def dated_steps(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Day and words of each embolization and operation that has a day, by day; one row a day and kind."""
    rows: dict[tuple[str, str], None] = {}
    is_staged = is_two_stage(plan)
    for each in plan.embolizations:
        if each.date:
            rows[each.date, "Embolization"] = None
    for cut in plan.resections:
        if cut.date:
            rows[cut.date, f"Stage {cut.stage}" if is_staged else "Resection"] = None
    return tuple(sorted(rows))


def with_embolized_taken(plan: Plan) -> Plan:
    """A plan that also takes out all that is closed: what it takes more is the closed part of the remnant."""
    for each in plan.embolizations:
        taken = Resection(plan.free_id("closed"), TerritoriesCut(each.tree, each.branches))
        plan = plan.with_instrument(taken)
    return plan


def only_embolized_taken(plan: Plan) -> Plan:
    """A plan that takes out what is closed, and nothing else."""
    bare = replace(plan, instruments=plan.embolizations)
    return with_embolized_taken(bare)


def derived_plans(plan: Plan) -> tuple[Plan, ...]:
    """The plans, beside the plan itself, whose assessments tell of its stages and embolizations."""
    found = []
    if is_two_stage(plan) and first_stage(plan).resections:
        found.append(first_stage(plan))
    if plan.embolizations:
        found.append(only_embolized_taken(plan))
        if plan.resections:
            found.append(with_embolized_taken(plan))
    return tuple(found)


def embolized_by(plan: Plan, find: Callable[[Plan], Assessment | None]) -> EmbolizedLiver | None:
    """What a plan's embolizations close and spare; None without any, and where an assessment is missing.

    Parameters
    ----------
    find
        Gives the assessment of a plan, or None.
    """
    closed = find(only_embolized_taken(plan)) if plan.embolizations else None
    if closed is None:
        return None
    if not plan.resections:
        return embolized_liver(closed)
    taken, both = find(plan), find(with_embolized_taken(plan))
    return None if taken is None or both is None else embolized_liver(closed, taken, both)


def stage_numbers(answer: Assessment, standard: StandardVolume) -> StageNumbers:
    """Volumes of a resection's assessment.

    Raises
    ------
    InvalidValue
        If it is no assessment of a resection.
    """
    working = _working_ml(answer)
    return StageNumbers(
        _value(answer, "liver_volume_ml"),
        _value(answer, "resected_volume_ml"),
        _value(answer, "remnant_volume_ml"),
        working,
        _known(answer, "remnant_of_measured_percent"),
        None if standard.volume_ml is None else 100.0 * working / standard.volume_ml,
    )


def embolized_liver(
    closed: Assessment, taken: Assessment | None = None, both: Assessment | None = None
) -> EmbolizedLiver:
    """What is closed.

    Parameters
    ----------
    closed
        Of `only_embolized_taken`.
    taken, both
        Of the plan itself and of `with_embolized_taken`, where it has resections.
    """
    territory, liver = _value(closed, "resected_volume_ml"), _value(closed, "liver_volume_ml")
    if taken is None or both is None:
        return EmbolizedLiver(territory, liver)
    remnant = _value(taken, "remnant_volume_ml")
    return EmbolizedLiver(territory, liver, remnant, max(0.0, remnant - _value(both, "remnant_volume_ml")))


def _working_ml(answer: Assessment) -> float:
    """The remnant without tumour left in it, out of shares the module gives of it."""
    standard, share = (
        _known(answer, "standard_liver_volume_ml"),
        _known(answer, "remnant_of_standard_percent"),
    )
    if standard is not None and share is not None:
        return 0.01 * share * standard
    measured, ablated = _known(answer, "remnant_of_measured_percent"), _known(answer, "ablated_volume_ml")
    if measured is not None and not ablated:
        return 0.01 * measured * (_value(answer, "liver_volume_ml") - _value(answer, "tumor_volume_ml"))
    return _value(answer, "remnant_volume_ml")


def _known(answer: Assessment, name: str) -> float | None:
    return next((m.value for m in answer.metrics if m.name == name), None)


def _value(answer: Assessment, name: str) -> float:
    found = _known(answer, name)
    if found is None:
        raise InvalidValue(
            "This is no assessment of a resection.", f"{answer.module}: no {name}", "Assess the plan again."
        )
    return found
