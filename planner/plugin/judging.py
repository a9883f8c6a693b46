"""Asking a treatment module, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.base.errors import Cancelled, InvalidValue, PlannerError
from planner.base.log import log
from planner.base.task import Task
from planner.model.assessment import Assessment
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.suggestion import Suggestion
from planner.plugin.registry import TreatmentModule


def judge(
    module: TreatmentModule,
    case: Case,
    plan: Plan,
    settings: Mapping[str, Any] | None = None,
    task: Task | None = None,
) -> Assessment:
    """A module's whole answer to a plan.

    Parameters
    ----------
    module, case, plan
        Who is asked about what.
    settings
        Values that differ from the module's defaults; they go before what the case tells the module.
    task
        Progress and cancel.

    Raises
    ------
    InvalidValue
        If the plan was made on another case or a setting is wrong.
    PlannerError
        If the module fails; its own errors in three parts pass through.
    """
    check_belongs(case, plan)
    chosen = _settings_for(module, case, settings)
    answer: Assessment = guarded(module, lambda: module.logic.assess(case, plan, chosen, task or Task()))
    return answer


def simulate(
    module: TreatmentModule,
    case: Case,
    plan: Plan,
    settings: Mapping[str, Any] | None = None,
    task: Task | None = None,
) -> Assessment:
    """What a module's simulation says of a plan; minutes, with pictures of the work on the way.

    Parameters
    ----------
    module, case, plan, settings, task
        As in `judge`; the task's watcher is given scalar fields.

    Raises
    ------
    PlannerError
        If the module simulates nothing, or fails.
    """
    answer: Assessment = _asked(module, "simulate", "simulates nothing", case, plan, settings, task or Task())
    return answer


def propose(
    module: TreatmentModule,
    case: Case,
    plan: Plan,
    settings: Mapping[str, Any] | None = None,
    goal: Mapping[str, Any] | None = None,
    task: Task | None = None,
) -> list[Suggestion]:
    """Candidate plans of a module, best first.

    Parameters
    ----------
    module, case, plan, settings, task
        As in `judge`.
    goal
        What the plan should reach, in the module's words, such as ``lesion``.

    Raises
    ------
    PlannerError
        If the module proposes nothing, or fails.
    """
    words = "suggests no plans"
    found: list[Suggestion] = _asked(
        module, "suggest", words, case, plan, settings, dict(goal or {}), task or Task()
    )
    return found


def advise(
    module: TreatmentModule,
    case: Case,
    plan: Plan,
    settings: Mapping[str, Any] | None = None,
    goal: Mapping[str, Any] | None = None,
    task: Task | None = None,
) -> Assessment:
    """Whether a module's treatment may be done, as a checklist; needs no instrument in the plan.

    Parameters
    ----------
    module, case, plan, settings, task
        As in `judge`.
    goal
        What is to be treated, in the module's words, such as ``lesion``.

    Raises
    ------
    PlannerError
        If the module gives no advice, or fails.
    """
    words = "has no checklist"
    answer: Assessment = _asked(
        module, "advise", words, case, plan, settings, dict(goal or {}), task or Task()
    )
    return answer


def check_belongs(case: Case, plan: Plan) -> None:
    """Raise `InvalidValue` where a plan was made on another case."""
    if plan.case_id != case.id:
        raise InvalidValue(
            "The plan was made on another case.",
            f"plan '{plan.name}' names case {plan.case_id}; this is {case.id} ({case.title})",
            "Open the case the plan was made on.",
        )


def guarded(module: TreatmentModule, call: Any) -> Any:
    """Run a module's function; what it raises without three parts becomes a `PlannerError`."""
    try:
        return call()
    except (PlannerError, Cancelled):
        raise
    except Exception as error:  # the plugin border: anybody's code may fail in any way
        log().exception("module %s failed", module.manifest.id)
        raise PlannerError(
            f"The module '{module.manifest.title}' failed and gave no answer.",
            _short(error),
            "Your plan is unchanged. Report this to whoever made the module.",
        ) from error


def _asked(
    module: TreatmentModule,
    name: str,
    words: str,
    case: Case,
    plan: Plan,
    settings: Mapping[str, Any] | None,
    *rest: Any,
) -> Any:
    """What an optional function of a module answers; raises `PlannerError` where it offers none."""
    check_belongs(case, plan)
    call = module.function(name)
    if call is None:
        raise PlannerError(
            f"The module '{module.manifest.title}' {words}.", module.manifest.id, "Choose another."
        )
    chosen = _settings_for(module, case, settings)
    return guarded(module, lambda: call(case, plan, chosen, *rest))


def _settings_for(module: TreatmentModule, case: Case, given: Mapping[str, Any] | None) -> Any:
    """A module's settings: what it is told of the patient, and what was given before that."""
    return module.settings({**case.settings_of(module.manifest.id), **(given or {})})


def _short(error: Exception) -> str:
    """An exception's kind and the first line of its words; the log has the rest."""
    words = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {words}"[:200]
