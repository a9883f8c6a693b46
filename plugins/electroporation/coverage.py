"""How well a field covers a lesion: shares of its volume, its weakest point, its margin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from planner_plugins.electroporation.pulsed_field import PulsedField
from planner_plugins.electroporation.settings import Settings

from planner.compute.heat_lattice import Single, readonly
from planner.compute.level_boundary import LevelBoundary
from planner.compute.level_margin import LevelMargin, level_margin
from planner.model.geometry import FloatArray, Grid
from planner.model.plan import Point
from planner.planning.lesion_grounds import LesionGround
from planner.planning.pulsed_tissues import CONTOURS_V_PER_CM

FieldAt = Callable[[FloatArray], FloatArray]

#: Steps of the histogram of the field in a lesion.
HISTOGRAM_V_PER_CM = np.arange(0.0, 2001.0, 25.0)
#: The level of a zone is one less threshold over field, cut off here.
LEAST_LEVEL = -2.0
#: A weaker field is none.
LEAST_V_PER_CM = 1.0


@dataclass(frozen=True, eq=False)
class Coverage:
    """A lesion under a field; shares in percent.

    Parameters
    ----------
    lesion, grown_5mm
        Volume whose field reaches the threshold of its own tissue: the lesion, and the lesion grown by
        5 mm within the liver.
    lesion_contours, grown_contours
        The same at each of `CONTOURS_V_PER_CM`, whatever the tissue.
    least_v_per_cm, least_lps_mm
        Smallest field in the lesion, and where.
    histogram
        Share of the lesion's volume with at least each of `HISTOGRAM_V_PER_CM`.
    outline_v_per_cm
        Field at each sample of the lesion's outline.
    """

    lesion: float
    grown_5mm: float
    lesion_contours: tuple[float, ...]
    grown_contours: tuple[float, ...]
    least_v_per_cm: float
    least_lps_mm: Point
    histogram: FloatArray
    outline_v_per_cm: FloatArray


def coverage(ground: LesionGround, field_at: FieldAt, settings: Settings, most_points: int = 0) -> Coverage:
    """How well a field covers a lesion.

    Parameters
    ----------
    ground
        The lesion.
    field_at
        The field in V/cm at points (n, 3).
    settings
        Thresholds.
    most_points
        So many points stand for the volumes; all where it is 0.
    """
    filling = ground.filling.few(most_points) if most_points else ground.filling
    outline = ground.margin.outline.samples.points_lps_mm
    lesion, grown = filling.lesion, filling.grown_5mm
    points = np.concatenate([filling.points_lps_mm, outline])
    values = field_at(points)
    field, edge = values[: len(lesion)], values[len(lesion) :]
    beside = np.maximum(grown - lesion, 0.0)
    whole = max(float(lesion.sum()), 1e-12)
    own = float(lesion[field >= settings.tumor_threshold_v_per_cm].sum())
    around = float(beside[field >= settings.liver_threshold_v_per_cm].sum())
    all_grown = whole + float(beside.sum())
    # A point whose cell lies mostly in the lesion, or one of its outline, may be the weakest.
    inside = np.concatenate([lesion >= 0.5, np.ones(len(edge), dtype=bool)])
    weakest = int(np.argmin(np.where(inside, values, np.inf)))
    x, y, z = (float(v) for v in points[weakest])
    return Coverage(
        100.0 * own / whole,
        100.0 * (own + around) / all_grown,
        tuple(100.0 * float(lesion[field >= c].sum()) / whole for c in CONTOURS_V_PER_CM),
        tuple(100.0 * float((lesion + beside)[field >= c].sum()) / all_grown for c in CONTOURS_V_PER_CM),
        float(values[weakest]),
        (x, y, z),
        _shares_above(field, lesion, whole),
        edge,
    )


def _shares_above(field: FloatArray, weight: FloatArray, whole: float) -> FloatArray:
    """Share of a weight with at least each field of the histogram, in percent."""
    bins = np.searchsorted(HISTOGRAM_V_PER_CM, field, side="right") - 1
    counts = np.bincount(np.maximum(bins, 0), weights=weight, minlength=len(HISTOGRAM_V_PER_CM))
    above = 100.0 * np.cumsum(counts[::-1])[::-1] / whole
    return np.asarray(np.clip(above, 0.0, 100.0), dtype=np.float64)


def interpolated(grid: Grid, values: Single) -> FieldAt:
    """A field on a lattice, between voxel centres; nearly zero beyond.

    What is linear between centres is one over the field, which near a needle grows with the distance.
    """
    from scipy.ndimage import map_coordinates

    upside_down = 1.0 / np.maximum(values, np.float32(LEAST_V_PER_CM))

    def at(points_lps_mm: FloatArray) -> FloatArray:
        kji = grid.to_ijk(points_lps_mm)[:, ::-1].T
        found = map_coordinates(upside_down, kji, order=1, mode="constant", cval=1.0 / LEAST_V_PER_CM)
        return 1.0 / np.asarray(found, dtype=float)

    return at


def zone_level(found: PulsedField, settings: Settings) -> Single:
    """One less the tissue's threshold over its field: positive where it is treated."""
    field = np.maximum(found.tissue_field_v_per_cm, np.float32(LEAST_V_PER_CM))
    level = np.maximum(1.0 - found.lattice.threshold_v_per_cm(settings) / field, LEAST_LEVEL)
    level[found.lattice.is_outside] = LEAST_LEVEL
    return readonly(level.astype(np.float32))


def zone_boundary(found: PulsedField, settings: Settings) -> LevelBoundary | None:
    """The surface where the field passes the threshold of its tissue; None where it does so nowhere."""
    level = zone_level(found, settings)
    return LevelBoundary.of(found.grid, level, LEAST_LEVEL) if (level > 0).any() else None


def lesion_margin(ground: LesionGround, boundary: LevelBoundary | None) -> LevelMargin | None:
    """The lesion's margin to the threshold's surface; None where there is none."""
    return None if boundary is None else level_margin(ground.margin, boundary)


def share_of_area(ground: LesionGround, hit: npt.NDArray[np.bool_]) -> float:
    """Share of a lesion's surface area in percent, of the true samples (n,)."""
    area = ground.margin.outline.samples.area_mm2
    return 100.0 * float(area[hit].sum() / area.sum())
