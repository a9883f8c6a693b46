"""Plans side by side: assessed one after the other in the worker, numbers lined up, what differs told."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import phantom

from planner.base.errors import PlannerError
from planner.library.case_folder import create_case_folder
from planner.model.plan import Plan
from planner.model.resection import PlaneCut, Resection
from planner.session.comparing import Comparing, PlanChoice
from planner.session.session import Session


def cut(x_mm: float) -> Resection:
    return Resection("r1", PlaneCut((x_mm, 0.0, 0.0), (1.0, 0.0, 0.0)))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    case = phantom((4.0, 4.0, 4.0))
    folder = tmp_path / "case"
    create_case_folder(case, folder)
    waiting: list[Callable[[], None]] = []
    own = threading.get_ident()

    def post(call: Callable[[], None]) -> None:
        if threading.get_ident() == own:
            call()
        else:
            waiting.append(call)

    made = Session(post=post)
    made.open_folder(folder)
    for name, x_mm in (("A", 20.0), ("B", 35.0)):
        made.change_plan("cut", Plan(name, case.id, (cut(x_mm),)))
        made.save_plan()
    made.waiting = waiting  # type: ignore[attr-defined]
    yield made
    made.close()


def finish(session: Session, comparing: Comparing) -> None:
    end = time.monotonic() + 120
    while comparing.is_running:
        waiting = session.waiting  # type: ignore[attr-defined]
        while waiting:
            waiting.pop(0)()
        time.sleep(0.01)
        assert time.monotonic() < end


def test_the_open_plan_stands_first_then_saved_versions(session: Session) -> None:
    session.change_plan("cut", Plan("B", session.case.id, (cut(40.0),)))
    session.save_plan()
    words = [c.words for c in Comparing(session).choices]
    assert words == ["B (open)", "B, version 2", "B, version 1 (older)", "A, version 1"]


def test_numbers_are_lined_up_and_differences_told(session: Session) -> None:
    comparing = Comparing(session)
    comparing.compare((PlanChoice("B"), PlanChoice("A", 1)))
    assert comparing.is_running
    finish(session, comparing)
    assert not any(p.errors for p in comparing.plans)
    rows = {(r.title, r.subject): r for r in comparing.rows()}
    resected = rows["Resected", ""]
    assert resected.differs
    # Caps of 25 and 40 mm of the ball of 60 mm.
    assert [float(v) for v in resected.values] == pytest.approx([101.5, 234.6], rel=0.03)
    assert resected.unit == "ml"
    assert not rows["Liver", ""].differs
    assert rows["Liver", ""].values[0] == rows["Liver", ""].values[1]


def test_what_is_known_is_not_asked_again(session: Session) -> None:
    comparing = Comparing(session)
    comparing.compare((PlanChoice("B"), PlanChoice("A", 1)))
    finish(session, comparing)
    comparing.compare((PlanChoice("A", 1), PlanChoice("B", 1)))
    assert not comparing.is_running
    assert len({r.values for r in comparing.rows() if r.title == "Resected"}) == 1


def test_a_cancelled_comparison_keeps_what_it_has(session: Session) -> None:
    comparing = Comparing(session)
    comparing.compare((PlanChoice("B"), PlanChoice("A", 1)))
    comparing.cancel()
    assert not comparing.is_running
    assert [p.choice.name for p in comparing.plans] == ["B", "A"]
    for row in comparing.rows():
        assert set(row.values) <= {""} or row.title


def test_a_version_that_is_not_there_is_refused(session: Session) -> None:
    with pytest.raises(PlannerError):
        Comparing(session).compare((PlanChoice("B"), PlanChoice("A", 7)))


def test_another_case_forgets_all(session: Session) -> None:
    comparing = Comparing(session)
    comparing.compare((PlanChoice("B"),))
    comparing.clear()
    assert comparing.plans == []
    assert comparing.rows() == ()
