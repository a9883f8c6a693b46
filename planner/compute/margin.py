"""The ablative margin: how far treated tissue lies beyond a lesion's surface.

What depends on the case alone is prepared once (`prepare_margin`); what depends on the zones is
evaluated while a probe is dragged (`evaluate_margin`).  Both are pure: the same input gives the
same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.lesion_outline import LesionOutline, outline_lesion
from planner.compute.lesion_surface import nearest_points
from planner.compute.liver_region import LiverRegion
from planner.compute.row_volumes import RowVolumes
from planner.compute.spheroid import Spheroid
from planner.compute.threads import kernel
from planner.compute.voxel_border import crop_around
from planner.compute.zone_union import ZoneUnion, union_distance_mm
from planner.model.geometry import FloatArray, Grid

#: Surface points nearer to the liver's surface than this are the capsule part
#: (Sandu et al., Front Oncol 2021;11:623098).
CAPSULE_DISTANCE_MM = 5.0
#: The lesion is grown by these, within the liver, for the coverage with a margin.
GROWN_MM = (5.0, 10.0)
#: Edges of the margin histogram in mm; the first and last bin are open.
HISTOGRAM_EDGES_MM = tuple(float(x) for x in range(-10, 21))
#: The minimum is looked for more closely around this many surface points.
CANDIDATES = 8
_EDGES = np.array(HISTOGRAM_EDGES_MM)
#: At most about this many lattice points along an edge of the box of the grown lesion.
_GROWN_LATTICE = 36


@dataclass(frozen=True)
class PreparedMargin:
    """Everything about a lesion that its margin needs and that no zone changes.

    Parameters
    ----------
    outline
        The lesion's outline with its surface points.
    capsule_distance_mm
        Distance of each surface point to the liver's surface, shape (n,); infinity without a liver.
    capsule_limit_mm
        Points nearer to the liver's surface than this are the capsule part.
    volumes
        Lesion, lesion grown by 5 mm and by 10 mm, within the liver.
    liver
        Liver and liver within the lesion, or None.
    liver_in_lesion
        The part of the lesion's voxels that counts as liver, or None.
    """

    outline: LesionOutline
    capsule_distance_mm: FloatArray
    capsule_limit_mm: float
    volumes: RowVolumes
    liver: LiverRegion | None
    liver_in_lesion: RowVolumes | None

    def __post_init__(self) -> None:
        self.capsule_distance_mm.setflags(write=False)

    @property
    def lesion_volume_ml(self) -> float:
        """Volume within the lesion's outline."""
        return self.outline.volume_ml

    @cached_property
    def is_capsule(self) -> npt.NDArray[np.bool_]:
        """Which surface points are the capsule part, shape (n,)."""
        return np.asarray(self.capsule_distance_mm < self.capsule_limit_mm)

    @cached_property
    def capsule_share_percent(self) -> float:
        """Share of the lesion's surface that is the capsule part."""
        area = self.outline.samples.area_mm2
        return 100.0 * float(area[self.is_capsule].sum() / area.sum())


@dataclass(frozen=True)
class MinimalMargin:
    """The smallest margin over a lesion's surface or a part of it.

    Parameters
    ----------
    value_mm
        Its value.
    low_mm, high_mm
        Between these the true value lies in 90 % of cases, from voxels and outline alone.
    place_lps_mm
        The point of the lesion's surface where it is found.
    """

    value_mm: float
    low_mm: float
    high_mm: float
    place_lps_mm: tuple[float, float, float]


