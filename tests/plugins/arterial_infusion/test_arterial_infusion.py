"""A pump at the gastroduodenal artery perfuses what lies beyond its junction: volumes to the voxel, and every refusal."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from pump_case import (
    AGENT,
    JUNCTION,
    LEFT_ML,
    LIVER_ML,
    ML_PER_MM,
    MODULE,
    NORMAL,
    PROPER_PARTS,
    REPLACED,
    RIGHT_ML,
    RIGHT_PART,
    SEEN,
    STEM,
    VARIANT,
    asked,
    branch,
    case,
    renamed,
    texts,
    tip,
    tree,
    value,
)

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Assessment, CheckState, Confidence, Severity
from planner.model.case import Case
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.planning.arterial_names import (
    ACCESSORY_LEFT,
    GASTRODUODENAL,
    PROPER,
    REPLACED_LEFT,
    REPLACED_RIGHT,
    RIGHT,
)
from planner.plugin.judging import advise, propose

AT_JUNCTION = [
    (0.0, -3.0, -50.0),
    (0.0, -0.2, -50.0),
    (0.0, -40.0, -50.0),
    (0.0, 0.0, -52.0),
    (0.0, 0.0, -48.0),
]


@pytest.fixture(scope="module")
def normal() -> Assessment:
    return asked(case())


@pytest.fixture(scope="module")
def variant() -> Assessment:
    return asked(case(tree(*VARIANT)))


def test_what_flows_on_at_the_junction_is_perfused_and_not_what_lies_beyond_the_tip(
    normal: Assessment,
) -> None:
    assert value(normal, "perfused_volume_ml") == pytest.approx(LIVER_ML, rel=1e-9)
    assert value(normal, "perfused_volume_ml", "c1") == pytest.approx(LIVER_ML, rel=1e-9)
    assert value(normal, "perfused_share_percent") == pytest.approx(100.0)
    assert value(normal, "unperfused_volume_ml") == pytest.approx(0.0, abs=1e-9)
    (field,) = normal.fields
    assert np.count_nonzero(field.values == 1) * field.grid.voxel_volume_ml == pytest.approx(LIVER_ML)
    assert "not what lies beyond the tip" in normal.metric("perfused_volume_ml", "c1").method
    for name in ("left lesion", "middle lesion"):
        assert value(normal, "lesion_perfused_percent", name) == pytest.approx(100.0)
        assert value(normal, "lesion_with_rim_perfused_percent", name) == pytest.approx(100.0)
    (flow,) = texts(normal, "pump_perfuses")
    assert f"into: {PROPER}." in flow


@pytest.mark.parametrize("at", AT_JUNCTION)
def test_where_the_tip_lies_at_the_junction_changes_nothing(at: tuple[float, float, float]) -> None:
    answer = asked(case(tree(*VARIANT)), tip(at))
    assert value(answer, "perfused_volume_ml") == pytest.approx(RIGHT_ML, rel=1e-9)


def test_a_replaced_artery_on_another_trunk_stays_unperfused(variant: Assessment) -> None:
    """The arteries part the block at x = 6 mm: 66 mm of it hang on the right one, 54 mm on the replaced one."""
    assert value(variant, "perfused_volume_ml") == pytest.approx(RIGHT_ML, rel=1e-9)
    assert value(variant, "unperfused_volume_ml") == pytest.approx(LEFT_ML, rel=1e-9)
    assert value(variant, "unperfused_volume_ml", REPLACED_LEFT) == pytest.approx(LEFT_ML, rel=1e-9)
    assert value(variant, "unperfused_share_percent") == pytest.approx(100.0 * LEFT_ML / LIVER_ML)
    (text,) = texts(variant, "liver_not_perfused")
    assert REPLACED_LEFT in text
    assert f"{LEFT_ML:.0f} ml (45 % of the liver)" in text
    assert any("is not fed" in t for t in texts(variant, "lesion_not_covered"))
    assert any("Michels type II" in t for t in texts(variant, "arterial_variant"))


def test_what_is_left_out_and_what_is_perfused_are_the_liver() -> None:
    """Also where a tip lies in the middle of a branch: what hangs on it before the tip is left out."""
    for at in ((0.0, -3.0, -50.0), (-21.0, 0.0, 0.0), (40.0, 0.0, 0.0)):
        for branches in (NORMAL, VARIANT):
            answer = asked(case(tree(*branches)), tip(at))
            parts = [
                m.value for m in answer.metrics if m.name == "unperfused_volume_ml" and m.subject != "plan"
            ]
            total = value(answer, "perfused_volume_ml") + sum(p for p in parts if p is not None)
            assert total == pytest.approx(LIVER_ML, rel=1e-9)


def test_trees_of_several_trunks_are_judged_together() -> None:
    """The same arteries as two trees: alone the first would take the whole liver."""
    main = tree(*STEM, *PROPER_PARTS, RIGHT_PART)
    other = tree(
        *(replace(b, number=b.number - 9, parent=None if b.parent is None else 0) for b in REPLACED),
        id="left",
    )
    answer = asked(case(main, other))
    assert value(answer, "perfused_volume_ml") == pytest.approx(RIGHT_ML, rel=1e-9)
    assert value(answer, "unperfused_volume_ml", REPLACED_LEFT) == pytest.approx(LEFT_ML, rel=1e-9)
    assert value(answer, "tip_from_junction_mm", "c1") == pytest.approx(3.0)
    swapped = asked(case(other, main))
    assert value(swapped, "perfused_volume_ml") == pytest.approx(RIGHT_ML, rel=1e-9)
    assert value(swapped, "branches_to_ligate_count") == value(answer, "branches_to_ligate_count") == 1.0
    left = asked(case(main, other), tip((20.0, 0.0, 0.0), "left"))
    assert value(left, "perfused_volume_ml") == pytest.approx(40.0 * ML_PER_MM, abs=5.0 * ML_PER_MM)


def test_length_and_diameter_of_the_gastroduodenal_artery(normal: Assessment) -> None:
    """Radius falls from 3 to 2 mm over the first 10 mm: a mean diameter of 5 mm."""
    assert value(normal, "gastroduodenal_length_mm") == pytest.approx(60.0)
    assert value(normal, "gastroduodenal_to_first_branch_mm") == pytest.approx(20.0)
    assert value(normal, "gastroduodenal_diameter_mm") == pytest.approx(5.0, rel=1e-6)
    assert normal.metric("gastroduodenal_length_mm").where_lps_mm == pytest.approx(JUNCTION)
    assert value(normal, "tip_from_junction_mm", "c1") == pytest.approx(3.0)
    assert value(normal, "vessel_diameter_mm", "c1") == pytest.approx(2 * 2.7)
    assert value(normal, "from_ostium_mm", "c1") == pytest.approx(33.0)
    assert all(m.name != "reflux_distance_mm" for m in normal.metrics), "flowing back is what it is to do"
    short = asked(case(tree(*(b for b in NORMAL if b.number not in (2, 3)))))
    assert value(short, "gastroduodenal_length_mm") == pytest.approx(20.0)
    assert short.metric("gastroduodenal_to_first_branch_mm").note == "no branch leaves it"
    forked = (*NORMAL, branch(11, 1, GASTRODUODENAL, (0.0, -20.0, -50.0), (30.0, -20.0, -50.0)))
    assert value(asked(case(tree(*forked))), "gastroduodenal_length_mm") == pytest.approx(60.0), (
        "the longest way"
    )


def test_branches_to_tie(normal: Assessment) -> None:
    """The right gastric artery leaves 10 mm beyond the junction; the supraduodenal one only counts before the tip."""
    assert value(normal, "branches_to_ligate_count") == 1.0
    (text,) = texts(normal, "branch_to_ligate")
    assert "right gastric artery" in text
    assert "10 mm beyond the junction" in text
    assert "stomach" in text
    far = asked(case(), tip((0.0, -35.0, -50.0)))
    assert value(far, "branches_to_ligate_count") == 2.0
    assert value(far, "extrahepatic_branches_count") == 1.0
    (stem,) = [t for t in texts(far, "branch_to_ligate") if "supraduodenal" in t]
    assert "20 mm from the junction, before the tip" in stem
    assert "duodenum" in stem
    assert any("35 mm from the junction" in t for t in texts(far, "tip_away_from_junction"))
    assert not texts(normal, "tip_away_from_junction")
    places = {f.where_lps_mm for f in far.findings if f.rule == "branch_to_ligate"}
    assert places == {(0.0, 0.0, -40.0), (0.0, -20.0, -50.0)}
    near = asked(case(tree(*renamed(NORMAL, "supraduodenal artery", ""))), tip((0.0, -35.0, -50.0)))
    assert any("what it feeds is not named" in t for t in texts(near, "branch_to_ligate"))


def test_nothing_beyond_the_tip_is_said_to_be_fed(normal: Assessment) -> None:
    assert not texts(normal, "feeds_other_organ")
    assert not texts(normal, "reflux_distance_short")
    elsewhere = asked(case(), tip((0.0, 0.0, -70.0)))
    assert any(GASTRODUODENAL in t for t in texts(elsewhere, "feeds_other_organ"))
    assert value(elsewhere, "branches_to_ligate_count") == 2.0, (
        "the gastroduodenal and the right gastric artery"
    )


def test_unnamed_branches_that_end_outside_the_liver() -> None:
    more = branch(11, 4, "", (0.0, 0.0, -40.0), (0.0, 50.0, -60.0))
    answer = asked(case(tree(*NORMAL, more)))
    assert value(answer, "ends_outside_count") == 1.0
    (text,) = texts(answer, "branch_leaves_liver")
    assert "branch 11" in text
    # It ends at (0, 50, -60): the block's last voxels lie at y = 28.75 and z = -28.5.
    assert f"{np.hypot(50.0 - 28.75, 60.0 - 28.5):.0f} mm outside" in text
    inside = branch(11, 6, "", (0.0, 0.0, 0.0), (0.0, 20.0, 0.0))
    assert value(asked(case(tree(*NORMAL, inside))), "ends_outside_count") == 0.0


def test_an_artery_of_another_organ_takes_no_liver() -> None:
    cystic = branch(11, 7, "cystic artery", (-58.0, 0.0, 0.0), (-58.0, 30.0, 0.0))
    answer, without = asked(case(tree(*NORMAL, cystic))), asked(case())
    assert value(answer, "perfused_volume_ml") == value(without, "perfused_volume_ml")
    assert any("cystic" in t for t in texts(answer, "branch_to_ligate"))


def test_a_tip_in_another_artery_gives_what_lies_beyond_it() -> None:
    answer = asked(case(), tip((-21.0, 0.0, 0.0)))
    exact = 39.0 * ML_PER_MM
    assert value(answer, "perfused_volume_ml") == pytest.approx(exact, abs=1.5 * 2.0 * ML_PER_MM)
    (text,) = texts(answer, "tip_not_in_gastroduodenal_artery")
    assert RIGHT in text
    assert answer.metric("tip_from_junction_mm", "c1").value is None
    assert value(answer, "gastroduodenal_length_mm") == pytest.approx(60.0), "it is there all the same"
    left = next(m for m in answer.metrics if m.name == "unperfused_volume_ml" and "left" in m.subject)
    assert left.value == pytest.approx(LEFT_ML, rel=1e-9)
    beside = asked(case(), tip((0.0, 0.0, -48.0)))
    assert any("2 mm beside the junction" in t for t in texts(beside, "tip_not_in_gastroduodenal_artery"))
    assert value(beside, "tip_from_junction_mm", "c1") == pytest.approx(2.0)


def test_without_the_name_it_is_said_that_the_artery_is_not_known() -> None:
    unnamed = tree(*(replace(b, name="") for b in NORMAL))
    answer = asked(case(unnamed), tip((0.0, 0.0, -45.0)))
    (text,) = texts(answer, "gastroduodenal_artery_unknown")
    assert "Told is what lies beyond the tip" in text
    for name in ("gastroduodenal_length_mm", "gastroduodenal_diameter_mm"):
        assert answer.metric(name).value is None
        assert "no branch is named" in answer.metric(name).note
    assert "unknown" in answer.metric("tip_from_junction_mm", "c1").note
    with pytest.raises(InvalidValue, match="Nothing of the liver is perfused") as error:
        asked(case(unnamed), tip((0.0, -3.0, -50.0)))
    assert "Name the gastroduodenal artery" in error.value.todo


def test_what_was_seen_goes_before_the_tree() -> None:
    answer = asked(case(), tip(perfused_structure=SEEN))
    assert value(answer, "perfused_volume_ml") == pytest.approx(30.0 * ML_PER_MM, rel=1e-9)
    assert not texts(answer, "pump_perfuses")
    alone = asked(case(), CatheterTarget("c1", "", (0.0, 0.0, 0.0), AGENT, SEEN))
    assert value(alone, "perfused_volume_ml") == pytest.approx(30.0 * ML_PER_MM, rel=1e-9)


def test_variants_that_are_told_but_not_named() -> None:
    answer = asked(case(facts={"michels_type": "VII"}))
    told = texts(answer, "variant_not_named")
    assert len(told) == 2
    assert any(ACCESSORY_LEFT in t for t in told)
    assert any(
        REPLACED_RIGHT in t for t in texts(asked(case(facts={"michels_type": "III"})), "variant_not_named")
    )
    assert not texts(asked(case(facts={"michels_type": "I"})), "variant_not_named")
    assert texts(asked(case(facts={"michels_type": "XI"})), "fact_refused")


def test_a_variant_that_reaches_no_liver_is_said() -> None:
    stub = branch(11, None, REPLACED_RIGHT, (-40.0, 0.0, -90.0), (-40.0, 0.0, -60.0))
    answer = asked(case(tree(*NORMAL, stub)))
    assert value(answer, "unperfused_volume_ml", REPLACED_RIGHT) == 0.0
    assert any("as it is drawn no liver hangs on it" in t for t in texts(answer, "liver_not_perfused"))


def test_refusals() -> None:
    with pytest.raises(InvalidValue, match="no tip for an infusion"):
        MODULE.logic.assess(
            case(), Plan("A", "c", (replace(tip(), agent=Agent(AgentType.TACE)),)), MODULE.settings(), Task()
        )
    with pytest.raises(InvalidValue, match="lies on no branch"):
        asked(case(), tip((0.0, 60.0, -70.0)))
    with pytest.raises(InvalidValue, match="territories are not known"):
        asked(case(), tip(of="veins"))
    with pytest.raises(InvalidValue, match="no such perfused volume"):
        asked(case(), tip(perfused_structure="other"))
    loose = (*(replace(b, parent=None) if b.number == 1 else b for b in NORMAL),)
    with pytest.raises(InvalidValue, match="hangs on no other artery") as error:
        asked(case(tree(*loose)))
    assert "Join it" in error.value.todo
    lone = tree(*STEM, RIGHT_PART_ALONE)
    with pytest.raises(InvalidValue, match="hangs on what flows on"):
        asked(case(lone))
    without = StructureSet.from_masks(
        "s",
        case().structures.grid,
        [(Structure("skin", Role.SKIN), np.ones(case().structures.grid.shape, dtype=bool))],
    )
    with pytest.raises(InvalidValue, match="No liver"):
        asked(replace(case(), structure_sets=(without,)))


RIGHT_PART_ALONE = branch(7, None, RIGHT, (0.0, 0.0, -40.0), (0.0, 0.0, 0.0), (-58.0, 0.0, 0.0))


def test_preview_says_what_assess_says(variant: Assessment) -> None:
    a_case, settings = case(tree(*VARIANT)), MODULE.settings()
    prepared = MODULE.logic.prepare(a_case, settings, Task())
    assert set(prepared.flows) == {"artery"}
    found = MODULE.logic.preview(a_case, prepared, Plan("A", "c", (tip(),)), settings, "c1")
    assert found.metrics == variant.metrics
    assert found.findings == variant.findings
    severities = [f.severity for f in found.findings]
    assert severities == sorted(severities, key=[Severity.STOP, Severity.WARNING, Severity.INFO].index)


def test_other_agents_keep_what_lies_beyond_their_tip() -> None:
    """The desktop shows any tip on this ground."""
    prepared = MODULE.logic.prepare(case(tree(*VARIANT)), MODULE.settings(), Task())
    tace = CatheterTarget("c2", "artery", (0.0, -3.0, -50.0), Agent(AgentType.TACE))
    assert not prepared.fed(tace).any()
    assert prepared.junction(tace) is None


def states(a_case: Case, **settings: object) -> dict[str, CheckState]:
    return {c.rule: c.state for c in advise(MODULE, a_case, Plan("A", "c"), settings).checks}


WELL = {
    "arteries_read_on_ct": "yes",
    "portal_thrombosis": "no",
    "extrahepatic_spread": "no",
    "bilirubin_mg_per_dl": "1.5",
    "pump_perfusion": "both",
}


def test_the_checklist() -> None:
    assert set(states(case(facts=WELL)).values()) == {CheckState.FULFILLED}
    for id, bad in (
        ("portal_thrombosis", "branch"),
        ("bilirubin_mg_per_dl", "1.6"),
        ("pump_perfusion", "outside"),
    ):
        assert states(case(facts={**WELL, id: bad}))[id] == CheckState.NOT_FULFILLED
    nothing = states(case(tree(*renamed(NORMAL, GASTRODUODENAL, ""), is_confirmed=False)))
    assert {nothing[id] for id in WELL} == {CheckState.UNKNOWN}
    assert nothing["gastroduodenal_artery"] == CheckState.UNKNOWN
    assert nothing["arteries_confirmed"] == CheckState.NOT_FULFILLED
    assert nothing["tumor_share"] == CheckState.FULFILLED
    assert states(case(facts=WELL), tumor_share_limit_percent=1.0)["tumor_share"] == CheckState.NOT_FULFILLED
    bare = states(replace(case(), vessel_trees=()))
    assert (
        bare["arteries_confirmed"]
        == bare["michels_type"]
        == bare["gastroduodenal_artery"]
        == CheckState.UNKNOWN
    )


def test_what_is_unverified_is_marked_and_what_is_asked_of_the_checklist_is_refused() -> None:
    answer = advise(MODULE, case(), Plan("A", "c"), {}, {"lesion": "left lesion"})
    line = next(c for c in answer.checks if c.rule == "bilirubin_mg_per_dl")
    assert line.source.confidence == Confidence.UNVERIFIED
    assert "no publication read" in line.title
    assert "not everything is known" in answer.findings[0].text
    with pytest.raises(InvalidValue, match="no such lesion"):
        advise(MODULE, case(), Plan("A", "c"), {}, {"lesion": "spleen"})
    with pytest.raises(InvalidValue, match="does not know"):
        advise(MODULE, case(), Plan("A", "c"), {}, {"size": "3"})


def test_a_pump_is_suggested_at_the_junction() -> None:
    """It perfuses what an answer says such a tip does; without a gastroduodenal artery tips are suggested as elsewhere."""
    normal = case()
    (found,) = propose(MODULE, normal, Plan("A", "c"), {}, {"lesion": "left lesion"})
    (target,) = found.plan.catheter_targets
    assert target.agent.type is AgentType.INFUSION
    assert target.name == GASTRODUODENAL
    answer = asked(normal, target)
    assert value(answer, "perfused_volume_ml") == pytest.approx(found.scores["perfused_volume_ml"])
    assert value(answer, "tip_from_junction_mm", target.id) == pytest.approx(1.0)
    without = case(tree(*(b for b in NORMAL if b.name != GASTRODUODENAL and b.number not in (2, 3))))
    others = propose(MODULE, without, Plan("A", "c"), {}, {"lesion": "left lesion"})
    assert all(t.name != GASTRODUODENAL for s in others for t in s.plan.catheter_targets)
