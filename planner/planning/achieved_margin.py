"""Afterwards: was it enough?  The margin of a lesion, outlined before, in the zone seen after treatment.

The lesion's surface is mapped into the scan after treatment by a registration, and its distance to the
zone's own outline is measured there.  What is not known exactly (where the lesion lies, what voxels
leave open, how a hand draws, how much tissue shrank) becomes one 90 % interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.task import Task
from planner.compute.lesion_outline import LesionOutline
from planner.compute.margin import CANDIDATES, MinimalMargin, PreparedMargin
from planner.compute.outline_distance import OutlineDistance
from planner.model.geometry import FloatArray, Grid
from planner.model.registration import Registration
from planner.planning.error_budget import ErrorBudget, MarginUnknowns

BoolArray = npt.NDArray[np.bool_]

#: Cells of the lattice on which volumes are counted.
CELLS, FINEST_MM, COARSEST_MM = 48, 0.5, 2.0
PERCENTILES = (5.0, 25.0, 50.0, 75.0, 95.0)
#: A direction counts where its share of the whole exceeds this (cosine).
NAMED_COSINE = 0.38


@dataclass(frozen=True, eq=False)
class AchievedMargin:
    """What was reached of a lesion, in the space of the scan after treatment.

    Parameters
    ----------
    minimal
        The minimal margin with its 90 % interval from the whole error budget.
    minimal_without_capsule
        The same over the surface away from the liver's surface; None where all of it is capsule part.
    weakest_from_lps_mm
        The weakest place in the scan the lesion was outlined on.
    weakest_words
        Where on the lesion it lies, such as ``front left``.
    points_lps_mm, margins_mm
        The lesion's surface points mapped, (n, 3), and the margin at each, (n,).
    percentiles_mm
        Margin by percentile of the surface area: 5, 25, 50, 75, 95.
    mean_mm
        Over the surface area.
    below_0_percent, from_0_to_5_percent, from_5_to_10_percent, at_least_10_percent
        Classes of the surface by margin.
    coverage_percent
        Share of the lesion's volume within the zone.
    residual_ml
        Volume of the lesion outside the zone.
    residual, residual_grid
        Its voxels [k, j, i] on a lattice of cubic cells.
    zone_volume_ml
        Within the zone's outline.
    parts_mm
        Half width of the 90 % interval each part of the budget makes alone; contraction: its most.
    """

    minimal: MinimalMargin
    minimal_without_capsule: MinimalMargin | None
    weakest_from_lps_mm: tuple[float, float, float]
    weakest_words: str
    points_lps_mm: FloatArray
    margins_mm: FloatArray
    percentiles_mm: Mapping[float, float]
    mean_mm: float
    below_0_percent: float
    from_0_to_5_percent: float
    from_5_to_10_percent: float
    at_least_10_percent: float
    coverage_percent: float
    residual_ml: float
    residual: BoolArray
    residual_grid: Grid
    zone_volume_ml: float
    parts_mm: Mapping[str, float]

    def __post_init__(self) -> None:
        for array in (self.points_lps_mm, self.margins_mm, self.residual):
            array.setflags(write=False)

    @property
    def words(self) -> str:
        """The minimal margin as it is printed: ``4.6 mm (90 %: 3.1-5.9)``."""
        return margin_words(self.minimal)


def margin_words(minimal: MinimalMargin) -> str:
    """A minimal margin with its interval, such as ``4.6 mm (90 %: 3.1-5.9)``; below zero ``-2.0 to 1.0``."""
    low, value, high = (round(x, 1) + 0.0 for x in (minimal.low_mm, minimal.value_mm, minimal.high_mm))
    between = f"{low:.1f}-{high:.1f}" if low >= 0 else f"{low:.1f} to {high:.1f}"
    return f"{value:.1f} mm (90 %: {between})"


def achieved_margin(
    prepared: PreparedMargin,
    registration: Registration,
    zone: BoolArray,
    zone_grid: Grid,
    budget: ErrorBudget | None = None,
    *,
    task: Task | None = None,
) -> AchievedMargin:
    """Judge a lesion against the zone seen after treatment.

    Parameters
    ----------
    prepared
        The lesion as outlined before, in the space of the registration's first scan.
    registration
        To the scan after treatment; `Registration.identity` where both were outlined on one scan.
    zone, zone_grid
        Mask [k, j, i] of the ablation zone and its lattice, in the space of the second scan.
    budget
        What the interval counts; with the registration's error where not given.

    Raises
    ------
    InvalidValue
        If the zone is empty, or the registration's error is unknown and no budget is given.
    """
    task = task or Task()
    budget = budget or ErrorBudget.of(registration)
    task.report(0.0, "Outline of the ablation zone")
    measured = OutlineDistance.of_mask(zone, zone_grid)
    task.report(0.5, "Margin of the lesion")
    samples = prepared.outline.samples
    points = registration.map_points(samples.points_lps_mm)
    margins, slope, foot = measured.nearest(points)
    task.report(0.6, "What is not known exactly")
    unknown = MarginUnknowns.of(prepared.outline, measured.outline, points, slope, foot, budget)
    everywhere = np.ones(len(margins), dtype=bool)
    minimal, weakest = _minimal(prepared, registration, measured, margins, everywhere, unknown)
    inner: MinimalMargin | None = minimal
    if prepared.is_capsule.any():
        away = ~prepared.is_capsule
        inner = _minimal(prepared, registration, measured, margins, away, unknown)[0] if away.any() else None
    task.report(0.8, "What of the lesion is left")
    volumes = _volumes(prepared.outline, registration, measured, points)
    area = samples.area_mm2
    classes = [
        100.0 * float(area[(margins >= low) & (margins < high)].sum() / samples.total_area_mm2)
        for low, high in ((-np.inf, 0.0), (0.0, 5.0), (5.0, 10.0), (10.0, np.inf))
    ]
    total_ml = prepared.lesion_volume_ml
    left = volumes.residual_share
    x, y, z = (float(v) for v in weakest)
    return AchievedMargin(
        minimal=minimal,
        minimal_without_capsule=inner,
        weakest_from_lps_mm=(x, y, z),
        weakest_words=direction_words(weakest - samples.points_lps_mm.mean(axis=0)),
        points_lps_mm=points,
        margins_mm=margins,
        percentiles_mm=_percentiles(margins, area),
        mean_mm=float(margins @ area) / samples.total_area_mm2,
        below_0_percent=classes[0],
        from_0_to_5_percent=classes[1],
        from_5_to_10_percent=classes[2],
        at_least_10_percent=classes[3],
        coverage_percent=100.0 * (1.0 - left),
        residual_ml=left * total_ml,
        residual=volumes.residual,
        residual_grid=volumes.grid,
        zone_volume_ml=measured.outline.volume_ml,
        parts_mm=unknown.parts_mm(margins),
    )


def direction_words(away_lps_mm: npt.ArrayLike) -> str:
    """A direction in the patient, such as ``front left, towards the head``; ``middle`` without length."""
    away = np.asarray(away_lps_mm, dtype=float)
    length = float(np.linalg.norm(away))
    if length < 1e-6:
        return "middle"
    x, y, z = away / length
    words = [
        word
        for value, positive, negative in ((y, "back", "front"), (x, "left", "right"))
        for word in [positive if value > 0 else negative]
        if abs(value) >= NAMED_COSINE
    ]
    parts = [" ".join(words)] if words else []
    if abs(z) >= NAMED_COSINE:
        parts.append("towards the head" if z > 0 else "towards the feet")
    return ", ".join(parts)


def towards_words(away_lps_mm: npt.ArrayLike) -> str:
    """Which way something points, such as ``towards the front left and the head``."""
    words = direction_words(away_lps_mm)
    return words if words.startswith("towards") else f"towards the {words}".replace(", towards", " and")


def _minimal(
    prepared: PreparedMargin,
    registration: Registration,
    measured: OutlineDistance,
    margins: FloatArray,
    part: BoolArray,
    unknown: MarginUnknowns,
) -> tuple[MinimalMargin, FloatArray]:
    """The minimum over a part of the surface, looked for between samples too, and its place before."""
    chosen = np.flatnonzero(part)
    order = chosen[np.argsort(margins[chosen], kind="stable")]
    lowest = order[:CANDIDATES]
    outline = prepared.outline
    closer = np.concatenate(
        (outline.around_lps_mm[lowest].reshape(-1, 3), outline.samples.points_lps_mm[lowest])
    )
    mapped = registration.map_points(closer)
    found = measured.signed_distance_mm(mapped)
    best = int(found.argmin())
    value = float(found[best])
    gained = float(margins[order[0]]) - value
    low, high = unknown.of_points(chosen).interval_mm(margins[chosen])
    x, y, z = (float(v) for v in mapped[best])
    minimal = MinimalMargin(value, min(value, low - gained), max(value, high - gained), (x, y, z))
    return minimal, closer[best]


def _percentiles(margins: FloatArray, area: FloatArray) -> Mapping[float, float]:
    """By surface area, each point's area spread evenly about its margin."""
    order = np.argsort(margins, kind="stable")
    upto = np.cumsum(area[order]) - 0.5 * area[order]
    share = 100.0 * upto / float(area.sum())
    return {p: float(np.interp(p, share, margins[order])) for p in PERCENTILES}


