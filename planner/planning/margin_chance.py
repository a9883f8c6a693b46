"""The chance that a plan leaves a margin all round, and nothing else of what robustness tells.

The samples are those of `robustness.sample_robustness`; a sample is given up at the first point that
falls short, so that several plans can be compared in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.depth_screen import screen_depths
from planner.compute.margin import PreparedMargin
from planner.compute.spheroid import PACKED, Spheroid
from planner.compute.zone_union import union_distance_mm
from planner.model.geometry import FloatArray
from planner.planning.placements import PLACEMENTS, PlacementError
from planner.planning.robustness import (
    SIGMA_OF_90,
    SMALLEST_SHARE,
    STEPS_A_REPORT,
    PlannedZone,
    Uncertainties,
    across_shaft,
)


def chance_of_margin_percent(
    prepared: PreparedMargin,
    planned: Sequence[PlannedZone],
    uncertainties: Uncertainties,
    margin_mm: float = 5.0,
    *,
    without_capsule: bool = False,
    task: Task | None = None,
) -> float:
    """Share of the samples whose minimal margin is so large or larger, as `sample_robustness` counts it.

    Parameters
    ----------
    prepared, planned, uncertainties, without_capsule
        As `sample_robustness` takes them.
    margin_mm
        The margin; that function tells it for 5 mm.

    Raises
    ------
    InvalidValue
        If there is no needle.
    """
    if not planned:
        raise InvalidValue("A chance needs at least one needle.", "no needle", "Place a probe first.")
    task = task or Task()
    part = np.ones(len(prepared.outline.samples), dtype=bool)
    if without_capsule and not prepared.is_capsule.all():
        part = ~prepared.is_capsule
    points = np.ascontiguousarray(prepared.outline.samples.points_lps_mm[part])
    sigma_mm = prepared.outline.error_mm[part] * SIGMA_OF_90
    random, count = np.random.default_rng(uncertainties.seed), uncertainties.samples
    outline_mm = random.standard_normal(count)
    draws = random.standard_normal((count, len(planned), 4))
    placement = PLACEMENTS[uncertainties.placement]
    zones = np.stack(
        [varied_zones(p, placement, uncertainties.zone_spread, draws[:, n]) for n, p in enumerate(planned)],
        axis=1,
    )
    order = np.arange(len(points))
    held = 0
    for first in range(0, count, STEPS_A_REPORT):
        task.report(first / count, "Chance of the margin")
        some = slice(first, first + STEPS_A_REPORT)
        needed_mm = margin_mm + outline_mm[some, None] * sigma_mm
        may_hold, is_open = screen_depths(points, zones[some], needed_mm, order)
        for n in np.flatnonzero(may_hold):
            still = is_open[n]
            held += not still.any() or bool(
                np.all(union_distance_mm(points[still], _spheroids(zones[first + n])) >= needed_mm[n, still])
            )
    return 100.0 * held / count


def varied_zones(
    planned: PlannedZone, placement: PlacementError, spread: float, draws: FloatArray
) -> FloatArray:
    """Samples of a needle's zone: its tip off, its axes longer or shorter; packed, shape (n, 8).

    The entry stays, so a lateral error turns the needle.  Long and short axis vary together.

    Parameters
    ----------
    spread
        Relative spread of the axes where the device publishes none.
    draws
        Standard normal numbers, shape (n, 4): across the shaft twice, along it, size.
    """
    needle, zone = planned.needle, planned.zone
    along = needle.direction
    side, other = across_shaft(along)
    shifts = np.stack(
        [placement.lateral.value * side, placement.lateral.value * other, placement.depth.value * along]
    )
    tips = np.array(needle.tip_lps_mm) + draws[:, :3] @ shifts
    ways = tips - np.array(needle.entry_lps_mm)
    ways /= np.linalg.norm(ways, axis=1)[:, None]
    found = np.empty((len(draws), PACKED))
    found[:, :3] = tips - zone.center_offset.value * ways
    found[:, 3:6] = ways
    axes = ((zone.short_axis_mm, zone.short_sd_mm), (zone.long_axis_mm, zone.long_sd_mm))
    for column, (axis_mm, sd_mm) in zip((6, 7), axes, strict=True):
        known_sd = sd_mm if sd_mm is not None else spread * axis_mm
        found[:, column] = np.maximum(SMALLEST_SHARE * axis_mm, axis_mm + draws[:, 3] * known_sd) / 2
    return found


def _spheroids(packed: FloatArray) -> list[Spheroid]:
    return [
        Spheroid((x, y, z), (ux, uy, uz), 2.0 * b, 2.0 * a) for x, y, z, ux, uy, uz, a, b in packed.tolist()
    ]
