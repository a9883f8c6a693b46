"""What a person must know of an infusion, in sentences: where it flows, what it misses, what is tied."""

from __future__ import annotations

from planner_plugins.arterial_infusion.infusion import Infusion
from planner_plugins.arterial_infusion.left_out import LeftOut
from planner_plugins.arterial_infusion.ligation import BEYOND, Ligation
from planner_plugins.arterial_infusion.settings import ALLEN, OUTSIDE

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.model.catheter import CatheterTarget
from planner.model.points import as_point
from planner.model.roles import Role
from planner.planning.arterial_names import (
    ACCESSORY_LEFT,
    ACCESSORY_RIGHT,
    GASTRODUODENAL,
    MICHELS,
    MICHELS_FACT,
    REPLACED_LEFT,
    REPLACED_RIGHT,
    variant,
)
from planner.planning.catheter_facts import MAY_LEAVE, NON_TARGET, PLAN, REFLUX, target_findings
from planner.planning.eligibility import REFUSED
from planner.planning.gastroduodenal import Junction
from planner.planning.liver_ground import SPOKEN_OF_ML
from planner.planning.rules import Rule

MAY_IT_BE_DONE = "infusion_checklist"
#: Less of the liver than this that hangs on no named variant is a number, but no warning; our rule.
TOLD_SHARE = 0.005
#: Of each of Michels' types what must be named: one of each group.
NAMED = {
    "II": ((REPLACED_LEFT,),),
    "III": ((REPLACED_RIGHT,),),
    "IV": ((REPLACED_RIGHT,), (REPLACED_LEFT,)),
    "V": ((ACCESSORY_LEFT,),),
    "VI": ((ACCESSORY_RIGHT,),),
    "VII": ((ACCESSORY_RIGHT,), (ACCESSORY_LEFT,)),
    "VIII": ((REPLACED_RIGHT, REPLACED_LEFT), (ACCESSORY_RIGHT, ACCESSORY_LEFT)),
}


def _rule(id: str, severity: Severity, source: Source | str) -> Rule:
    return Rule(id, severity, Source(source, Confidence.OUR_RULE) if isinstance(source, str) else source)


UNNAMED = _rule(
    "gastroduodenal_artery_unknown",
    Severity.WARNING,
    "what a pump perfuses is told by where its artery leaves",
)
NOT_THERE = _rule("tip_not_in_gastroduodenal_artery", Severity.WARNING, ALLEN)
FLOWS_ON = _rule("pump_perfuses", Severity.INFO, "blood carries on what is given at a junction")
AWAY = _rule("tip_away_from_junction", Severity.WARNING, "the catheter ends at the junction; our distance")
LIGATE = _rule("branch_to_ligate", Severity.WARNING, OUTSIDE)
LEFT_OUT = _rule("liver_not_perfused", Severity.WARNING, ALLEN)
NOTES = _rule("infusion_notes", Severity.INFO, "the user's own words")
VARIANT = _rule("arterial_variant", Severity.INFO, MICHELS)
VARIANT_UNNAMED = _rule("variant_not_named", Severity.WARNING, "what is not named cannot be told")


def infusion_findings(infusion: Infusion) -> list[Finding]:
    """All that is said of the tips, the arteries and what they perfuse."""
    shared = target_findings(infusion.perfusion, infusion.case)
    # What lies beyond a tip in the gastroduodenal artery is not perfused, and flowing back is what it is to do.
    beyond_tip = {NON_TARGET.id, MAY_LEAVE.id, REFLUX.id}
    found = [f for f in shared if f.rule not in beyond_tip or infusion.junctions.get(f.subject) is None]
    for target in infusion.targets:
        found += _tip_findings(infusion, target)
        if notes := target.agent.notes.strip():
            found.append(NOTES.finding(f"Notes on {target.title}: {notes}", target.id))
    found += [_to_tie(x) for x in infusion.ligations if infusion.junctions[x.tip] is not None]
    for end in infusion.ends_outside:
        organ = f", at {end.organ}" if end.organ else ""
        text = f"Beyond the junction {end.branch.title} ends {end.away_mm:.0f} mm outside the liver{organ}: what does it feed?"
        found.append(MAY_LEAVE.finding(text, end.tip, as_point(end.branch.points_lps_mm[-1])))
    liver = infusion.liver_ml
    found += [_left_out(part, liver) for part in infusion.left_out if _is_told(part, liver)]
    return found + _variant_findings(infusion)


