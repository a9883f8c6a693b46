"""Trees of vessels of a session: found, corrected, chosen, cut, drawn; each change can be undone."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from vessel_case import (
    FORK,
    LEFT,
    RIGHT,
    TRUNK,
    VEIN,
    bench_of,
    hepatic_tree,
    line,
    portal_tree,
    structures,
    vessel_case,
)

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.model.case import Case
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning.cut_effect import Loss
from planner.session.actions import Workbench
from planner.session.branch_choosing import BranchChoice
from planner.session.branch_rows import branch_rows, loose_roots
from planner.session.tree_drawing import TreeDrawing
from planner.session.vessel_pointing import TreeClick
from planner.session.vessel_trees import VesselTrees, free_id


@pytest.fixture(scope="module")
def outlines() -> StructureSet:
    return structures()


@pytest.fixture
def case(outlines: StructureSet) -> Case:
    return vessel_case(portal_tree(), hepatic_tree(), of=outlines)


@pytest.fixture
def bench(case: Case) -> Workbench:
    return bench_of(case)


def tree_of(bench: Workbench) -> VesselTree:
    return bench.session.case.vessel_tree("Portal vein")


def share_out(bench: Workbench) -> None:
    while (asked := bench.vessels.branches.wanted()) is not None:
        bench.vessels.branches.show(bench.vessels.branches.make(asked, Task()))


# finding -----------------------------------------------------------------------------------


def test_all_outlined_vessels_are_found_in_one_step(outlines: StructureSet) -> None:
    bench = bench_of(vessel_case(of=outlines))
    found = VesselTrees.find(bench.session.case, Task())
    assert [t.id for t in found.trees] == ["Portal vein", "Hepatic veins"]
    bench.vessels.trees.take(found)
    assert len(bench.session.case.vessel_trees) == 2
    portal = tree_of(bench)
    assert len(portal.branches) == 3
    ends = {tuple(np.round(b.points_lps_mm[-1], -1)) for b in portal.branches}
    assert (-40.0, 0.0, 20.0) in ends
    assert (40.0, 0.0, 20.0) in ends
    bench.session.undo()
    assert not bench.session.case.vessel_trees


def test_trees_found_in_an_older_case_are_not_taken(bench: Workbench) -> None:
    found = VesselTrees.find(bench.session.case, Task())
    bench.vessels.trees.delete_tree("Hepatic veins")
    with pytest.raises(PlannerError, match="changed meanwhile"):
        bench.vessels.trees.take(found)


def test_confirmed_names_go_over_to_trees_found_anew(bench: Workbench) -> None:
    bench.vessels.trees.rename("Portal vein", 1, "my branch")
    bench.vessels.trees.take(VesselTrees.find(bench.session.case, Task()))
    (kept,) = tree_of(bench).named("my branch")
    assert kept.is_name_confirmed
    assert np.linalg.norm(kept.points_lps_mm[-1] - np.array(RIGHT)) < 8.0


def test_drawn_trees_stay_when_others_are_found_anew(bench: Workbench) -> None:
    drawn = bench.vessels.trees.add_drawn(Role.PORTAL_VEIN, line((0, -40, 0), (0, -40, 20)), np.full(40, 2.0))
    bench.vessels.trees.take(VesselTrees.find(bench.session.case, Task()))
    assert drawn[0] in {t.id for t in bench.session.case.vessel_trees}
    assert len([t for t in bench.session.case.vessel_trees if t.role is Role.PORTAL_VEIN]) == 2


def test_vessels_outlined_one_by_one_are_one_tree(outlines: StructureSet) -> None:
    more = outlines.with_mask(
        replace(outlines["veins"], name="other vein"), np.roll(outlines.mask("veins"), 12, axis=2)
    )
    found = VesselTrees.find(vessel_case(of=more), Task())
    (veins,) = (t for t in found.trees if t.role is Role.HEPATIC_VEIN)
    assert len(veins.roots) == 2
    assert veins.structure == "veins, other vein"


def test_without_outlines_the_reason_is_said(outlines: StructureSet) -> None:
    bare = outlines.without("portal").without("veins")
    bench = bench_of(vessel_case(of=bare))
    assert "outlined" in bench.vessels.trees.why_not_find()
    with pytest.raises(InvalidValue, match="No vessels"):
        VesselTrees.find(bench.session.case, Task())
    without_liver = bench_of(vessel_case(of=outlines.without("liver").without("lesion")))
    found = VesselTrees.find(without_liver.session.case, Task())
    assert any("none are proposed" in n for n in found.trees[0].notes)


def test_what_is_not_outlined_is_said(outlines: StructureSet) -> None:
    found = VesselTrees.find(vessel_case(of=outlines.without("veins")), Task())
    assert any(n.startswith("Hepatic veins: not outlined") for n in found.notes)


# correcting --------------------------------------------------------------------------------


def test_each_correction_is_one_step_with_its_label(bench: Workbench) -> None:
    vessels, session = bench.vessels, bench.session
    before = session.case
    vessels.branches.choose("Portal vein", 1, 20)
    for do, label in (
        (lambda: vessels.trees.rename("Portal vein", 1, "segment 6"), "Name branch segment 6"),
        (lambda: vessels.trees.confirm_all("Portal vein"), "Confirm names of Portal vein"),
        (lambda: vessels.trees.propose_names("Portal vein"), "Propose names of Portal vein"),
        (vessels.cut_here, "Cut segment 7"),
        (vessels.delete_chosen, "Delete segment 7"),
        (lambda: vessels.trees.reroot("Portal vein", 2), "New root of Portal vein"),
        (lambda: vessels.trees.delete_tree("Portal vein"), "Delete vessels Portal vein"),
    ):
        do()
        assert session.undo_label == label
        session.undo()
        vessels.follow()
        assert session.case is before
        vessels.branches.choose("Portal vein", 1, 20)


def test_a_part_is_cut_off_chosen_and_joined_where_it_was(bench: Workbench) -> None:
    vessels = bench.vessels
    vessels.branches.choose("Portal vein", 1, 20)
    place = vessels.branches.place_lps_mm
    vessels.cut_here()
    assert len(tree_of(bench).roots) == 2
    assert [b.number for b in loose_roots(tree_of(bench))] == [vessels.branches.choice.number]
    vessels.start_correcting(TreeClick.JOIN)
    assert vessels.pointer.is_waiting
    assert vessels.pointer.click(place)
    assert not vessels.pointer.is_waiting
    joined = tree_of(bench)
    assert len(joined.roots) == 1
    assert joined.length_mm == pytest.approx(portal_tree().length_mm)


def test_a_part_of_another_tree_joins_too(bench: Workbench) -> None:
    trees, session = bench.vessels.trees, bench.session
    id, number = trees.add_drawn(Role.PORTAL_VEIN, line((-20, 12, 10), (-20, 40, 10)), np.full(40, 2.0))
    assert (id, number) == ("Portal vein 2", 0)
    bench.vessels.branches.choose(id, number)
    bench.vessels.start_correcting(TreeClick.JOIN)
    assert bench.vessels.pointer.click((-19.0, 0.0, 9.0))
    assert [t.id for t in session.case.vessel_trees if t.role is Role.PORTAL_VEIN] == ["Portal vein"]
    assert len(tree_of(bench).roots) == 1
    assert bench.vessels.branches.branch.length_mm == pytest.approx(40.0, abs=1.5)
    session.undo()
    assert session.case.vessel_tree(id).branches


def test_a_root_is_set_by_a_click_and_a_fork_is_refused(bench: Workbench) -> None:
    bench.vessels.start_correcting(TreeClick.ROOT)
    assert not bench.vessels.pointer.click((0.0, -45.0, 0.0)), "a click on nothing goes on waiting"
    assert bench.vessels.pointer.is_waiting
    assert bench.vessels.pointer.click(LEFT)
    (root,) = tree_of(bench).roots
    assert np.allclose(root.points_lps_mm[0], LEFT)
    bench.session.undo()
    bench.vessels.start_correcting(TreeClick.ROOT)
    with pytest.raises(InvalidValue, match="leave at this end"):
        bench.vessels.pointer.click((0.0, 0.0, -30.0))


def test_join_is_refused_where_there_is_nothing_to_join(bench: Workbench) -> None:
    with pytest.raises(PlannerError, match="nothing to join"):
        bench.vessels.start_correcting(TreeClick.JOIN)
    bench.vessels.branches.choose("Portal vein", 0)
    assert "one part" in bench.vessels.why_not_join()
    for do in (bench.vessels.cut_here, bench.vessels.delete_chosen):
        bench.vessels.branches.look_away()
        with pytest.raises(PlannerError, match="No branch"):
            do()


def test_a_tree_of_which_nothing_is_left_goes(bench: Workbench) -> None:
    bench.vessels.branches.choose("Portal vein", 0)
    bench.vessels.delete_chosen()
    assert [t.id for t in bench.session.case.vessel_trees] == ["Hepatic veins"]
    assert free_id(bench.session.case, Role.HEPATIC_VEIN) == "Hepatic veins 2"


# choosing ----------------------------------------------------------------------------------


def test_a_click_chooses_the_branch_it_hits(bench: Workbench) -> None:
    pointer, branches = bench.vessels.pointer, bench.vessels.branches
    assert pointer.click((-19.0, 3.0, 9.0))
    assert (branches.choice.tree, branches.choice.number) == ("Portal vein", 1)
    assert not pointer.click((0.0, -40.0, 0.0)), "left to the views"
    assert branches.choice.number == 1


def test_in_3d_the_first_branch_along_the_line_of_sight_is_hit(bench: Workbench) -> None:
    branches = bench.vessels.branches
    front, back = (0.0, -300.0, -15.0), (0.0, 300.0, -15.0)
    surface = (0.0, -48.0, -15.0)
    assert branches.along(front, surface).tree == "Portal vein"
    assert branches.along(back, (0.0, 48.0, -15.0)).tree == "Hepatic veins"
    assert branches.along(front, (0.0, -48.0, 49.0)) is None
    bench.vessels.pointer.eye = lambda: front
    assert bench.vessels.pointer.click(surface)
    assert branches.choice.tree == "Portal vein"
    assert bench.session.selection.cursor_lps_mm == branches.place_lps_mm


def test_facts_and_territories_of_a_branch(bench: Workbench) -> None:
    branches = bench.vessels.branches
    branches.choose("Portal vein", 1)
    assert branches.facts.volume_ml is None
    share_out(bench)
    facts = branches.facts
    assert facts.flow == "inflow"
    assert (facts.generation, facts.beyond) == (1, 0)
    assert facts.length_mm == pytest.approx(float(np.linalg.norm(RIGHT)))
    assert facts.diameter_mm == pytest.approx(8.0)
    other = branches.territories(tree_of(bench))
    assert facts.volume_ml == pytest.approx(other.subtree_volume_ml(2), rel=0.03), "the two sides are alike"
    branches.choose("Portal vein", 0)
    assert branches.facts.share_percent == pytest.approx(100.0)


def test_territories_are_asked_for_again_when_their_tree_or_the_liver_changes(bench: Workbench) -> None:
    branches = bench.vessels.branches
    branches.choose("Portal vein", 1)
    share_out(bench)
    bench.vessels.trees.rename("Portal vein", 2, "other")
    branches.follow()
    assert branches.wanted().tree.id == "Portal vein"
    share_out(bench)
    branches.set_way("geodesic")
    assert branches.wanted().way == "geodesic"
    branches.set_way("euclidean")
    assert branches.wanted() is None
    liver = bench.session.case.structures
    bench.session.change_structures("smaller", liver.without("lesion"))
    branches.follow()
    assert branches.wanted() is not None


def test_why_there_is_no_territory_is_kept(bench: Workbench) -> None:
    far = line((0, 0, 300), (0, 0, 340))
    id, number = bench.vessels.trees.add_drawn(Role.HEPATIC_VEIN, far, np.full(40, 2.0))
    bench.vessels.branches.choose(id, number)
    share_out(bench)
    tree = bench.vessels.branches.tree
    assert "outside the liver" in bench.vessels.branches.trouble(tree).what
    assert bench.vessels.branches.facts.volume_ml is None


def test_what_a_cut_takes_and_that_the_tree_stays(bench: Workbench, case: Case) -> None:
    branches = bench.vessels.branches
    branches.choose("Portal vein", 1)
    share_out(bench)
    branches.toggle_cut()
    effect = branches.asked_effect()(Task())
    branches.show_effect(effect, branches.cuts)
    assert branches.effect.volume_ml(Loss.DEVASCULARISED) == pytest.approx(branches.facts.volume_ml)
    assert branches.effect.volume_ml(Loss.BOTH) == 0
    branches.choose("Hepatic veins", 0)
    branches.toggle_cut()
    assert branches.effect is None
    both = branches.asked_effect()(Task())
    assert both.volume_ml(Loss.BOTH) == pytest.approx(effect.volume_ml(Loss.DEVASCULARISED))
    assert both.without_outflow_ml == pytest.approx(both.ground.volume_ml)
    assert bench.session.case is case
    branches.toggle_cut()
    branches.mend_all()
    assert not branches.cuts
    assert branches.asked_effect() is None


def test_choice_and_cuts_stay_sane_after_undo(bench: Workbench) -> None:
    branches, session = bench.vessels.branches, bench.session
    branches.choose("Portal vein", 1, 20)
    bench.vessels.cut_here()
    branches.toggle_cut()
    assert branches.choice.number == 3
    session.undo()
    branches.follow()
    assert branches.choice is None
    assert not branches.cuts
    branches.choose("Portal vein", 1, 39)
    bench.vessels.branches.choice = BranchChoice("Portal vein", 1, 4000)
    branches.follow()
    assert branches.choice.index == 0


def test_rows_name_vessels_once_and_list_loose_parts(bench: Workbench) -> None:
    bench.vessels.branches.choose("Portal vein", 1, 20)
    bench.vessels.cut_here()
    rows = branch_rows(tree_of(bench))
    assert [(r.title, r.is_loose) for r in rows] == [
        ("main portal vein", False),
        ("segment 7", False),
        ("segment 3", False),
        ("segment 7", True),
    ]
    assert rows[0].length_mm == pytest.approx(52.0)
    named = bench.session.case.with_vessel_tree(
        tree_of(bench).with_branches(replace(b, name="main portal vein") for b in portal_tree().branches)
    )
    (run,) = branch_rows(named.vessel_tree("Portal vein"))
    assert run.length_mm == pytest.approx(portal_tree().length_mm)
    assert len(branch_rows(named.vessel_tree("Portal vein"), is_all=True)) == 3


# drawing -----------------------------------------------------------------------------------


def test_a_drawn_vessel_follows_the_scan_and_joins_where_it_begins(bench: Workbench) -> None:
    drawing, pointer = bench.vessels.drawing, bench.vessels.pointer
    drawing.start()
    assert pointer.click((0.0, 26.0, 30.0))
    assert drawing.wanted() is None
    assert drawing.why_not_end()
    assert pointer.click((0.0, 26.0, -15.0))
    assert pointer.click((0.0, 26.0, -15.0)), "a double click is one"
    assert len(drawing.clicks) == 2
    drawing.set_up(role=Role.HEPATIC_VEIN)
    route = TreeDrawing.make(drawing.wanted(), Task())
    drawing.show(route)
    assert route.length_mm == pytest.approx(45.0, abs=2.0)
    assert route.diameter_mm == pytest.approx(8.0, abs=1.5)
    bench.vessels.branches.choose("Hepatic veins", 0)
    bench.vessels.end_drawing()
    assert not drawing.is_on
    tree = bench.session.case.vessel_tree("Hepatic veins")
    assert len(tree.branches) == 3
    assert len(tree.roots) == 1
    assert bench.vessels.branches.branch.length_mm == pytest.approx(45.0, abs=6.0)
    bench.session.undo()
    assert len(bench.session.case.vessel_tree("Hepatic veins").branches) == 1


def test_clicks_are_taken_back_and_a_failed_one_too(bench: Workbench) -> None:
    drawing = bench.vessels.drawing
    drawing.start()
    drawing.click((0.0, 26.0, 30.0))
    drawing.click((50.0, -40.0, 30.0))
    asked = drawing.wanted()
    drawing.fail(asked)
    assert drawing.clicks == ((0.0, 26.0, 30.0),)
    drawing.take_back()
    drawing.take_back()
    assert drawing.clicks == ()
    with pytest.raises(InvalidValue, match="not drawn yet"):
        drawing.end()
    drawing.stop()
    drawing.fail(asked)
    assert not drawing.is_on


def test_a_vessel_drawn_away_from_all_others_is_a_tree_of_its_own(bench: Workbench) -> None:
    id, number = bench.vessels.trees.add_drawn(Role.HEPATIC_ARTERY, line(TRUNK, FORK), np.full(40, 1.5))
    assert (id, number) == ("Hepatic artery", 0)
    assert bench.session.undo_label == "Draw a vessel: hepatic artery"
    assert np.allclose(bench.session.case.vessel_tree(id).branch(0).points_lps_mm[0], TRUNK)


def test_leaving_the_mode_throws_away_what_was_begun(bench: Workbench) -> None:
    bench.vessels.drawing.start()
    bench.vessels.drawing.click(VEIN[0])
    assert bench.vessels.is_busy
    bench.vessels.cancel()
    assert not bench.vessels.is_busy
    bench.vessels.forget()
    assert bench.vessels.branches.choice is None
