"""What a person must know of a thermal ablation, in sentences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from planner_plugins.thermal_ablation.metrics import (
    PlacedGrid,
    PlacedZone,
    direction_words,
    margin_target,
)
from planner_plugins.thermal_ablation.settings import Settings

from planner.compute.clearance import Nearest, nearest_to_zones
from planner.compute.margin import MarginReport
from planner.compute.spheroid import Spheroid
from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.model.plan import Point
from planner.planning import rules
from planner.planning.anatomy import THICK_VESSEL_MM
from planner.planning.arrays import SPACINGS, are_parallel, gap_mm, tip_spacing_mm
from planner.planning.devices import Device, Medium
from planner.planning.lesion_grounds import LesionGround, LesionGrounds
from planner.planning.rules import Rule
from planner.planning.treatment_order import Step

HEAT_SINK = Rule(
    "heat_sink",
    Severity.WARNING,
    Source(
        "vessels of 3 mm or more: Lu 2002, AJR 178:47 (10.2214/ajr.178.1.1780047)", Confidence.SOURCE_READ
    ),
)
MARGIN_SHORT = Rule("margin_short", Severity.WARNING, Source("planning rule", Confidence.OUR_RULE))
NOT_COVERED = Rule(
    "lesion_not_covered", Severity.STOP, Source("complete ablation (A0)", Confidence.UNVERIFIED)
)
ZONE_REACHES = Rule(
    "zone_reaches_organ",
    Severity.WARNING,
    Source("5-10 mm to bowel, gallbladder, heart", Confidence.ESTABLISHED),
)
#: Organs that are no reason to stop, but that no zone of the liver should reach into.
ZONE_REACHES_INTO = Rule(
    ZONE_REACHES.id,
    Severity.WARNING,
    Source("no tissue outside the liver is meant to be treated; no publication", Confidence.OUR_RULE),
)
BESIDE_LIVER = ("lung", "kidney", "spleen")
CENTRAL_DUCT = Rule(
    "zone_near_bile_duct",
    Severity.WARNING,
    Source("10 mm to central bile ducts (heat)", Confidence.ESTABLISHED),
)
ZONE_SIZE = Rule("zone_size_unverified", Severity.WARNING, Source("device library", Confidence.UNVERIFIED))
ZONE_MODEL = Rule("zone_model", Severity.INFO, Source("device library", Confidence.OUR_RULE))
PROBES_TOUCH = Rule("probes_touch", Severity.STOP, Source("shaft diameters", Confidence.OUR_RULE))
PROBE_SPACING = Rule("probe_spacing", Severity.WARNING, Source("spacing rules", Confidence.OUR_RULE))
ORDER = Rule(
    "treatment_order",
    Severity.INFO,
    Source("deepest first, few punctures, bleeding last; no publication", Confidence.OUR_RULE),
)

_RANK = {Severity.STOP: 0, Severity.WARNING: 1, Severity.INFO: 2}


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What was not checked first, then by severity; otherwise as found."""
    return tuple(sorted(findings, key=lambda f: (f.rule != rules.NOT_CHECKED.id, _RANK[f.severity])))


def case_findings(grounds: LesionGrounds) -> list[Finding]:
    """What is to be said whatever is planned."""
    found = []
    missing = grounds.anatomy.missing()
    if missing:
        found.append(rules.NOT_CHECKED.finding(f"Not checked: {', '.join(missing)} (not segmented)."))
    if grounds.is_liver_cut:
        text = "The liver reaches the edge of the scan: volumes and margins near that edge are incomplete."
        found.append(rules.LIVER_CUT.finding(text, "liver"))
    return found


def lesion_findings(
    name: str, ground: LesionGround, report: MarginReport, settings: Settings, *, by_chance: bool = True
) -> list[Finding]:
    """Coverage and margin of one lesion."""
    found = []
    share = ground.inside_liver_percent
    if share is not None and 50.0 <= share < 99.0:
        text = f"{100 - share:.0f} % of {name} lies outside the liver's outline."
        found.append(rules.LESION_PARTLY_OUTSIDE.finding(text, name))
    judged = report.minimal
    if settings.exclude_capsule and report.minimal_without_capsule is not None:
        judged = report.minimal_without_capsule
    middle = _middle(ground)
    where = direction_words(middle, judged.place_lps_mm)
    if report.minimal.value_mm < 0:
        text = f"{name} is not covered: {report.lesion_coverage_percent:.1f} %; it sticks out {-report.minimal.value_mm:.1f} mm"
        place = report.minimal.place_lps_mm
        found.append(
            NOT_COVERED.finding(f"{text} towards the {direction_words(middle, place)}.", name, place)
        )
    target = margin_target(settings, by_chance=by_chance)
    if target is not None and judged.value_mm >= 0 and not target.is_met(judged.value_mm):
        rule = Rule(MARGIN_SHORT.id, MARGIN_SHORT.severity, target.source)
        text = f"Margin of {name} is {judged.value_mm:.1f} mm towards the {where}; aim {target.low:g} mm."
        found.append(rule.finding(text, name, judged.place_lps_mm))
    return found


