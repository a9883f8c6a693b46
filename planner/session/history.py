"""Undo: the list of earlier (Case, Plan) pairs, with the name of each change."""

from __future__ import annotations

from dataclasses import dataclass

from planner.model.case import Case
from planner.model.plan import Plan


@dataclass(frozen=True, eq=False)
class State:
    """What is open at one moment, and the change that led to it."""

    label: str
    case: Case
    plan: Plan


class History:
    """All states since opening; arrays are shared between them.

    Parameters
    ----------
    first
        The state on opening.
    """

    def __init__(self, first: State) -> None:
        self._states = [first]
        self._at = 0

    @property
    def current(self) -> State:
        """The state that is shown."""
        return self._states[self._at]

    def record(self, state: State) -> None:
        """Add a state that was reached; what had been undone is dropped."""
        del self._states[self._at + 1 :]
        self._states.append(state)
        self._at += 1

    @property
    def undo_label(self) -> str:
        """Name of the change that undo takes back, or empty."""
        return self.current.label if self._at > 0 else ""

    @property
    def redo_label(self) -> str:
        """Name of the change that redo brings back, or empty."""
        return self._states[self._at + 1].label if self._at + 1 < len(self._states) else ""

    def undo(self) -> State:
        """Go back one state; stays at the first."""
        self._at = max(0, self._at - 1)
        return self.current

    def redo(self) -> State:
        """Go forward one state; stays at the last."""
        self._at = min(len(self._states) - 1, self._at + 1)
        return self.current
