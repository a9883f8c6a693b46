"""What a person must know of a simulated ablation, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from planner_plugins.thermal_ablation.simulation.ablation import SimulatedAblation
from planner_plugins.thermal_ablation.simulation.judged_margin import BITE_MOVES, JudgedChances
from planner_plugins.thermal_ablation.simulation.vessel_bites import VesselBite

from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.model.plan import Point
from planner.planning import rules
from planner.planning.rules import Rule

MODEL_LIMITS = Rule(
    "simulation_is_a_model",
    Severity.INFO,
    Source(
        "van Erp 2023, Cancers 15:5684 (radiofrequency models against in vivo zones)", Confidence.SOURCE_READ
    ),
)
DEATH_MODEL = Rule(
    "simulation_death_model", Severity.INFO, Source("reference sheet A4", Confidence.ESTABLISHED)
)
PARAMETERS = Rule(
    "simulation_parameters", Severity.INFO, Source("constants of the simulation", Confidence.UNVERIFIED)
)
NOT_FITTED = Rule("simulation_not_fitted", Severity.WARNING, Source("simulation", Confidence.OUR_RULE))
CALIBRATED = Rule("simulation_calibrated", Severity.INFO, Source("device library", Confidence.OUR_RULE))
SCAN_CUTS = Rule("simulation_cut_by_scan", Severity.WARNING, Source("simulation", Confidence.OUR_RULE))
REGION_CUTS = Rule("simulation_cut_by_region", Severity.WARNING, Source("simulation", Confidence.OUR_RULE))
NOTHING_DIES = Rule("simulation_nothing_dies", Severity.STOP, Source("simulation", Confidence.OUR_RULE))
VESSEL_BITE = Rule(
    "vessel_bites_zone",
    Severity.WARNING,
    Source("simulated; vessels of 3 mm or more cool: Lu 2002, AJR 178:47", Confidence.SOURCE_READ),
)
LOWER_CHANCE = Rule(
    "simulated_chance_lower", Severity.WARNING, Source("simulation and samples", Confidence.OUR_RULE)
)
LOWER_MARGIN = Rule("simulated_margin_lower", Severity.WARNING, Source("simulation", Confidence.OUR_RULE))

#: An axis missed by more than this is a warning.
MISFIT_MM = 2.0
#: A chance lowered by less than this is within the samples.
LEAST_PERCENT = 1.0


def simulation_findings(found: SimulatedAblation) -> list[Finding]:
    """What holds of the simulation as a whole; what was not simulated stands first."""
    said = []
    region = found.region
    if not region.has_vessels:
        text = "No vessels segmented: cooling by vessels is not simulated."
        said.append(rules.NOT_CHECKED.finding(text, "plan"))
    if region.unscanned_percent > 0:
        text = f"{region.unscanned_percent:.0f} % of the simulated region lie outside the scan and are taken as liver."
        said.append(SCAN_CUTS.finding(text, "plan"))
    if found.boundary is None:
        said.append(NOTHING_DIES.finding("No tissue dies in the simulation.", "plan"))
    elif found.boundary.reaches_edge:
        text = "The simulated zone reaches the edge of the simulated region: it is larger than shown."
        said.append(REGION_CUTS.finding(text, "plan"))
    said += _fit_findings(found)
    text = (
        "The zone is simulated: models of this kind overlapped with zones in patients and animals by a Dice of"
        " 0.4 to 0.7, their surfaces 1 to 9 mm apart."
    )
    said.append(MODEL_LIMITS.finding(text, "plan"))
    said.append(DEATH_MODEL.finding(f"Tissue counts as dead by: {found.death_words}.", "plan"))
    said.append(PARAMETERS.finding(_parameter_words(found), "plan"))
    return said


def bite_findings(bites: Sequence[VesselBite]) -> list[Finding]:
    """Where vessels hold the zone back."""
    found = []
    for bite in bites:
        elsewhere = (
            f"{bite.elsewhere_mm:.1f} mm short"
            if bite.elsewhere_mm >= 0
            else f"{-bite.elsewhere_mm:.1f} mm beyond"
        )
        text = (
            f"{bite.vessel} cools: beside it the simulated zone ends {bite.short_mm:.1f} mm within the device's own"
            f" ({elsewhere} away from vessels)."
        )
        found.append(VESSEL_BITE.finding(text, bite.vessel, bite.place_lps_mm))
    return found


def lower_margin(lesion: str, simulated_mm: float, device_mm: float, place: Point) -> Finding:
    """The simulation makes a margin smaller than the device's zone promises."""
    text = (
        f"The simulated margin of {lesion} is {simulated_mm:.1f} mm, {device_mm - simulated_mm:.1f} mm less than"
        " the device's own zone gives; the lower one is judged."
    )
    return LOWER_MARGIN.finding(text, lesion, place)


def lower_chance(lesion: str, chances: JudgedChances) -> list[Finding]:
    """The simulation lowers the chance of a margin."""
    own, lowered = chances.device.at_least_5mm_percent, chances.lowered.at_least_5mm_percent
    if own - lowered < LEAST_PERCENT:
        return []
    text = f"The simulation lowers the chance of 5 mm all round {lesion} from {own:.0f} to {lowered:.0f} %: {BITE_MOVES}."
    return [LOWER_CHANCE.finding(text, lesion)]


def _fit_findings(found: SimulatedAblation) -> list[Finding]:
    """How the model's sources relate to the device's table."""
    said = []
    for id, calibration in found.calibrations.items():
        words = f"Probe {id}: {calibration.words}."
        if calibration.misfit_mm > MISFIT_MM:
            text = f"{words} An axis misses the device's row by {calibration.misfit_mm:.1f} mm."
            said.append(NOT_FITTED.finding(text, id))
        elif not calibration.is_plausible:
            text = f"{words} What was fitted is outside what is plausible: model and row do not agree."
            said.append(NOT_FITTED.finding(text, id))
        else:
            said.append(CALIBRATED.finding(words, id))
    free = [id for id in found.zones if id not in found.calibrations]
    if free or not found.zones:
        text = (
            f"The heat or cold of {', '.join(free) or 'these probes'} is computed from physics alone and not fitted"
            " to the device's own zone, so it may be larger."
        )
        said.append(NOT_FITTED.finding(text, ", ".join(free) or "plan"))
    return said


def _parameter_words(found: SimulatedAblation) -> str:
    """All constants with value, unit and, where it is not established, its label."""
    words = [
        f"{name} {c.value:g}{_unit(c.unit)}" + (f" ({c.label})" if c.label else "")
        for name, c in found.parameters.items()
    ]
    return f"Simulated with {'; '.join(words)}."


def _unit(unit: str) -> str:
    return "" if unit == "1" else " " + unit.replace("deg", "°")