@dataclass(frozen=True)
class MarginReport:
    """What is said of the margin of a lesion under a union of zones.

    Shares are of the lesion's surface area or of a volume, in percent.

    Parameters
    ----------
    minimal
        The raw minimum, over the whole surface.
    minimal_without_capsule
        The minimum over the surface 5 mm or more from the liver's surface; None without a liver
        or where the whole surface is capsule part.
    capsule_share_percent
        Share of the surface that is the capsule part.
    margins_mm
        Margin at each surface point, shape (n,), in the order of `PreparedMargin.outline.samples`.
    below_0_percent, from_0_to_5_percent, from_5_to_10_percent, at_least_5_percent, at_least_10_percent
        Classes of the surface by margin.
    percentile_5_mm, median_mm, mean_mm
        Of the margin over the surface area.
    histogram_percent
        Share of the surface in the bins of `HISTOGRAM_EDGES_MM`, open at both ends.
    lesion_coverage_percent
        Share of the lesion's volume inside the zones.
    grown_coverage_percent
        The same for the lesion grown by each of `GROWN_MM`, within the liver.
    liver_outside_lesion_ml
        Liver destroyed beside the lesion; None without a liver.
    zone_volume_ml
        Volume of the union of the zones.
    """

    minimal: MinimalMargin
    minimal_without_capsule: MinimalMargin | None
    capsule_share_percent: float
    margins_mm: FloatArray
    below_0_percent: float
    from_0_to_5_percent: float
    from_5_to_10_percent: float
    at_least_5_percent: float
    at_least_10_percent: float
    percentile_5_mm: float
    median_mm: float
    mean_mm: float
    histogram_percent: tuple[float, ...]
    lesion_coverage_percent: float
    grown_coverage_percent: tuple[float, ...]
    liver_outside_lesion_ml: float | None
    zone_volume_ml: float


def prepare_margin(
    grid: Grid,
    lesion: npt.NDArray[np.bool_],
    liver: LiverRegion | None = None,
    *,
    capsule_limit_mm: float = CAPSULE_DISTANCE_MM,
    task: Task | None = None,
) -> PreparedMargin:
    """Prepare a lesion for its margin.

    Parameters
    ----------
    grid
        Lattice of the lesion's mask.
    lesion
        Mask [k, j, i]: a voxel is set where its centre is inside.
    liver
        The liver (which counts the lesion as liver too), on any grid; None where unknown.
    capsule_limit_mm
        Surface nearer to the liver's surface than this is the capsule part.

    Raises
    ------
    InvalidValue
        If the mask is empty, of another shape than the grid, or the limit is negative.
    """
    if not (np.isfinite(capsule_limit_mm) and capsule_limit_mm >= 0):
        raise InvalidValue("The capsule distance must not be negative.", f"{capsule_limit_mm} mm")
    task = task or Task()
    task.report(0.0, "Outline of the lesion")
    outline = outline_lesion(lesion, grid)
    task.report(0.5, "Distance of the lesion to the liver's surface")
    if liver is None:
        capsule = np.full(len(outline.samples), np.inf)
    else:
        reach = capsule_limit_mm + 3.0
        capsule = liver.surface_distance_mm(outline.samples.points_lps_mm, reach, lesion, grid)
    task.report(0.7, "Tissue around the lesion")
    volumes = _grown_volumes(outline, liver)
    inner = None
    if liver is not None:
        crop, near = crop_around(lesion, grid, 0)
        inner = RowVolumes.of_masks(near, (crop & liver.at(near))[None])
    return PreparedMargin(outline, capsule, float(capsule_limit_mm), volumes, liver, inner)


