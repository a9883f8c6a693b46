"""Work on threads: order, errors, and what a cancel leaves undone."""

from __future__ import annotations

import threading

import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.in_threads import in_threads


def test_results_come_in_the_order_of_the_things() -> None:
    first_waits = threading.Event()

    def work(n: int) -> int:
        if n == 0:
            assert first_waits.wait(10.0)
        first_waits.set()
        return n * n

    assert list(in_threads(work, range(5), Task())) == [0, 1, 4, 9, 16]


def test_an_error_of_the_work_is_raised_and_the_rest_is_left() -> None:
    begun = []

    def work(n: int) -> int:
        begun.append(n)
        if n > 0:  # whoever waits for the first is given time to see its error
            threading.Event().wait(0.05)
        raise InvalidValue("This cannot be.", str(n))

    with pytest.raises(InvalidValue, match="This cannot be"):
        list(in_threads(work, range(2000), Task(), workers=1))
    assert len(begun) < 2000


def test_a_cancel_leaves_what_is_not_begun() -> None:
    task, begun = Task(), []

    def work(n: int) -> int:
        begun.append(n)
        if n > 0:  # whoever waits for the first is given time to see that it is cancelled
            threading.Event().wait(0.05)
        task.cancel()
        return n

    with pytest.raises(Cancelled):
        list(in_threads(work, range(2000), task, workers=1))
    assert len(begun) < 2000
