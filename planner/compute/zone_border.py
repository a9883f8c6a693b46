"""The border of an ablation zone where its gray is half way to that of the tissue around it.

A zone grown by a range of values about the click ends where the blur of its border leaves that range,
short of the true border.  Blur is even, so the true border lies at the middle of the two grays.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.zone_growing import GrowingRules, GrownZone, grow_zone
from planner.model.image import Image
from planner.model.structures import bounding_box

BoolArray = npt.NDArray[np.bool_]

#: Tissue around a zone is looked at from and to these distances: past the blur, before other tissue.
FROM_MM, TO_MM = 3.0, 8.0
#: The zone's own gray is that of what lies this deep in it.
DEEP_MM = 2.0
#: So few voxels say nothing of a gray.
FEWEST = 50


def grow_to_border(
    image: Image,
    seed_lps_mm: npt.ArrayLike,
    *,
    within: BoolArray | None = None,
    rules: GrowingRules | None = None,
    task: Task | None = None,
) -> GrownZone:
    """The zone around a click, out to where its gray is half way to its surroundings'.

    Where the surroundings do not differ, or the wider range leaks, it stays as `grow_zone` gives it.

    Parameters
    ----------
    image, seed_lps_mm, within, rules
        As in `grow_zone`.

    Raises
    ------
    InvalidValue
        As `grow_zone`.
    """
    task = task or Task()
    first = grow_zone(image, seed_lps_mm, within=within, rules=rules, task=task.part(0.0, 0.5))
    task.report(0.5, "Tissue around the zone")
    wider = _half_way(image, first, within)
    if wider is None:
        return first
    try:
        second = grow_zone(
            image, seed_lps_mm, range_values=wider, within=within, rules=rules, task=task.part(0.6, 1.0)
        )
    except InvalidValue:
        return first
    # A zone that took on much more found its way into something else.
    return second if second.bridge_mm <= first.bridge_mm and _is_near(image, first, second) else first


def _half_way(image: Image, zone: GrownZone, within: BoolArray | None) -> tuple[float, float] | None:
    """The range of values with its nearer end moved half way to the surroundings; None without contrast."""
    box = bounding_box(zone.mask)
    i, j, k = (int(np.ceil(TO_MM / s)) + 1 for s in image.grid.spacing_mm)
    box = box.grown((k, j, i), image.grid.shape)
    inside = zone.mask[box.slices]
    values = np.asarray(image.values[box.slices], dtype=np.float32)
    spacing = image.grid.spacing_mm[::-1]
    away = ndi.distance_transform_edt(~inside, sampling=spacing)
    depth = ndi.distance_transform_edt(inside, sampling=spacing)
    around = (away > FROM_MM) & (away <= TO_MM)
    if within is not None:
        around &= within[box.slices]
    deep = inside & (depth > min(DEEP_MM, 0.5 * float(depth.max())))
    if np.count_nonzero(around) < FEWEST or not deep.any():
        return None
    own, other = float(np.median(values[deep])), float(np.median(values[around]))
    low, high = zone.range_values
    half = 0.5 * (own + other)
    if half > high:
        return low, half
    return (half, high) if half < low else None


def _is_near(image: Image, first: GrownZone, second: GrownZone) -> bool:
    """Whether all of the second zone lies within the blur's reach of the first."""
    box = bounding_box(first.mask | second.mask)
    away = ndi.distance_transform_edt(~first.mask[box.slices], sampling=image.grid.spacing_mm[::-1])
    return float(away[second.mask[box.slices]].max()) <= FROM_MM + max(image.grid.spacing_mm)