def _tip_findings(infusion: Infusion, target: CatheterTarget) -> list[Finding]:
    junction, way = infusion.junctions[target.id], infusion.ways[target.id]
    if way is None or target.perfused_structure or way.tree.role is not Role.HEPATIC_ARTERY:
        return []
    if junction is None:
        if infusion.junction is None:
            text = (
                f"No branch of '{target.tree}' is named {GASTRODUODENAL}: it is not known whether {target.title} lies "
                "in it. Told is what lies beyond the tip. Name the branch in the mode Vessels."
            )
            return [UNNAMED.finding(text, target.id, way.tip_lps_mm)]
        text = f"{target.title} lies in the {way.title}, not in the {GASTRODUODENAL}; told is what lies beyond the tip."
        return [NOT_THERE.finding(text, target.id, way.tip_lps_mm)]
    found = [FLOWS_ON.finding(_flow_words(junction, target), target.id, junction.place_lps_mm)]
    away = junction.tip_mm(way)
    if GASTRODUODENAL not in {b.name for b in way.tree.way_to(way.branch)}:
        text = (
            f"{target.title} lies in the {way.title}, {away:.0f} mm beside the junction of the {GASTRODUODENAL}; the "
            "catheter ends in that."
        )
        found.append(NOT_THERE.finding(text, target.id, way.tip_lps_mm))
    elif away > infusion.settings.at_junction_mm:
        text = f"{target.title} ends {away:.0f} mm from the junction, in a stump where the drug stands still."
        found.append(AWAY.finding(text, target.id, way.tip_lps_mm))
    return found


def _flow_words(junction: Junction, target: CatheterTarget) -> str:
    onward = ", ".join(junction.tree.branch(n).title for n in junction.onward) or "nothing"
    return (
        f"What {target.title} gives flows on from the junction into: {onward}. The {GASTRODUODENAL} itself is tied "
        "beyond the catheter."
    )


def _to_tie(branch: Ligation) -> Finding:
    what = f"it feeds {branch.organ}" if branch.organ else "what it feeds is not named"
    away = f"{branch.away_mm:.0f} mm"
    where = (
        f"{away} beyond the junction"
        if branch.where == BEYOND
        else f"the {GASTRODUODENAL} {away} from the junction, before the tip"
    )
    text = f"Tie the {branch.title}: it leaves {where}, and {what}."
    return LIGATE.finding(text, branch.tip, branch.place_lps_mm)


def _is_told(part: LeftOut, liver_ml: float) -> bool:
    """Slivers, and what lies nearest to an artery of another organ, are told elsewhere."""
    least = max(SPOKEN_OF_ML, TOLD_SHARE * liver_ml)
    return part.is_variant or (part.volume_ml >= least and not part.organ)


def _left_out(part: LeftOut, liver_ml: float) -> Finding:
    share = 100.0 * part.volume_ml / liver_ml
    volume = f"{part.volume_ml:.0f} ml ({share:.0f} % of the liver)"
    if part.is_variant and part.volume_ml < SPOKEN_OF_ML:
        text = f"The {part.title} is not perfused, and as it is drawn no liver hangs on it. Draw it on into the liver."
    elif part.is_variant:
        text = (
            f"The {part.title} does not hang beyond the junction: {volume} stay unperfused. Tied, it may be taken over "
            "from the other side."
        )
    elif part.is_before:
        text = f"{volume} hang on the {part.title} before the drug reaches it, and stay unperfused."
    else:
        text = f"{volume} hang on the {part.title}, which does not hang beyond the junction, and stay unperfused."
    return LEFT_OUT.finding(text, PLAN, part.place_lps_mm)


def _variant_findings(infusion: Infusion) -> list[Finding]:
    arteries = [t for t in infusion.case.vessel_trees if t.role is Role.HEPATIC_ARTERY]
    told = dict(infusion.case.patient.facts).get(MICHELS_FACT, "")
    try:
        found = variant(arteries, told)
    except InvalidValue as error:
        return [REFUSED.finding(f"{error.what} {error.thing} {error.todo}", PLAN)]
    findings = [VARIANT.finding(f"{found.words} ({found.why}).", PLAN)]
    names = {b.name for t in arteries for b in t.branches}
    lacking = [group for group in NAMED.get(found.type, ()) if not names & set(group)]
    for group in lacking:
        text = f"{found.words}, but no branch is named {' or '.join(group)}: what stays unperfused there is not known."
        findings.append(VARIANT_UNNAMED.finding(text, PLAN))
    return findings
