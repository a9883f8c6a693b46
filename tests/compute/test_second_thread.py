"""Work shared out over this thread and a second one."""

from __future__ import annotations

import threading

import pytest

from planner.base.errors import InvalidValue
from planner.compute.second_thread import second_thread, shared_out


def test_both_threads_work_and_results_keep_their_order() -> None:
    both = threading.Barrier(2, timeout=20.0)
    seen = set()

    def work(n: int) -> int:
        if n < 2:  # each of the two waits for the other: one thread alone would never get on
            both.wait()
        seen.add(threading.get_ident())
        return n * n

    assert shared_out(work, range(5)) == [0, 1, 4, 9, 16]
    assert len(seen) == 2
    assert shared_out(work, []) == []


def test_an_error_of_either_thread_is_raised() -> None:
    def work(n: int) -> int:
        raise InvalidValue("This cannot be.", str(n))

    for _ in range(20):
        with pytest.raises(InvalidValue, match="This cannot be"):
            shared_out(work, range(3))


def test_it_goes_on_alone_while_the_second_thread_is_busy() -> None:
    release = threading.Event()
    busy = second_thread().submit(release.wait, 20.0)
    try:
        assert shared_out(lambda n: n + 1, range(4)) == [1, 2, 3, 4]
        assert not busy.done()
    finally:
        release.set()
    assert second_thread().submit(shared_out, lambda n: n + 1, range(4)).result(20.0) == [1, 2, 3, 4]
