"""A device's zones from one's own scans after treatment: segmented zones become rows of its table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray, Grid, unit_vector
from planner.model.plan import Point
from planner.planning.constants import Constant
from planner.planning.devices import Device, Medium, ZoneRow

#: A zone of fewer voxels has no axes one could measure.
LEAST_VOXELS = 30
#: A shaft that passes the zone's centre farther than this share of its half width made another zone.
FARTHEST_SHARE = 1.0
SOURCE = "own scans after treatment"


@dataclass(frozen=True, eq=False)
class TreatedZone:
    """A zone one treatment made, as segmented in a scan.

    Parameters
    ----------
    name
        What it is called in errors, such as the case and the lesion.
    mask, grid
        The zone as an array ``[k, j, i]`` on its lattice.
    entry_lps_mm, tip_lps_mm
        Of the needle that made it, in the same scan.
    settings
        Such as ``power_w`` and ``time_s``.

    Raises
    ------
    InvalidValue
        If mask and grid do not fit, the needle has no direction, or a setting is not positive.
    """

    name: str
    mask: npt.NDArray[np.bool_]
    grid: Grid
    entry_lps_mm: Point
    tip_lps_mm: Point
    settings: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.mask.shape != self.grid.shape:
            raise InvalidValue(
                "The zone and its lattice have different shapes.",
                f"{self.name}: {self.mask.shape} and {self.grid.shape}",
            )
        if not math.dist(self.entry_lps_mm, self.tip_lps_mm) >= 1.0:
            raise InvalidValue("A needle needs an entry and a tip.", self.name, "Mark both in the scan.")
        if not self.settings or not all(0.0 < v < math.inf for v in self.settings.values()):
            raise InvalidValue("A treated zone needs its settings.", self.name, "Give power and time.")


@dataclass(frozen=True)
class MeasuredZone:
    """What one zone measures about its shaft, in mm.

    Parameters
    ----------
    long_axis_mm, short_axis_mm
        Along and across the shaft, of the ellipsoid of revolution with the zone's second moments.
    center_offset_mm
        Distance of its centre behind the tip, along the shaft.
    off_axis_mm
        Distance of its centre from the shaft.
    volume_ml
        Of the voxels.
    """

    long_axis_mm: float
    short_axis_mm: float
    center_offset_mm: float
    off_axis_mm: float
    volume_ml: float


def measure_zone(zone: TreatedZone) -> MeasuredZone:
    """Axes and centre of a segmented zone about its needle.

    By second moments, so that a notch or a spur moves them little: in a solid ellipsoid the variance
    along an axis of length L is L²/20. Specks apart from the largest piece do not count. The two
    directions across the shaft are taken together.

    Raises
    ------
    InvalidValue
        If the zone is empty, too small for its voxels, cut off by the scan's border, or not at the needle.
    """
    from scipy import ndimage as ndi

    labels, count = ndi.label(zone.mask)
    if count > 1:
        sizes = np.bincount(labels.ravel())[1:]
        kji = np.argwhere(labels == 1 + int(sizes.argmax()))
    else:
        kji = np.argwhere(zone.mask)
    if len(kji) < LEAST_VOXELS:
        raise InvalidValue(
            "The zone is too small to be measured.", f"{zone.name}: {len(kji)} voxels", "Use a finer scan."
        )
    last = np.array(zone.mask.shape) - 1
    if (kji.min(axis=0) == 0).any() or (kji.max(axis=0) == last).any():
        raise InvalidValue(
            "The zone is cut off at the border of the scan.", zone.name, "Use a scan that shows all of it."
        )
    points = zone.grid.to_lps(kji[:, ::-1])
    center = points.mean(axis=0)
    along = unit_vector(np.array(zone.tip_lps_mm) - np.array(zone.entry_lps_mm))
    behind = float((np.array(zone.tip_lps_mm) - center) @ along)
    beside = float(np.linalg.norm(center - (np.array(zone.tip_lps_mm) - behind * along)))
    long_axis, short_axis = _axes(points - center, along)
    if beside > FARTHEST_SHARE * short_axis / 2 or not -long_axis / 2 <= behind <= 1.5 * long_axis:
        raise InvalidValue(
            "The needle does not pass through the zone.",
            f"{zone.name}: the zone's centre lies {beside:.0f} mm beside the shaft, {behind:.0f} mm behind the tip",
            "Check which needle made which zone, and that both are in the same scan.",
        )
    volume = len(kji) * zone.grid.voxel_volume_ml
    return MeasuredZone(long_axis, short_axis, behind, beside, volume)


def measured_rows(
    zones: Sequence[TreatedZone], *, source: str = SOURCE, task: Task | None = None
) -> tuple[ZoneRow, ...]:
    """Rows of a device's table, one for each set of settings: mean and standard deviation of the zones.

    Of a single zone no spread is known. In the order in which the settings first occur.

    Raises
    ------
    InvalidValue
        If there is no zone, one cannot be measured, or they do not share their settings' names.
    """
    task = task or Task()
    if not zones:
        raise InvalidValue("There is no treated zone to measure.", "", "Segment one in a scan first.")
    names = set(zones[0].settings)
    groups: dict[tuple[tuple[str, float], ...], list[MeasuredZone]] = {}
    for n, zone in enumerate(zones):
        task.report(n / len(zones), f"Measuring {zone.name}")
        if set(zone.settings) != names:
            raise InvalidValue(
                "All zones of a device need the same settings.",
                zone.name,
                f"Give {', '.join(sorted(names))}.",
            )
        groups.setdefault(tuple(sorted(zone.settings.items())), []).append(measure_zone(zone))
    task.report(1.0, "Done")
    return tuple(_row(dict(key), found, source) for key, found in groups.items())


def with_measured_rows(device: Device, rows: Iterable[ZoneRow], *, name: str, title: str) -> Device:
    """A device of one's own that is sized by measured rows alone, and else like another.

    Raises
    ------
    InvalidValue
        If there is no row, or rows do not fit together.
    """
    kept = tuple(rows)
    if not kept:
        raise InvalidValue("There is no row for the device.", name, "Measure a zone first.")
    offsets = [r.center_offset_mm for r in kept if r.center_offset_mm is not None]
    center = device.center_offset
    if offsets:
        center = Constant(math.fsum(offsets) / len(offsets), "mm", kept[0].source, Confidence.COMPUTED)
    return replace(
        device,
        name=name,
        title=title,
        rows=kept,
        defaults=dict(kept[0].settings),
        center_offset=center,
        lethal_inset_mm=0.0,
        note=f"Sized from {sum(r.count or 1 for r in kept)} zones of {kept[0].source}.",
    )


def _axes(away: FloatArray, along: FloatArray) -> tuple[float, float]:
    """Long and short axis of the ellipsoid of revolution with these points' second moments."""
    ahead = away @ along
    ahead_square = float(np.mean(ahead**2))
    whole_square = float(np.mean((away**2).sum(axis=1)))
    return 2.0 * math.sqrt(5.0 * ahead_square), 2.0 * math.sqrt(2.5 * (whole_square - ahead_square))


def _row(settings: Mapping[str, float], zones: Sequence[MeasuredZone], source: str) -> ZoneRow:
    long_axis, long_sd = _mean_and_sd([z.long_axis_mm for z in zones])
    short_axis, short_sd = _mean_and_sd([z.short_axis_mm for z in zones])
    offset, _ = _mean_and_sd([z.center_offset_mm for z in zones])
    worst = max(z.off_axis_mm for z in zones)
    return ZoneRow(
        settings,
        long_axis,
        short_axis,
        Medium.CLINICAL,
        source,
        Confidence.COMPUTED,
        long_sd,
        short_sd,
        f"Mean of {len(zones)}; centres up to {worst:.1f} mm beside the shaft.",
        offset,
        len(zones),
    )


def _mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))
