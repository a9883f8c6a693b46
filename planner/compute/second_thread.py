"""A second thread for small works many times a second, as while dragging: a new one each time would cost as much."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@lru_cache(maxsize=1)
def second_thread() -> ThreadPoolExecutor:
    """It takes one work after the other; none may wait for another, nor take longer than a frame."""
    return ThreadPoolExecutor(1, thread_name_prefix="second")


def shared_out(work: Callable[[_In], _Out], things: Sequence[_In]) -> list[_Out]:
    """What work makes of things, in their order, by this thread and the second one.

    The work must depend on its thing alone, so that it does not matter which of the two does it.
    """
    waiting = deque(range(len(things)))
    found: dict[int, _Out] = {}

    def take() -> None:
        while True:
            try:
                number = waiting.popleft()
            except IndexError:  # the other took the last one
                return
            found[number] = work(things[number])

    beside = second_thread().submit(take)
    try:
        take()
    finally:
        waiting.clear()
        if not beside.cancel():
            beside.result()
    return [found[n] for n in range(len(things))]
