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
        self._at = self._floor = 0

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
        return self.current.label if self._at > self._floor else ""

    @property
    def redo_label(self) -> str:
        """Name of the change that redo brings back, or empty."""
        return self._states[self._at + 1].label if self._at + 1 < len(self._states) else ""

    def undo(self) -> State:
        """Go back one state; stays at the first, or at the one that undo was stopped at."""
        self._at = max(self._floor, self._at - 1)
        return self.current

    def stop_here(self) -> None:
        """Undo no further than to the state that is shown."""
        self._floor = self._at

    def go_back_to(self, state: State) -> None:
        """Show an earlier state again and drop all that came after it; undo goes as far as before.

        Raises
        ------
        ValueError
            If it is none of this history.
        """
        self._at = self._states.index(state)
        del self._states[self._at + 1 :]
        self._floor = 0

    def redo(self) -> State:
        """Go forward one state; stays at the last."""
        self._at = min(len(self._states) - 1, self._at + 1)
        return self.current
