"""What a user may do while practising, by the ids of actions and menu entries, and what waits before a commit."""

from __future__ import annotations

from planner.model.plan import Plan
from planner.planning.plan_needles import plan_needles
from planner.practice.exercise import Exercise, needle_count
from planner.session.session import Session

#: Nothing of these shows or keeps what judges a plan.
ALWAYS = frozenset(
    {
        "cancel", "fit", "tool_navigate", "tool_window", "probe_views", "theme", "shortcuts", "about", "quit",
        "close_case", "open_folder", "open_files", "open_sample",
        *(f"preset_{n}" for n in range(1, 10)),
    }
)  # fmt: skip
PLACING = frozenset({"place_probe", "aim_center", "copy_probe", "array"})
EDITING = PLACING | {"undo", "redo", "delete_probe"}


def placing_lock(id: str, exercise: Exercise, session: Session) -> str:
    """Why an action cannot be used while needles are placed, or empty."""
    if id == "probe_views" and exercise.conditions.axial_only:
        return "This exercise shows axial slices alone."
    if id in ALWAYS:
        return ""
    if id not in EDITING:
        return "Not while you practise."
    most = exercise.most_instruments
    if id not in PLACING or needle_count(session.plan) < most:
        return ""
    return f"This exercise allows {most} needle{'' if most == 1 else 's'}: delete one first."


def shown_lock(id: str) -> str:
    """Why an action cannot be used while an attempt is judged or shown, or empty."""
    return "" if id in ALWAYS else "End the exercise first."


def why_not_an_answer(exercise: Exercise, plan: Plan) -> str:
    """Why a plan is no answer to an exercise, in a sentence, or empty."""
    if not plan.instruments:
        return "Place a needle first."
    wrong = exercise.against(plan)
    return f"{wrong[0][:1].upper()}{wrong[0][1:]}." if wrong else ""


def changed_needles(planned: Plan, plan: Plan) -> tuple[str, ...]:
    """Needles, by what people call them, that a plan has elsewhere, newly, or no more."""
    before = {n.key: n for n in plan_needles(planned)}
    now = {n.key: n for n in plan_needles(plan)}
    changed = [n.title for key, n in now.items() if key not in before or before[key].needle != n.needle]
    return (*changed, *(n.title for key, n in before.items() if key not in now))
