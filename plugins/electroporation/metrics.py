"""The numbers of an electroporation, each with its name, method and target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from planner_plugins.electroporation.coverage import Coverage, share_of_area
from planner_plugins.electroporation.heat import HeatReport
from planner_plugins.electroporation.placed import PlacedArray
from planner_plugins.electroporation.pulsed_field import PairCurrent, PulsedField
from planner_plugins.electroporation.settings import Settings

from planner.compute.heat_lattice import Mask, Single
from planner.compute.level_margin import LevelMargin
from planner.model.assessment import Confidence, Metric, Source, Target, Uncertainty
from planner.model.plan import Applicator
from planner.planning import pulsed_tissues as given
from planner.planning.anatomy import GROUPS
from planner.planning.constants import Constant
from planner.planning.lesion_grounds import LesionGround
from planner.planning.needle_path import NeedlePath
from planner.planning.pulsed_tissues import CONTOURS_V_PER_CM

FULL = Target(low=100.0, source=Source("complete coverage of lesion and margin", Confidence.ESTABLISHED))
MARGIN_RULE = Source("bracket the lesion with 5 mm outside; margin 5-10 mm", Confidence.ESTABLISHED)
SETTING = Source("setting of this module", Confidence.OUR_RULE)
ESTIMATE = "closed form of two needles, tissue the same everywhere"
NOT_PULSED = "nothing is pulsed"


def pair_metrics(
    placed: PlacedArray,
    currents: Mapping[tuple[int, int], tuple[float, str]],
    settings: Settings,
    *,
    is_estimate: bool,
) -> list[Metric]:
    """One row of the pair table for each pair.

    Parameters
    ----------
    placed, settings
        The array and its rules.
    currents
        By pair the current in A and a note.
    is_estimate
        Whether the currents are.
    """
    found = []
    array = placed.array
    spacing = Target(settings.least_spacing_mm, settings.most_spacing_mm, given.MOST_SPACING.cited)
    nominal_aim = Target(low=settings.least_nominal_v_per_cm, source=given.NOMINAL_LEAST.cited)
    for pair in array.pairs:
        geometry = placed.geometries[pair.a, pair.b]
        subject = f"{array.id}:{pair.a}-{pair.b}"
        pulsed = pair.voltage_v > 0
        nominal = 10.0 * pair.voltage_v / geometry.distance_mm if geometry.distance_mm > 0 else None
        amperes, note = currents.get((pair.a, pair.b), (None, NOT_PULSED if not pulsed else "not computed"))
        method = ESTIMATE if is_estimate else "solved field, mean of what goes in and what comes out"
        found += [
            Metric(
                "pair_distance_mm", geometry.distance_mm, "mm", subject, "between the bare parts' axes",
                spacing if pulsed else None,
                note=f"{geometry.least_mm:.1f} to {geometry.most_mm:.1f} mm along the exposure",
            ),
            Metric("pair_angle_deg", geometry.angle_deg, "deg", subject, "between the shafts",
                   Target(high=settings.parallel_tolerance_deg, source=given.PARALLELISM.cited)),
            Metric(
                "pair_nominal_v_per_cm", nominal if pulsed else None, "V/cm", subject,
                "nominal V/d: voltage over distance, not the field", nominal_aim if pulsed else None,
                note="" if pulsed else NOT_PULSED,
            ),
            Metric(
                "pair_voltage_v", pair.voltage_v, "V", subject, "as planned",
                _range(placed.limit("min_voltage"), placed.limit("max_voltage")) if pulsed else None,
            ),
            Metric("pair_pulses", float(array.pulses), "1", subject, "as planned",
                   Target(low=float(settings.least_pulses), source=given.PULSES.cited)),
            Metric("pair_pulse_us", array.pulse_us, "µs", subject, "as planned",
                   _range(placed.limit("shortest_pulse"), placed.limit("longest_pulse"))),
            Metric(
                "pair_current_a", amperes, "A", subject, method,
                _range(None, placed.limit("max_current")), note=note, is_estimate=is_estimate,
            ),
        ]  # fmt: skip
    return found


def highest_currents(currents: Sequence[PairCurrent], array: str) -> dict[tuple[int, int], tuple[float, str]]:
    """By pair the highest current over all pull-backs, and at which."""
    found: dict[tuple[int, int], tuple[float, str]] = {}
    for current in currents:
        pulsed = current.pulsed
        if pulsed.array.id != array:
            continue
        known = found.get(pulsed.numbers)
        if known is None or current.current_a > known[0]:
            note = f"highest, after {pulsed.position} pull-backs" if pulsed.position else ""
            found[pulsed.numbers] = (current.current_a, note)
    return found


def lesion_metrics(
    name: str, volume_ml: float, found: Coverage | None, settings: Settings, *, is_estimate: bool
) -> list[Metric]:
    """Coverage of one lesion; without a field the numbers are absent and say why."""
    note = "" if found is not None else NOT_PULSED
    way = f"{ESTIMATE}; " if is_estimate else ""
    own = (
        f"{way}share of volume with {settings.tumor_threshold_v_per_cm:g} V/cm in the lesion,"
        f" {settings.liver_threshold_v_per_cm:g} V/cm in liver"
    )

    def percent(metric: str, value: float | None, method: str, target: Target | None = None) -> Metric:
        return Metric(metric, value, "%", name, method, target, note=note, is_estimate=is_estimate)

    metrics = [
        Metric("lesion_volume_ml", volume_ml, "ml", name, "voxel count"),
        percent("lesion_coverage_percent", None if found is None else found.lesion, own, FULL),
        percent("lesion_plus_5mm_coverage_percent", None if found is None else found.grown_5mm, own, FULL),
    ]
    for n, level in enumerate(CONTOURS_V_PER_CM):
        method = f"{way}share of volume with {level} V/cm or more"
        metrics.append(
            percent(
                f"lesion_coverage_{level}_v_per_cm_percent",
                None if found is None else found.lesion_contours[n],
                method,
            )
        )
    for n, level in enumerate(CONTOURS_V_PER_CM):
        method = f"{way}share of the lesion grown by 5 mm within the liver with {level} V/cm or more"
        metrics.append(
            percent(
                f"lesion_plus_5mm_coverage_{level}_v_per_cm_percent",
                None if found is None else found.grown_contours[n],
                method,
            )
        )
    metrics.append(
        Metric(
            "lesion_minimal_field_v_per_cm", None if found is None else found.least_v_per_cm, "V/cm", name,
            f"{way}smallest over lesion and its outline",
            Target(low=settings.tumor_threshold_v_per_cm, source=given.TUMOUR_THRESHOLD.cited),
            note=note, is_estimate=is_estimate,
            where_lps_mm=None if found is None else found.least_lps_mm,
        )
    )  # fmt: skip
    return metrics


def margin_metrics(
    name: str, ground: LesionGround, margin: LevelMargin | None, settings: Settings
) -> list[Metric]:
    """The margin of a lesion to the threshold's surface."""
    if margin is None:
        return [
            Metric("minimal_ablation_margin_mm", None, "mm", name, note="no tissue reaches its threshold")
        ]
    minimal = margin.minimal
    interval = Uncertainty(
        minimal.low_mm, minimal.high_mm, 90.0, "voxels, outline and lattice only; not the threshold"
    )
    method = "sub-voxel lesion surface to the surface where the field passes the tissue's threshold (model)"
    aim = Target(low=settings.margin_mm, source=MARGIN_RULE)
    wide = share_of_area(ground, margin.margins_mm >= 5.0)
    return [
        Metric(
            "minimal_ablation_margin_mm", minimal.value_mm, "mm", name, method, aim, interval,
            where_lps_mm=minimal.place_lps_mm,
        ),
        Metric("margin_at_least_5mm_percent", wide, "%", name, "share of the lesion's surface"),
    ]  # fmt: skip