@dataclass(frozen=True)
class _Volumes:
    residual_share: float
    residual: BoolArray
    grid: Grid


def _volumes(
    lesion: LesionOutline, registration: Registration, measured: OutlineDistance, points: FloatArray
) -> _Volumes:
    """What of the lesion lies outside the zone, on a lattice over the mapped lesion."""
    axes = measured.outline.lattice.axes
    local = points @ axes
    low, high = local.min(axis=0), local.max(axis=0)
    step = float(np.clip((high - low).max() / CELLS, FINEST_MM, COARSEST_MM))
    low = low - 1.5 * step
    columns, rows, slices = (int(n) for n in np.ceil((high + 1.5 * step - low) / step).astype(int) + 1)
    x, y, z = (float(v) for v in axes @ low)
    grid = Grid((slices, rows, columns), (step,) * 3, (x, y, z), tuple(axes.ravel()))
    k, j, i = np.indices(grid.shape)
    cells = grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    inside = OutlineDistance(lesion).signed_distance_mm(registration.inverse_points(cells), step)
    share = np.clip(inside / step + 0.5, 0.0, 1.0)
    held = np.flatnonzero(share > 0)
    treated = measured.signed_distance_mm(cells[held], step)
    covered = np.clip(treated / step + 0.5, 0.0, 1.0)
    # Where both borders run through one cell, the smaller of the two is what they can share.
    both = np.minimum(share[held], covered)
    left = float(1.0 - both.sum() / share[held].sum())
    residual = np.zeros(len(cells), dtype=bool)
    residual[held] = (inside[held] > 0) & (treated < 0)
    return _Volumes(min(max(left, 0.0), 1.0), residual.reshape(grid.shape), grid)
