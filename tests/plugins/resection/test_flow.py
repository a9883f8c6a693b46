"""Flow that is lost: volumes that add up over random cuts, against counting voxels, and a vein given to a side."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from phantom import custom_probe, phantom
from planner_plugins.resection.settings import Settings

from planner.base.task import Task
from planner.model.case import Case
from planner.model.plan import Plan
from planner.model.resection import PatchCut, PlaneCut, Resection, SegmentsCut
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.hepatic_names import LEFT, MIDDLE
from planner.plugin.judging import judge
from planner.plugin.registry import find_modules

MODULE = find_modules().module("resection")
PARTS = ("untroubled_remnant_volume_ml", "devascularized_volume_ml", "congested_volume_ml")


def tube(number: int, parent: int | None, start, stop, radius: float = 2.0, name: str = "") -> Branch:
    count = int(np.linalg.norm(np.array(stop) - np.array(start)) / 2.37) + 1  # no finer than flow is followed
    return Branch(number, parent, np.linspace(start, stop, count), np.full(count, radius), name)


PORTAL = VesselTree(
    "portal",
    Role.PORTAL_VEIN,
    (
        tube(0, None, (70.0, 5.0, 0.0), (3.0, 2.0, 0.0), 5.0),
        tube(3, 0, (3.0, 2.0, 0.0), (-20.0, -30.0, 10.0)),
        tube(5, 0, (3.0, 2.0, 0.0), (-25.0, 30.0, -10.0)),
        tube(6, 5, (-25.0, 30.0, -10.0), (-50.0, 10.0, -20.0)),
    ),
)
#: From the top, a common trunk, the left vein to +x and the middle one down along x = 0, with a branch to -x.
VEINS = VesselTree(
    "veins",
    Role.HEPATIC_VEIN,
    (
        tube(0, None, (0.0, 0.0, 70.0), (0.0, 0.0, 45.0), 6.0),
        tube(1, 0, (0.0, 0.0, 45.0), (40.0, 0.0, 0.0), 4.0, LEFT),
        tube(2, 0, (0.0, 0.0, 45.0), (0.0, 0.0, 0.0), 4.0, MIDDLE),
        tube(4, 2, (0.0, 0.0, 0.0), (-30.0, 0.0, -25.0), 3.0),
    ),
)


@pytest.fixture(scope="module")
def case() -> Case:
    plain = phantom((2.0, 1.7, 2.5), extra=(Role.COUINAUD_4, (-20.0, 20.0, 0.0), 25.0))
    return replace(plain, vessel_trees=(PORTAL, VEINS))


@pytest.fixture(scope="module")
def prepared(case: Case):
    return MODULE.logic.prepare(case, Settings(), Task())


def plane(offset: float, normal=(1.0, 0.0, 0.0), id: str = "r1", **rest) -> Resection:
    n = np.array(normal) / np.linalg.norm(normal)
    return Resection(id, PlaneCut(tuple(offset * n), tuple(n)), **rest)


def shown(case: Case, prepared, *instruments) -> dict[str, float]:
    found = MODULE.logic.preview(case, prepared, Plan("A", "phantom", instruments), Settings(), "")
    return {m.name: m.value for m in found.metrics if m.subject == "plan" and m.value is not None}


def rules(case: Case, prepared, *instruments) -> dict[str, str]:
    found = MODULE.logic.preview(case, prepared, Plan("A", "phantom", instruments), Settings(), "")
    return {f.rule: f.text for f in found.findings}


def test_parts_sum_to_the_liver_over_random_cuts(case: Case, prepared) -> None:
    rng = np.random.default_rng(5)
    voxel = prepared.liver.grid.voxel_volume_ml
    for n in range(8):
        cuts = [plane(float(rng.uniform(-30, 40)), rng.normal(size=3), f"r{m}") for m in range(1 + n % 3)]
        if n % 4 == 3:
            cuts.append(Resection("set", SegmentsCut(("extra",))))
        probes = [custom_probe(center=(-20.0, -20.0, 0.0), size_mm=30.0)] if n % 2 else []
        found = shown(case, prepared, *cuts, *probes)
        parts = found["resected_volume_ml"] + found["ablated_volume_ml"] + sum(found[p] for p in PARTS)
        assert parts == pytest.approx(found["liver_volume_ml"], abs=voxel)
        assert found["remnant_volume_ml"] == pytest.approx(sum(found[p] for p in PARTS), abs=voxel)


def counted(prepared, taken: np.ndarray, is_taken) -> np.ndarray:
    """Volumes of what stays, by loss, counted voxel by voxel: nearest branch, then its nearest point."""
    liver = prepared.liver
    kji = np.argwhere((liver.codes >= 0) & ~taken)
    points = liver.grid.to_lps(kji[:, ::-1].astype(float))
    lost = []
    for tree in (PORTAL, VEINS):
        beyond: dict[int, np.ndarray] = {}
        for branch in tree.branches:  # parents stand before their children here
            own = branch.points_lps_mm
            cut = is_taken(own) & (liver.at(own) >= 0)
            beyond[branch.number] = np.logical_or.accumulate(cut)
            if branch.parent is not None and beyond[branch.parent][-1]:
                beyond[branch.number][:] = True
        labels = prepared.territories[tree.id].labels[tuple(kji.T)]
        own = np.zeros(len(kji), dtype=bool)
        for number, marks in beyond.items():
            mine = labels == number
            own[mine] = marks[cKDTree(tree.branch(number).points_lps_mm).query(points[mine])[1]]
        lost.append(own)
    kinds = np.bincount(lost[0] + 2 * lost[1], minlength=4)
    return kinds * liver.grid.voxel_volume_ml


def test_sets_lose_what_counting_voxels_says(case: Case, prepared) -> None:
    taken = case.structures.mask("extra")[prepared.liver.box_of(case.structures)] & (
        prepared.liver.codes >= 0
    )
    found = shown(case, prepared, Resection("r1", SegmentsCut(("extra",))))

    def is_taken(points: np.ndarray) -> np.ndarray:
        ijk = np.rint(prepared.liver.grid.to_ijk(points)).astype(int)
        size = np.array(prepared.liver.grid.shape[::-1])
        inside = ((ijk >= 0) & (ijk < size)).all(axis=1)
        marks = np.zeros(len(points), dtype=bool)
        marks[inside] = taken[tuple(ijk[inside, ::-1].T)]
        return marks

    kept, first, second, both = counted(prepared, taken, is_taken)
    assert first + both > 50.0
    assert found["devascularized_volume_ml"] == pytest.approx(first + both, abs=1e-6)
    assert found["congested_volume_ml"] == pytest.approx(second, abs=1e-6)
    assert found["untroubled_remnant_volume_ml"] == pytest.approx(kept, abs=1e-6)


@pytest.mark.parametrize(
    ("offset", "normal"), [(-10.0, (1.0, 0.3, 0.2)), (5.0, (-0.2, -1.0, 0.4)), (8.0, (0.1, 0.2, 1.0))]
)
def test_planes_lose_what_counting_voxels_says(case: Case, prepared, offset: float, normal) -> None:
    """Voxels on the cut count in part and not by their centres: within a few per mille of the liver."""
    n = np.array(normal) / np.linalg.norm(normal)
    kji = np.indices(prepared.liver.codes.shape)
    points = prepared.liver.grid.to_lps(np.stack(kji[::-1], axis=-1).astype(float))
    truth = counted(prepared, points @ n > offset, lambda p: p @ n > offset)
    found = shown(case, prepared, plane(offset, normal))
    liver = found["liver_volume_ml"]
    assert found["devascularized_volume_ml"] == pytest.approx(truth[1] + truth[3], abs=0.004 * liver)
    assert found["congested_volume_ml"] == pytest.approx(truth[2], abs=0.004 * liver)
    assert found["untroubled_remnant_volume_ml"] == pytest.approx(truth[0], abs=0.004 * liver)


def test_the_middle_hepatic_vein_goes_where_it_is_given(case: Case, prepared) -> None:
    right = {"normal": (-1.0, 0.0, 0.0)}
    beside = shown(case, prepared, plane(5.0, **right))  # 5 mm beside the vein, which stays
    given = shown(case, prepared, plane(5.0, **right, middle_hepatic_vein="specimen"))
    territory = prepared.territories["veins"]
    more = given["congested_volume_ml"] - beside["congested_volume_ml"]
    assert more > 30.0, "all the vein drains of the remnant, where it keeps its inflow"
    assert given["congested_volume_ml"] < territory.subtree_volume_ml(2)
    # A plane that takes the vein: where it stays, what it drains of the remnant keeps its outflow.
    taken = plane(5.0, (0.0, 0.0, 1.0))
    lost, kept = (shown(case, prepared, replace(taken, middle_hepatic_vein=to)) for to in ("", "remnant"))
    assert lost["untroubled_remnant_volume_ml"] + 100.0 < kept["untroubled_remnant_volume_ml"]
    texts = rules(case, prepared, replace(taken, middle_hepatic_vein="remnant"))
    assert "proposed name" in texts["middle_vein_name_proposed"]
    assert "given_side_not_followed" not in texts
    torn = (
        replace(taken, middle_hepatic_vein="remnant"),
        plane(55.0, id="r2", middle_hepatic_vein="specimen"),
    )
    assert "both sides" in rules(case, prepared, *torn)["given_side_not_followed"]


def test_vessels_crossed_follow_the_vein(case: Case) -> None:
    def crossed(to: str) -> str:
        plan = Plan("A", "phantom", (plane(5.0, (-1.0, 0.0, 0.0), middle_hepatic_vein=to),))
        answer = judge(MODULE, case, plan)
        return " ".join(f.text for f in answer.findings if f.rule == "cut_crosses_vessel")

    assert MIDDLE not in crossed("")
    assert f"{MIDDLE} of veins, 8 mm wide" in crossed("specimen"), "at its mouth"
    assert MIDDLE not in crossed("remnant")


def test_a_remnant_without_a_way_in_or_out_is_said(case: Case, prepared) -> None:
    texts = rules(case, prepared, plane(20.0))
    assert "portal vein" in texts["no_inflow_into_remnant"]
    assert "no_outflow_from_remnant" not in texts
    top = rules(case, prepared, plane(50.0, (0.0, 0.0, 1.0)))
    assert "No hepatic vein" in top["no_outflow_from_remnant"]
    assert "no_inflow_into_remnant" not in top
    kept = rules(case, prepared, plane(30.0, (-1.0, 0.0, 0.0)))
    assert not {"no_inflow_into_remnant", "no_outflow_from_remnant"} & set(kept)


def test_two_trees_of_one_flow_count_as_one(case: Case) -> None:
    """The portal vein in two structures: a voxel hangs on the nearest of both."""
    one = replace(PORTAL, branches=PORTAL.branches[:2])
    stump = PORTAL.branches[2]
    two = VesselTree("other", Role.PORTAL_VEIN, (replace(stump, number=0, parent=None),))
    parted = replace(case, vessel_trees=(one, two))
    ground = MODULE.logic.prepare(parted, Settings(), Task())
    assert len(ground.vessels.inflow.tree.roots) == 2
    found = shown(parted, ground, plane(15.0, (0.0, 1.0, 0.0)))
    # Only the other tree is taken: what is nearer to the first keeps its inflow.
    assert 0.05 < found["devascularized_volume_ml"] / found["remnant_volume_ml"] < 0.7


def test_the_same_for_preview_and_assess(case: Case, prepared) -> None:
    net = tuple(
        tuple((5.0 + 4.0 * np.sin(x / 20.0), float(y), float(x)) for x in (-40, 0, 40)) for y in (-40, 0, 40)
    )
    cuts = (
        Resection("r1", PatchCut(net), middle_hepatic_vein="specimen"),
        Resection("r2", SegmentsCut(("extra",))),
    )
    plan = Plan("A", "phantom", cuts)
    quick = MODULE.logic.preview(case, prepared, plan, Settings(), "r1")
    answer = judge(MODULE, case, plan)
    for metric in quick.metrics:
        assert answer.metric(metric.name, metric.subject) == metric
    assert {f.text for f in quick.findings} <= {f.text for f in answer.findings}
    for one, two in zip(quick.surfaces, answer.surfaces, strict=True):
        assert (one.subject, one.name) == (two.subject, two.name)
        assert np.array_equal(one.points_lps_mm, two.points_lps_mm)
        assert np.array_equal(one.values, two.values)
