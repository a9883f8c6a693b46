"""What needles of a case are judged on, made once and kept: the anatomy, and the ground of access maps.

Several askers want them at once (the live judgement, access maps, suggestions), each on a thread of
its own: the second waits for the first instead of doing seconds of work again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from planner.base.task import Task
from planner.model.structures import StructureSet
from planner.planning.access_ground import AccessGround
from planner.planning.anatomy import Anatomy

#: The case in use and the one before it, such as after an undo.
KEPT = 2

_T = TypeVar("_T")


class _Kept(Generic[_T]):
    """Values by the structures they were made of; the oldest gives way."""

    def __init__(self, make: Callable[[StructureSet, Task], _T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._values: list[tuple[Any, StructureSet, _T]] = []

    def of(self, structures: StructureSet, task: Task) -> _T:
        with self._lock:
            key = _key(structures)
            for known, _, value in self._values:
                if known == key:
                    return value
            value = self._make(structures, task)
            # The structures are kept along, so that no other layer takes over an id of theirs.
            self._values = [*self._values[1 - KEPT :], (key, structures, value)]
            return value


def _key(structures: StructureSet) -> Any:
    """What anatomy depends on; colours do not count."""
    rows = tuple((s.name, s.role, s.layer, s.label) for s in structures.structures)
    return (structures.id, structures.grid, tuple(id(layer) for layer in structures.layers), rows)


_anatomies: _Kept[Anatomy] = _Kept(Anatomy.of)
_grounds: _Kept[AccessGround] = _Kept(
    lambda structures, task: AccessGround.made(
        structures, lambda: anatomy_of(structures, task.part(0.5, 0.9)), task.part(0.0, 0.5)
    )
)


def anatomy_of(structures: StructureSet, task: Task | None = None) -> Anatomy:
    """The anatomy of structures, made at the first call; seconds for a whole CT."""
    return _anatomies.of(structures, task or Task())


def access_ground_of(structures: StructureSet, task: Task | None = None) -> AccessGround:
    """The ground of access maps, made at the first call; seconds for a whole CT.

    Raises
    ------
    InvalidValue
        If no skin is segmented, or none of it lies within the scan.
    """
    return _grounds.of(structures, task or Task())
