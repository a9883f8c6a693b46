"""The surface of each cut within the liver as triangles, with how near lesions lie to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from planner.compute.clipped_mesh import TriangleArray, areas_below_mm2, triangle_areas_mm2
from planner.compute.outline_nearness import FINE_MM, OutlineNearness
from planner.compute.second_thread import shared_out
from planner.compute.spread_points import spread_over
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
        ends = np.array([*CLASS_ENDS_MM, np.inf])
        return (
            np.diff(areas_below_mm2(self.points_lps_mm, self.triangles, margins_mm, ends), prepend=0.0)
            / 100.0
        )

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
        if not len(points) or not outlines:
            return cls(np.full(len(points), FAR_MM), MappingProxyType(dict.fromkeys(outlines)))
        every = tuple(outlines.values())
        few, beside, apart_mm = spread_over(points, CELL_MM)
        of_few = shared_out(lambda o: -o.signed_distance_mm(points[few]), every)
        # No corner is nearer to an outline than one beside it by more than they lie apart, nor farther.
        bounds = [own[beside] - apart_mm for own in of_few]
        most = np.minimum(np.min(of_few, axis=0)[beside] + apart_mm, EXACT_MM)

        def nearest(n: int) -> tuple[FloatArray, CutMargin]:
            values = bounds[n]
            near = np.flatnonzero((values <= float(of_few[n].min())) | (values < most))
            values[near] = -every[n].signed_distance_mm(points[near])
            start = points[near[int(values[near].argmin())]]
            return values, _refined(start, every[n], around)

        found = shared_out(nearest, range(len(every)))
        least = {name: margin for name, (_, margin) in zip(outlines, found, strict=True)}
        return cls(np.min([values for values, _ in found], axis=0), MappingProxyType(least))


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
