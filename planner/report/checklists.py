"""Whether the treatments of a plan may be done at its lesions: the checklists a report holds."""

from __future__ import annotations

from collections.abc import Iterator

from planner.base.task import Task
from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.catheter import CatheterTarget
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.plugin.judging import advise
from planner.plugin.registry import Registry, TreatmentModule


def with_checklists(
    case: Case,
    plan: Plan,
    answers: tuple[Assessment, ...],
    registry: Registry,
    task: Task | None = None,
) -> tuple[Assessment, ...]:
    """Answers, and behind them the checklists they lack: of each module that has one and each lesion it treats.

    Parameters
    ----------
    case, plan, answers
        What modules said of a plan; a checklist rests on the settings its module judged with.
    registry
        The modules.
    task
        Progress and cancel.

    Raises
    ------
    PlannerError
        If a module fails.
    """
    task = task or Task()
    asked = list(_lacking(case, plan, answers, registry))
    return (
        *answers,
        *(
            advise(
                module,
                case,
                plan,
                answer.settings,
                {"lesion": lesion},
                task.part(n / len(asked), (n + 1) / len(asked)),
            )
            for n, (module, answer, lesion) in enumerate(asked)
        ),
    )


def checked_lesions(assessment: Assessment) -> frozenset[str]:
    """What a checklist speaks of; empty for an answer without one."""
    if not assessment.checks:
        return frozenset()
    named = [c.subject for c in assessment.checks] + [f.subject for f in assessment.findings]
    return frozenset(n for n in (*named, *(m.subject for m in assessment.metrics)) if n)


def _lacking(
    case: Case, plan: Plan, answers: tuple[Assessment, ...], registry: Registry
) -> Iterator[tuple[TreatmentModule, Assessment, str]]:
    """Modules with a checklist, the answer whose settings it rests on, and lesions nobody asked about."""
    lesions = {s.name for s in case.structures.with_role(Role.LESION)} if case.structure_sets else set()
    judged = {a.module: a for a in reversed(answers)}
    for module in registry.judging(plan):
        id = module.manifest.id
        if id not in judged or module.function("advise") is None:
            continue
        known: frozenset[str] = frozenset().union(*(checked_lesions(a) for a in answers if a.module == id))
        if not known and any(isinstance(i, CatheterTarget) and module.judges(i) for i in plan.instruments):
            yield module, judged[id], ""  # of the patient and all tips together
        treated = (i.lesion for i in plan.instruments if module.judges(i))
        for lesion in dict.fromkeys(treated):
            if lesion in lesions and lesion not in known:
                yield module, judged[id], lesion
