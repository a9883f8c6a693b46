"""Tips placed by clicks, slid, dragged and suggested: each one change that can be undone."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from vessel_case import RIGHT, TRUNK, bench_of, hepatic_tree, portal_tree, structures, vessel_case

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.catheter import AgentType
from planner.model.roles import Role
from planner.planning.perfusion import PerfusionGround
from planner.session.actions import ACTION_BY_ID, Workbench
from planner.session.catheter_placing import CatheterPointer
from planner.session.pointing import Handle


def artery(is_confirmed: bool = False):  # type: ignore[no-untyped-def]
    return replace(portal_tree("Artery"), role=Role.HEPATIC_ARTERY, is_confirmed=is_confirmed)


@pytest.fixture
def bench() -> Workbench:
    return bench_of(vessel_case(artery(), portal_tree(), hepatic_tree()))


def test_a_click_puts_a_tip_into_the_artery_not_the_vein_beside_it(bench: Workbench) -> None:
    placing = bench.catheters
    assert [t.id for t in placing.trees] == ["Artery", "Portal vein"], "arteries first, no hepatic veins"
    placing.start()
    assert ACTION_BY_ID["cancel"].why_not(bench) == ""
    placing.click((-19.0, 2.0, 9.0))
    (target,) = bench.session.plan.catheter_targets
    assert (target.id, target.tree, target.agent.type) == ("c1", "Artery", AgentType.Y90_GLASS)
    assert target.position_lps_mm == pytest.approx((-19.0, 0.0, 9.0), abs=0.1)
    assert target.name == "segment 7"
    assert not placing.is_on
    assert placing.chosen == target
    bench.session.undo()
    assert not bench.session.plan.catheter_targets


def test_a_click_far_from_all_vessels_is_refused(bench: Workbench) -> None:
    bench.catheters.start()
    with pytest.raises(InvalidValue, match="No vessel is near"):
        bench.catheters.click((0.0, -40.0, -30.0))
    assert bench.catheters.is_on, "the click goes on being waited for"
    assert not bench.session.plan.instruments


def test_without_vessels_it_is_said_what_to_do() -> None:
    bench = bench_of(vessel_case(hepatic_tree()))
    with pytest.raises(PlannerError, match="No artery"):
        bench.catheters.start()
    assert not bench.catheters.is_on


def test_sliding_giving_naming_and_deleting(bench: Workbench) -> None:
    placing, session = bench.catheters, bench.session
    placing.start()
    placing.click((-19.0, 0.0, 9.0))
    way = placing.way(placing.chosen)
    placing.slide(5.0)
    assert placing.way(placing.chosen).along_mm == pytest.approx(way.along_mm + 5.0, abs=1e-6)
    placing.slide(-200.0)
    assert placing.chosen.position_lps_mm == pytest.approx(TRUNK)
    assert placing.chosen.name == "main portal vein", "the name follows until somebody gives one"
    placing.rename(" lobe ")
    placing.slide(3.0)
    assert placing.chosen.name == "lobe"
    placing.set_activity(1.6)
    placing.set_agent(AgentType.Y90_RESIN)
    assert (placing.chosen.agent.type, placing.chosen.agent.activity_gbq) == (AgentType.Y90_RESIN, 1.6)
    placing.set_agent(AgentType.TACE)
    assert placing.chosen.agent.activity_gbq is None
    with pytest.raises(InvalidValue, match="Only Y-90"):
        placing.set_activity(1.0)
    placing.set_notes("DEB 100-300")
    assert placing.chosen.agent.notes == "DEB 100-300"
    placing.delete()
    assert not session.plan.catheter_targets
    session.undo()
    assert placing.targets[0].agent.notes == "DEB 100-300"
    with pytest.raises(PlannerError, match="No catheter target"):
        bench_of(vessel_case(artery())).catheters.delete()


def test_dragging_keeps_to_the_tree(bench: Workbench) -> None:
    placing, session = bench.catheters, bench.session
    placing.start()
    placing.click((-19.0, 0.0, 9.0))
    pointer = CatheterPointer(session, placing)
    (handle,) = pointer.handles
    for by in ((2.0, 9.0, -1.0), (-12.0, -3.0, 4.0)):
        pointer.drag(handle, by, False)
        place = session.plan.catheter_targets[0].position_lps_mm
        assert placing.way(session.plan.catheter_targets[0]).off_mm < 1e-6
        assert place != handle.lps_mm
    assert session.recorded_plan.catheter_targets[0].position_lps_mm == handle.lps_mm
    pointer.drop(handle)
    assert session.recorded_plan.catheter_targets[0].position_lps_mm == place
    session.undo()
    assert session.plan.catheter_targets[0].position_lps_mm == handle.lps_mm
    pointer.drag(Handle("c9 tip", (0.0, 0.0, 0.0)), (1.0, 0.0, 0.0), False)
    assert session.plan.catheter_targets[0].position_lps_mm == handle.lps_mm


def test_confirming_is_of_the_case_and_is_undone(bench: Workbench) -> None:
    placing, session = bench.catheters, bench.session
    placing.confirm("Artery")
    assert session.case.vessel_tree("Artery").is_confirmed
    bench.vessels.trees.rename("Artery", 1, "right hepatic artery")
    assert not session.case.vessel_tree("Artery").is_confirmed, "a change takes it back"
    session.undo()
    session.undo()
    assert not session.case.vessel_tree("Artery").is_confirmed


def test_michels_type_can_be_told(bench: Workbench) -> None:
    placing = bench.catheters
    assert placing.variant.type == ""
    placing.tell_variant("III")
    assert (placing.variant.type, placing.variant.is_told) == ("III", True)
    placing.tell_variant("")
    assert placing.variant.type == ""


def test_suggested_tips_take_the_place_of_others(bench: Workbench) -> None:
    placing, session = bench.catheters, bench.session
    with pytest.raises(PlannerError, match="still being looked at"):
        placing.asked(["lesion"])
    placing.start()
    placing.click((20.0, 0.0, 9.0))
    ground = PerfusionGround.of(structures(), placing.arteries)
    asked = asked_with(placing, ground)
    choices = placing.suggest(asked, Task())
    placing.show(asked, choices)
    placing.take(0)
    names = [t.name for t in session.plan.catheter_targets]
    assert names == ["segment 7"], "the lesion lies beside the right branch"
    assert RIGHT[0] < session.plan.catheter_targets[0].position_lps_mm[0] < 0
    session.undo()
    assert len(session.plan.catheter_targets) == 1
    assert session.plan.catheter_targets[0].position_lps_mm[0] > 0
    placing.show(asked, choices)
    placing.confirm("Artery")
    placing.take(0)
    assert len(session.plan.catheter_targets) == 1, "who confirms vessels changes none of them"
    placing.show(asked, choices)
    tree = session.case.vessel_tree("Artery")
    session.change_case("Cut", session.case.with_vessel_tree(tree.with_branches(tree.branches[:-1])))
    with pytest.raises(PlannerError, match="changed since"):
        placing.take(0)
    assert not placing.choices


def asked_with(placing, ground):  # type: ignore[no-untyped-def]
    from planner.session.catheter_placing import AskedTips

    return AskedTips(ground, placing.given, placing.trees, ("lesion",), placing.goal)
