"""What tips feed: against a block of liver whose territories are known, to the voxel."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from arterial_case import BALLS, GRID, artery, line, places, structures

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.catheter_facts import why_locked
from planner.planning.catheter_way import CatheterWay
from planner.planning.perfusion import Fed, Perfusion, PerfusionGround
from planner.planning.suggested_tips import tip_choices, tip_suggestions
from planner.planning.tip_suggesting import TipGoal, suggest_tips

AGENT = Agent(AgentType.TACE)
SEEN = "perfused right"


@pytest.fixture(scope="module")
def ground() -> PerfusionGround:
    mask = places()[..., 0] < -30.0
    return PerfusionGround.of(structures(**{SEEN: mask}), [artery()], rim_mm=5.0)


def tip(x: float, id: str = "c1", structure: str = "") -> CatheterTarget:
    return CatheterTarget(id, "artery", (x, 0.0, 0.0), AGENT, structure)


def test_sums_over_branches_are_the_liver(ground: PerfusionGround) -> None:
    liver = np.prod(GRID.shape) * GRID.voxel_volume_ml
    assert ground.volumes_ml.sum() == pytest.approx(liver, rel=1e-12)
    tree = artery()
    own = [Fed(ground, ground.fed_beyond(CatheterWay(tree, n, 0.0))).volume_ml for n in (0, 1, 2)]
    assert own[0] == pytest.approx(liver, rel=1e-12)
    # What the trunk's last stretch in the block is nearest to is fed by it alone.
    assert 0.0 < own[0] - own[1] - own[2] < 0.2 * liver


def test_a_tip_that_slides_out_feeds_what_lies_beyond_it(ground: PerfusionGround) -> None:
    """Beyond x along the straight branch each 2 mm of the block are 2 x 60 x 60 mm."""
    for x in (-15.0, -21.0, -30.0, -45.5):
        fed = Perfusion(ground, (tip(x),)).all
        exact = (60.0 + x) * 60.0 * 60.0 / 1000.0
        assert fed.volume_ml == pytest.approx(exact, abs=1.5 * 2.0 * 3.6), (
            "to a point of the vessel and a voxel"
        )
        assert fed.segments_ml == pytest.approx({5: fed.volume_ml})
    volumes = [Perfusion(ground, (tip(x),)).all.volume_ml for x in np.linspace(-5.0, -57.0, 40)]
    assert (np.diff(volumes) <= 0).all()


def test_lesions_and_rims(ground: PerfusionGround) -> None:
    plan = Perfusion(ground, (tip(20.0, "left"), tip(-10.0, "right")))
    assert plan.by_tip["left"].lesion_percent("left lesion") == pytest.approx(100.0)
    assert plan.by_tip["right"].lesion_percent("left lesion") == 0.0
    ball = 4.0 / 3.0 * np.pi * 9.0**3 / 1000.0
    grown = 4.0 / 3.0 * np.pi * 14.0**3 / 1000.0
    volumes = ground.volumes_ml
    assert volumes[ground.of_lesion("left lesion")].sum() == pytest.approx(ball, rel=0.05)
    assert volumes[ground.of_lesion("left lesion", True)].sum() == pytest.approx(grown, rel=0.05)
    fed = plan.all
    assert fed.tumor_ml + fed.normal_ml == pytest.approx(fed.volume_ml)
    whole = Perfusion(ground, (tip(1.0, "l"), tip(-1.0, "r")))
    shares = dict(whole.feeding("middle lesion"))
    assert set(shares) == {"l", "r"}, "a lesion between two territories has two feeders"
    assert sum(shares.values()) == pytest.approx(whole.all.lesion_percent("middle lesion"))


def test_nothing_counts_twice(ground: PerfusionGround) -> None:
    plan = Perfusion(ground, (tip(-10.0, "a"), tip(-30.0, "b"), tip(20.0, "c")))
    a, b, c = (plan.by_tip[id].volume_ml for id in "abc")
    assert plan.overlaps_ml == {("a", "b"): pytest.approx(b)}
    assert plan.all.volume_ml == pytest.approx(a + c)
    assert np.count_nonzero(ground.mask(plan.all.classes)) * GRID.voxel_volume_ml == pytest.approx(a + c)


def test_what_was_seen_goes_before_the_tree(ground: PerfusionGround) -> None:
    fed = Perfusion(ground, (tip(20.0, structure=SEEN),)).all
    assert fed.volume_ml == pytest.approx(30.0 * 60.0 * 60.0 / 1000.0, rel=1e-9)
    assert ground.outside_ml[SEEN] == 0.0
    with pytest.raises(InvalidValue, match="no such perfused volume"):
        ground.fed(tip(20.0, structure="other"))
    with pytest.raises(InvalidValue, match="not known"):
        ground.fed(CatheterTarget("c1", "vein", (0.0, 0.0, 0.0), AGENT))


def test_the_rim_goes_to_the_nearer_lesion() -> None:
    near = PerfusionGround.of(structures(), [artery()], rim_mm=25.0)
    points = places()
    away = {
        name: np.linalg.norm(points - middle, axis=-1) - radius for name, (middle, radius) in BALLS.items()
    }
    one, other = away["left lesion"], away["middle lesion"]
    mask = near.mask(near.of_lesion("left lesion", True))
    clear = (np.abs(one - other) > 3.0) & (np.abs(one - 25.0) > 3.0)
    assert (mask == ((one < other) & (one < 25.0)))[clear].all()


def test_the_fewest_tips_and_the_most_selective_ones(ground: PerfusionGround) -> None:
    (alone,) = suggest_tips(ground, ground.vessels[0], ["left lesion"])
    assert [w.branch for w in alone.ways] == [2]
    assert alone.target_percent == pytest.approx(100.0)
    both = suggest_tips(
        ground, ground.vessels[0], ["left lesion", "middle lesion"], TipGoal(least_percent=60.0)
    )
    assert [len(c.ways) for c in both] == sorted(len(c.ways) for c in both)
    assert all(a.fed.normal_ml > b.fed.normal_ml for a, b in itertools.pairwise(both))
    assert all(c.target_percent >= 60.0 for c in both)
    again = suggest_tips(
        ground, ground.vessels[0], ["left lesion", "middle lesion"], TipGoal(least_percent=60.0)
    )
    assert [[w.branch for w in c.ways] for c in again] == [[w.branch for w in c.ways] for c in both]


def test_tips_feed_no_other_organ_and_lie_in_vessels_that_can_be_reached() -> None:
    points = line((58.0, 0.0, 0.0), (58.0, 40.0, 0.0))
    falciform = Branch(3, 2, points, np.full(len(points), 1.0), "falciform artery")
    tree = artery(falciform)
    ground = PerfusionGround.of(structures(), [tree])
    with pytest.raises(InvalidValue, match="No branch"):
        suggest_tips(ground, ground.vessels[0], ["left lesion"])
    free = artery()
    other = PerfusionGround.of(structures(), [free])
    with pytest.raises(InvalidValue, match="No branch"):
        suggest_tips(other, other.vessels[0], ["left lesion"], TipGoal(least_diameter_mm=5.0))
    with pytest.raises(InvalidValue, match="lesions of the liver"):
        suggest_tips(other, other.vessels[0], ["nothing"])
    with pytest.raises(InvalidValue, match="lesions of the liver"):
        suggest_tips(other, other.vessels[0], [])


def test_by_hand_over_all_antichains() -> None:
    """Against every choice of branches of a random tree, none beyond another."""
    rng = np.random.default_rng(8)
    branches, ends = list(artery().branches), {1: (-58.0, 0.0, 0.0), 2: (58.0, 0.0, 0.0)}
    for n, parent in ((3, 1), (4, 1), (5, 2), (6, 2)):
        end = (ends[parent][0] * rng.uniform(0.3, 0.8), rng.uniform(-25, 25), rng.uniform(-25, 25))
        points = line(ends[parent], end)
        branches.append(Branch(n, parent, points, np.full(len(points), 1.0)))
    tree = artery().with_branches(branches)
    ground = PerfusionGround.of(structures(), [tree])
    target = ground.of_lesion("left lesion", True) | ground.of_lesion("middle lesion", True)
    total = ground.volumes_ml[target].sum()
    tips = {b.number: CatheterWay(tree, b.number, min(5.0, 0.3 * b.length_mm)) for b in tree.branches}
    fed = {n: ground.fed_beyond(w) for n, w in tips.items()}
    beyond = {n: {b.number for b in tree.subtree(n)} for n in tips}
    best: dict[int, float] = {}
    for bits in range(1, 2 ** len(tips)):
        chosen = [n for n in tips if bits >> n & 1]
        if any(a != b and b in beyond[a] for a in chosen for b in chosen):
            continue
        classes = np.logical_or.reduce([fed[n] for n in chosen])
        if ground.volumes_ml[classes & target].sum() >= 0.7 * total - 1e-9:
            normal = float(ground.volumes_ml[classes & ~ground.tumor].sum())
            best[len(chosen)] = min(best.get(len(chosen), np.inf), normal)
    found = suggest_tips(
        ground, ground.vessels[0], ["left lesion", "middle lesion"], TipGoal(least_percent=70.0)
    )
    for choice in found:
        assert choice.fed.normal_ml == pytest.approx(best[len(choice.ways)], rel=1e-9)
    assert len(found[0].ways) == min(best)


def test_a_branch_of_another_organ_takes_no_liver_but_a_liver_artery_beyond_it_does() -> None:
    """A left gastric artery through the block with a replaced left artery beyond: the liver goes past the former."""
    gastric = Branch(3, 0, line((0.0, 0.0, 0.0), (0.0, 28.0, 0.0)), np.full(29, 1.0), "left gastric artery")
    further = Branch(
        4, 3, line((0.0, 28.0, 0.0), (58.0, 28.0, 0.0)), np.full(59, 1.0), "replaced left hepatic artery"
    )
    tree = artery(gastric, further)
    found = PerfusionGround.of(structures(), [tree])
    own = {n: Fed(found, found.fed_beyond(CatheterWay(tree, n, 0.0))).volume_ml for n in (0, 1, 2, 4)}
    assert own[0] == pytest.approx(found.volumes_ml.sum())
    assert own[4] > 0.1 * own[0]
    numbers = found.liver.columns["flow artery"]
    start, stop = found.flows["artery"].spans[3]
    assert not ((numbers >= start) & (numbers < stop)).any()


def parted() -> tuple[VesselTree, VesselTree]:
    """The right and the left artery as trees of their own, as where one of them comes from elsewhere."""
    own = {b.number: b for b in artery().branches}
    right = VesselTree("right", Role.HEPATIC_ARTERY, (replace(own[1], number=0, parent=None),))
    left = VesselTree("left", Role.HEPATIC_ARTERY, (replace(own[2], number=0, parent=None),))
    return right, left


def test_arteries_of_several_trunks_share_the_liver() -> None:
    """Alone each of them would take all of it."""
    right, left = parted()
    liver = np.prod(GRID.shape) * GRID.voxel_volume_ml
    found = PerfusionGround.of(structures(), [right, left])
    own = [Fed(found, found.fed_beyond(CatheterWay(t, 0, 0.0))).volume_ml for t in (right, left)]
    assert own == pytest.approx([liver / 2, liver / 2], rel=1e-9)
    targets = tuple(
        CatheterTarget(t.id, t.id, place, AGENT)
        for t, place in ((right, (-30.0, 0, 0)), (left, (30.0, 0, 0)))
    )
    plan = Perfusion(found, targets)
    assert not plan.overlaps_ml
    assert plan.by_tip["left"].lesion_percent("left lesion") == pytest.approx(100.0)
    assert plan.by_tip["right"].lesion_percent("left lesion") == 0.0
    swapped = PerfusionGround.of(structures(), [left, right])
    assert Perfusion(swapped, targets).by_tip["right"].volume_ml == plan.by_tip["right"].volume_ml
    portal = replace(artery(), id="portal", role=Role.PORTAL_VEIN)
    beside = PerfusionGround.of(structures(), [right, portal, left])
    assert Perfusion(beside, targets).by_tip["right"].volume_ml == plan.by_tip["right"].volume_ml
    assert beside.arteries is not None
    assert [b.number for b in beside.arteries.branches] == [0, 1]


def test_tips_are_suggested_in_the_tree_they_lie_in() -> None:
    right, left = parted()
    ground = PerfusionGround.of(structures(), [right, left])
    (far,) = tip_choices(ground, AgentType.TACE, ["left lesion"])
    assert [(w.tree.id, w.branch) for w in far.ways] == [("left", 0)]
    plan = Plan("p", "case", instruments=(CatheterTarget("old", "right", (-30.0, 0.0, 0.0), AGENT),))
    (found,) = tip_suggestions(plan, ground, AgentType.Y90_RESIN, {"lesion": "left lesion"}, Task())
    (tip,) = found.plan.catheter_targets
    assert (tip.tree, tip.agent) == ("left", Agent(AgentType.Y90_RESIN))
    assert found.scores["target_fed_percent"] == pytest.approx(100.0)
    assert found.scores["perfused_volume_ml"] == pytest.approx(Perfusion(ground, (tip,)).all.volume_ml)
    both = tip_suggestions(plan, ground, AgentType.TACE, {"lesion": "left lesion, middle lesion"}, Task())
    every = tip_suggestions(plan, ground, AgentType.TACE, {}, Task())
    assert [s.name for s in both] == [s.name for s in every]
    with pytest.raises(InvalidValue, match="does not know"):
        tip_suggestions(plan, ground, AgentType.TACE, {"lesions": "x"}, Task())
    with pytest.raises(InvalidValue, match="number"):
        tip_suggestions(plan, ground, AgentType.TACE, {"most_tips": "few"}, Task())
    for goal in ({"most_tips": 0}, {"least_percent": 101}, {"least_diameter_mm": -1}):
        with pytest.raises(InvalidValue):
            tip_suggestions(plan, ground, AgentType.TACE, goal, Task())


def test_no_dose_while_an_artery_beside_it_is_doubted() -> None:
    """What a tip feeds ends where the other artery begins."""
    right, left = (replace(t, is_confirmed=True) for t in parted())
    target = CatheterTarget("c1", "right", (-30.0, 0.0, 0.0), AGENT)
    assert why_locked(target, (right, left)) == ""
    why = why_locked(target, (right, replace(left, is_confirmed=False)))
    assert "'left'" in why
    assert "shares the liver" in why
    seen = replace(target, perfused_structure="seen")
    assert why_locked(seen, (right, replace(left, is_confirmed=False))) == ""
