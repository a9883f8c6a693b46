"""What a tip feeds, painted: only liver, one change of the case a stroke, given to its tip."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from vessel_case import GRID, bench_of, portal_tree, structures, vessel_case

from planner.base.errors import PlannerError
from planner.base.task import Task
from planner.model.roles import Role
from planner.planning.perfusion import PerfusionGround
from planner.session.actions import ACTION_BY_ID, Workbench
from planner.session.catheter_placing import CatheterPlacing, CatheterPointer


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """A tip in the right branch; what vessels feed is at hand as if a module had prepared it."""
    artery = replace(portal_tree("Artery"), role=Role.HEPATIC_ARTERY)
    found = bench_of(vessel_case(artery))
    ground = PerfusionGround.of(structures(), [artery])
    monkeypatch.setattr(CatheterPlacing, "ground", property(lambda _self: ground))
    found.catheters.start()
    found.catheters.click((-19.0, 0.0, 9.0))
    return found


def kept(bench: Workbench) -> None:
    volume, case = bench.painting.waiting, bench.session.case
    bench.painting.take(volume, case, bench.painting.make(volume, case, Task()))


def stroke(bench: Workbench, *places: tuple[float, float, float]) -> None:
    pointer = CatheterPointer(bench.session, bench.catheters, bench.painting)
    assert pointer.wants_stroke
    pointer.begin_stroke(places[0], (0.0, 0.0, 1.0))
    for place in places[1:]:
        pointer.extend_stroke(place)
    pointer.end_stroke()


def test_a_stroke_becomes_the_tips_perfused_volume(bench: Workbench) -> None:
    painting, session = bench.painting, bench.session
    painting.switch(True)
    assert ACTION_BY_ID["cancel"].why_not(bench) == ""
    before = painting.shown[1].copy()
    painting.set_up(radius_mm=9.0)
    stroke(bench, (30.0, 0.0, 0.0), (30.0, 10.0, 0.0))
    kept(bench)
    (target,) = session.plan.catheter_targets
    assert target.perfused_structure == "Perfused from c1"
    mask = session.case.structures.mask("Perfused from c1")
    liver = session.case.structures.mask("liver")
    assert not (mask & ~liver).any(), "only liver is painted"
    grid = session.case.structures.grid
    added = np.count_nonzero(mask) - np.count_nonzero(before)
    ball = 4.0 / 3.0 * np.pi * 9.0**3 + np.pi * 9.0**2 * 10.0
    assert added * grid.voxel_volume_ml == pytest.approx(ball / 1000.0, rel=0.12)
    place = np.rint(grid.to_ijk(np.array((30.0, 5.0, 0.0)))).astype(int)
    assert mask[tuple(place[::-1])]
    session.undo()
    assert not session.plan.catheter_targets[0].perfused_structure, "one step to undo"
    assert "Perfused from c1" not in session.case.structures


def test_erasing_and_going_on(bench: Workbench) -> None:
    painting, session = bench.painting, bench.session
    painting.switch(True)
    painting.set_up(adds=False, radius_mm=12.0)
    stroke(bench, (-30.0, 0.0, 10.0))
    kept(bench)
    first = session.case.structures.mask("Perfused from c1")
    place = tuple(np.rint(GRID.to_ijk(np.array((-30.0, 0.0, 10.0)))).astype(int)[::-1])
    assert not first[place]
    painting.set_up(adds=True, radius_mm=4.0)
    stroke(bench, (-30.0, 0.0, 10.0))
    kept(bench)
    second = session.case.structures.mask("Perfused from c1")
    assert second[place]
    assert second.sum() > first.sum()
    assert len([s for s in session.case.structures.structures if s.role is Role.PERFUSED_VOLUME]) == 1


def test_what_cannot_be_painted(bench: Workbench) -> None:
    painting = bench.painting
    painting.switch(True)
    shown = painting.shown[1].copy()
    stroke(bench, (0.0, 0.0, 200.0))
    assert painting.waiting is None
    assert (painting.shown[1] == shown).all()
    stroke(bench, (30.0, 0.0, 0.0))
    volume, asked = painting.waiting, bench.session.case
    made = painting.make(volume, asked, Task())
    bench.catheters.confirm("Artery")
    with pytest.raises(PlannerError, match="changed while a stroke"):
        painting.take(volume, asked, made)
    assert painting.shown is None
    bench.catheters.delete()
    assert "Choose a tip" in painting.why_not()
    painting.switch(True)
    assert not painting.is_on


def test_another_tip_or_an_undo_ends_what_is_painted(bench: Workbench) -> None:
    painting, session = bench.painting, bench.session
    painting.switch(True)
    stroke(bench, (30.0, 0.0, 0.0))
    kept(bench)
    painting.follow()
    assert painting.shown is not None, "one's own change does not end it"
    session.undo()
    painting.follow()
    assert painting.shown is None
    bench.catheters.start()
    bench.catheters.click((19.0, 0.0, 9.0))
    painting.follow()
    assert not painting.is_on
