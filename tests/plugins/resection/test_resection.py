"""The module on balls and straight vessels: volumes and shares in closed form, and what a person must know."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from phantom import LIVER_MM, custom_probe, phantom
from planner_plugins.resection.settings import Settings

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Assessment, Severity
from planner.model.case import Case, Patient
from planner.model.plan import Plan
from planner.model.resection import MarginCut, PatchCut, PlaneCut, Resection, SegmentsCut, TerritoriesCut
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.liver_parts import LIVER_PARTS, Part
from planner.plugin.judging import judge
from planner.plugin.registry import find_modules

MODULE = find_modules().module("resection")
WELL = Patient(height_cm=175.0, weight_kg=70.0)
STANDARD_ML = 1543.293


def ball_ml(radius: float) -> float:
    return 4.0 / 3.0 * np.pi * radius**3 / 1000.0


def cap_ml(height: float) -> float:
    h = LIVER_MM - height
    return np.pi * h**2 * (3 * LIVER_MM - h) / 3000.0


def tube(number: int, parent: int | None, start, stop, radius: float = 3.0) -> Branch:
    count = int(np.linalg.norm(np.array(stop) - np.array(start))) + 1
    return Branch(number, parent, np.linspace(start, stop, count), np.full(count, radius))


#: The portal vein enters from the left and forks at x = 0: one branch to the front, one to the back.
PORTAL = VesselTree(
    "portal",
    Role.PORTAL_VEIN,
    (
        tube(0, None, (80.0, 0.0, 20.0), (0.0, 0.0, 20.0), 6.0),
        tube(1, 0, (0.0, 0.0, 20.0), (-30.0, -40.0, 20.0)),
        tube(2, 0, (0.0, 0.0, 20.0), (-30.0, 40.0, 20.0)),
    ),
)
VEINS = VesselTree("veins", Role.HEPATIC_VEIN, (tube(0, None, (0.0, 0.0, 70.0), (0.0, 0.0, -50.0), 5.0),))


@pytest.fixture(scope="module")
def case() -> Case:
    plain = phantom((2.0, 2.0, 2.0))
    return replace(plain, patient=WELL, vessel_trees=(PORTAL, VEINS))


def plane(offset: float, normal=(1.0, 0.0, 0.0), id: str = "r1") -> Resection:
    n = np.array(normal) / np.linalg.norm(normal)
    return Resection(id, PlaneCut(tuple(offset * n), tuple(n)))


def plan_of(*instruments) -> Plan:
    return Plan("A", "phantom", instruments)


def asked(case: Case, *instruments, **settings) -> Assessment:
    return judge(MODULE, case, plan_of(*instruments), settings)


def value(answer: Assessment, name: str, subject: str = "plan") -> float:
    found = answer.metric(name, subject).value
    assert found is not None
    return found


def rules(answer: Assessment) -> dict[str, str]:
    return {f.rule: f.text for f in answer.findings}


def test_volumes_shares_and_margin_of_a_plane(case: Case) -> None:
    answer = asked(case, plane(20.0, (1.0, 0.0, 0.0)), liver_state="chemotherapy")
    liver = value(answer, "liver_volume_ml")
    assert liver == pytest.approx(ball_ml(LIVER_MM), rel=2e-3)
    assert value(answer, "resected_volume_ml") == pytest.approx(cap_ml(20.0), rel=5e-3)
    assert value(answer, "resected_volume_ml") + value(answer, "remnant_volume_ml") == pytest.approx(liver)
    tumor = value(answer, "tumor_volume_ml")
    working = value(answer, "remnant_volume_ml") - tumor
    assert value(answer, "remnant_of_measured_percent") == pytest.approx(100 * working / (liver - tumor))
    assert value(answer, "remnant_of_standard_percent") == pytest.approx(
        100 * working / STANDARD_ML, rel=1e-5
    )
    assert value(answer, "remnant_of_weight_percent") == pytest.approx(100 * working / 70_000.0)
    assert answer.metric("remnant_of_standard_percent").target.low == 30.0
    assert answer.metric("remnant_of_measured_percent").target is None, "none is published for it"
    assert answer.metric("resection_margin_mm", "lesion").note == "it stays in the liver"
    assert "lesion_left_behind" in rules(answer)


def test_a_margin_and_a_lesion_that_is_taken(case: Case) -> None:
    answer = asked(case, plane(-14.0))
    assert value(answer, "resection_margin_mm", "lesion") == pytest.approx(4.0, abs=0.4)
    assert value(answer, "lesion_resected_percent", "lesion") == pytest.approx(100.0)
    assert "10 mm are aimed at" in rules(answer)["resection_margin_close"]
    assert value(answer, "resected_volume_ml") == pytest.approx(ball_ml(LIVER_MM) - cap_ml(14.0), rel=5e-3)
    through = asked(case, plane(-5.0))
    assert value(through, "resection_margin_mm", "lesion") == pytest.approx(-5.0, abs=0.4)
    stop = next(f for f in through.findings if f.rule == "cut_through_lesion")
    assert (stop.severity, stop.subject) == (Severity.STOP, "lesion")
    assert stop.where_lps_mm[0] == pytest.approx(-5.0, abs=0.05)


def test_flow_that_is_lost(case: Case) -> None:
    """What is cut is left of x = 20: the portal trunk enters there, so all of the remnant loses its inflow."""
    answer = asked(case, plane(20.0))
    remnant = value(answer, "remnant_volume_ml")
    assert value(answer, "devascularized_volume_ml") == pytest.approx(remnant, rel=1e-3)
    assert value(answer, "untroubled_remnant_volume_ml") == pytest.approx(0.0, abs=1.0)
    assert "remnant_without_inflow" in rules(answer)
    crossed = next(f for f in answer.findings if f.rule == "cut_crosses_vessel")
    assert "branch 0 of portal, 12 mm wide" in crossed.text
    # Taken at the far side nothing that feeds the rest is cut.
    far = asked(case, plane(38.0, (-1.0, 0.0, 0.0)))
    assert value(far, "devascularized_volume_ml") == pytest.approx(0.0, abs=1.0)
    # From above the hepatic vein is cut where it leaves: all keep their inflow and lose their outflow.
    top = asked(case, plane(35.0, (0.0, 0.0, 1.0)))
    assert value(top, "congested_volume_ml") == pytest.approx(value(top, "remnant_volume_ml"), rel=1e-3)
    assert value(top, "devascularized_volume_ml") == 0.0


def test_a_territory_is_taken_with_all_beyond(case: Case) -> None:
    front = asked(case, Resection("r1", TerritoriesCut("portal", (1,))))
    back = asked(case, Resection("r1", TerritoriesCut("portal", (2,))))
    both = asked(case, Resection("r1", TerritoriesCut("portal", (1, 2))))
    whole = asked(case, Resection("r1", TerritoriesCut("portal", (0,))))
    taken = [value(a, "resected_volume_ml") for a in (front, back, both, whole)]
    assert taken[0] == pytest.approx(taken[1], rel=0.03), "they lie as mirror images"
    assert taken[0] + taken[1] == pytest.approx(taken[2])
    assert taken[3] == pytest.approx(value(whole, "liver_volume_ml"))
    assert "nothing_remains" in rules(whole)


def test_ablated_liver_counts_as_lost(case: Case) -> None:
    probe = custom_probe(center=(-35.0, 0.0, 0.0), size_mm=20.0)
    answer = asked(case, plane(20.0), probe)
    assert value(answer, "ablated_volume_ml") == pytest.approx(ball_ml(10.0), rel=0.03)
    parts = ("resected_volume_ml", "remnant_volume_ml", "ablated_volume_ml")
    assert sum(value(answer, n) for n in parts) == pytest.approx(value(answer, "liver_volume_ml"))
    # In the part that is taken it is not lost twice.
    inside = asked(case, plane(-60.0), probe)
    assert value(inside, "ablated_volume_ml") == pytest.approx(0.0, abs=0.01)
    assert "lesion_left_behind" not in rules(asked(case, plane(20.0), custom_probe()))


def test_what_is_not_known_is_said() -> None:
    plain = phantom((4.0, 4.0, 4.0))
    answer = asked(plain, plane(20.0))
    assert answer.metric("remnant_of_standard_percent").value is None
    assert "enter height and weight" in answer.metric("remnant_of_standard_percent").note
    assert "enter weight" in answer.metric("remnant_of_weight_percent").note
    found = rules(answer)
    assert "inflow" in found["vessels_not_checked"]
    assert "liver_state_unknown" in found
    assert not any(m.name == "devascularized_volume_ml" for m in answer.metrics)
    absurd = replace(plain, patient=Patient(height_cm=17.5, weight_kg=70.0))
    assert "not plausible" in asked(absurd, plane(20.0)).metric("remnant_of_standard_percent").note


def test_vessels_are_found_where_nobody_drew_a_tree() -> None:
    plain = phantom((2.0, 2.0, 2.0), vein=(Role.HEPATIC_VEIN, (0.0, 0.0, 30.0), 4.0))
    structures = plain.structures
    k, j, i = np.indices(structures.grid.shape)
    points = structures.grid.to_lps(np.stack([i, j, k], axis=-1).astype(float))
    rod = ((points[..., 1] ** 2 + (points[..., 2] - 20.0) ** 2) <= 5.0**2) & (points[..., 0] > -30.0)
    vein = replace(structures["vein"], name="portal", role=Role.PORTAL_VEIN)
    case = plain.with_structures(structures.with_mask(vein, rod & (points[..., 0] < 90.0)))
    answer = asked(case, plane(20.0))
    assert "portal" in rules(answer)["tree_not_looked_at"]
    assert value(answer, "devascularized_volume_ml") > 0.5 * value(answer, "remnant_volume_ml")


def test_preview_says_what_assess_says(case: Case) -> None:
    settings = Settings()
    prepared = MODULE.logic.prepare(case, settings, Task())
    for cut in (plane(-14.0), Resection("r1", MarginCut("lesion", 8.0))):
        plan = plan_of(cut)
        shown = MODULE.logic.preview(case, prepared, plan, settings, "r1")
        answer = judge(MODULE, case, plan)
        assert shown.metrics
        for metric in shown.metrics:
            assert answer.metric(metric.name, metric.subject).value == metric.value, metric.name
        assert {f.rule for f in shown.findings} <= {f.rule for f in answer.findings}


def test_the_same_question_gives_the_same_bits(case: Case) -> None:
    one, two = (asked(case, plane(3.0, (0.3, 0.5, 0.8))) for _ in range(2))
    assert (one.metrics, one.findings, one.inputs) == (two.metrics, two.findings, two.inputs)


def test_what_is_given_to_a_side_is_followed_or_said(case: Case) -> None:
    given = replace(plane(20.0), caudate="remnant", middle_hepatic_vein="specimen")
    texts = [f.text for f in asked(case, given).findings if f.rule == "given_side_not_followed"]
    assert "not segmented" in texts[0]
    assert "no branch of its name" in texts[1]
    lobe = replace(case.structures["lesion"], name="lobe", role=Role.COUINAUD_1)
    grid = case.structures.grid
    k, j, i = np.indices(grid.shape)
    x = grid.to_lps(np.stack([i, j, k], axis=-1).astype(float))[..., 0]
    lobed = case.with_structures(case.structures.with_mask(lobe, (x > 30.0) & case.structures.mask("liver")))
    answer = asked(lobed, replace(plane(20.0), caudate="remnant"))
    assert value(answer, "resected_volume_ml") == pytest.approx(cap_ml(20.0) - cap_ml(30.0), rel=0.06)
    assert "given_side_not_followed" not in rules(answer), "it is followed"
    assert "given_side_not_followed" not in rules(asked(case, plane(20.0)))


def test_pieces_of_a_remnant(case: Case) -> None:
    slab = (plane(10.0), Resection("r2", PlaneCut((-60.0, 0.0, 0.0), (-1.0, 0.0, 0.0))))
    assert value(asked(case, *slab), "remnant_pieces_count") == 1.0
    grid = case.structures.grid
    k, j, i = np.indices(grid.shape)
    x = grid.to_lps(np.stack([i, j, k], axis=-1).astype(float))[..., 0]
    wall = replace(case.structures["lesion"], name="wall", role=Role.COUINAUD_4)
    walled = case.with_structures(case.structures.with_mask(wall, np.abs(x) < 6.0))
    answer = asked(walled, Resection("r1", SegmentsCut(("wall",))))
    assert value(answer, "remnant_pieces_count") == 2.0
    assert "2 pieces" in rules(answer)["remnant_in_pieces"]


def test_refusals(case: Case) -> None:
    for cut, words in (
        (SegmentsCut(("segment 9",)), "structure that is not there"),
        (TerritoriesCut("artery", (1,)), "territories are not known"),
        (TerritoriesCut("portal", (77,)), "no such branch"),
        (MarginCut("elsewhere", 5.0), "does not lie in the liver"),
    ):
        with pytest.raises(InvalidValue, match=words):
            asked(case, Resection("r1", cut))
    with pytest.raises(InvalidValue, match="no resection"):
        asked(case, custom_probe())
    net = [[(0.0, float(x), float(z)) for z in (-30, 0, 30)] for x in (-30, 0, 30)]
    net[0], net[1] = net[1], net[0]
    with pytest.raises(InvalidValue, match="folds"):
        asked(case, Resection("r1", PatchCut(tuple(tuple(row) for row in net))))
    assert "cut_misses_liver" in rules(asked(case, plane(80.0)))


def segmented(case: Case) -> Case:
    """Segments 5 and 8 in front and behind of x = 0, and 2 and 3 beyond it."""
    structures, grid = case.structures, case.structures.grid
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1).astype(float))
    liver = structures.mask("liver")
    quarters = {5: (-1, -1), 8: (-1, 1), 2: (1, -1), 3: (1, 1)}
    for number, (x, y) in quarters.items():
        role = Role(f"couinaud_{number}")
        own = liver & (x * points[..., 0] > 0) & (y * points[..., 1] > 0)
        structures = structures.with_mask(replace(structures["lesion"], name=role.value, role=role), own)
    return case.with_structures(structures)


def test_two_contiguous_segments_remain_or_not(case: Case) -> None:
    assert "not outlined" in rules(asked(case, plane(20.0)))["segments_not_checked"]
    parted = segmented(case)
    two = asked(parted, plane(5.0))
    assert (value(two, "kept_segments_count"), value(two, "contiguous_segments_count")) == (2.0, 2.0)
    assert not {"too_few_segments", "segments_not_checked"} & set(rules(two))
    one = asked(parted, plane(5.0), plane(-5.0, (0.0, 1.0, 0.0), "r2"))
    assert value(one, "contiguous_segments_count") == 1.0
    assert "stays of: 5" in rules(one)["too_few_segments"]


def test_what_tests_of_function_say(case: Case) -> None:
    def with_facts(**facts: str) -> Case:
        return replace(case, patient=WELL.with_facts(facts))

    assert "ICG" in rules(asked(case, plane(20.0)))["function_unknown"]
    weak = with_facts(icg_r15_percent="14", remnant_function_percent_per_min_per_m2="2.1")
    cut = plane(2.0)
    found = asked(weak, cut, liver_state="cirrhotic")
    share = value(found, "remnant_of_measured_percent")
    assert 50.0 < share < 55.0
    assert "remnant_below_icg" not in rules(found)
    assert "2.1" in rules(found)["remnant_function_low"]
    less = asked(weak, plane(-5.0), liver_state="cirrhotic")
    assert 40.0 < value(less, "remnant_of_measured_percent") < 50.0
    assert "50 % of the measured liver" in rules(less)["remnant_below_icg"]
    good = with_facts(icg_r15_percent="7", remnant_function_percent_per_min_per_m2="2.69")
    assert not {"remnant_below_icg", "remnant_function_low", "function_unknown"} & set(
        rules(asked(good, plane(-5.0), liver_state="cirrhotic"))
    )
    assert "tell the liver's state" in rules(asked(weak, cut))["icg_not_judged"]
    assert "no number" in rules(asked(with_facts(icg_r15_percent="much"), cut))["function_not_plausible"]


def test_remnant_by_body_surface(case: Case) -> None:
    answer = asked(case, plane(20.0), liver_state="cirrhotic")
    working = value(answer, "remnant_volume_ml") - value(answer, "tumor_volume_ml")
    assert value(answer, "remnant_of_surface_ml_per_m2") == pytest.approx(working / 1.844662, rel=1e-5)
    assert answer.metric("remnant_of_surface_ml_per_m2").target.low == 250.0
    small = replace(case, patient=Patient())
    assert "enter height and weight" in asked(small, plane(20.0)).metric("remnant_of_surface_ml_per_m2").note


def test_the_area_of_the_cut_and_its_classes(case: Case) -> None:
    answer = asked(case, plane(-14.0))
    disc = np.pi * (LIVER_MM**2 - 14.0**2) / 100.0
    assert value(answer, "cut_area_cm2") == pytest.approx(disc, rel=0.01)
    names = ("below_1_mm", "1_to_5_mm", "5_to_10_mm", "from_10_mm")
    shares = [value(answer, f"cut_{n}_percent") for n in names]
    assert sum(shares) == pytest.approx(100.0)
    near = np.pi * np.diff([14.0**2, 15.0**2, 20.0**2]) / disc
    assert shares[1:3] == pytest.approx(near, abs=0.5)
    stays = asked(case, plane(20.0))
    assert stays.metric("cut_1_to_5_mm_percent").note == "no lesion is taken"
    assert [s.subject for s in answer.surfaces] == ["r1"]


def test_each_voxel_says_what_becomes_of_it(case: Case) -> None:
    probe = custom_probe(center=(-30.0, 0.0, -20.0), entry=(-30.0, -100.0, -20.0), size_mm=30.0)
    answer = asked(case, plane(20.0), probe)
    (field,) = (f for f in answer.fields if f.name == LIVER_PARTS)
    voxel_ml = field.grid.voxel_volume_ml
    volumes = {part: float((field.values == part).sum()) * voxel_ml for part in Part}
    # Counted voxels and runs cut at sub-voxel places differ by the voxels on the cut.
    for part, name in ((Part.RESECTED, "resected_volume_ml"), (Part.ABLATED, "ablated_volume_ml")):
        assert volumes[part] == pytest.approx(value(answer, name), rel=0.03), name
    whole = sum(v for part, v in volumes.items() if part != Part.OUTSIDE)
    assert whole == pytest.approx(value(answer, "liver_volume_ml"), abs=1e-6)
    # The portal vein comes from the side that is taken: nothing that stays keeps its inflow.
    assert volumes[Part.REMNANT] + volumes[Part.CONGESTED] < 0.02 * whole
    assert volumes[Part.DEVASCULARISED] == pytest.approx(value(answer, "devascularized_volume_ml"), rel=0.03)
