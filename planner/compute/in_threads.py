"""The same work for several things at once, on threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from planner.base.task import Task

#: More threads gain little: what runs between kernels holds the interpreter's lock.
WORKERS = 2

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_threads(
    work: Callable[[_In], _Out], things: Sequence[_In], task: Task, workers: int = WORKERS
) -> Iterator[_Out]:
    """What work makes of things, in their order; what is not begun is left when the task is cancelled.

    The work must depend on its thing alone, so that the results are the same on any number of threads.
    """
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(work, thing) for thing in things]
        try:
            for each in waiting:
                task.check()
                yield each.result()
        finally:  # after a cancel or an error; nothing is left otherwise
            for each in waiting:
                each.cancel()
