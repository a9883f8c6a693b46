"""What a plan is worth when needles go astray and zones vary: margins over many seeded samples.

Each sample moves every needle's tip, scales every zone, and shifts the lesion's outline; the margin
of that sample is computed as exactly as the plan's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.margin import PreparedMargin
from planner.compute.spheroid import Spheroid
from planner.compute.zone_union import ZoneUnion
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray, unit_vector
from planner.model.plan import Applicator
from planner.planning.constants import Constant
from planner.planning.devices import DeviceZone
from planner.planning.placements import PLACEMENTS, PlacementError
from planner.planning.placing import zone_of

#: A share of the half width of a 90 % interval that is one standard deviation of a normal spread.
SIGMA_OF_90 = 1.0 / 1.6448536269514722
#: A zone is never taken smaller than this share of its expected size.
SMALLEST_SHARE = 0.3
#: Samples between two reports.
STEPS_A_REPORT = 50

_OURS = Confidence.OUR_RULE


#: Relative spread of a zone's axes where its device publishes none.
UNPUBLISHED_SPREAD = Constant(0.10, "", "a tenth of each axis where no spread is published", _OURS)


@dataclass(frozen=True)
class Uncertainties:
    """What varies from sample to sample.

    Parameters
    ----------
    placement
        Key of `PLACEMENTS`.
    zone_spread
        Relative standard deviation of the axes where the device publishes none, 0..0.5.
    samples
        How many, 50..20000.
    seed
        The same seed gives the same samples.
    """

    placement: str = "navigated"
    zone_spread: float = UNPUBLISHED_SPREAD.value
    samples: int = 1000
    seed: int = 1

    def __post_init__(self) -> None:
        if self.placement not in PLACEMENTS:
            raise InvalidValue(
                "There is no such way to place needles.",
                self.placement,
                f"Choose one of: {', '.join(PLACEMENTS)}.",
            )
        if not 0.0 <= self.zone_spread <= 0.5:
            raise InvalidValue("The spread of a zone lies between 0 and 0.5.", f"{self.zone_spread}")
        if not 50 <= self.samples <= 20_000:
            raise InvalidValue("Take 50 to 20000 samples.", f"{self.samples}")


@dataclass(frozen=True)
class PlannedZone:
    """A needle with the zone its device is expected to make."""

    needle: Applicator
    zone: DeviceZone


@dataclass(frozen=True)
class Robustness:
    """The margin over all samples.

    Parameters
    ----------
    minimal_mm
        Minimal margin of each sample, shape (samples,).
    full_coverage_percent
        Share of the samples whose minimal margin is not negative.
    at_least_5mm_percent
        Share of the samples whose minimal margin is 5 mm or more.
    low_mm, median_mm, high_mm
        5th, 50th and 95th percentile of the minimal margin.
    chance_of_5mm_percent
        At each surface point, the share of samples with 5 mm or more there, shape (n,).
    """

    minimal_mm: FloatArray
    full_coverage_percent: float
    at_least_5mm_percent: float
    low_mm: float
    median_mm: float
    high_mm: float
    chance_of_5mm_percent: FloatArray


def sample_robustness(
    prepared: PreparedMargin,
    planned: Sequence[PlannedZone],
    uncertainties: Uncertainties,
    *,
    without_capsule: bool = False,
    deduction_mm: FloatArray | None = None,
    task: Task | None = None,
) -> Robustness:
    """The margin of a lesion under needles and zones that vary.

    Parameters
    ----------
    prepared
        The lesion.
    planned
        Needles with their zones.
    uncertainties
        What varies, and the seed.
    without_capsule
        Leave the capsule part of the surface out of the minimum.
    deduction_mm
        Taken off every sample's margin at each surface point, not negative, shape (n,): what
        something the zones know nothing of, such as a vessel that cools, costs there.

    Raises
    ------
    InvalidValue
        If there is no needle, or a deduction is negative, not finite or of another shape.
    """
    if not planned:
        raise InvalidValue("Robustness needs at least one needle.", "no needle", "Place a probe first.")
    task = task or Task()
    samples = prepared.outline.samples
    deducted_mm = _checked_deduction(deduction_mm, len(samples))
    part = np.ones(len(samples), dtype=bool)
    if without_capsule and not prepared.is_capsule.all():
        part = ~prepared.is_capsule
    random = np.random.default_rng(uncertainties.seed)
    placement = PLACEMENTS[uncertainties.placement]
    outline_mm = random.standard_normal(uncertainties.samples)
    minimal = np.empty(uncertainties.samples)
    reached = np.zeros(len(samples))
    sigma_mm = prepared.outline.error_mm * SIGMA_OF_90
    for n in range(uncertainties.samples):
        if n % STEPS_A_REPORT == 0:
            task.report(n / uncertainties.samples, f"Sample {n} of {uncertainties.samples}")
        zones = [_varied(p, placement, uncertainties.zone_spread, random) for p in planned]
        margins = ZoneUnion(zones).signed_distance_mm(samples.points_lps_mm) - outline_mm[n] * sigma_mm
        margins -= deducted_mm
        minimal[n] = margins[part].min()
        reached += margins >= 5.0
    low, median, high = (float(v) for v in np.percentile(minimal, (5.0, 50.0, 95.0)))
    return Robustness(
        minimal,
        100.0 * float(np.mean(minimal >= 0.0)),
        100.0 * float(np.mean(minimal >= 5.0)),
        low,
        median,
        high,
        100.0 * reached / uncertainties.samples,
    )


def across_shaft(along: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The two directions across a shaft in which tips go astray: unit vectors at right angles, each (3,)."""
    side = unit_vector(np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))]))
    return side, np.asarray(np.cross(along, side))


