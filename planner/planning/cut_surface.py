"""The surface of each cut within the liver as triangles, with how near lesions lie to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from planner.compute.clipped_mesh import TriangleArray, shares_below, triangle_areas_mm2
from planner.compute.outline_nearness import FINE_MM, OutlineNearness
from planner.model.assessment import Surface
from planner.model.geometry import FloatArray
from planner.model.points import Point, as_point

#: Name of the surface of a cut among a module's surfaces.
CUT_MARGIN = "cut_margin"
#: The value of a surface no lesion is near to, because none is taken.
FAR_MM = 999.0
#: Distances matter up to the last class's end, and at corners beside it; farther ones are lower bounds.
EXACT_MM = 14.0
#: One corner in each cell of this size stands for those beside it.
CELL_MM = 8.0
#: Ends of the classes a cut is coloured by: too near, narrow, below what is aimed at, and beyond.
CLASS_ENDS_MM = (1.0, 5.0, 10.0)
#: Squares of points, half a side and how far apart, that are looked at in turn around the nearest corner; where
#: that is far, the corner itself is exact to 0.1 mm.
LOOKED_AT_MM = ((2.0, 0.5), (0.5, 0.125))


@dataclass(frozen=True)
class CutMargin:
    """How near a cut comes to a lesion.

    Parameters
    ----------
    margin_mm
        Least distance of the cut within the liver from the lesion's outline; negative where the cut goes
        through the lesion, by how deep.
    cut_lps_mm
        Where.
    """

    margin_mm: float
    cut_lps_mm: Point


@dataclass(frozen=True, eq=False)
class CutSurface:
    """The surface of one resection within the liver, as far as no other takes what lies on both its sides.

    Parameters
    ----------
    resection
        Its id.
    points_lps_mm, triangles
        Corners (n, 3), and three of them for each triangle (m, 3); their normals point to what is taken.
    """

    resection: str
    points_lps_mm: FloatArray
    triangles: TriangleArray

    @property
    def area_cm2(self) -> float:
        """Of all triangles."""
        return float(triangle_areas_mm2(self.points_lps_mm, self.triangles).sum()) / 100.0

    def is_same(self, other: CutSurface) -> bool:
        """Whether another surface is the same, corner by corner."""
        return np.array_equal(self.points_lps_mm, other.points_lps_mm) and np.array_equal(
            self.triangles, other.triangles
        )

    def class_areas_cm2(self, margins_mm: FloatArray) -> FloatArray:
        """Area of each class of `CLASS_ENDS_MM` and beyond, by the corners' margins; (classes,)."""
        areas = triangle_areas_mm2(self.points_lps_mm, self.triangles)
        below = [float((areas * shares_below(margins_mm, self.triangles, e)).sum()) for e in CLASS_ENDS_MM]
        return np.diff([0.0, *below, float(areas.sum())]) / 100.0

    def surface(self, margins_mm: FloatArray) -> Surface:
        """As a module gives it away."""
        return Surface(
            CUT_MARGIN,
            self.points_lps_mm.astype(np.float32),
            self.triangles,
            margins_mm.astype(np.float32),
            "mm",
            self.resection,
        )


@dataclass(frozen=True, eq=False)
class CutDistances:
    """How near lesions lie to the surface of one resection.

    Parameters
    ----------
    values_mm
        Distance of each corner from the nearest of the outlines, negative within it; `FAR_MM` without any, (n,).
        Beyond `EXACT_MM` it is so far at least.
    least
        The least one to each outline; None where the resection has no surface in the liver.
    """

    values_mm: FloatArray
    least: Mapping[str, CutMargin | None]

    @classmethod
    def of(
        cls,
        cut: CutSurface,
        outlines: Mapping[str, OutlineNearness],
        around: Callable[[FloatArray, float, float], FloatArray],
    ) -> CutDistances:
        """Of outlines by name.

        Parameters
        ----------
        around
            Points of the surface around one of its points: a square with half this side, and so far apart.
        """
        points = cut.points_lps_mm
        values = np.full(len(points), FAR_MM)
        least: dict[str, CutMargin | None] = dict.fromkeys(outlines)
        if not len(points):
            return cls(values, MappingProxyType(least))
        few = _Spread.of(points)
        of_all = {name: -o.signed_distance_mm(points[few.chosen]) for name, o in outlines.items()}
        for name in sorted(outlines, key=lambda n: float(of_all[n].min())):
            outline, of_few = outlines[name], of_all[name]
            # No corner is nearer to an outline than one beside it by more than they lie apart.
            bound = of_few[few.beside] - few.apart_mm
            near = np.flatnonzero((bound <= float(of_few.min())) | (bound < np.minimum(values, EXACT_MM)))
            own = -outline.signed_distance_mm(points[near])
            np.minimum(values, bound, out=values, where=bound >= EXACT_MM)
            values[near] = np.minimum(values[near], own)
            at = int(own.argmin())
            least[name] = _refined(points[near[at]], outline, around)
        return cls(values, MappingProxyType(least))


@dataclass(frozen=True, eq=False)
class _Spread:
    """A few of many points, one in each cell of a lattice that has any.

    Parameters
    ----------
    chosen
        The few, by their numbers.
    beside, apart_mm
        For each point which of the few is of its cell, and how far off it lies, (n,).
    """

    chosen: npt.NDArray[np.int64]
    beside: npt.NDArray[np.int64]
    apart_mm: FloatArray

    @classmethod
    def of(cls, points: FloatArray) -> _Spread:
        """Of points (n, 3)."""
        cells = np.floor((points - points.min(axis=0)) / CELL_MM).astype(np.int64)
        size = cells.max(axis=0) + 1
        keys = (cells[:, 0] * size[1] + cells[:, 1]) * size[2] + cells[:, 2]
        _, chosen, beside = np.unique(keys, return_index=True, return_inverse=True)
        apart = np.sqrt(((points - points[chosen[beside]]) ** 2).sum(axis=1))
        return cls(chosen, beside, apart)


def least_margins(distances: Sequence[CutDistances], names: Iterable[str]) -> dict[str, CutMargin | None]:
    """The least margin of each lesion over several resections."""
    found: dict[str, CutMargin | None] = {}
    for name in names:
        own = [m for d in distances if (m := d.least[name]) is not None]
        found[name] = min(own, key=lambda m: m.margin_mm, default=None)
    return found


def _refined(
    start: FloatArray,
    outline: OutlineNearness,
    around: Callable[[FloatArray, float, float], FloatArray],
) -> CutMargin:
    """The nearest place to an outline around a corner of a surface, in ever smaller squares."""
    value = -float(outline.signed_distance_mm(start, fine_mm=np.inf)[0])
    for half_mm, step_mm in LOOKED_AT_MM if value < FINE_MM else ():
        points = around(start, half_mm, step_mm)
        if not len(points):
            continue
        values = -outline.signed_distance_mm(points, fine_mm=np.inf)
        n = int(values.argmin())
        if values[n] < value:
            start, value = points[n], float(values[n])
    return CutMargin(value, as_point(start))
