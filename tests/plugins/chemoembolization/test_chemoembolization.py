"""Chemoembolization judged on a block of liver: order, feeders, what is spared, scores, and who may be treated."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from planner_plugins.chemoembolization.sheet import TargetingSheet

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "planning"))
from arterial_case import GRID, artery, line, places, structures

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Assessment, CheckState, Confidence, Finding, Severity
from planner.model.case import Case, Patient
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning.perfusion import Perfusion, PerfusionGround
from planner.plugin.judging import advise, judge, propose
from planner.plugin.registry import find_modules

MODULE = find_modules().module("chemoembolization")
SEEN = "perfused right"
LIVER_ML, ML_PER_MM = 432.0, 3.6
#: Voxels of each lesion, a ball of 9 mm radius.
BALL_ML = 4.0 / 3.0 * np.pi * 9.0**3 / 1000.0
#: A patient nothing speaks against.
WELL = {
    "bclc_stage": "b",
    "child_pugh_points": "7",
    "ecog": "0",
    "bilirubin_mg_per_dl": "3",
    "albumin_g_per_l": "35",
    "afp_ng_per_ml": "20",
    "ascites": "no",
    "encephalopathy": "no",
    "portal_thrombosis": "no",
    "portal_flow": "hepatopetal",
    "extrahepatic_spread": "no",
    "biliary_anastomosis": "no",
}
LEFT, MIDDLE = "left lesion", "middle lesion"


@cache
def block() -> StructureSet:
    return structures(**{SEEN: places()[..., 0] < -30.0})


def arteries(is_confirmed: bool = True, *more: Branch) -> VesselTree:
    return replace(artery(*more), is_confirmed=is_confirmed)


def case(facts: dict[str, str] = WELL, tree: VesselTree | None = None, **patient: object) -> Case:
    told = Patient(**patient).with_facts(facts)  # type: ignore[arg-type]
    return Case("c", "c", (), (block(),), told, vessel_trees=(tree or arteries(),))


def tip(x: float, id: str = "c1", notes: str = "", structure: str = "", of: str = "artery") -> CatheterTarget:
    return CatheterTarget(id, of, (x, 0.0, 0.0), Agent(AgentType.TACE, notes=notes), structure)


def asked(a_case: Case, *tips: CatheterTarget, **settings: object) -> Assessment:
    return judge(MODULE, a_case, Plan("A", "c", tips), settings, Task())


def value(answer: Assessment, name: str, subject: str = "plan") -> float:
    found = answer.metric(name, subject).value
    assert found is not None
    return found


def texts(answer: Assessment, rule: str) -> list[str]:
    return [f.text for f in answer.findings if f.rule == rule]


@cache
def ground() -> PerfusionGround:
    return MODULE.logic.prepare(case(), MODULE.settings(), Task())


def sheet(
    *tips: CatheterTarget, order: str = "most tumour first", tree: VesselTree | None = None
) -> TargetingSheet:
    return TargetingSheet(Perfusion(ground(), tips), (tree or arteries(),), order)


# the sheet -----------------------------------------------------------------------------------


def test_what_is_fed_and_what_is_spared() -> None:
    """A tip at x = 20 mm feeds 40 mm of the block with the whole left lesion."""
    answer = asked(case(), tip(20.0))
    fed = value(answer, "perfused_volume_ml")
    assert fed == pytest.approx(40.0 * ML_PER_MM, abs=1.5 * 2.0 * ML_PER_MM)
    tumor = value(answer, "tumor_fed_volume_ml")
    assert tumor == pytest.approx(BALL_ML, rel=0.05)
    assert value(answer, "perfused_normal_volume_ml") == pytest.approx(fed - tumor)
    both = value(answer, "tumor_share_percent") * LIVER_ML / 100.0
    assert both == pytest.approx(2 * BALL_ML, rel=0.05)
    spared = value(answer, "spared_normal_volume_ml")
    assert spared + value(answer, "perfused_normal_volume_ml") + both == pytest.approx(LIVER_ML, rel=1e-9)
    assert value(answer, "spared_normal_percent") == pytest.approx(100.0 * spared / (LIVER_ML - both))
    assert value(answer, "tumor_fed_percent", "c1") == pytest.approx(100.0 * tumor / both)
    assert value(answer, "lesion_uncovered_volume_ml", LEFT) == pytest.approx(0.0, abs=1e-9)
    left = answer.metric("lesion_uncovered_volume_ml", MIDDLE)
    assert left.value == pytest.approx(both - tumor)
    assert left.note == "fed by no tip"
    assert answer.metric("lesion_uncovered_volume_ml", LEFT).note == "c1 100 %"
    assert value(answer, "lesions_fed_count", "c1") == 1.0
    assert value(answer, "from_ostium_mm", "c1") == pytest.approx(100.0)


def test_the_order_is_by_tumour_or_by_the_way_and_a_vessel_beyond_another_comes_first() -> None:
    """c3 lies beyond c2 in its very branch; the left one feeds a lesion and a half, the right one a half."""
    tips = (tip(-2.0, "c1"), tip(1.0, "c2"), tip(30.0, "c3"))
    for given in itertools.permutations(tips):
        assert [r.target.id for r in sheet(*given).vessels] == ["c3", "c2", "c1"]
        assert [r.target.id for r in sheet(*given, order="farthest first").vessels] == ["c3", "c1", "c2"]
    assert [r.number for r in sheet(*tips).vessels] == [1, 2, 3]
    apart = (tip(-50.0, "far"), tip(20.0, "left"))
    assert [r.target.id for r in sheet(*apart).vessels] == ["left", "far"]
    assert [r.target.id for r in sheet(*apart, order="farthest first").vessels] == ["far", "left"]
    answer = asked(case(), *tips, order="farthest first")
    assert [value(answer, "tips_before_count", id) for id in ("c3", "c1", "c2")] == [0.0, 1.0, 2.0]
    assert "farthest from the ostium first" in answer.metric("tips_before_count", "c1").method
    assert "most tumour first" in asked(case(), *tips).metric("tips_before_count", "c1").method


def test_in_the_trunk_what_lies_in_a_branch_of_it_comes_first() -> None:
    trunk = CatheterTarget("trunk", "artery", (0.0, 0.0, -50.0), Agent(AgentType.TACE))
    for order in ("most tumour first", "farthest first"):
        assert [r.target.id for r in sheet(trunk, tip(-50.0, "far"), order=order).vessels] == ["far", "trunk"]


def test_feeders_of_each_lesion() -> None:
    rows = {r.name: r for r in sheet(tip(-1.0, "r"), tip(1.0, "l")).lesions}
    assert [id for id, _ in rows[LEFT].feeders] == ["l"]
    assert {id for id, _ in rows[MIDDLE].feeders} == {"r", "l"}
    shares = [share for _, share in rows[MIDDLE].feeders]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(rows[MIDDLE].covered_percent)
    assert rows[MIDDLE].uncovered_ml == pytest.approx(
        (100.0 - rows[MIDDLE].covered_percent)
        / 100.0
        * float(ground().volumes_ml[ground().of_lesion(MIDDLE)].sum())
    )
    assert rows[LEFT].with_rim_percent == pytest.approx(100.0)
    part = {r.name: r for r in sheet(tip(36.0, "l")).lesions}
    assert part[LEFT].with_rim_percent < part[LEFT].covered_percent < 100.0


def test_each_vessel_of_the_sheet_is_a_line_with_the_users_words() -> None:
    answer = asked(case(), tip(20.0, notes=" doxorubicin 75 mg on 100-300 µm beads "), tip(-40.0, "c2"))
    first, second = texts(answer, "targeting_sheet")
    assert first.startswith("1. c1, left hepatic artery: 100 mm from the ostium, 4.0 mm wide")
    assert "feeds 100 % of left lesion" in first
    assert first.endswith("Notes: doxorubicin 75 mg on 100-300 µm beads")
    assert second.startswith("2. c2, right hepatic artery: 120 mm")
    assert "feeds no lesion" in second
    assert "No notes" in second
    (reference,) = [f for f in answer.findings if f.rule == "agent_for_reference"]
    assert "100 to 300 µm" in reference.text
    assert "10 to 15 ml" in reference.text
    assert reference.source.confidence == Confidence.ESTABLISHED
    places_told = [f.where_lps_mm for f in answer.findings if f.rule == "targeting_sheet"]
    assert places_told[0] == pytest.approx((20.0, 0.0, 0.0))


def test_the_sheet_is_locked_until_somebody_confirmed_the_arteries() -> None:
    answer = asked(case(tree=arteries(False)), tip(20.0))
    assert not texts(answer, "targeting_sheet")
    assert "locked" in texts(answer, "sheet_locked")[0]
    order = answer.metric("tips_before_count", "c1")
    assert order.value is None
    assert "nobody confirmed" in order.note
    assert value(answer, "perfused_volume_ml") > 0, "volumes are told all the same"
    seen = asked(case(tree=arteries(False)), CatheterTarget("c1", "", (0, 0, 0), Agent(AgentType.TACE), SEEN))
    assert len(texts(seen, "targeting_sheet")) == 1
    assert value(seen, "perfused_volume_ml") == pytest.approx(30.0 * ML_PER_MM, rel=1e-9)
    portal = VesselTree("portal", Role.PORTAL_VEIN, artery().branches, is_confirmed=True)
    stands_in = asked(replace(case(), vessel_trees=(portal,)), tip(20.0, of="portal"))
    assert "portal branches stand in" in texts(stands_in, "sheet_locked")[0]


def test_other_organs_beyond_a_tip_stop() -> None:
    falciform = Branch(3, 2, line((58.0, 0.0, 0.0), (58.0, 40.0, 0.0)), np.full(41, 1.0), "falciform artery")
    answer = asked(case(tree=arteries(True, falciform)), tip(20.0))
    assert any("falciform" in t for t in texts(answer, "feeds_other_organ"))


def test_refusals() -> None:
    logic, settings = MODULE.logic, MODULE.settings()
    other = replace(tip(20.0), agent=Agent(AgentType.INFUSION))
    with pytest.raises(InvalidValue, match="no tip for chemoembolization"):
        logic.assess(case(), Plan("A", "c", (other,)), settings, Task())
    with pytest.raises(InvalidValue, match="lies on no branch"):
        asked(case(), CatheterTarget("c1", "artery", (0.0, 25.0, 0.0), Agent(AgentType.TACE)))
    with pytest.raises(InvalidValue, match="territories are not known"):
        asked(case(), tip(20.0, of="veins"))
    with pytest.raises(InvalidValue, match="no such perfused volume"):
        asked(case(), tip(20.0, structure="other"))
    far = Branch(3, 0, line((0.0, 0.0, 0.0), (0.0, 90.0, 0.0)), np.full(91, 1.0))
    with pytest.raises(InvalidValue, match="Nothing of the liver is perfused") as error:
        asked(
            case(tree=arteries(True, far)),
            CatheterTarget("c1", "artery", (0.0, 60.0, 0.0), Agent(AgentType.TACE)),
        )
    assert (error.value.thing, error.value.todo) == (
        "'c1'",
        "Move it into a vessel that feeds liver, or leave it out.",
    )
    skin = StructureSet.from_masks(
        "s", GRID, [(Structure("skin", Role.SKIN), np.ones(GRID.shape, dtype=bool))]
    )
    with pytest.raises(InvalidValue, match="No liver"):
        asked(replace(case(), structure_sets=(skin,)), tip(20.0))


def test_preview_says_what_assess_says() -> None:
    tips = (tip(20.0), tip(-20.0, "c2"))
    found = MODULE.logic.preview(case(), ground(), Plan("A", "c", tips), MODULE.settings(), "c1")
    answer = asked(case(), *tips)
    (field,) = answer.fields
    fed = [np.count_nonzero(field.values == n) * GRID.voxel_volume_ml for n in (1, 2)]
    assert fed == pytest.approx([value(answer, "perfused_volume_ml", id) for id in ("c1", "c2")])
    assert found.metrics == answer.metrics
    assert found.findings == answer.findings


# scores and burden ---------------------------------------------------------------------------


def test_scores_of_two_lesions_of_eighteen_millimetres() -> None:
    answer = asked(case(), tip(20.0))
    largest = value(answer, "largest_lesion_mm")
    assert largest == pytest.approx(18.0, abs=2 * float(np.linalg.norm(GRID.spacing_mm)))
    assert value(answer, "lesions_count") == 2.0
    assert value(answer, "up_to_seven_score") == pytest.approx(largest / 10 + 2)
    assert value(answer, "six_and_twelve_score") == value(answer, "up_to_seven_score")
    assert answer.metric("up_to_seven_score").is_met
    assert answer.metric("six_and_twelve_score").note.startswith("low")
    hap = answer.metric("hap_points_count")
    assert (hap.value, hap.note[:1]) == (2.0, "C")
    assert "Kadalayil 2013" in hap.method


def test_scores_are_unknown_where_facts_are_and_of_hepatocellular_carcinoma_alone() -> None:
    answer = asked(case({}), tip(20.0))
    assert answer.metric("hap_points_count").value is None
    assert "albumin" in answer.metric("hap_points_count").note
    other = asked(case(), tip(20.0), disease="colorectal metastases")
    for name in ("up_to_seven_score", "six_and_twelve_score", "hap_points_count"):
        assert other.metric(name).value is None
        assert "alone" in other.metric(name).note
    assert value(other, "lesions_count") == 2.0
    wrong = asked(case({**WELL, "albumin_g_per_l": "3.5"}), tip(20.0))
    assert any("3.5" in t for t in texts(wrong, "fact_refused"))
    assert wrong.metric("hap_points_count").value is None


def test_a_lesion_in_two_pieces_is_said() -> None:
    points = places()
    two = np.minimum(*(np.linalg.norm(points - (x, 0.0, 12.0), axis=-1) for x in (-40.0, -20.0))) <= 5.0
    both = replace(case(), structure_sets=(block().with_mask(Structure("two", Role.LESION), two),))
    assert any("2 pieces" in t for t in texts(asked(both, tip(20.0)), "lesion_in_pieces"))
    assert not texts(asked(case(), tip(20.0)), "lesion_in_pieces")


# who may be treated --------------------------------------------------------------------------


def said(facts: dict[str, str], rule: str = "chemoembolization_eligibility") -> list[Finding]:
    plan = Plan("A", "c", (tip(20.0),))
    found = MODULE.logic.preview(case(facts), ground(), plan, MODULE.settings(), "c1")
    return [f for f in found.findings if f.rule == rule]


def states(facts: dict[str, str], child_pugh: str = "", **settings: object) -> dict[str, CheckState]:
    told = case(facts, child_pugh=child_pugh)
    return {c.rule: c.state for c in advise(MODULE, told, Plan("A", "c"), settings).checks}


def test_a_patient_nothing_speaks_against() -> None:
    assert set(states(WELL).values()) == {CheckState.FULFILLED}
    (found,) = said(WELL)
    assert (found.severity, "every condition" in found.text) == (Severity.INFO, True)


@pytest.mark.parametrize(
    ("id", "bad", "line"),
    [
        ("bclc_stage", "0", "bclc_stage"), ("bclc_stage", "C", "bclc_stage"), ("bclc_stage", "D", "bclc_stage"),
        ("child_pugh_points", "8", "child_pugh"), ("ecog", "1", "ecog"),
        ("bilirubin_mg_per_dl", "3.1", "bilirubin_mg_per_dl"), ("ascites", "yes", "ascites"),
        ("encephalopathy", "yes", "encephalopathy"), ("portal_thrombosis", "branch", "portal_branches_open"),
        ("extrahepatic_spread", "yes", "extrahepatic_spread"), ("biliary_anastomosis", "yes", "biliary_anastomosis"),
    ],
)  # fmt: skip
def test_each_condition_by_itself(id: str, bad: str, line: str) -> None:
    found = states({**WELL, id: bad})
    assert {rule for rule, state in found.items() if state != CheckState.FULFILLED} == {line}
    assert found[line] == CheckState.NOT_FULFILLED
    open_ones = states({k: v for k, v in WELL.items() if k != id})
    assert open_ones[line] == CheckState.UNKNOWN
    (told,) = said({**WELL, id: bad})
    assert told.severity == Severity.WARNING
    assert len(said({**WELL, id: bad}, "chemoembolization_eligibility_reason")) == 1


@pytest.mark.parametrize(("id", "bad"), [("portal_thrombosis", "main"), ("portal_flow", "hepatofugal")])
def test_the_portal_vein_bars_the_treatment(id: str, bad: str) -> None:
    (barred,) = said({**WELL, id: bad})
    assert barred.severity == Severity.STOP
    assert "must not be done" in barred.text
    (unknown,) = said({k: v for k, v in WELL.items() if k != id})
    assert "cannot be decided yet" in unknown.text


@pytest.mark.parametrize(
    ("letter", "points", "state"),
    [
        ("A", "", CheckState.FULFILLED), ("B", "", CheckState.UNKNOWN), ("C", "", CheckState.NOT_FULFILLED),
        ("B", "7", CheckState.FULFILLED), ("B", "8", CheckState.NOT_FULFILLED), ("", "5", CheckState.FULFILLED),
        ("A", "7", CheckState.UNKNOWN), ("C", "9", CheckState.UNKNOWN), ("", "6.5", CheckState.UNKNOWN),
        ("", "16", CheckState.UNKNOWN), ("", "", CheckState.UNKNOWN),
    ],
)  # fmt: skip
def test_child_pugh_by_class_and_points(letter: str, points: str, state: CheckState) -> None:
    facts = {k: v for k, v in WELL.items() if k != "child_pugh_points"}
    told = {**facts, **({"child_pugh_points": points} if points else {})}
    assert states(told, letter)["child_pugh"] == state


@pytest.mark.parametrize(
    ("resectable", "state"),
    [("no", CheckState.FULFILLED), ("yes", CheckState.NOT_FULFILLED), ("", CheckState.UNKNOWN)],
)
def test_early_stage_only_where_it_cannot_be_resected(resectable: str, state: CheckState) -> None:
    told = {**WELL, "bclc_stage": "A", **({"resection_possible": resectable} if resectable else {})}
    assert states(told)["bclc_stage"] == state


def test_limits_of_ones_own_and_other_tumours() -> None:
    assert states(WELL, bilirubin_limit_mg_per_dl=2.0)["bilirubin_mg_per_dl"] == CheckState.NOT_FULFILLED
    assert states(WELL, tumor_share_limit_percent=1.0)["tumor_share"] == CheckState.NOT_FULFILLED
    assert not {"bclc_stage", "child_pugh"} & set(states(WELL, disease="colorectal metastases"))
    with pytest.raises(InvalidValue, match="no such lesion"):
        advise(MODULE, case(), Plan("A", "c"), {}, {"lesion": "spleen"})
    with pytest.raises(InvalidValue, match="does not know"):
        advise(MODULE, case(), Plan("A", "c"), {}, {"size": "3"})
    assert advise(MODULE, case(), Plan("A", "c"), {}, {"lesion": LEFT}).checks


def test_suggested_tips_are_judged_as_they_were_told() -> None:
    own = case()
    found = propose(MODULE, own, Plan("A", "c"), {}, {"lesion": LEFT})
    for suggestion in found:
        answer = judge(MODULE, own, suggestion.plan)
        assert value(answer, "perfused_normal_volume_ml") == pytest.approx(
            suggestion.scores["perfused_normal_volume_ml"]
        )
        assert value(answer, "lesion_with_rim_perfused_percent", LEFT) == pytest.approx(
            suggestion.scores["target_fed_percent"]
        )
    assert [s.name for s in found] == [
        s.name for s in propose(MODULE, own, Plan("A", "c"), {}, {"lesion": LEFT})
    ]
