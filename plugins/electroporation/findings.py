"""What a person must know of an electroporation, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from planner_plugins.electroporation.coverage import Coverage
from planner_plugins.electroporation.heat import HeatReport
from planner_plugins.electroporation.placed import PlacedArray
from planner_plugins.electroporation.settings import Settings
from planner_plugins.electroporation.tissue_lattice import TissueLattice

from planner.compute.level_margin import LevelMargin
from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.model.plan import Point
from planner.planning import pulsed_tissues as given
from planner.planning import rules
from planner.planning.achieved_margin import towards_words
from planner.planning.lesion_grounds import LesionGround, LesionGrounds
from planner.planning.pulsed_tissues import PULSED, PulsedClass
from planner.planning.rules import Rule

_MODEL = Source("what the model leaves out", Confidence.OUR_RULE)

NOT_COVERED = Rule("lesion_not_covered", Severity.STOP, Source("complete ablation", Confidence.ESTABLISHED))
MARGIN_SHORT = Rule(
    "margin_short", Severity.WARNING, Source("margin of 5-10 mm around the lesion", Confidence.ESTABLISHED)
)
DUCT_HOT = Rule("bile_duct_hot", Severity.WARNING, given.DUCT_HEAT.cited)
HOT = Rule("tissue_hot", Severity.INFO, given.HOT.cited)
UNSCANNED = Rule("field_outside_scan", Severity.WARNING, _MODEL)
THRESHOLD = Rule("threshold_is_assumed", Severity.INFO, given.LIVER_THRESHOLD.cited)
CONDUCTIVITY = Rule("conductivity_assumed", Severity.INFO, PULSED[PulsedClass.BILE_DUCT].low.cited)

_RANK = {Severity.STOP: 0, Severity.WARNING: 1, Severity.INFO: 2}


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What was not checked first, then by severity; otherwise as found."""
    return tuple(sorted(findings, key=lambda f: (f.rule != rules.NOT_CHECKED.id, _RANK[f.severity])))


def case_findings(grounds: LesionGrounds) -> list[Finding]:
    """What is to be said whatever is planned."""
    found = []
    missing = grounds.anatomy.missing()
    if missing:
        text = (
            f"Not checked: {', '.join(missing)} (not segmented);"
            " what conducts the current there is taken as liver or tissue outside it."
        )
        found.append(rules.NOT_CHECKED.finding(text))
    if grounds.is_liver_cut:
        text = "The liver reaches the edge of the scan: volumes and margins near that edge are incomplete."
        found.append(rules.LIVER_CUT.finding(text, "liver"))
    found.append(rules.BREATH_HOLD.finding("Paths are judged for this breath-hold and position."))
    return found


def lesion_findings(
    name: str, ground: LesionGround, found: Coverage | None, settings: Settings, *, is_estimate: bool
) -> list[Finding]:
    """Coverage of one lesion."""
    said = []
    share = ground.inside_liver_percent
    if share is not None and 50.0 <= share < 99.0:
        text = f"{100 - share:.0f} % of {name} lies outside the liver's outline."
        said.append(rules.LESION_PARTLY_OUTSIDE.finding(text, name))
    if found is not None and found.least_v_per_cm < settings.tumor_threshold_v_per_cm:
        guess = " (estimate)" if is_estimate else ""
        shown = min(found.lesion, 99.9)
        text = (
            f"{name} is not covered{guess}: {shown:.1f} % reach {settings.tumor_threshold_v_per_cm:g} V/cm;"
            f" least field {found.least_v_per_cm:.0f} V/cm, {where_words(ground, found.least_lps_mm)}."
        )
        said.append(NOT_COVERED.finding(text, name, found.least_lps_mm))
    return said


def margin_findings(
    name: str, ground: LesionGround, margin: LevelMargin | None, settings: Settings
) -> list[Finding]:
    """A lesion that is covered, but without its margin."""
    if margin is None or not 0 <= margin.minimal.value_mm < settings.margin_mm:
        return []
    minimal = margin.minimal
    text = (
        f"Margin of {name} is {minimal.value_mm:.1f} mm {where_words(ground, minimal.place_lps_mm)};"
        f" aim {settings.margin_mm:g} mm."
    )
    return [MARGIN_SHORT.finding(text, name, minimal.place_lps_mm)]


def where_words(ground: LesionGround, place_lps_mm: Point) -> str:
    """Where in a lesion a place lies, such as ``at its front left``."""
    middle = ground.margin.outline.samples.points_lps_mm.mean(axis=0)
    away = np.array(place_lps_mm) - middle
    return towards_words(away) if np.linalg.norm(away) > 1e-6 else "in its middle"


def heat_findings(heat: HeatReport, settings: Settings) -> list[Finding]:
    """Tissue that is cooked, and ducts that get warm."""
    found = []
    if heat.hot_ml > 0:
        text = (
            f"Up to {heat.hot_ml:.1f} ml pass {settings.hot_degc:g} °C (upper bound: no heat leaves between"
            f" pulses; {heat.hot_by_one_ml:.1f} ml by one pair alone): there tissue may be coagulated, not spared."
        )
        found.append(HOT.finding(text, "plan", heat.hottest_lps_mm))
    if heat.duct_degc is not None and heat.duct_degc > settings.duct_degc:
        text = (
            f"{heat.duct} may reach {heat.duct_degc:.0f} °C; keep it below {settings.duct_degc:g} °C:"
            " move the electrodes, or give fewer pulses."
        )
        found.append(DUCT_HOT.finding(text, heat.duct, heat.duct_lps_mm))
    return found


def model_findings(
    placed: Sequence[PlacedArray], lattice: TissueLattice, settings: Settings
) -> list[Finding]:
    """What the field stands on."""
    found = []
    arrays = ", ".join(p.array.id for p in placed)
    if lattice.unscanned_percent > 0.5:
        text = (
            f"{lattice.unscanned_percent:.0f} % of the field's region lie outside the scan and are taken as"
            " tissue outside the liver."
        )
        found.append(UNSCANNED.finding(text, arrays))
    text = (
        f"{settings.liver_threshold_v_per_cm:g} V/cm (liver) and {settings.tumor_threshold_v_per_cm:g} V/cm"
        " (lesion) are working values for about 90 pulses; 500 and 600 V/cm stand beside them."
    )
    found.append(THRESHOLD.finding(text, arrays))
    if np.isin(lattice.tissue, (PulsedClass.BILE_DUCT, PulsedClass.GALLBLADDER)).any():
        text = "The conductivity of bile is a model assumption."
        found.append(CONDUCTIVITY.finding(text, arrays))
    return found
