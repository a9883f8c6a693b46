"""What a person must know of a chemoembolization, in sentences: the sheet, what it rests on, and who may be treated."""

from __future__ import annotations

from planner_plugins.chemoembolization.settings import BEADS, LIPIODOL
from planner_plugins.chemoembolization.sheet import TargetingSheet, VesselRow

from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.planning.catheter_facts import PLAN
from planner.planning.liver_scores import TumorBurden
from planner.planning.rules import Rule

MAY_IT_BE_DONE = "chemoembolization_eligibility"
_OURS = Confidence.OUR_RULE


def _rule(id: str, severity: Severity, text: str, confidence: Confidence = _OURS) -> Rule:
    return Rule(id, severity, Source(text, confidence))


LOCKED = _rule(
    "sheet_locked", Severity.WARNING, "a sheet needs what was seen perfused, or arteries a person confirmed"
)
ROW = _rule("targeting_sheet", Severity.INFO, "vessels in the order they are treated")
IN_PIECES = _rule("lesion_in_pieces", Severity.WARNING, "scores count lesions as they are outlined")
AGENT = _rule(
    "agent_for_reference", Severity.INFO, f"{BEADS.source}; {LIPIODOL.source}", Confidence.ESTABLISHED
)


def sheet_findings(sheet: TargetingSheet) -> list[Finding]:
    """The vessels in their order; nothing but why where the sheet is locked."""
    if sheet.locked:
        return [
            LOCKED.finding(f"The treatment sheet is locked. {why[:1].upper()}{why[1:]}.", PLAN)
            for why in sheet.locked
        ]
    found = []
    for row in sheet.vessels:
        where = row.way.tip_lps_mm if row.way is not None else None
        found.append(ROW.finding(row_words(row), row.target.id, where))
    text = (
        f"For reference beside the notes: beads of {BEADS.low:g} to {BEADS.high:g} µm, or lipiodol of at most "
        f"{LIPIODOL.low:g} to {LIPIODOL.high:g} ml."
    )
    return [*found, AGENT.finding(text, PLAN)]


def row_words(row: VesselRow) -> str:
    """A vessel of the sheet in a line: its turn, the way, what it feeds, and the user's notes."""
    words = f"{row.number}. {row.target.title}"
    if row.way is not None:
        words += f", {row.way.title}" if row.way.title != row.target.title else ""
        words += f": {row.way.from_ostium_mm:.0f} mm from the ostium, {row.way.diameter_mm:.1f} mm wide"
    lesions = ", ".join(f"{share:.0f} % of {name}" for name, share in row.lesions) or "no lesion"
    words += f"; feeds {lesions}; {row.fed.normal_ml:.0f} ml of liver without tumour"
    notes = row.target.agent.notes.strip()
    return f"{words}. {f'Notes: {notes}' if notes else 'No notes on what is given.'}"


def burden_findings(burden: TumorBurden) -> list[Finding]:
    """Where the count of lesions is in doubt."""
    return [
        IN_PIECES.finding(
            f"{name} is outlined in {count} pieces and counted as one lesion. Outline each lesion by itself.", name
        )
        for name, count in (burden.in_pieces or {}).items()
    ]  # fmt: skip
