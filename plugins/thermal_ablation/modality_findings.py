"""What each way of heating or freezing asks for: pads, cooling, ice, fibres, and the beam of sound."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from planner_plugins.thermal_ablation.metrics import PlacedGrid, PlacedZone
from planner_plugins.thermal_ablation.settings import Settings

from planner.compute.clearance import BoundaryPoints, nearest_to_segment, nearest_to_zones
from planner.compute.spheroid import Spheroid
from planner.compute.zone_union import union_volume_ml
from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.model.plan import Point
from planner.model.roles import Role
from planner.planning.anatomy import GROUPS, THICK_VESSEL_MM
from planner.planning.arrays import SPACINGS, are_parallel
from planner.planning.constants import Constant
from planner.planning.devices import Device
from planner.planning.emitters import emitter_of
from planner.planning.focusing import transducer_value
from planner.planning.lesion_grounds import LesionGrounds
from planner.planning.rules import Rule

_OURS = Confidence.OUR_RULE


def _rule(id: str, severity: Severity, text: str, confidence: Confidence = _OURS) -> Rule:
    return Rule(id, severity, Source(text, confidence))


PAD_POWER = Constant(100.0, "W", "so much power a grounding pad, and never fewer than two pads", _OURS)
METAL_MM = Constant(50.0, "mm", "metal so near to monopolar current is said", _OURS)
SKIN_ICE_MM = Constant(10.0, "mm", "ice this near to the skin: warm it", _OURS)
ICE_SHARE = Constant(35.0, "%", "bleeding and shock where much of the liver is frozen", Confidence.UNVERIFIED)
FIBRE_VESSEL_MM = Constant(5.0, "mm", "a laser fibre this near to a wide vessel", _OURS)
SKIN_FOCUS_MM = Constant(20.0, "mm", "foci this near to the skin may burn it", _OURS)
#: Gas that meets fewer rays than this warns; more stops.
GRAZING_PERCENT = Constant(1.0, "%", "rays that graze gas, within the outlines' error", _OURS)
#: Freezes a cryoablation has.
CYCLES = Constant(
    2.0, "1", "two freeze-thaw cycles: Gage and Baust, Cryobiology 1998;37:171", Confidence.ESTABLISHED
)

GROUNDING = _rule("grounding_pads", Severity.INFO, PAD_POWER.source)
IMPLANTS = _rule("implants_and_current", Severity.INFO, "monopolar current and implants; no publication")
METAL = _rule("metal_near_current", Severity.WARNING, METAL_MM.source)
ELECTRODES_CLOSE = _rule(
    "electrodes_close", Severity.WARNING, "bare parts this near short the current; our distance"
)
IMPEDANCE = _rule(
    "impedance_rises",
    Severity.INFO,
    "tissue dries at 100 to 105 degC and stops the current",
    Confidence.ESTABLISHED,
)
SHAFT_HEATS = _rule("shaft_heats", Severity.WARNING, "an antenna that is not cooled heats along its shaft")
STEAM = _rule("steam_at_capsule", Severity.INFO, "heated tissue gives off gas, which leaves where it can")
ICE_EDGE = _rule(
    "ice_is_not_lethal",
    Severity.INFO,
    "Shah 2016, PMC4850244; Abdom Radiol 2024;49:625",
    Confidence.SOURCE_READ,
)
ICE_AT_SKIN = _rule("ice_near_skin", Severity.WARNING, SKIN_ICE_MM.source)
ICE_REACHES = _rule(
    "ice_reaches_organ", Severity.WARNING, "ice harms bowel, gallbladder, ducts and diaphragm; our distance"
)
FREEZE_CYCLES = Rule("freeze_cycles", Severity.INFO, CYCLES.cited)
LARGE_ICE = Rule("large_ice", Severity.WARNING, ICE_SHARE.cited)
ICE_CRACKS = _rule("ice_cracks_capsule", Severity.INFO, "ice at the capsule may crack and bleed as it thaws")
FIBRE_AT_VESSEL = _rule("fibre_near_vessel", Severity.WARNING, FIBRE_VESSEL_MM.source)
NO_WINDOW = _rule("no_acoustic_window", Severity.WARNING, "without a window the beam cannot be checked")
BEAM_UNCHECKED = _rule("beam_not_checked", Severity.WARNING, "what is not segmented cannot be checked")
RIBS = _rule("ribs_in_beam", Severity.WARNING, "bone in the beam takes up its energy and burns; our shares")
GAS = _rule("gas_in_beam", Severity.STOP, "sound does not pass gas", Confidence.ESTABLISHED)
BEAM_UNSCANNED = _rule("beam_outside_scan", Severity.WARNING, "only what was scanned can be checked")
TOO_DEEP = _rule("foci_too_deep", Severity.STOP, "the transducer's depth")
STEERING = _rule("beyond_steering", Severity.WARNING, "the transducer's steering")
FOCI_AT_SKIN = _rule("foci_near_skin", Severity.WARNING, SKIN_FOCUS_MM.source)
MOTION = _rule("foci_move_with_breath", Severity.INFO, "a focus is thinner than the liver moves in a breath")
NO_CHANCE = _rule("chance_not_known", Severity.WARNING, "chances are sampled for needles only")


def modality_findings(
    grounds: LesionGrounds,
    placed: Sequence[PlacedZone],
    grids: Sequence[PlacedGrid],
    devices: Mapping[str, Device],
    settings: Settings,
) -> list[Finding]:
    """What holds of each kind of energy the plan uses."""
    by_kind: dict[str, list[PlacedZone]] = {}
    for p in placed:
        by_kind.setdefault(devices[p.needle.device].modality, []).append(p)
    found: list[Finding] = []
    if own := by_kind.get("radiofrequency"):
        found += _radiofrequency(grounds, own, devices, settings)
    if own := by_kind.get("microwave"):
        found += _microwave(own, devices)
    if own := [p for kind in ("radiofrequency", "microwave", "laser") for p in by_kind.get(kind, ())]:
        found += _steam(grounds, own)
    if own := by_kind.get("cryo"):
        found += _cryo(grounds, own, devices, settings)
    if own := by_kind.get("laser"):
        found += _laser(grounds, own, devices)
    for grid in grids:
        found += _ultrasound(grid)
    return found


def _names(placed: Iterable[PlacedZone]) -> str:
    return ", ".join(p.needle.id for p in placed)


# radiofrequency --------------------------------------------------------------------------------


def _radiofrequency(
    grounds: LesionGrounds, placed: Sequence[PlacedZone], devices: Mapping[str, Device], settings: Settings
) -> list[Finding]:
    mono = [p for p in placed if not is_bipolar(devices[p.needle.device], settings)]
    found = []
    if mono:
        power = max(_power_w(p, devices[p.needle.device]) for p in mono)
        time_s = sum(p.needle.settings.get("time_s", 0.0) for p in mono)
        pads = max(2, math.ceil(power / PAD_POWER.value))
        text = (
            f"Monopolar current of {_names(mono)}: {pads} grounding pads for up to {power:g} W over"
            f" {time_s / 60:.0f} min, the long sides towards the liver and equally far (model assumption)."
        )
        found.append(GROUNDING.finding(text, _names(mono)))
        text = "Ask for pacemaker, defibrillator and metal implants before monopolar current is used."
        found.append(IMPLANTS.finding(text, _names(mono)))
        found += _metal(grounds, mono)
    found += _close_electrodes(placed, devices)
    text = (
        "Impedance rises as tissue dries: power must fall or pause then. A rise at once means that the tip lies in"
        " gas or against a large vessel."
    )
    found.append(IMPEDANCE.finding(text, _names(placed)))
    return found


def is_bipolar(device: Device, settings: Settings) -> bool:
    """Whether current runs between needles and needs no grounding pad."""
    return "bipolar" in f"{device.name} {device.title}".lower() or settings.rf_electrodes == "bipolar"


def _power_w(placed: PlacedZone, device: Device) -> float:
    return placed.needle.settings.get("power_w", emitter_of(device).number("max_power"))


def _metal(grounds: LesionGrounds, placed: Sequence[PlacedZone]) -> list[Finding]:
    found = []
    for name, boundary in _boundaries(grounds, Role.METAL):
        near = nearest_to_zones(boundary, [p.spheroid for p in placed])
        if near is not None and near.distance_mm < METAL_MM.value:
            text = f"{name} (metal) lies {max(near.distance_mm, 0.0):.0f} mm from the zone of monopolar current and may heat."
            found.append(METAL.finding(text, name, near.place_lps_mm))
    return found


def _close_electrodes(placed: Sequence[PlacedZone], devices: Mapping[str, Device]) -> list[Finding]:
    """Bare parts that come near without being parallel; of parallel ones the spacing is judged."""
    found = []
    limit = SPACINGS["radiofrequency"].low
    for one, two in itertools.combinations(placed, 2):
        if are_parallel(one.needle, two.needle):
            continue
        pairs = itertools.product(*(_samples(p, devices[p.needle.device]) for p in (one, two)))
        gap = min(math.dist(a, b) for a, b in pairs)
        if gap < limit.value:
            text = (
                f"The bare parts of {one.needle.id} and {two.needle.id} come within {gap:.0f} mm;"
                f" {limit.value:g} mm or more keep the current in the tissue."
            )
            found.append(ELECTRODES_CLOSE.finding(text, one.needle.id, one.needle.tip_lps_mm))
    return found


def _samples(placed: PlacedZone, device: Device) -> list[tuple[float, ...]]:
    """Points a millimetre or two apart along the active parts of a needle."""
    share = np.linspace(0.0, 1.0, 21)[:, None]
    segments = emitter_of(device).active_segments(placed.needle)
    return [tuple(p) for start, stop in segments for p in (start + share * (stop - start)).tolist()]


# microwave and gas -----------------------------------------------------------------------------


def _microwave(placed: Sequence[PlacedZone], devices: Mapping[str, Device]) -> list[Finding]:
    hot = [p for p in placed if emitter_of(devices[p.needle.device]).number("cooled") <= 0]
    if not hot:
        return []
    text = (
        f"The antenna of {_names(hot)} is not cooled: its shaft and cable heat; guard the skin at the entry."
    )
    return [SHAFT_HEATS.finding(text, _names(hot), hot[0].needle.entry_lps_mm)]


def _steam(grounds: LesionGrounds, placed: Sequence[PlacedZone]) -> list[Finding]:
    """Heat at the capsule: gas leaves there."""
    found = []
    for lesion in dict.fromkeys(p.needle.lesion for p in placed):
        margin = grounds.lesions[lesion].margin
        if not margin.is_capsule.any():
            continue
        x, y, z = (
            float(v) for v in margin.outline.samples.points_lps_mm[int(margin.capsule_distance_mm.argmin())]
        )
        own = [p for p in placed if p.needle.lesion == lesion]
        text = f"{lesion} lies at the capsule: gas from heated tissue may leave there and carry heat along."
        found.append(STEAM.finding(text, _names(own), (x, y, z)))
    return found


# cryo ------------------------------------------------------------------------------------------


def _cryo(
    grounds: LesionGrounds, placed: Sequence[PlacedZone], devices: Mapping[str, Device], settings: Settings
) -> list[Finding]:
    names = _names(placed)
    ice = [ice_of(p, devices[p.needle.device]) for p in placed]
    found = []
    insets = sorted({devices[p.needle.device].lethal_inset_mm for p in placed})
    if insets[-1] > 0:
        text = (
            f"The zone drawn is the lethal part; the ice seen on the scan reaches {insets[-1]:g} mm farther."
        )
    else:
        text = "The zone drawn is the device's table; ice at 0 °C reaches farther than the lethal isotherm."
    found.append(ICE_EDGE.finding(text, names))
    found += _ice_at_skin(grounds, names, ice)
    found += _ice_at_organs(grounds, ice, settings)
    cycles = settings.freeze_cycles
    few = cycles < CYCLES.value
    text = f"Frozen {cycles} times with thaws between; {CYCLES.value:g} freeze-thaw cycles are usual."
    found.append(FREEZE_CYCLES.finding(text, names, severity=Severity.WARNING if few else None))
    if grounds.liver_volume_ml:
        share = 100.0 * union_volume_ml(ice) / grounds.liver_volume_ml
        if share > ICE_SHARE.value:
            text = f"The ice takes {share:.0f} % of the liver: bleeding, falling platelets and shock become likely (unverified)."
            found.append(LARGE_ICE.finding(text, names))
    for lesion in dict.fromkeys(p.needle.lesion for p in placed):
        if grounds.lesions[lesion].margin.is_capsule.any():
            text = f"{lesion} lies at the capsule: ice there may crack and bleed as it thaws; thaw fully before the probe is turned."
            found.append(ICE_CRACKS.finding(text, names))
    return found


def ice_of(placed: PlacedZone, device: Device) -> Spheroid:
    """The ice a needle makes: its lethal zone and what lies between that and the ice's edge."""
    more = 2.0 * device.lethal_inset_mm
    zone = placed.spheroid
    return replace(zone, long_axis_mm=zone.long_axis_mm + more, short_axis_mm=zone.short_axis_mm + more)


