"""What a person must know of a resection, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from planner_plugins.resection.flow import LostFlow
from planner_plugins.resection.ground import ResectionGround
from planner_plugins.resection.numbers import Shares
from planner_plugins.resection.settings import Settings

from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.model.case import Case
from planner.model.roles import Role
from planner.planning.cut_surface import CutMargin
from planner.planning.hepatic_names import MIDDLE
from planner.planning.kept_segments import KeptSegments
from planner.planning.liver_volumes import LiverState
from planner.planning.resected_liver import CAUDATE, CrossedVessel, ResectedLiver
from planner.planning.rules import Rule


def _rule(id: str, severity: Severity, text: str, confidence: Confidence = Confidence.OUR_RULE) -> Rule:
    return Rule(id, severity, Source(text, confidence))


MISSES = _rule("cut_misses_liver", Severity.STOP, "a cut that takes nothing")
NOTHING_LEFT = _rule("nothing_remains", Severity.STOP, "no liver would remain")
LEFT_BEHIND = _rule("lesion_left_behind", Severity.WARNING, "lesions that are neither resected nor ablated")
CUT_THROUGH = _rule(
    "cut_through_lesion", Severity.STOP, "R0: 1 mm or more (colorectal metastases)", Confidence.ESTABLISHED
)
CLOSE = _rule("resection_margin_close", Severity.WARNING, "aim 10 mm where free", Confidence.ESTABLISHED)
BELOW_R0 = _rule("resection_margin_below_r0", Severity.STOP, "R0: 1 mm or more", Confidence.ESTABLISHED)
MUCH = _rule(
    "much_resected",
    Severity.INFO,
    "70 % is information, not a threshold: Yigitler 2003, Liver Transpl 9:S18",
    Confidence.SOURCE_READ,
)
IN_PIECES = _rule("remnant_in_pieces", Severity.WARNING, "a remnant in one piece has its vessels in common")
VESSEL = _rule("cut_crosses_vessel", Severity.INFO, "vessels of the trees, within the liver")
NO_VESSELS = _rule("vessels_not_checked", Severity.WARNING, "what is not segmented cannot be checked")
UNSEEN_TREE = _rule("tree_not_looked_at", Severity.INFO, "vessels found in an outline, corrected by nobody")
LIVER_STATE = _rule(
    "liver_state_unknown", Severity.WARNING, "thresholds depend on what a liver has been through"
)
GIVEN = _rule("given_side_not_followed", Severity.WARNING, "what is entered and not followed is said")
NO_INFLOW = _rule("remnant_without_inflow", Severity.WARNING, "liver without inflow is lost")
NO_OUTFLOW = _rule("remnant_without_outflow", Severity.INFO, "liver without outflow is at risk, not dead")
_BOTH = "the remnant must have inflow and outflow: JAMA Surg 2005, computer-assisted resection planning"
NONE_IN = _rule("no_inflow_into_remnant", Severity.STOP, _BOTH, Confidence.SOURCE_READ)
NONE_OUT = _rule("no_outflow_from_remnant", Severity.STOP, _BOTH, Confidence.SOURCE_READ)
PROPOSED = _rule(
    "middle_vein_name_proposed", Severity.INFO, "names are proposals until a person confirms them"
)
SEGMENTS = _rule(
    "too_few_segments",
    Severity.STOP,
    "two contiguous segments with inflow and outflow remain; segments kept and contiguous by our rule",
    Confidence.ESTABLISHED,
)
UNSEGMENTED = _rule("segments_not_checked", Severity.WARNING, "what is not segmented cannot be checked")
FEWEST_SEGMENTS = 2
PLAN = "plan"
#: More than this share of the liver resected is said.
MUCH_PERCENT = 70.0
#: Vessels thinner than this are not named one by one, and no more than so many.
NAMED_MM, MOST_NAMED = 3.0, 12
#: Less than this is not worth a sentence.
SAID_ML = 1.0
#: A cut is drawn to so much: less than this short of the margin aimed at is not said.
DRAWN_MM = 0.5
#: As far as a nearest point of a cut is told from the lesion's edge itself.
R0_MM = 1.0


def volume_findings(shares: Shares, settings: Settings) -> list[Finding]:
    """Of what is taken and what remains."""
    found = []
    if shares.resected <= 0:
        found.append(MISSES.finding("The cut takes nothing of the liver: move it.", PLAN))
    elif shares.remnant <= 0.001 * shares.liver:
        found.append(NOTHING_LEFT.finding("Nothing of the liver remains.", PLAN))
    share = 100.0 * shares.resected / shares.liver
    if share > MUCH_PERCENT:
        found.append(MUCH.finding(f"{share:.0f} % of the liver is resected.", PLAN))
    if settings.liver_state == LiverState.UNKNOWN:
        text = "Healthy, after chemotherapy, cirrhotic ...: tell the liver's state in the settings to see thresholds."
        found.append(LIVER_STATE.finding(text, PLAN))
    return found


def lesion_findings(
    ground: ResectionGround,
    resected: ResectedLiver,
    margins: dict[str, CutMargin | None],
    treated: frozenset[str],
    settings: Settings,
) -> list[Finding]:
    """Of lesions that stay, are cut through, or lie close to the cut."""
    found = []
    for name in ground.liver.lesions:
        if resected.is_left(name):
            if name not in treated:
                found.append(LEFT_BEHIND.finding(f"{name} stays in the liver.", name))
            continue
        margin = margins.get(name)
        if margin is None:
            continue
        where, value = margin.cut_lps_mm, margin.margin_mm
        _, left = resected.lesion_ml(name)
        if value < 0:
            text = f"The cut goes through {name}, {-value:.1f} mm deep; {left:.1f} ml of it stay."
            found.append(CUT_THROUGH.finding(text, name, where))
        elif value < R0_MM:
            found.append(BELOW_R0.finding(f"The cut comes within {value:.1f} mm of {name}.", name, where))
        elif value < settings.margin_mm - DRAWN_MM:
            text = f"The cut comes within {value:.1f} mm of {name}; {settings.margin_mm:g} mm are aimed at."
            found.append(CLOSE.finding(text, name, where))
    return found


def vessel_findings(crossed: Sequence[CrossedVessel]) -> list[Finding]:
    """Of vessels that are cut, thickest first."""
    found = [
        VESSEL.finding(
            f"The cut crosses {v.title} of {v.tree}, {v.diameter_mm:.0f} mm wide.", PLAN, v.where_lps_mm
        )
        for v in crossed
        if v.diameter_mm >= NAMED_MM
    ]
    more = len(crossed) - min(len(found), MOST_NAMED)
    if more > 0 and found:
        found = found[:MOST_NAMED]
        found.append(VESSEL.finding(f"It crosses {more} thinner vessels or further places too.", PLAN))
    return found


def ground_findings(case: Case, ground: ResectionGround) -> list[Finding]:
    """Of what could not be checked."""
    found = []
    roles = {t.role for t in ground.trees}
    words = {Role.PORTAL_VEIN: "portal vein (inflow)", Role.HEPATIC_VEIN: "hepatic veins (outflow)"}
    missing = [words[r] for r in words if r not in roles]
    if missing:
        text = f"Not checked: {' and '.join(missing)}: no vessels are segmented or drawn."
        found.append(NO_VESSELS.finding(text, PLAN))
    if ground.found:
        text = f"Vessels were found in {', '.join(sorted(ground.found))}; nobody has looked at the trees."
        found.append(UNSEEN_TREE.finding(text, PLAN))
    found += [NO_VESSELS.finding(note, PLAN) for note in ground.notes]
    return found


def given_findings(resected: ResectedLiver, ground: ResectionGround) -> list[Finding]:
    """Of what was given to one side and cannot be followed, or was given to both."""
    found = []
    middle = [b for tree in ground.trees if tree.role == Role.HEPATIC_VEIN for b in tree.named(MIDDLE)]
    for word, given, is_known in (
        ("caudate lobe", {r.caudate for r in resected.resections}, CAUDATE in resected.liver.columns),
        ("middle hepatic vein", {r.middle_hepatic_vein for r in resected.resections}, bool(middle)),
    ):
        given = given - {""}
        if given and not is_known:
            how = "is not segmented" if word == "caudate lobe" else "has no branch of its name in the vessels"
            text = f"The {word} is given to the {sorted(given)[0]}, but it {how}: the cut decides."
            found.append(GIVEN.finding(text, PLAN))
        elif len(given) > 1:
            text = f"The {word} is given to both sides: it is left in the remnant."
            found.append(GIVEN.finding(text, PLAN))
    if resected.middle_vein_to and middle and not any(b.is_name_confirmed for b in middle):
        text = "The middle hepatic vein is followed by a proposed name that nobody confirmed."
        found.append(PROPOSED.finding(text, PLAN))
    return found


def flow_findings(lost: LostFlow | None, remnant_ml: float) -> list[Finding]:
    """Of liver that stays without inflow or outflow."""
    if lost is None or remnant_ml < SAID_ML:
        return []
    found = []
    for has, rule, word in (
        (lost.has_inflow, NONE_IN, "No branch of the portal vein"),
        (lost.has_outflow, NONE_OUT, "No hepatic vein"),
    ):
        if has is False:
            found.append(rule.finding(f"{word} runs into the remnant from its root uncut.", PLAN))
    without = lost.inflow_ml + lost.both_ml
    if without >= SAID_ML:
        found.append(NO_INFLOW.finding(f"{without:.0f} ml of the remnant lose their inflow.", PLAN))
    if lost.outflow_ml >= SAID_ML:
        text = f"{lost.outflow_ml:.0f} ml of the remnant keep their inflow but lose their outflow."
        found.append(NO_OUTFLOW.finding(text, PLAN))
    return found


def piece_findings(pieces_ml: Sequence[float]) -> list[Finding]:
    """Of a remnant that is not in one piece."""
    if len(pieces_ml) < 2:
        return []
    words = ", ".join(f"{v:.0f}" for v in pieces_ml)
    return [IN_PIECES.finding(f"The remnant is in {len(pieces_ml)} pieces of {words} ml.", PLAN)]


def segment_findings(segments: KeptSegments | None) -> list[Finding]:
    """Of a remnant without two segments that hang together."""
    if segments is None:
        text = "Not checked: whether two contiguous segments remain; segments are not outlined."
        return [UNSEGMENTED.finding(text, PLAN)]
    if len(segments.together) >= FEWEST_SEGMENTS:
        return []
    words = ", ".join(str(n) for n in segments.kept) or "none"
    text = f"No two contiguous segments remain; most of it stays of: {words}."
    return [SEGMENTS.finding(text, PLAN)]
