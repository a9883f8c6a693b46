"""What is asked before and after a pump is laid: vessels, liver, and perfusion as it was seen."""

from __future__ import annotations

from collections.abc import Sequence

from planner_plugins.arterial_infusion.settings import (
    ALLEN,
    BILIRUBIN,
    CALIBRE_MM,
    PRACTICE,
    THIELS,
    TUMOR_SHARE,
    Settings,
)

from planner.base.errors import InvalidValue
from planner.model.assessment import Check, CheckState
from planner.model.case import Case
from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.planning.arterial_names import GASTRODUODENAL, MICHELS_FACT, variant
from planner.planning.eligibility import HOLDS, at_most_line, limit_of, told_line, tumor_share_line
from planner.planning.gastroduodenal import junctions
from planner.planning.liver_scores import TumorBurden


def checklist_lines(case: Case, burden: TumorBurden, settings: Settings) -> tuple[Check, ...]:
    """The lines: vessels first, then the patient, then what is seen after the operation."""
    facts = dict(case.patient.facts)
    bilirubin = limit_of(BILIRUBIN, settings.bilirubin_limit_mg_per_dl)
    doubt = " (no publication read)" if bilirubin is BILIRUBIN else ""
    return (
        told_line(facts, "arteries_read_on_ct", ("yes",), "CT angiography was read before the operation", THIELS),
        *_artery_lines(arteries_of(case), facts.get(MICHELS_FACT, "")),
        told_line(facts, "portal_thrombosis", ("no",), "The portal vein is open", PRACTICE),
        told_line(facts, "extrahepatic_spread", ("no",), "The disease is in the liver alone", PRACTICE),
        tumor_share_line(burden.share_percent, limit_of(TUMOR_SHARE, settings.tumor_share_limit_percent)),
        at_most_line(
            facts, "bilirubin_mg_per_dl", bilirubin, f"Bilirubin is at most {bilirubin.value:g} mg/dl{doubt}"
        ),
        told_line(
            facts, "pump_perfusion", ("both",), "After the operation both lobes are perfused, and nothing else",
            THIELS, "find the branch by angiography before the pump is filled",
        ),
    )  # fmt: skip


def arteries_of(case: Case) -> tuple[VesselTree, ...]:
    """Trees of arteries that have branches."""
    return tuple(t for t in case.vessel_trees if t.role is Role.HEPATIC_ARTERY and t.branches)


def _artery_lines(arteries: Sequence[VesselTree], told: str) -> tuple[Check, ...]:
    title = "The variant of the hepatic arteries is known"
    try:
        found = variant(arteries, told)
        state = CheckState.FULFILLED if found.type else CheckState.UNKNOWN
        text = f"{found.words} ({found.why})"
    except InvalidValue as error:
        state, text = CheckState.UNKNOWN, f"{error.what} {error.thing}"
    lines = [Check("michels_type", title, state, text, source=ALLEN)]
    title = f"The {GASTRODUODENAL} is there for the catheter"
    stems = [j for t in arteries for j in junctions(t)]
    if stems:
        stem = stems[0]
        text = f"{stem.length_mm:.0f} mm long as far as it is named, {stem.mean_diameter_mm(CALIBRE_MM):.1f} mm wide"
        line = Check(
            "gastroduodenal_artery", title, CheckState.FULFILLED, text, stem.tree.id, stem.place_lps_mm, ALLEN
        )
    else:
        text = "no artery is drawn" if not arteries else f"no branch is named {GASTRODUODENAL}"
        line = Check("gastroduodenal_artery", title, CheckState.UNKNOWN, text, source=ALLEN)
    lines.append(line)
    confirmed = all(t.is_confirmed for t in arteries) if arteries else None
    open_ones = ", ".join(f"'{t.id}'" for t in arteries if not t.is_confirmed)
    text = "confirmed" if confirmed else f"not confirmed: {open_ones}" if arteries else "no artery is drawn"
    title = "A person looked at the arteries and found them right"
    lines.append(Check("arteries_confirmed", title, HOLDS[confirmed], text, source=THIELS))
    return tuple(lines)
