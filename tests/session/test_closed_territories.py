"""What embolizations close: branches and all beyond them, and the liver they feed, as the module has it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "planning"))
from liver_shapes import branch, lattice, organ, places

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.model.case import Case
from planner.model.embolization import Embolization
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.staged_plans import only_embolized_taken
from planner.plugin.judging import judge
from planner.session.actions import ACTION_BY_ID, Workbench
from planner.session.branch_closing import BranchCloser
from planner.session.closed_territories import ClosedLiver, ClosedTree, outermost
from planner.session.session import Session


def vessel(number: int, parent: int | None, start: tuple, stop: tuple, name: str = "") -> Branch:
    return branch(number, parent, *np.linspace(start, stop, 20), name=name)


PORTAL = VesselTree(
    "Portal vein",
    Role.PORTAL_VEIN,
    (
        vessel(0, None, (0, 0, -30), (0, 0, -12), "main portal vein"),
        vessel(1, 0, (0, 0, -12), (-8, 0, -6), "right portal vein"),
        vessel(2, 0, (0, 0, -12), (15, 0, 0), "left portal vein"),
        vessel(3, 1, (-8, 0, -6), (-15, 0, 0), "segment 8"),
    ),
)
VEINS = VesselTree("Hepatic veins", Role.HEPATIC_VEIN, (vessel(0, None, (-12, 0, 20), (-12, 0, 2)),))


@pytest.fixture(scope="module")
def case() -> Case:
    grid = lattice((2.0, 2.5, 3.0))
    liver = (np.abs(places(grid)) <= 20.0).all(axis=-1)
    return Case("c", "c", (), (organ(grid, liver),), vessel_trees=(PORTAL, VEINS))


@pytest.fixture
def bench(case: Case) -> Iterator[Workbench]:
    session = Session()
    session.open_case(case, Plan("A", case.id))
    yield Workbench(session)
    session.close()


def found(bench: Workbench) -> ClosedLiver:
    """The closed liver, worked out here."""
    asked = bench.growing.closed.wanted()
    if asked is not None:
        bench.growing.closed.take(bench.growing.closed.make(asked, Task()))
    liver = bench.growing.closed.liver
    assert liver is not None
    return liver


def test_a_closed_branch_closes_all_beyond_it() -> None:
    closed = ClosedTree(PORTAL, (1,))
    assert closed.closed == {1, 3}
    assert [closed.closing(n) for n in range(4)] == [None, 1, None, 1]
    assert ClosedTree(PORTAL).closed == frozenset()
    with pytest.raises(InvalidValue, match="no such branch"):
        ClosedTree(PORTAL, (7,))
    assert outermost(PORTAL, {3, 1, 2, 9}) == (1, 2)


def test_a_closed_liver_is_a_part_of_the_liver(case: Case) -> None:
    grid = case.structures.grid
    with pytest.raises(InvalidValue, match="part of the liver"):
        ClosedLiver(np.zeros((2, 2, 2), bool), grid, 5)
    with pytest.raises(InvalidValue, match="part of the liver"):
        ClosedLiver(np.zeros(grid.shape, bool), grid, 0)


def test_its_volume_is_the_one_the_module_gives(bench: Workbench, case: Case) -> None:
    bench.growing.embolize("Portal vein", (3, 2))
    liver = found(bench)
    module = bench.session.judgements.registry.module("resection")
    answer = judge(module, case, only_embolized_taken(bench.session.plan), {})
    values = {m.name: m.value for m in answer.metrics}
    assert liver.volume_ml == pytest.approx(values["resected_volume_ml"], rel=1e-9)
    assert liver.liver_ml == pytest.approx(values["liver_volume_ml"], rel=1e-9)
    # Straight distance to branches that mirror each other: the borders are planes.
    left = bench.growing.closed.make(replace_closed(bench, (2,)), Task()).liver
    assert left is not None
    points = left.grid.to_lps(np.argwhere(left.mask)[:, ::-1].astype(float))
    assert points[:, 0].min() > -3.0, "nothing of the right side"


def replace_closed(bench: Workbench, numbers: tuple[int, ...]):  # type: ignore[no-untyped-def]
    (each,) = bench.session.plan.embolizations
    bench.session.change_plan("Close", bench.session.plan.with_instrument(replace(each, branches=numbers)))
    asked = bench.growing.closed.wanted()
    assert asked is not None
    return asked


def test_nothing_is_asked_twice_and_territories_are_kept(bench: Workbench) -> None:
    closed = bench.growing.closed
    assert closed.wanted() is None
    assert [t.plugs for t in closed.trees] == [()], "portal trees alone"
    bench.growing.embolize("Portal vein", (1,))
    whole = found(bench)
    assert closed.wanted() is None
    assert closed.trees[0] is closed.trees[0]
    asked = replace_closed(bench, (3,))
    assert closed.liver is None, "what was closed before is not shown for what is closed now"
    assert set(asked.known) == {PORTAL}
    closed.take(closed.make(asked, Task()))
    assert closed.liver is not None
    assert not (closed.liver.mask & ~whole.mask).any()
    assert closed.liver.volume_ml < whole.volume_ml
    bench.session.undo()
    assert closed.liver is None
    assert found(bench).volume_ml == whole.volume_ml
    bench.session.judgements.set_settings("resection", {"territories": "geodesic"})
    again = closed.wanted()
    assert again is not None
    assert not again.known, "territories measured another way are others"


def test_two_embolizations_close_what_either_does(bench: Workbench) -> None:
    plan = bench.session.plan
    for id, branches in (("v1", (1, 9)), ("v2", (2, 3))):
        plan = plan.with_instrument(Embolization(id, "Portal vein", branches))
    bench.session.change_plan("Close", plan)
    (tree,) = bench.growing.closed.trees
    assert tree.plugs == (1, 2), "one that is gone does not count, nor one beyond another"
    assert found(bench).volume_ml < found(bench).liver_ml


def test_why_there_is_none_is_told(case: Case) -> None:
    far = replace(PORTAL, branches=(branch(0, None, (90, 0, 0), (95, 0, 0)),))
    session = Session()
    session.open_case(replace(case, vessel_trees=(far,)), Plan("A", case.id))
    bench = Workbench(session)
    bench.growing.embolize("Portal vein", (0,))
    asked = bench.growing.closed.wanted()
    assert asked is not None
    answer = bench.growing.closed.make(asked, Task())
    assert answer.trouble is not None
    assert "outside the liver" in answer.trouble.what
    bench.growing.closed.take(answer)
    assert bench.growing.closed.liver is None
    assert bench.growing.closed.wanted() is None, "it is not asked for again and again"
    stopped = Task()
    stopped.cancel()
    with pytest.raises(Cancelled):
        bench.growing.closed.make(asked, stopped)
    session.close()


# clicks ------------------------------------------------------------------------------------


@pytest.fixture
def closer(bench: Workbench) -> BranchCloser:
    return BranchCloser(bench.session, bench.growing, bench.vessels.branches)


def plugs(bench: Workbench) -> list[tuple[int, ...]]:
    return [e.branches for e in bench.session.plan.embolizations]


def test_clicks_close_and_open_while_they_are_waited_for(bench: Workbench, closer: BranchCloser) -> None:
    right, beyond, away = (-4.0, 0.0, -9.0), (-12.0, 0.0, -2.5), (0.0, 15.0, 15.0)
    assert not closer.click(right)
    assert not closer.is_waiting
    assert not plugs(bench)
    bench.growing.close_by_clicks(True)
    assert closer.is_waiting
    assert not closer.click(away), "a miss is left to the view"
    assert closer.click(right)
    assert plugs(bench) == [(1,)]
    assert closer.click(beyond), "what lies beyond a closed branch is opened with that"
    assert not plugs(bench)
    assert closer.click(beyond)
    assert plugs(bench) == [(3,)]
    assert closer.click(right)
    assert plugs(bench) == [(1,)], "the outer one is closed with it"
    bench.session.undo()
    assert plugs(bench) == [(3,)]


def test_other_vessels_are_not_closed_and_3d_takes_the_first_in_sight(
    bench: Workbench, closer: BranchCloser
) -> None:
    bench.growing.close_by_clicks(True)
    assert not closer.click((-12.0, 0.0, 12.0)), "a hepatic vein"
    closer.eye = lambda: (0.0, 0.0, 300.0)
    assert closer.click((-12.0, 0.0, 20.0)), "through the vein, onto the branch behind it"
    assert plugs(bench) == [(3,)]


def test_escape_ends_it(bench: Workbench) -> None:
    heard: list[int] = []
    bench.growing.changed.connect(lambda: heard.append(1))
    cancel = ACTION_BY_ID["cancel"]
    assert cancel.why_not(bench)
    bench.growing.close_by_clicks(True)
    bench.growing.close_by_clicks(True)
    assert not cancel.why_not(bench)
    cancel.run(bench)
    assert not bench.growing.is_closing
    assert len(heard) == 2


def test_a_branch_that_is_gone_is_forgotten_on_the_next_click(bench: Workbench, closer: BranchCloser) -> None:
    made = Embolization("v1", "Portal vein", (3, 77))
    bench.session.change_plan("Close", bench.session.plan.with_instrument(made))
    bench.growing.toggle_closed("Portal vein", 2)
    assert plugs(bench) == [(2, 3)]
