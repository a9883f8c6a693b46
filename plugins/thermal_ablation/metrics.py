"""The numbers of a thermal ablation, each made in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from planner_plugins.thermal_ablation.settings import Settings

from planner.compute.clearance import Nearest, nearest_to_zones
from planner.compute.foci_union import together
from planner.compute.margin import HISTOGRAM_EDGES_MM, MarginReport, MinimalMargin
from planner.compute.spheroid import Spheroid
from planner.model.assessment import Confidence, Curve, Metric, Source, Target, Uncertainty
from planner.model.plan import Applicator, FocusGrid
from planner.planning.acoustic_window import BeamReport
from planner.planning.anatomy import GROUPS, Anatomy
from planner.planning.devices import Device, DeviceZone
from planner.planning.focusing import transducer_power_w, transducer_value
from planner.planning.lesion_grounds import LesionGrounds
from planner.planning.needle_path import NeedlePath

PLANNED_RULE = Source(
    "planning rule: aim at 10 mm all round, 5 mm achieved is the criterion", Confidence.OUR_RULE
)
ACHIEVED_RULE = Source(
    "Laimer 2025, Eur Radiol 35:1046; Wang 2013, CVIR 36:166 (5 mm on the scan after treatment)",
    Confidence.SOURCE_READ,
)
BEAM_RULE = Source("no ray of the beam meets bone or gas", Confidence.OUR_RULE)
CAPSULE_RULE = "Sandu 2021, Front Oncol 11:623098"
FULL = Target(low=100.0 - 1e-9, source=Source("complete ablation (A0)", Confidence.UNVERIFIED))
MARGIN_METHOD = "sub-voxel lesion surface to the boundary of the union of zones"
VOLUME_METHOD = "sub-voxel shares of volume"


@dataclass(frozen=True)
class PlacedZone:
    """A needle with the zone it is expected to make."""

    needle: Applicator
    zone: DeviceZone
    spheroid: Spheroid

    @property
    def instrument(self) -> Applicator:
        """What of the plan makes the zone."""
        return self.needle


@dataclass(frozen=True)
class PlacedGrid:
    """A grid of foci with the zone of each, and what its beam meets; no beam without a window."""

    grid: FocusGrid
    device: Device
    zone: DeviceZone
    spheroids: tuple[Spheroid, ...]
    beam: BeamReport

    @property
    def instrument(self) -> FocusGrid:
        """What of the plan makes the zones."""
        return self.grid


def lesion_metrics(
    lesion: str, volume_ml: float, report: MarginReport, settings: Settings, *, by_chance: bool = True
) -> list[Metric]:
    """All numbers of one lesion under the plan's zones."""
    target = margin_target(settings, by_chance=by_chance)
    bare = report.minimal_without_capsule
    judged_bare = settings.exclude_capsule and bare is not None
    share = f"capsule part excluded, {report.capsule_share_percent:.0f} % of surface"

    def percent(name: str, value: float, target: Target | None = None, method: str = MARGIN_METHOD) -> Metric:
        return Metric(name, value, "%", lesion, method, target)

    found = [
        Metric("lesion_volume_ml", volume_ml, "ml", lesion, "voxel count"),
        percent("lesion_coverage_percent", report.lesion_coverage_percent, FULL, VOLUME_METHOD),
        percent("lesion_plus_5mm_coverage_percent", report.grown_coverage_percent[0], None, VOLUME_METHOD),
        percent("lesion_plus_10mm_coverage_percent", report.grown_coverage_percent[1], None, VOLUME_METHOD),
        _margin("minimal_ablation_margin_mm", report.minimal, lesion, None if judged_bare else target),
    ]
    if bare is not None:
        name = "minimal_margin_without_capsule_mm"
        found.append(
            _margin(name, bare, lesion, target if judged_bare else None, f"{share} ({CAPSULE_RULE})")
        )
    found += [
        percent("margin_below_0mm_percent", report.below_0_percent),
        percent("margin_0_to_5mm_percent", report.from_0_to_5_percent),
        percent("margin_5_to_10mm_percent", report.from_5_to_10_percent),
        percent("margin_at_least_5mm_percent", report.at_least_5_percent),
        percent("margin_at_least_10mm_percent", report.at_least_10_percent),
        Metric("margin_5th_percentile_mm", report.percentile_5_mm, "mm", lesion, MARGIN_METHOD),
        Metric("margin_median_mm", report.median_mm, "mm", lesion, MARGIN_METHOD),
        percent("capsule_surface_percent", report.capsule_share_percent),
    ]
    if report.liver_outside_lesion_ml is not None:
        found.append(
            Metric(
                "liver_destroyed_ml",
                report.liver_outside_lesion_ml,
                "ml",
                lesion,
                "liver outside this lesion",
            )
        )
    return found