def evaluate_margin(prepared: PreparedMargin, zones: Sequence[Spheroid] | ZoneUnion) -> MarginReport:
    """The margin of a prepared lesion under zones, or under a union of zones that is made already.

    Raises
    ------
    InvalidValue
        If there is no zone.
    """
    if not isinstance(zones, ZoneUnion) and not zones:
        raise InvalidValue("A margin needs at least one ablation zone.", "no zone", "Place a probe first.")
    outline = prepared.outline
    samples = outline.samples
    union = zones if isinstance(zones, ZoneUnion) else ZoneUnion(zones)
    margins = union.signed_distance_mm(samples.points_lps_mm)
    order = np.argsort(margins)
    minimal = _minimal(margins, order, outline, union)
    inner = None if prepared.liver is None else _without_capsule(minimal, margins, order, prepared, union)
    area = samples.area_mm2
    total_area = samples.total_area_mm2
    counts = np.zeros(len(HISTOGRAM_EDGES_MM) + 1)
    classes = np.zeros(4)
    mean = _classify(margins, area, _EDGES, counts, classes)
    classes *= 100.0 / total_area
    inside = prepared.volumes.inside_ml(union)
    total = prepared.volumes.total_ml
    covered = np.clip(100.0 * inside / total, 0.0, 100.0)
    liver_ml = None
    if prepared.liver is not None and prepared.liver_in_lesion is not None:
        destroyed = prepared.liver.volumes.inside_ml(union)[0]
        liver_ml = max(0.0, float(destroyed - prepared.liver_in_lesion.inside_ml(union)[0]))
    margins.setflags(write=False)
    return MarginReport(
        minimal=minimal,
        minimal_without_capsule=inner,
        capsule_share_percent=prepared.capsule_share_percent,
        margins_mm=margins,
        below_0_percent=float(classes[0]),
        from_0_to_5_percent=float(classes[1]),
        from_5_to_10_percent=float(classes[2]),
        at_least_5_percent=float(classes[2] + classes[3]),
        at_least_10_percent=float(classes[3]),
        percentile_5_mm=_percentile(margins, area, order, 0.05 * total_area),
        median_mm=_percentile(margins, area, order, 0.5 * total_area),
        mean_mm=mean,
        histogram_percent=tuple(float(x) for x in counts * (100.0 / total_area)),
        lesion_coverage_percent=float(covered[0]),
        grown_coverage_percent=tuple(float(x) for x in covered[1:]),
        liver_outside_lesion_ml=liver_ml,
        zone_volume_ml=union.volume_ml,
    )


def evaluate_outline(outline: LesionOutline, zones: Sequence[Spheroid]) -> MinimalMargin:
    """The minimal margin alone, of an outline that was not prepared further."""
    union = ZoneUnion(zones)
    margins = union.signed_distance_mm(outline.samples.points_lps_mm)
    return _minimal(margins, np.argsort(margins), outline, union)


def margins_at(points_lps_mm: npt.ArrayLike, zones: Sequence[Spheroid]) -> FloatArray:
    """Margin at points (n, 3), such as a mesh's corners: signed distance to the union's boundary."""
    return union_distance_mm(points_lps_mm, zones)


def _minimal(
    margins: FloatArray, order: npt.NDArray[np.intp], outline: LesionOutline, union: ZoneUnion
) -> MinimalMargin:
    """The minimum over the surface points numbered in `order`, which is that of their margins."""
    lowest = order[:CANDIDATES]
    around = outline.around_lps_mm[lowest].reshape(-1, 3)
    closer = np.concatenate((around, outline.samples.points_lps_mm[lowest]))
    found = union.signed_distance_mm(closer)
    best = int(found.argmin())
    value = float(found[best])
    gained = float(margins[order[0]]) - value
    low, high = _least_within_error(margins, outline.error_mm, order)
    x, y, z = closer[best].tolist()
    return MinimalMargin(value, min(value, low - gained), max(value, high - gained), (x, y, z))


def _without_capsule(
    minimal: MinimalMargin,
    margins: FloatArray,
    order: npt.NDArray[np.intp],
    prepared: PreparedMargin,
    union: ZoneUnion,
) -> MinimalMargin | None:
    """The minimum without the capsule part of the surface."""
    if not prepared.is_capsule.any():
        return minimal
    if prepared.is_capsule.all():
        return None
    return _minimal(margins, order[~prepared.is_capsule[order]], prepared.outline, union)