def _ice_at_skin(grounds: LesionGrounds, names: str, ice: Sequence[Spheroid]) -> list[Finding]:
    skins = [s.name for s in grounds.anatomy.structures.with_role(Role.SKIN)]
    gaps = [
        nearest_to_zones(grounds.anatomy.boundaries[n], ice) for n in skins if n in grounds.anatomy.boundaries
    ]
    near = min((g for g in gaps if g is not None), key=lambda g: g.distance_mm, default=None)
    if near is None or near.distance_mm >= SKIN_ICE_MM.value:
        return []
    text = f"The ice comes within {max(near.distance_mm, 0.0):.0f} mm of the skin: warm the skin with saline."
    return [ICE_AT_SKIN.finding(text, names, near.place_lps_mm)]


def _ice_at_organs(grounds: LesionGrounds, ice: Sequence[Spheroid], settings: Settings) -> list[Finding]:
    boundaries = grounds.anatomy.boundaries
    watched: list[tuple[str, BoundaryPoints]] = [
        (name, boundaries[name])
        for group in GROUPS
        if group.id in ("bowel", "gallbladder", "bile_duct")
        for name in grounds.anatomy.group(group)
    ]
    watched += _boundaries(grounds, Role.DIAPHRAGM)
    found = []
    for name, boundary in watched:
        near = nearest_to_zones(boundary, ice)
        if near is None or near.distance_mm >= settings.organ_distance_mm:
            continue
        if near.distance_mm <= 0:
            text = f"The ice reaches {-near.distance_mm:.1f} mm into {name}; part them with fluid or gas."
        else:
            text = f"The ice ends {near.distance_mm:.1f} mm before {name}; keep {settings.organ_distance_mm:g} mm or part them."
        found.append(ICE_REACHES.finding(text, name, near.place_lps_mm))
    return found


