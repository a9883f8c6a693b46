"""What a mode does with the mouse in the views: handles one can drag, lines one can draw, clicks."""

from __future__ import annotations

from dataclasses import dataclass

from planner.model.points import Point


@dataclass(frozen=True)
class Handle:
    """A place of what a mode draws that can be taken hold of.

    Parameters
    ----------
    id
        What it is, in the mode's words.
    lps_mm
        Where it was when it was taken hold of.
    depth_mm
        On a slice it is caught where it lies no further from it than this.
    """

    id: str
    lps_mm: Point
    depth_mm: float = 3.0


class Pointer:
    """What the mouse does in the views for a mode; as it stands here it leaves everything to the views.

    A mode gives the workbench one of its own while it is on (`Workbench.pointer`).
    """

    @property
    def handles(self) -> tuple[Handle, ...]:
        """What can be dragged now."""
        return ()

    def grab(self, lps_mm: Point, reach_mm: float) -> Handle | None:
        """A handle made of a place on what the mode draws, where a point lies within reach of it."""
        return None

    def drag(self, handle: Handle, by_lps_mm: Point, is_all: bool) -> None:
        """Move what is held from where it was; ``is_all`` moves the whole of it."""

    def drop(self, handle: Handle) -> None:
        """End a drag: it becomes one change that can be undone."""

    def cancel_drag(self) -> None:
        """Put what is held back."""

    @property
    def is_waiting(self) -> bool:
        """Whether the next press begins a line, or a click is waited for: views show a cross."""
        return False

    @property
    def wants_stroke(self) -> bool:
        """Whether the next press begins a line that is drawn."""
        return False

    def begin_stroke(self, lps_mm: Point, towards_lps: Point) -> None:
        """Begin a line; the view looks along a direction."""

    def extend_stroke(self, lps_mm: Point) -> None:
        """Go on with the line."""

    def end_stroke(self) -> None:
        """Make what the line is for; raises `PlannerError` where it cannot be made."""

    def click(self, lps_mm: Point) -> bool:
        """Take a click on a slice or a surface; whether it was taken. Raises `PlannerError`."""
        return False