def margin_histogram(name: str, percent: Sequence[float], lesion: str) -> Curve:
    """Shares of a lesion's surface by margin; the first and last bin stand for all beyond."""
    inner = np.array(HISTOGRAM_EDGES_MM)
    edges = np.array([inner[0] - 1.0, *inner, inner[-1] + 1.0])
    return Curve(name, edges, np.array(percent), "mm", "% of surface", lesion)


def zone_metrics(placed: PlacedZone) -> list[Metric]:
    """Numbers of one zone."""
    zone, subject = placed.zone, placed.needle.id
    note = f"{zone.medium}; {zone.source} ({zone.confidence.value})"
    offset_note = f"{zone.center_offset.source}" + (
        f" ({label})" if (label := zone.center_offset.label) else ""
    )
    return [
        Metric(
            "ablation_zone_volume_ml", placed.spheroid.volume_ml, "ml", subject, "ellipsoid of revolution"
        ),
        Metric("zone_long_axis_mm", zone.long_axis_mm, "mm", subject, "device table", note=note),
        Metric("zone_short_axis_mm", zone.short_axis_mm, "mm", subject, "device table", note=note),
        Metric(
            "zone_center_offset_mm",
            zone.center_offset.value,
            "mm",
            subject,
            "behind the tip",
            note=offset_note,
        ),
    ]


def grid_metrics(placed: PlacedGrid) -> list[Metric]:
    """Numbers of one grid of foci: its zones, its time, and its beam."""
    grid, zone, beam, device = placed.grid, placed.zone, placed.beam, placed.device
    subject, foci = grid.id, len(grid.foci_lps_mm)
    note = f"{zone.medium}; {zone.source} ({zone.confidence.value})"
    frequency = transducer_value(device, "frequency").value
    power = grid.settings.get("power_w")
    depth = Target(high=device.length.value, source=device.length.cited)
    most, pause = transducer_value(device, "max_power"), transducer_value(device, "pause")
    needed = None
    if power is not None and grid.has_window and beam.blocked_percent < 100.0:
        needed = transducer_power_w(power, beam.deepest_mm, frequency, beam.blocked_percent)
    rays = f"share of {beam.rays} rays from the window to the foci that meet bone or gas"
    unseen = "" if grid.has_window else "no acoustic window chosen"
    unchecked = f"not checked: {', '.join(beam.unchecked)}" if beam.unchecked else ""
    return [
        Metric("ablation_zone_volume_ml", together([], [placed.spheroids]).volume_ml, "ml", subject, "union of the foci's zones"),
        Metric("zone_long_axis_mm", zone.long_axis_mm, "mm", subject, "device table, one focus", note=note),
        Metric("zone_short_axis_mm", zone.short_axis_mm, "mm", subject, "device table, one focus", note=note),
        Metric("foci_count", float(foci), "1", subject, "foci of the grid"),
        Metric(
            "sonication_time_total_s", foci * grid.settings.get("time_s", 0.0), "s", subject,
            "foci times their time",
        ),
        Metric(
            "sonication_with_pauses_s", foci * (grid.settings.get("time_s", 0.0) + pause.value), "s", subject,
            f"with {pause.value:g} s after each focus", note=f"{pause.source} ({pause.confidence.value})",
        ),
        Metric(
            "beam_blocked_percent", beam.blocked_percent if grid.has_window else None, "%", subject, rays,
            Target(high=0.0, source=BEAM_RULE), note=unseen or unchecked,
        ),
        Metric(
            "skin_to_focus_mm", beam.deepest_mm if grid.has_window else None, "mm", subject,
            "the window's middle to the deepest focus", depth, note=unseen,
        ),
        Metric(
            "shallowest_focus_mm", beam.shallowest_mm if grid.has_window else None, "mm", subject,
            "the window to the nearest focus", note=unseen,
        ),
        Metric(
            "transducer_power_w", needed, "W", subject,
            "the power at the deepest focus over what attenuation and bone leave of it (model)",
            Target(high=most.value, source=most.cited), note=unseen, is_estimate=True,
        ),
    ]  # fmt: skip