def placement_offset(along: FloatArray, placement: PlacementError, away: FloatArray) -> FloatArray:
    """How far from its planned place a tip comes to lie, in LPS mm, shape (3,).

    The needle goes in at the planned entry, so an offset across the shaft turns it.

    Parameters
    ----------
    along
        Unit vector from entry to tip.
    placement
        How far tips go astray.
    away
        Standard normal numbers, shape (3,): across the shaft twice (see `across_shaft`), and along it.
    """
    side, other = across_shaft(along)
    lateral, depth = placement.lateral.value, placement.depth.value
    return np.asarray(lateral * (away[0] * side + away[1] * other) + depth * away[2] * along)


def _checked_deduction(deduction_mm: FloatArray | None, count: int) -> FloatArray:
    if deduction_mm is None:
        return np.zeros(count)
    found = np.asarray(deduction_mm, dtype=float)
    if found.shape != (count,) or not np.all(np.isfinite(found) & (found >= 0.0)):
        raise InvalidValue(
            "A deduction takes millimetres off the margin at each surface point, never adds any.",
            f"shape {found.shape}, {count} points",
            "Give one finite number of 0 or more for each point.",
        )
    return found


def _varied(
    planned: PlannedZone, placement: PlacementError, spread: float, random: np.random.Generator
) -> Spheroid:
    """One sample of a needle's zone: its tip off, its axes longer or shorter.

    The entry stays, so a lateral error turns the needle.  Long and short axis vary together: a zone
    that grows well grows in all directions.
    """
    away, size = random.standard_normal(3), float(random.standard_normal())
    needle, zone = planned.needle, planned.zone
    shift = placement_offset(needle.direction, placement, away)
    x, y, z = (float(v) for v in np.array(needle.tip_lps_mm) + shift)
    moved = replace(needle, tip_lps_mm=(x, y, z))
    long_sd = zone.long_sd_mm if zone.long_sd_mm is not None else spread * zone.long_axis_mm
    short_sd = zone.short_sd_mm if zone.short_sd_mm is not None else spread * zone.short_axis_mm
    long_axis = max(SMALLEST_SHARE * zone.long_axis_mm, zone.long_axis_mm + size * long_sd)
    short_axis = max(SMALLEST_SHARE * zone.short_axis_mm, zone.short_axis_mm + size * short_sd)
    return zone_of(moved, replace(zone, long_axis_mm=long_axis, short_axis_mm=short_axis))
