"""Errors a person can act on: what happened, to which thing, what to do."""

from __future__ import annotations


class PlannerError(Exception):
    """An error in three parts, raised low and shown once, high.

    Parameters
    ----------
    what
        What happened, as a sentence.
    thing
        The file, structure, instrument or setting it happened to.
    todo
        What the person can do about it.
    """

    def __init__(self, what: str, thing: str = "", todo: str = "") -> None:
        super().__init__(what, thing, todo)
        self.what = what
        self.thing = thing
        self.todo = todo

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.thing, self.todo) if part)


class InputRefused(PlannerError):
    """A file or folder cannot be taken, with the reason in words."""


class InvalidValue(PlannerError, ValueError):
    """A value that cannot exist in the model, such as a probe of zero length."""


class Cancelled(Exception):
    """The work was stopped because somebody asked for it; not an error."""