def sink_findings(
    name: str, ground: LesionGround, grounds: LesionGrounds, zones: Sequence[Spheroid], settings: Settings
) -> list[Finding]:
    """Vessels wide enough to cool the zone, at the lesion or inside the zone."""
    found = []
    wide = f"({THICK_VESSEL_MM:g} mm or wider)"
    near = {s.vessel: s for s in ground.sinks if s.distance_mm <= settings.sink_distance_mm}
    for vessel, boundary in grounds.anatomy.thick_vessels.items():
        if vessel in near:
            sink = near[vessel]
            text = f"{vessel} {wide} passes {name} at {sink.distance_mm:.1f} mm and may cool the zone's edge."
            found.append(HEAT_SINK.finding(text, name, sink.place_lps_mm))
            continue
        reach = nearest_to_zones(boundary, zones)
        if reach is not None and reach.distance_mm < 0:
            text = f"{vessel} {wide} runs within the zone and may cool it."
            found.append(HEAT_SINK.finding(text, name, reach.place_lps_mm))
    return found


def zone_findings(near: Mapping[str, tuple[str, Nearest]], settings: Settings) -> list[Finding]:
    """Organs the zones come too near to."""
    limits = {
        "bowel": settings.organ_distance_mm,
        "gallbladder": settings.organ_distance_mm,
        "heart": settings.heart_distance_mm,
        "bile_duct": settings.duct_distance_mm,
    }
    found = []
    for group, limit in limits.items():
        if group not in near:
            continue
        name, nearest = near[group]
        rule = CENTRAL_DUCT if group == "bile_duct" else ZONE_REACHES
        if nearest.distance_mm <= 0:
            text = f"The zone reaches {-nearest.distance_mm:.1f} mm into {name}."
            found.append(rule.finding(text, name, nearest.place_lps_mm, Severity.STOP))
        elif nearest.distance_mm < limit:
            text = (
                f"The zone ends {nearest.distance_mm:.1f} mm before {name};"
                f" keep {limit:g} mm or part them with fluid."
            )
            found.append(rule.finding(text, name, nearest.place_lps_mm))
    for group in BESIDE_LIVER:
        name, reach = near.get(group, ("", None))
        if reach is not None and reach.distance_mm < 0:
            text = (
                f"The zone reaches {-reach.distance_mm:.1f} mm into {name}:"
                " make it smaller, move it, or part them with fluid."
            )
            found.append(ZONE_REACHES_INTO.finding(text, name, reach.place_lps_mm))
    return found


def device_findings(
    placed: Sequence[PlacedZone | PlacedGrid], devices: Mapping[str, Device]
) -> list[Finding]:
    """What the sizes of the zones stand on."""
    found = []
    for name in dict.fromkeys(p.instrument.device for p in placed):
        device = devices[name]
        own = [p for p in placed if p.instrument.device == name]
        zone = own[0].zone
        probes = ", ".join(p.instrument.id for p in own)
        if zone.confidence == Confidence.UNVERIFIED:
            text = f"The zone of {device.title} is unverified: enter the sizes of your device's instructions for use."
            found.append(ZONE_SIZE.finding(text, probes))
        if zone.medium in (Medium.EX_VIVO, Medium.PHANTOM):
            text = f"The zone of {device.title} was measured {zone.medium}: in patients it is smaller."
            found.append(ZONE_SIZE.finding(text, probes))
        if zone.center_offset.label and device.is_needle:
            text = (
                f"The centre of the zone is taken {zone.center_offset.value:g} mm behind the tip"
                f" ({zone.center_offset.label}: {zone.center_offset.source})."
            )
            found.append(ZONE_MODEL.finding(text, probes))
    if placed:
        found.append(rules.BREATH_HOLD.finding("Paths are judged for this breath-hold and position."))
    return found


def order_findings(steps: Sequence[Step]) -> list[Finding]:
    """The order in which several positions are best treated."""
    if len(steps) < 2:
        return []
    reasons = ", ".join(dict.fromkeys(s.why for s in steps))
    text = f"Order: {', '.join(s.instrument for s in steps)} ({reasons})."
    return [ORDER.finding(text, "plan")]


def spacing_findings(placed: list[PlacedZone], devices: Mapping[str, Device]) -> list[Finding]:
    """Whether probes touch, and whether parallel ones lie as far apart as their energy needs."""
    found = []
    for one, two in itertools.combinations(placed, 2):
        first, second = devices[one.needle.device], devices[two.needle.device]
        pair = f"{one.needle.id} and {two.needle.id}"
        gap = gap_mm(one.needle, two.needle)
        is_same_path = math.dist(one.needle.entry_lps_mm, two.needle.entry_lps_mm) < 1.0 and are_parallel(
            one.needle, two.needle, 2.0
        )
        if gap < 0.5 * (first.diameter_mm + second.diameter_mm) and not is_same_path:
            text = f"The shafts of probes {pair} touch: {gap:.1f} mm apart."
            found.append(PROBES_TOUCH.finding(text, one.needle.id, one.needle.tip_lps_mm))
        rule = SPACINGS.get(first.modality)
        if (
            rule is None
            or first.modality != second.modality
            or is_same_path
            or one.needle.lesion != two.needle.lesion
            or not are_parallel(one.needle, two.needle)
        ):
            continue
        apart = tip_spacing_mm(one.needle, two.needle)
        limit = rule.low if apart < rule.low.value else rule.high
        if not rule.low.value - 0.05 <= apart <= rule.high.value + 0.05 and apart <= 2 * rule.high.value:
            text = (
                f"Probes {pair} lie {apart:.0f} mm apart; {first.modality} needs"
                f" {rule.low.value:g} to {rule.high.value:g} mm."
            )
            rule_said = Rule(PROBE_SPACING.id, PROBE_SPACING.severity, limit.cited)
            found.append(rule_said.finding(text, one.needle.id, one.needle.tip_lps_mm))
    return found


def _middle(ground: LesionGround) -> Point:
    return _point(ground.margin.outline.samples.points_lps_mm.mean(axis=0))


def _point(values: npt.NDArray[np.float64]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
