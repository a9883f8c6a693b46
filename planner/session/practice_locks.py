"""What a user may do while practising, by the ids of actions and menu entries; all else waits until the end."""

from __future__ import annotations

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
