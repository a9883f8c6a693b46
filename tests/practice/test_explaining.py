"""What a trainee is told, on balls whose distances are known in closed form."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "planning"))
from phantom import custom_probe, phantom, plan_of
from rectangle_array import ALONG, LENGTH, array

from planner.base.errors import InvalidValue
from planner.model.assessment import Severity
from planner.model.case import Case
from planner.model.plan import Applicator, Plan, Point
from planner.model.points import as_point
from planner.model.roles import Role
from planner.planning.achieved_margin import towards_words
from planner.planning.case_ground import anatomy_of
from planner.plugin.judging import judge
from planner.plugin.registry import find_modules
from planner.practice.exercise import CaseMark, Conditions, Exercise, Reference
from planner.practice.explaining import KINDS, Lesson, best_alternative, explanation
from planner.practice.landing import Landing, landed, repositioned
from planner.practice.measuring import Scored, measured
from planner.practice.place_words import beside, neighbour
from planner.practice.scoring import score
from planner.practice.zone_miss import lesion_middle, zone_miss, zone_place

MODULE = find_modules().module("thermal_ablation")
FRONT = (0.0, -100.0, 0.0)
SIZE = 30.0  # five millimetres of margin all round a lesion of 10 mm radius


@pytest.fixture(scope="module")
def case() -> Case:
    """A vein behind the lesion, and a rib before it a little towards the head."""
    return phantom(
        vein=(Role.PORTAL_VEIN, (0.0, 20.0, 0.0), 5.0),
        rib=(Role.BONE, (0.0, -85.0, 22.0), 6.0),
    )


def aimed(
    case: Case, off: Point = (0.0, 0.0, 0.0), entry: Point = FRONT, size_mm: float = SIZE, id: str = "p1"
) -> Applicator:
    """A probe whose zone lies so far off the lesion's middle, which its voxels put 0.06 mm off zero."""
    center = lesion_middle(case.structures, "lesion") + np.array(off)
    return custom_probe(entry, as_point(center), size_mm, id)


def straight(case: Case, off: Point, size_mm: float = SIZE) -> Applicator:
    """The same from straight in front, so that what is off across lies in the axes of the patient."""
    x, _, z = lesion_middle(case.structures, "lesion") + np.array(off)
    return aimed(case, off, (float(x), -100.0, float(z)), size_mm)