def field_metrics(found: PulsedField, level: Single, settings: Settings) -> list[Metric]:
    """Volumes of the field over the whole lattice."""
    voxel_ml = found.grid.voxel_volume_ml
    method = f"voxels of {found.grid.spacing_mm[0]:g} mm whose largest field over pairs reaches it (model)"

    def volume(metric: str, hit: Mask, how: str = method) -> Metric:
        return Metric(metric, float(np.count_nonzero(hit)) * voxel_ml, "ml", "plan", how)

    reversible = (found.e_v_per_cm >= settings.reversible_v_per_cm) & (level <= 0)
    return [
        volume(
            "ablation_zone_volume_ml",
            level > 0,
            "voxels whose field reaches their tissue's threshold (model)",
        ),
        *(volume(f"field_{c}_v_per_cm_volume_ml", found.e_v_per_cm >= c) for c in CONTOURS_V_PER_CM),
        volume(
            "reversible_volume_ml",
            reversible,
            f"voxels from {settings.reversible_v_per_cm:g} V/cm up to their tissue's threshold (model)",
        ),
    ]


def heat_metrics(heat: HeatReport, settings: Settings) -> list[Metric]:
    """What the pulses heat."""
    method = "all pulses of all pairs, no heat leaving: an upper bound (model)"
    found = [
        Metric(
            "hottest_tissue_degc", heat.hottest_degc, "°C", "plan", method, where_lps_mm=heat.hottest_lps_mm
        ),
        Metric("heated_volume_ml", heat.hot_ml, "ml", "plan", f"above {settings.hot_degc:g} °C; {method}"),
        Metric(
            "heated_by_one_pair_ml",
            heat.hot_by_one_ml,
            "ml",
            "plan",
            f"above {settings.hot_degc:g} °C by the pulses of one pair alone, no heat leaving (model)",
        ),
    ]
    if heat.duct_degc is not None:
        found.append(
            Metric(
                "hottest_bile_duct_degc", heat.duct_degc, "°C", heat.duct, method,
                Target(high=settings.duct_degc, source=given.DUCT_HEAT.cited), where_lps_mm=heat.duct_lps_mm,
            )
        )  # fmt: skip
    return found


def path_metrics(needle: Applicator, path: NeedlePath, length: Constant) -> list[Metric]:
    """Numbers of one electrode's path."""
    subject = needle.id
    found = [
        Metric("path_length_mm", path.length_mm, "mm", subject, "entry to tip",
               Target(high=length.value, source=length.cited)),
        Metric("in_plane_angle_deg", path.in_plane_deg, "deg", subject,
               "from straight back, towards left positive"),
        Metric("craniocaudal_angle_deg", path.craniocaudal_deg, "deg", subject,
               "out of the axial plane, head positive"),
        Metric("liver_traversed_mm", path.liver_traversed_mm, "mm", subject,
               "within liver, outside the lesion"),
    ]  # fmt: skip
    for group in GROUPS:
        near = path.nearest.get(group.id)
        if near is not None:
            found.append(
                Metric(
                    f"nearest_{group.id}_to_path_mm", near.nearest.distance_mm, "mm", subject,
                    "shaft to voxel faces", note=near.structure, where_lps_mm=near.nearest.place_lps_mm,
                )
            )  # fmt: skip
    return found


def _range(low: Constant | None, high: Constant | None) -> Target | None:
    """A target of a device's limits; None where it has none."""
    given_limits = [c for c in (low, high) if c is not None]
    if not given_limits:
        return None
    return Target(
        None if low is None else low.value, None if high is None else high.value, given_limits[-1].cited
    )