def path_metrics(
    needle: Applicator, path: NeedlePath, device_length_mm: float, device_source: Source
) -> list[Metric]:
    """Numbers of one needle's path."""
    subject = needle.id
    reach = Target(high=device_length_mm, source=device_source)
    flat = Target(low=30.0, source=Source("20-30 degrees or more from the tangent", Confidence.OUR_RULE))
    found = [
        Metric("path_length_mm", path.length_mm, "mm", subject, "entry to tip", reach),
        Metric(
            "in_plane_angle_deg",
            path.in_plane_deg,
            "deg",
            subject,
            "from straight back, towards left positive",
        ),
        Metric(
            "craniocaudal_angle_deg",
            path.craniocaudal_deg,
            "deg",
            subject,
            "out of the axial plane, head positive",
        ),
        Metric(
            "entry_table_position_mm",
            needle.entry_lps_mm[2],
            "mm",
            subject,
            "superior coordinate of the entry",
        ),
        Metric(
            "liver_traversed_mm", path.liver_traversed_mm, "mm", subject, "within liver, outside the lesion"
        ),
    ]
    if path.capsule_angle_deg is not None:
        method = "needle to the smoothed capsule's tangent plane"
        found.append(Metric("capsule_angle_deg", path.capsule_angle_deg, "deg", subject, method, flat))
    for group in GROUPS:
        near = path.nearest.get(group.id)
        if near is not None:
            name = f"nearest_{group.id}_to_path_mm"
            nearest, method = near.nearest, "shaft to voxel faces"
            found.append(
                Metric(
                    name,
                    nearest.distance_mm,
                    "mm",
                    subject,
                    method,
                    note=near.structure,
                    where_lps_mm=nearest.place_lps_mm,
                )
            )
    return found


def nearest_to_zone(anatomy: Anatomy, zones: Sequence[Spheroid]) -> dict[str, tuple[str, Nearest]]:
    """By hazard group, the structure that comes nearest to the zones."""
    found: dict[str, tuple[str, Nearest]] = {}
    for group in GROUPS:
        for name in anatomy.group(group):
            nearest = nearest_to_zones(anatomy.boundaries[name], zones)
            if nearest is not None and (
                group.id not in found or nearest.distance_mm < found[group.id][1].distance_mm
            ):
                found[group.id] = (name, nearest)
    return found


def zone_distance_metrics(near: Mapping[str, tuple[str, Nearest]]) -> list[Metric]:
    """Distance of each hazard group to the union of zones; negative where it reaches in."""
    return [
        Metric(
            f"nearest_{group}_to_zone_mm",
            nearest.distance_mm,
            "mm",
            "plan",
            "zone to voxel faces",
            note=name,
            where_lps_mm=nearest.place_lps_mm,
        )
        for group, (name, nearest) in near.items()
    ]


def plan_metrics(reports: Mapping[str, MarginReport], grounds: LesionGrounds) -> list[Metric]:
    """Numbers of the plan as a whole."""
    if not reports:
        return []
    volume = next(iter(reports.values())).zone_volume_ml
    found = [Metric("ablation_zone_volume_ml", volume, "ml", "plan", "union of the zones")]
    if grounds.liver_volume_ml is not None:
        found.append(Metric("liver_volume_ml", grounds.liver_volume_ml, "ml", "liver", "voxel count"))
    return found


def margin_target(settings: Settings, *, by_chance: bool = True) -> Target | None:
    """What a minimal margin is judged by: planned and achieved margins have rules of their own.

    None where a planned margin is judged by the chance of achieving 5 mm instead; ``by_chance`` tells
    whether that chance is known.
    """
    if settings.judged_as == "achieved":
        return Target(low=settings.achieved_margin_mm, source=ACHIEVED_RULE)
    if by_chance and settings.planned_rule == "chance" and settings.robustness_samples > 0:
        return None
    return Target(low=settings.planned_margin_mm, source=PLANNED_RULE)


def _margin(name: str, minimal: MinimalMargin, lesion: str, target: Target | None, note: str = "") -> Metric:
    interval = Uncertainty(minimal.low_mm, minimal.high_mm, 90.0, "voxels and outline only")
    return Metric(
        name,
        minimal.value_mm,
        "mm",
        lesion,
        MARGIN_METHOD,
        target,
        interval,
        note,
        where_lps_mm=minimal.place_lps_mm,
    )


def direction_words(start: tuple[float, float, float], stop: tuple[float, float, float]) -> str:
    """Where one point lies from another, in words such as ``left, back and head``."""
    away = np.array(stop) - np.array(start)
    length = float(np.linalg.norm(away))
    if length == 0:
        return "centre"
    pairs = (("left", "right"), ("back", "front"), ("head", "feet"))
    words = [p if v > 0 else n for v, (p, n) in zip(away / length, pairs, strict=True) if abs(v) > 0.38]
    return " and ".join(words) if len(words) < 3 else f"{words[0]}, {words[1]} and {words[2]}"