# laser -----------------------------------------------------------------------------------------


def _laser(
    grounds: LesionGrounds, placed: Sequence[PlacedZone], devices: Mapping[str, Device]
) -> list[Finding]:
    found = []
    for p in placed:
        segments = emitter_of(devices[p.needle.device]).active_segments(p.needle)
        for vessel, boundary in grounds.anatomy.thick_vessels.items():
            gaps = [nearest_to_segment(boundary, start, stop) for start, stop in segments]
            near = min((g for g in gaps if g is not None), key=lambda g: g.distance_mm, default=None)
            if near is not None and near.distance_mm < FIBRE_VESSEL_MM.value:
                text = (
                    f"The fibre of {p.needle.id} passes {vessel} ({THICK_VESSEL_MM:g} mm or wider) at"
                    f" {near.distance_mm:.1f} mm: it is cooled there, and the wall may be hurt."
                )
                found.append(FIBRE_AT_VESSEL.finding(text, p.needle.id, near.place_lps_mm))
    return found


# focused ultrasound ----------------------------------------------------------------------------


def _ultrasound(placed: PlacedGrid) -> list[Finding]:
    grid, beam, device = placed.grid, placed.beam, placed.device
    found = []
    if not grid.has_window:
        text = f"Not checked: ribs and gas before {grid.id}, as it has no acoustic window; the beam is taken from the front."
        found.append(NO_WINDOW.finding(text, grid.id, grid.middle_lps_mm))
    else:
        found += _obstacles(placed)
        if beam.deepest_mm > device.length.value:
            text = (
                f"The deepest focus of {grid.id} lies {beam.deepest_mm:.0f} mm under the window;"
                f" {device.title} reaches {device.length.value:g} mm{_doubt(device.length)}."
            )
            found.append(Rule(TOO_DEEP.id, TOO_DEEP.severity, device.length.cited).finding(text, grid.id))
        if beam.shallowest_mm < SKIN_FOCUS_MM.value:
            text = f"A focus of {grid.id} lies {beam.shallowest_mm:.0f} mm from the skin, which may burn."
            found.append(FOCI_AT_SKIN.finding(text, grid.id, _nearest_to_window(placed)))
    for name, word, span in (
        ("steering_across", "across", beam.span_across_mm),
        ("steering_along", "along", beam.span_along_mm),
    ):
        limit = transducer_value(device, name)
        if span > limit.value:
            text = (
                f"Foci of {grid.id} lie up to {span:.0f} mm {word} the beam from their middle; the transducer steers"
                f" {limit.value:g} mm{_doubt(limit)} and must be moved in between."
            )
            found.append(Rule(STEERING.id, STEERING.severity, limit.cited).finding(text, grid.id))
    text = f"The foci of {grid.id} are {placed.zone.short_axis_mm:g} mm wide and hold for this breath-hold: treat in breath-hold or gated."
    found.append(MOTION.finding(text, grid.id))
    text = f"The chance of 5 mm is not computed for {grid.id}: motion and steering errors are not modelled; it is judged by its margin."
    found.append(NO_CHANCE.finding(text, grid.id))
    return found