@kernel
def _least_within_error(
    margins: FloatArray, error: FloatArray, chosen: npt.NDArray[np.intp]
) -> tuple[float, float]:
    """Least margin of some points if all lay as far outside, or inside, as their error allows."""
    low, high = np.inf, np.inf
    for n in chosen:
        low, high = min(low, margins[n] - error[n]), min(high, margins[n] + error[n])
    return low, high


@kernel
def _percentile(margins: FloatArray, area: FloatArray, order: npt.NDArray[np.intp], below: float) -> float:
    """Margin with so much area below it, each point's area being spread evenly about its margin."""
    before: float = margins[order[0]]
    upto, middle = 0.0, 0.0
    for n in order:
        last, middle = middle, upto + 0.5 * area[n]
        if middle >= below:
            before += (margins[n] - before) * (below - last) / (middle - last)
            break
        before = margins[n]
        upto += area[n]
    return before


@kernel
def _classify(
    margins: FloatArray, area: FloatArray, edges: FloatArray, counts: FloatArray, classes: FloatArray
) -> float:
    """Fill histogram and classes with area; the mean margin."""
    total = 0.0
    weighted = 0.0
    for n in range(margins.shape[0]):
        margin = margins[n]
        total += area[n]
        weighted += area[n] * margin
        group = 0 if margin < 0 else (1 if margin < 5 else (2 if margin < 10 else 3))
        classes[group] += area[n]
        counts[np.searchsorted(edges, margin, side="right")] += area[n]
    return weighted / total


def _grown_volumes(outline: LesionOutline, liver: LiverRegion | None) -> RowVolumes:
    """Lesion, and lesion grown within the liver, on a lattice along the lesion's axes."""
    samples = outline.samples
    lattice = outline.lattice
    local = (samples.points_lps_mm - np.array(lattice.origin_lps_mm)) @ lattice.axes
    reach = max(GROWN_MM)
    low, high = local.min(axis=0) - reach, local.max(axis=0) + reach
    step = float(np.clip((high - low).max() / _GROWN_LATTICE, 0.5, 3.0))
    low, high = low - 1.5 * step, high + 1.5 * step
    count = np.ceil((high - low) / step).astype(int)
    x, y, z = (float(v) for v in lattice.axes @ low + np.array(lattice.origin_lps_mm))
    box = Grid((int(count[2]), int(count[1]), int(count[0])), (step,) * 3, (x, y, z), lattice.direction)
    k, j, i = np.indices(box.shape)
    points = box.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    gap, nearest = nearest_points(points, samples.points_lps_mm, reach + 2 * step)
    outside = np.full(len(points), np.inf)
    found = np.isfinite(gap)
    ray = points[found] - samples.points_lps_mm[nearest[found]]
    flat = np.einsum("ij,ij->i", ray, samples.normals_lps[nearest[found]])
    # At sharp edges a sample's plane does not tell inside from outside; deep inside no sample is near.
    ijk = np.rint(lattice.to_ijk(points)).astype(int)
    within = np.all((ijk >= 0) & (ijk < np.array(lattice.shape[::-1])), axis=1)
    deep = np.zeros(len(points), dtype=bool)
    deep[within] = outline.level[tuple(ijk[within].T[::-1])] > 0
    side = np.where(deep, -1.0, 1.0)
    beside = gap[found] < 1.5 * lattice.spacing_mm[0]  # the foot lies between samples
    facing = beside | (np.abs(flat) > 0.7 * gap[found])
    outside[found] = np.where(facing, flat, side[found] * gap[found])
    outside[~found] = side[~found] * np.inf
    shares = np.empty((1 + len(GROWN_MM), len(points)), dtype=np.float32)
    for share, grown in zip(shares, (0.0, *GROWN_MM), strict=True):
        share[:] = np.clip((grown - outside) / step + 0.5, 0.0, 1.0)
    if liver is not None:
        shares[1:] = np.maximum(shares[1:] * liver.share_at(points), shares[0])
    return RowVolumes.of_shares(box, shares.reshape(-1, *box.shape))
