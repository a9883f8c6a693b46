"""The growing remnant in the report: embolizations, volumetry over time, and what stages leave."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtGui import QColor, QFont, QImage, QPainter

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.plan import Plan
from planner.planning.growth import Growth, growth_of
from planner.planning.growth_words import branch_words, growth_lines, territory_words
from planner.planning.liver_volumes import StandardVolume
from planner.planning.staged_plans import (
    StageNumbers,
    dated_steps,
    derived_plans,
    embolized_by,
    embolized_on,
    first_stage,
    is_two_stage,
    stage_numbers,
)
from planner.plugin.hashing import plan_hash
from planner.plugin.judging import judge
from planner.plugin.registry import Registry
from planner.scene.growth_timeline import paint_growth
from planner.scene.palette import LIGHT

MODULE = "resection"
PICTURE, PICTURE_PX = "growth.png", (860, 300)
ON_ONE_SCAN = (
    "On the scan of this plan: growth between the stages is not counted; ablations count to the first."
)


def with_staged(
    case: Case,
    plan: Plan,
    answers: tuple[Assessment, ...],
    registry: Registry,
    task: Task | None = None,
) -> tuple[Assessment, ...]:
    """Answers, and behind them those of the plan's stages and embolizations that they lack.

    Where the module for resections refuses one, it is left out: the report says so.
    """
    task = task or Task()
    known = {a.inputs.get("plan") for a in answers if a.module == MODULE}
    lacking = [p for p in derived_plans(plan) if plan_hash(p) not in known]
    if MODULE not in registry.modules or not lacking:
        return answers
    settings = _settings(plan, answers)
    found = list(answers)
    for n, each in enumerate(lacking):
        part = task.part(n / len(lacking), (n + 1) / len(lacking))
        try:
            found.append(judge(registry.module(MODULE), case, each, settings, part))
        except PlannerError:
            continue
    return tuple(found)


def without_staged(plan: Plan, answers: tuple[Assessment, ...]) -> tuple[Assessment, ...]:
    """The answers to the plan itself."""
    staged = {plan_hash(p) for p in derived_plans(plan)} - {plan_hash(plan)}
    return tuple(a for a in answers if a.module != MODULE or a.inputs.get("plan") not in staged)


def growth_facts(case: Case, plan: Plan, answers: tuple[Assessment, ...]) -> dict[str, Any] | None:
    """What the report says of growth and stages; None where there is nothing of either."""
    if not (case.volumetry or plan.embolizations or is_two_stage(plan)):
        return None
    growth = _growth(case, plan, answers)
    by_plan = {a.inputs.get("plan"): a for a in answers if a.module == MODULE}
    closed = embolized_by(plan, lambda p: by_plan.get(plan_hash(p)))
    if not plan.embolizations:
        territory = ""
    else:
        territory = "What is closed could not be assessed." if closed is None else territory_words(closed)
    return {
        "embolizations": [
            {"id": e.id, "what": branch_words(e, case), "stage": str(e.stage), "day": e.date or "not set"}
            for e in plan.embolizations
        ],
        "territory": territory,
        "operations": [
            {"id": r.id, "name": r.name, "stage": str(r.stage), "day": r.date or "not set"}
            for r in plan.resections
            if is_two_stage(plan) or r.date
        ],
        "stages": _stages(plan, by_plan, growth.standard) if is_two_stage(plan) else None,
        "stage_words": ON_ONE_SCAN,
        "lines": growth_lines(growth) if case.volumetry else [],
        "picture": PICTURE if case.volumetry else "",
    }


def save_growth_picture(case: Case, plan: Plan, answers: tuple[Assessment, ...], folder: Path) -> str:
    """Write the timeline as PNG into a folder; gives the file's name."""
    picture = QImage(*PICTURE_PX, QImage.Format.Format_RGB32)
    picture.fill(QColor(LIGHT.raised))
    painter = QPainter(picture)
    font = QFont()
    font.setPixelSize(13)
    painter.setFont(font)
    paint_growth(painter, PICTURE_PX, _growth(case, plan, answers), dated_steps(plan), LIGHT)
    painter.end()
    picture.save(str(folder / PICTURE))
    return PICTURE


def _growth(case: Case, plan: Plan, answers: tuple[Assessment, ...]) -> Growth:
    return growth_of(case.volumetry, case.patient, embolized_on(plan), _settings(plan, answers))


def _settings(plan: Plan, answers: tuple[Assessment, ...]) -> Mapping[str, Any]:
    """Settings the plan itself was judged with."""
    own = [a for a in without_staged(plan, answers) if a.module == MODULE]
    return own[0].settings if own else {}


def _stages(
    plan: Plan, by_plan: Mapping[str | None, Assessment], standard: StandardVolume
) -> list[dict[str, str]]:
    first = first_stage(plan)
    rows = [("After both stages", plan)]
    if first.resections:
        rows.insert(0, ("After the first stage", first))
    found = []
    for title, each in rows:
        answer = by_plan.get(plan_hash(each))
        found.append(_stage_row(title, None if answer is None else stage_numbers(answer, standard), standard))
    return found


def _stage_row(title: str, numbers: StageNumbers | None, standard: StandardVolume) -> dict[str, str]:
    if numbers is None:
        return {
            "title": title,
            **dict.fromkeys(("resected", "remnant", "measured", "standard"), "not assessed"),
        }
    measured, share = numbers.measured_percent, numbers.standard_percent
    return {
        "title": title,
        "resected": f"{numbers.resected_ml:.0f} ml",
        "remnant": f"{numbers.remnant_ml:.0f} ml",
        "measured": "unknown" if measured is None else f"{measured:.1f} %",
        "standard": standard.why_not if share is None else f"{share:.1f} %",
    }