def _obstacles(placed: PlacedGrid) -> list[Finding]:
    """Bone and gas between window and foci."""
    grid, beam = placed.grid, placed.beam
    found = []
    if beam.unchecked:
        text = f"Not checked in the beam of {grid.id}: {', '.join(beam.unchecked)} (not segmented)."
        found.append(BEAM_UNCHECKED.finding(text, grid.id, grid.middle_lps_mm))
    if beam.bone is not None:
        name, place = beam.bone
        text = (
            f"{name} blocks {_share(beam.bone_percent)} of the beam of {grid.id} and heats before the focus;"
            " switch off what lies behind ribs, or choose another window."
        )
        found.append(RIBS.finding(text, grid.id, place))
    if beam.gas is not None:
        name, place = beam.gas
        severity = Severity.WARNING if beam.gas_percent < GRAZING_PERCENT.value else None
        text = f"{name} (gas) lies in {_share(beam.gas_percent)} of the beam of {grid.id}: sound is thrown back there."
        found.append(GAS.finding(text, grid.id, place, severity))
    if beam.unscanned_percent > 0:
        text = f"{_share(beam.unscanned_percent)} of the beam of {grid.id} runs outside the scan."
        found.append(BEAM_UNSCANNED.finding(text, grid.id))
    return found


def _share(percent: float) -> str:
    return f"{percent:.0f} %" if percent >= 1.0 else "less than 1 %"


def _doubt(constant: Constant) -> str:
    return f" ({constant.label})" if constant.label else ""


def _nearest_to_window(placed: PlacedGrid) -> Point:
    window = placed.grid.window_lps_mm
    return min(placed.grid.foci_lps_mm, key=lambda f: min(math.dist(f, w) for w in window))


def _boundaries(grounds: LesionGrounds, role: Role) -> list[tuple[str, BoundaryPoints]]:
    """Boundaries of structures that no path is judged by."""
    structures = grounds.anatomy.structures
    found = []
    for structure in structures.with_role(role):
        if not structures.box(structure.name).is_empty:
            mask, grid = structures.cropped(structure.name, 2.0 * max(structures.grid.spacing_mm))
            found.append((structure.name, BoundaryPoints.of_mask(mask, grid)))
    return found