def exercise(case: Case, reference: Plan | None = None, **changes: object) -> Exercise:
    made = Exercise(
        "ball",
        "Ball",
        "Cover it.",
        CaseMark.of(case),
        "thermal_ablation",
        "lesion",
        ("custom-ellipsoid",),
        most_instruments=3,
        references=(Reference("an expert", reference or plan_of(custom_probe(FRONT, size_mm=SIZE))),),
        settings={"robustness_samples": 0, "planned_rule": "aim", "planned_margin_mm": 5.0},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def scored(case: Case, task: Exercise, plan: Plan, **told: object) -> Scored:
    answer = judge(MODULE, case, plan, task.settings)
    reference = judge(MODULE, case, task.reference.plan, task.settings)
    found = measured(task, plan, answer, reference, **told)  # type: ignore[arg-type]
    return Scored(found, score(found), answer)


def lessons(
    case: Case, plan: Plan, task: Exercise | None = None, landing: Landing | None = None, **told: object
) -> tuple[Lesson, ...]:
    task = task or exercise(case)
    found = scored(case, task, plan, **told)
    reference = judge(MODULE, case, task.reference.plan, task.settings)
    before = None if landing is None else scored(case, task, landing.planned)
    return explanation(task, case, plan, found, reference, landing=landing, as_planned=before)


def told(found: tuple[Lesson, ...], kind: str) -> Lesson:
    (lesson,) = [each for each in found if each.kind == kind]
    return lesson


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+\.\d", text)]


def test_six_millimetres_too_shallow_is_said_so_with_its_cause(case: Case) -> None:
    """Margin of balls is R_a - R_t - offset: 15 - 10 - 6 = -1 mm, 6 mm short, at the back where the vein is."""
    found = lessons(case, plan_of(straight(case, (0.0, -6.0, 0.0))))
    margin, plan = told(found, "margin"), told(found, "plan")
    assert "short towards vein, because the tip of p1 lies 6.0 mm too shallow: " in margin.text
    short, _, least, wanted = numbers(margin.text)
    assert (short, least, wanted) == (pytest.approx(6.0, abs=0.5), pytest.approx(-1.0, abs=0.5), 5.0)
    assert margin.where_lps_mm == pytest.approx((0.0, 10.0, 0.0), abs=2.0)
    assert margin.part == "margin"
    assert plan.text == "The tip of p1 lies 6.0 mm too shallow."
    assert plan.where_lps_mm == pytest.approx((0.0, -6.0, 0.0), abs=0.1)


def test_too_deep_is_said_too(case: Case) -> None:
    found = lessons(case, plan_of(straight(case, (0.0, 3.0, 0.0))))
    assert told(found, "plan").text == "The tip of p1 lies 3.0 mm too deep."
    assert "short towards the front, because the tip of p1 lies 3.0 mm too deep" in told(found, "margin").text


@pytest.mark.parametrize(
    ("off", "words"),
    [
        ((4.0, 0.0, 0.0), "the left"),
        ((-4.0, 0.0, 0.0), "the right"),
        ((0.0, 0.0, 4.0), "the head"),
        ((0.0, 0.0, -4.0), "the feet"),
    ],
)
def test_four_millimetres_to_one_side_are_said_so(case: Case, off: Point, words: str) -> None:
    found = lessons(case, plan_of(straight(case, off)))
    assert told(found, "plan").text == f"The zone of p1 lies 4.0 mm too far towards {words}."
    margin = told(found, "margin")
    assert f"because the zone of p1 lies 4.0 mm too far towards {words}" in margin.text
    assert numbers(margin.text)[0] == pytest.approx(4.0, abs=0.5)
    assert np.array(margin.where_lps_mm) @ np.array(off) < -30.0, "the other side is short"


def test_deep_and_aside_are_one_sentence_with_the_structure_there(case: Case) -> None:
    """From the left: 3 mm too shallow, and 4 mm behind, where the vein is."""
    middle = lesion_middle(case.structures, "lesion")
    plan = plan_of(aimed(case, (3.0, 4.0, 0.0), as_point(middle + (97.0, 4.0, 0.0))))
    assert told(lessons(case, plan), "plan").text == (
        "The tip of p1 lies 3.0 mm too shallow and its zone 4.0 mm too far towards the back, towards vein."
    )
    two = plan_of(*plan.applicators, replace(plan.applicators[0], id="p2"))
    miss = zone_miss(case.structures, "lesion", two, exercise(case).reference.plan)
    assert miss is not None
    assert miss.words == (
        "the zones of p1 and p2 together lie 3.0 mm too shallow and 4.0 mm too far towards the back"
    )
    short = told(lessons(case, two, replace(exercise(case), most_instruments=2)), "margin").text
    assert short.count("together lie") == 1, short


@pytest.mark.parametrize("seed", range(6))
def test_oblique_shafts_are_taken_apart_along_and_across(case: Case, seed: int) -> None:
    """Depth and side of a known offset, to rounding."""
    rng = np.random.default_rng(seed)
    along = rng.standard_normal(3)
    along /= np.linalg.norm(along)
    across = np.cross(along, rng.standard_normal(3))
    across /= np.linalg.norm(across)
    depth, lateral = float(rng.uniform(-9, 9)), float(rng.uniform(0, 9))
    center = depth * along + lateral * across
    entry = lesion_middle(case.structures, "lesion") + center - 90.0 * along
    plan = plan_of(aimed(case, as_point(center), as_point(entry)))
    found = zone_miss(case.structures, "lesion", plan, exercise(case).reference.plan)
    assert found is not None
    assert found.depth_mm == pytest.approx(depth, abs=1e-6)
    assert found.lateral_mm == pytest.approx(lateral, abs=1e-6)
    assert np.array(found.across_lps_mm) @ along == pytest.approx(0.0, abs=1e-9)
    assert not found.is_by_reference


def test_a_small_zone_is_the_cause_where_nothing_else_is(case: Case) -> None:
    """24 mm instead of 30: 3 mm of margin gone, the zone 6 mm narrower."""
    found = lessons(case, plan_of(custom_probe(FRONT, size_mm=24.0)))
    assert "because the zone is 6.0 mm narrower than the reference's" in told(found, "margin").text
    assert numbers(told(found, "margin").text)[0] == pytest.approx(3.0, abs=0.5)
    assert told(found, "zone").text == (
        "The zone is too small: 24.0 mm long and 24.0 mm wide; the reference's is 30.0 mm long and 30.0 mm wide."
    )
    assert "plan" not in [each.kind for each in found], "it was planned where it should be"


def test_a_large_zone_costs_liver(case: Case) -> None:
    """Balls of 20 and 15 mm radius around 10: 4/3 pi (20^3 - 10^3) = 29.3 and 9.9 ml of liver."""
    found = lessons(case, plan_of(custom_probe(FRONT, size_mm=40.0)))
    liver = told(found, "liver")
    assert numbers(liver.text) == [pytest.approx(29.3, abs=0.4), pytest.approx(9.9, abs=0.2)]
    assert liver.points_lost is not None
    assert liver.points_lost > 0
    assert told(found, "zone").text.startswith("The zone is larger than it need be: 40.0 mm long")
    assert "margin" not in [each.kind for each in found]


def test_a_rib_on_the_way_is_told_in_the_modules_words_and_the_way_below_it(case: Case) -> None:
    plan = plan_of(custom_probe((0.0, -97.0, 22.0), size_mm=SIZE))
    task = exercise(case)
    found = lessons(case, plan, task)
    (stop,) = [f for f in scored(case, task, plan).answer.findings if f.rule == "path_crosses_bone"]
    hazard = found[0]
    assert (hazard.kind, hazard.text, hazard.where_lps_mm) == ("hazard", stop.text, stop.where_lps_mm)
    assert hazard.points_lost == pytest.approx(20.0), "a stop takes all points of the hazards"
    path = told(found, "path")
    assert "The reference enters 22.2 mm further towards the feet." in path.text
    # The reference passes the rib's ball of 6 mm at 22 mm below its middle.
    assert re.search(r"The reference passes \d+\.\d mm below rib\.", path.text)
    assert numbers(path.text)[-1] == pytest.approx(16.0, abs=1.5)
    assert path.where_lps_mm == FRONT
    assert path.points_lost is None


def test_a_long_way_is_told_with_both_lengths(case: Case) -> None:
    task = exercise(case, plan_of(custom_probe((0.0, -70.0, 0.0), size_mm=SIZE)))
    path = told(lessons(case, plan_of(custom_probe((110.0, 0.0, -30.0), size_mm=SIZE)), task), "path")
    own = math.dist((110.0, 0.0, -30.0), (0, 0, 0)) + 10.0
    assert numbers(path.text)[:2] == [pytest.approx(own, abs=0.06), 80.0]
    assert path.points_lost is not None
    assert path.points_lost > 0
    shift = math.dist((110.0, 0.0, -30.0), (0.0, -70.0, 0.0))
    assert f"enters {shift:.1f} mm further towards the front right." in path.text


def test_needles_time_and_repositionings(case: Case) -> None:
    two = plan_of(
        custom_probe(FRONT, size_mm=SIZE), custom_probe((30.0, -90.0, 0.0), (1.0, 0.0, 0.0), SIZE, id="p2")
    )
    task = exercise(case, conditions=Conditions(limit_s=100.0))
    found = lessons(case, two, task, repositionings=1, seconds=170.0)
    needles, time = told(found, "needles"), told(found, "time")
    assert needles.text == (
        "2 needles were put in; the reference needs 1. Needles were drawn back and put in again once."
    )
    assert needles.points_lost == pytest.approx(8.0)
    assert time.text == "It took 170.0 s; 100.0 s are allowed."
    assert time.points_lost == pytest.approx(3.5)


def test_the_points_of_lessons_are_those_the_score_lost(case: Case) -> None:
    rng = np.random.default_rng(7)
    task = exercise(case, conditions=Conditions(limit_s=50.0))
    for n in range(12):
        centers = rng.uniform(-9, 9, (int(rng.integers(1, 4)), 3))
        entries = [(*rng.uniform(-60, 60, 1), -85.0, *rng.uniform(-30, 45, 1)) for _ in centers]
        probes = [
            custom_probe(e, tuple(c), float(rng.uniform(14, 44)), f"p{m}")  # type: ignore[arg-type]
            for m, (e, c) in enumerate(zip(entries, centers, strict=True))
        ]
        plan = plan_of(*probes)
        told = {"repositionings": int(n % 3), "seconds": float(rng.uniform(10, 120))}
        found, attempt = lessons(case, plan, task, **told), scored(case, task, plan, **told)
        for part in attempt.score.parts:
            lost = [f.points_lost for f in found if f.part == part.id and f.points_lost is not None]
            assert sum(lost) == pytest.approx(part.most - part.points, abs=0.06), part.id
        assert [list(KINDS).index(f.kind) for f in found] == sorted(list(KINDS).index(f.kind) for f in found)
        own = [f.text for f in found if f.kind != "hazard"]
        assert all(t.endswith(".") and (t[0].isupper() or t[0].isdigit()) for t in own)
        assert "nan" not in " ".join(f.text for f in found)
        assert found == lessons(case, plan, task, **told), "the same attempt, the same words"


def test_an_attempt_as_good_as_the_reference_has_nothing_to_learn(case: Case) -> None:
    task = exercise(case, margin_mm=4.5)  # voxels take 0.1 mm of the 5 mm of two balls
    assert [f for f in lessons(case, task.reference.plan, task) if f.kind != "hazard"] == []


def test_a_reference_placed_aside_on_purpose_is_the_place_to_reach(case: Case) -> None:
    """The reference lies 5 mm to the right; 2 mm to the left of the middle are 7 mm from it."""
    task = exercise(case, plan_of(straight(case, (-5.0, 0.0, 0.0), 36.0)))
    found = lessons(case, plan_of(straight(case, (2.0, 0.0, 0.0))), task)
    assert told(found, "plan").text == (
        "The zone of p1 lies 7.0 mm too far towards the left, measured from where the reference's zone lies."
    )


def test_what_the_table_did_is_told_apart_from_what_was_planned(case: Case) -> None:
    task = exercise(case, conditions=Conditions(placement="freehand"))
    planned = plan_of(straight(case, (0.0, -4.0, 0.0)))
    for seed in range(4):
        landing = landed(planned, task.conditions, seed)
        found = lessons(case, landing.plan, task, landing)
        needle = landing.needle("p1")
        assert told(found, "plan").text == "As planned, the tip of p1 lies 4.0 mm too shallow."
        first, cost = [f for f in found if f.kind == "table"]
        off = math.hypot(needle.lateral_mm, needle.depth_mm)
        assert first.text.startswith(
            f"p1 landed {off:.1f} mm off its plan: {needle.lateral_mm:.1f} mm towards "
        )
        if abs(needle.depth_mm) >= 1.0:
            way = "deeper" if needle.depth_mm > 0 else "less deep"
            assert first.text.endswith(f" and {abs(needle.depth_mm):.1f} mm {way}.")
        assert first.where_lps_mm == landing.plan.applicators[0].tip_lps_mm
        before = scored(case, task, planned).measured.margin_mm
        after = scored(case, task, landing.plan).measured.margin_mm
        assert f"As planned: {before:.1f} mm of margin and " in cost.text
        assert f"; as the needles lie: {after:.1f} mm of margin and " in cost.text


def test_the_breath_is_told_by_its_length(case: Case) -> None:
    task = exercise(case, conditions=Conditions(breath_mm=8.0))
    landing = landed(plan_of(custom_probe(FRONT, size_mm=SIZE)), task.conditions, 1)
    found = lessons(case, landing.plan, task, landing)
    (breath,) = [f.text for f in found if "breath" in f.text]
    assert "moved 8.0 mm towards the feet" in breath
    assert "short towards the feet" in told(found, "margin").text
    assert "plan" not in [f.kind for f in found], "it was planned where it should be"
    assert not any("landed" in f.text for f in found)


def test_exact_needles_have_no_table(case: Case) -> None:
    landing = repositioned(landed(plan_of(custom_probe(FRONT, size_mm=SIZE)), Conditions(), 1), "p1")
    assert "table" not in [f.kind for f in lessons(case, landing.plan, landing=landing)]


def test_the_best_alternative_is_the_references_own_numbers(case: Case) -> None:
    task = exercise(case)
    answer = judge(MODULE, case, task.reference.plan, task.settings)
    words = best_alternative(task, answer)
    assert words.startswith("An expert: 1 needle (")
    assert "It covers 100.0 % of lesion with " in words
    assert numbers(words)[1:] == [
        pytest.approx(5.0, abs=0.5), pytest.approx(9.9, abs=0.2), pytest.approx(110.0, abs=0.05)
    ]  # fmt: skip
    stops = sum(f.severity == Severity.STOP for f in answer.findings)
    assert f"; {stops} stops, " in words


def test_several_zones_are_taken_together() -> None:
    one, two = (
        custom_probe((-10.0, -90.0, 0.0), (-6.0, 2.0, 0.0)),
        custom_probe((10.0, -90.0, 0.0), (8.0, 2.0, 4.0)),
    )
    found = zone_place(plan_of(one, replace(two, id="p2")), "lesion")
    assert found is not None
    assert found.titles == ("p1", "p2")
    assert found.center_lps_mm == pytest.approx((1.0, 2.0, 2.0))
    assert not found.is_tip
    opposite = zone_place(
        plan_of(custom_probe((0.0, -90.0, 0.0)), custom_probe((0.0, 90.0, 0.0), id="p2")), "lesion"
    )
    assert opposite is not None
    assert opposite.along == pytest.approx((0.0, 1.0, 0.0))
    assert zone_place(plan_of(replace(one, lesion="other")), "lesion") is None


def test_arrays_lie_where_the_middle_of_their_bare_parts_is(case: Case) -> None:
    electrodes = array()
    miss = zone_miss(
        case.structures, "lesion", Plan("A", "phantom", (electrodes,)), exercise(case).reference.plan
    )
    assert miss is not None
    middle = np.array(electrodes.middle_lps_mm) - lesion_middle(case.structures, "lesion")
    assert miss.depth_mm == pytest.approx(float(middle @ ALONG), abs=1e-6)
    assert (
        miss.depth_words
        == f"the zone of e1 lies {abs(miss.depth_mm):.1f} mm too {'deep' if miss.depth_mm > 0 else 'shallow'}"
    )
    assert LENGTH > 0


def test_neighbours_lie_ahead_and_near(case: Case) -> None:
    anatomy = anatomy_of(case.structures)
    found = neighbour(anatomy, (0.0, 8.0, 0.0), (0.0, 1.0, 0.0))
    assert found is not None
    assert (found.name, found.distance_mm) == ("vein", pytest.approx(7.0, abs=1.2))
    assert neighbour(anatomy, (0.0, 8.0, 0.0), (0.0, -1.0, 0.0)) is None, "it lies behind"
    assert neighbour(anatomy, (0.0, -8.0, 0.0), (0.0, 1.0, 0.0)) is None, "it lies too far"


def test_words_of_directions() -> None:
    assert towards_words((0.0, 0.0, -2.0)) == "towards the feet"
    assert towards_words((1.0, -1.0, 0.0)) == "towards the front left"
    assert towards_words((1.0, -1.0, 1.0)) == "towards the front left and the head"
    sides = [((0, 0, 3), "above"), ((1, 0, -3), "below"), ((3, 1, 0), "left of"), ((-3, 0, 1), "right of")]
    for way, word in [*sides, ((0, 5, 1), "behind"), ((0, -5, 1), "in front of")]:
        assert beside(way) == word


def test_a_lesson_has_a_kind_and_a_text() -> None:
    with pytest.raises(InvalidValue, match="a kind that is known"):
        Lesson("gossip", "Something.")
    with pytest.raises(InvalidValue, match="a kind that is known"):
        Lesson("path", " ")


def test_a_plan_that_treats_nothing_is_told_so(case: Case) -> None:
    task = exercise(case)
    found = scored(case, task, plan_of(custom_probe(FRONT, size_mm=SIZE)))
    away = plan_of(Applicator("p1", "custom-ellipsoid", FRONT, (0.0, 0.0, 0.0), {}, "elsewhere"))
    reference = judge(MODULE, case, task.reference.plan, task.settings)
    assert "Nothing that was planned treats lesion." in [
        f.text for f in explanation(task, case, away, found, reference)
    ]
