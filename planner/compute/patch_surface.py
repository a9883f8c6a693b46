"""A smooth surface through a net of control points, carried on beyond its border, that parts a lattice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.class_runs import ClassRuns, RowIntervals
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray, unit_vector

IntArray = npt.NDArray[np.int64]

#: Pieces between two neighbouring control points.
PIECES = 8
#: A row is crossed at most so often.
MOST_CROSSINGS = 64


@dataclass(frozen=True, eq=False)
class PatchSurface:
    """The surface as triangles, within its control points and carried on straight beyond them.

    Parameters
    ----------
    points_lps_mm
        Corners on a net, shape (rows, columns, 3).
    normal_lps
        Mean direction of the side that is taken out, (3,).
    inner
        Rows and columns of the net within the control points: first and last of each, both included.
    """

    points_lps_mm: FloatArray
    normal_lps: FloatArray
    inner: tuple[int, int, int, int]

    @classmethod
    def through(cls, control_lps_mm: FloatArray, reach_mm: float) -> PatchSurface:
        """The surface through control points (rows, columns, 3), carried on by a reach at least.

        Between points each line of the net is a natural cubic spline; beyond them it goes on straight.  The
        normal is the direction along rows of the first index crossed with that of the second.

        Raises
        ------
        InvalidValue
            If the surface folds, or its borders run into each other when they are carried on.
        """
        control = np.asarray(control_lps_mm, dtype=float)
        normal = _mean_normal(control)
        rows, columns = control.shape[:2]
        spans = [
            float(np.linalg.norm(control[-1] - control[0], axis=-1).mean()) / (rows - 1),
            float(np.linalg.norm(control[:, -1] - control[:, 0], axis=-1).mean()) / (columns - 1),
        ]
        bases = [_basis(n, max(1.0, reach_mm / span)) for n, span in zip((rows, columns), spans, strict=True)]
        along = (bases[0] @ control.reshape(rows, -1)).reshape(-1, columns, 3)
        points = np.ascontiguousarray(np.matmul(bases[1], along))
        points.setflags(write=False)
        inner = (1, len(bases[0]) - 2, 1, len(bases[1]) - 2)
        surface = cls(points, normal, inner)
        surface._check_unfolded()
        return surface

    def _check_unfolded(self) -> None:
        turned = _turned_over(self.points_lps_mm.reshape(-1, 3), self.triangles, self.normal_lps)
        if turned:
            raise InvalidValue(
                "The surface folds, or its borders run into each other beyond the liver.",
                f"{turned} of {len(self.triangles)} triangles are turned over",
                "Draw its control points apart.",
            )

    @property
    def triangles(self) -> IntArray:
        """Three corners each, numbered along the net's rows, (n, 3); turned so that the normal points out."""
        return _net_triangles(*self.points_lps_mm.shape[:2])

    @property
    def inner_points_lps_mm(self) -> FloatArray:
        """Corners within the control points, (rows, columns, 3)."""
        low, high, left, right = self.inner
        return self.points_lps_mm[low : high + 1, left : right + 1]

    def beyond(self, runs: ClassRuns) -> RowIntervals:
        """What of the rows of a lattice lies on the side its normal points to."""
        corner, slow, fast, along = runs.directions
        frame = np.linalg.inv(np.stack([slow, fast, along], axis=1))
        places = (self.points_lps_mm.reshape(-1, 3) - corner) @ frame.T
        slows, fasts = runs.row_shape
        count = runs.grid.shape[2 - runs.axis]
        is_right_handed = float(np.linalg.det(frame)) > 0
        crossed, at, sign = _crossings(places, self.triangles, slows, fasts, is_right_handed)
        if int(crossed.max(initial=0)) > MOST_CROSSINGS:
            raise InvalidValue(
                "The surface crosses one line of the liver too often.",
                f"{int(crossed.max())} times",
                "Draw its control points apart.",
            )
        inside = np.zeros(slows * fasts, dtype=bool)
        untouched = np.flatnonzero(crossed == 0)
        if len(untouched):
            row = np.stack(np.divmod(untouched, fasts), axis=1).astype(float)
            middle = corner + row[:, :1] * slow + row[:, 1:] * fast + 0.5 * (count - 1) * along
            inside[untouched] = self.height_mm(middle) > 0
        return RowIntervals(*_intervals(crossed, at, sign, inside, count))

    def height_mm(self, points_lps_mm: FloatArray) -> FloatArray:
        """How far points (n, 3) lie beyond the surface along its mean normal, negative before it; (n,).

        It is no distance, but zero on the surface.
        """
        points = np.atleast_2d(np.asarray(points_lps_mm, dtype=float))
        own = points @ self._frame
        found = _heights(self._net, self.triangles, own, self._buckets)
        return np.asarray(own[:, 2] - found)

    @cached_property
    def _frame(self) -> FloatArray:
        """Two directions across the normal and the normal itself, as columns."""
        return np.column_stack([*self._across, self.normal_lps])

    @cached_property
    def _net(self) -> FloatArray:
        """Corners in that frame, (n, 3)."""
        return np.ascontiguousarray(self.points_lps_mm.reshape(-1, 3) @ self._frame)

    def heights_over_net_mm(
        self, start_lps_mm: FloatArray, step_mm: float, counts: tuple[int, int]
    ) -> FloatArray:
        """How far the surface lies along its mean normal from the points of a square net, (n,).

        Parameters
        ----------
        start_lps_mm
            First point of the net, which lies across the mean normal.
        step_mm, counts
            Between neighbours, and how many there are along its two directions; the second runs fastest.
        """
        net = (self._net - start_lps_mm @ self._frame) / np.array([step_mm, step_mm, 1.0])
        return _net_heights(net, self.triangles, counts[0], counts[1])

    @cached_property
    def _across(self) -> tuple[FloatArray, FloatArray]:
        least = np.eye(3)[int(np.argmin(np.abs(self.normal_lps)))]
        across = unit_vector(np.cross(self.normal_lps, least))
        return across, np.cross(self.normal_lps, across)

    @cached_property
    def _buckets(self) -> tuple[float, float, float, int, int, IntArray, IntArray]:
        """Triangles by the cells of a coarse net over the plane across the normal."""
        net = self._net[:, :2]
        low, high = net.min(axis=0), net.max(axis=0)
        size = float((high - low).max()) / 160.0
        shape = np.ceil((high - low) / size).astype(int) + 1
        starts, members = _bucketed(net, self.triangles, low[0], low[1], size, int(shape[0]), int(shape[1]))
        return float(low[0]), float(low[1]), size, int(shape[0]), int(shape[1]), starts, members


def _mean_normal(control: FloatArray) -> FloatArray:
    one = control[1:, :-1] - control[:-1, :-1]
    two = control[:-1, 1:] - control[:-1, :-1]
    three = control[1:, 1:] - control[1:, :-1]
    four = control[1:, 1:] - control[:-1, 1:]
    total = (np.cross(one, two) + np.cross(four, three)).reshape(-1, 3).sum(axis=0)
    if not np.linalg.norm(total) > 0:
        raise InvalidValue("The control points span no surface.", "patch", "Draw them apart.")
    return unit_vector(total)


@lru_cache(maxsize=32)
def _net_triangles(rows: int, columns: int) -> IntArray:
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel(), at[:-1, 1:].ravel()
    triangles = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    triangles.setflags(write=False)
    return triangles


@lru_cache(maxsize=32)
def _basis(count: int, reach: float) -> FloatArray:
    """Weights of control points at places along a line of them, (places, count); the ends lie a reach beyond.

    The reach is in distances of control points.
    """
    from scipy.interpolate import CubicSpline

    inner = np.linspace(0.0, count - 1.0, PIECES * (count - 1) + 1)
    if count == 2:
        weights = np.column_stack([1.0 - inner, inner])
        slopes = np.array([[-1.0, 1.0], [-1.0, 1.0]])
    else:
        spline = CubicSpline(np.arange(count), np.eye(count), bc_type="natural")
        weights, slopes = spline(inner), spline(np.array([0.0, count - 1.0]), 1)
    before, after = weights[0] - reach * slopes[0], weights[-1] + reach * slopes[1]
    basis = np.concatenate([before[None], weights, after[None]])
    basis.setflags(write=False)
    return np.asarray(basis)


@kernel
def _turned_over(points: FloatArray, triangles: IntArray, normal: FloatArray) -> int:
    """How many triangles lie nearly along a direction (cosine below 0.02), or face the other way."""
    count = 0
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        size = np.sqrt(x * x + y * y + z * z)
        if x * normal[0] + y * normal[1] + z * normal[2] < 0.02 * size or size == 0.0:
            count += 1
    return count


@kernel
def _crossings(
    places: FloatArray, triangles: IntArray, slows: int, fasts: int, is_right_handed: bool
) -> tuple[IntArray, FloatArray, npt.NDArray[np.int8]]:
    """Where triangles cross rows: how often each, at which voxel numbers, and whether they lead in (+1) or out.

    Corners are (slow, fast, along) in steps of the lattice.  Rows are taken a hair beside their whole numbers,
    so that none goes through an edge that two triangles share.
    """
    most = MOST_CROSSINGS
    crossed = np.zeros(slows * fasts, dtype=np.int64)
    at = np.empty((slows * fasts, most))
    sign = np.zeros((slows * fasts, most), dtype=np.int8)
    hair_s, hair_f = 1.2345e-7, 2.7183e-7
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        s0, s1, s2 = places[a, 0] - hair_s, places[b, 0] - hair_s, places[c, 0] - hair_s
        f0, f1, f2 = places[a, 1] - hair_f, places[b, 1] - hair_f, places[c, 1] - hair_f
        low_s, high_s = min(s0, s1, s2), max(s0, s1, s2)
        low_f, high_f = min(f0, f1, f2), max(f0, f1, f2)
        if high_s < 0 or high_f < 0 or low_s > slows - 1 or low_f > fasts - 1:
            continue
        area = (s1 - s0) * (f2 - f0) - (s2 - s0) * (f1 - f0)
        if area == 0.0:
            continue
        leads = 1 if (area > 0) == is_right_handed else -1
        for s in range(max(0, int(np.ceil(low_s))), min(slows - 1, int(np.floor(high_s))) + 1):
            for f in range(max(0, int(np.ceil(low_f))), min(fasts - 1, int(np.floor(high_f))) + 1):
                w0 = ((s1 - s) * (f2 - f) - (s2 - s) * (f1 - f)) / area
                w1 = ((s2 - s) * (f0 - f) - (s0 - s) * (f2 - f)) / area
                w2 = 1.0 - w0 - w1
                if w0 < 0.0 or w1 < 0.0 or w2 < 0.0:
                    continue
                row = s * fasts + f
                n = crossed[row]
                crossed[row] += 1
                if n < most:
                    at[row, n] = w0 * places[a, 2] + w1 * places[b, 2] + w2 * places[c, 2]
                    sign[row, n] = leads
    return crossed, at, sign


@kernel
def _intervals(
    crossed: IntArray,
    at: FloatArray,
    sign: npt.NDArray[np.int8],
    inside: npt.NDArray[np.bool_],
    count: int,
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Intervals beyond the surface from its crossings; a row without any is wholly beyond or not."""
    rows = len(crossed)
    starts = np.zeros(rows + 1, dtype=np.int64)
    total = rows
    for r in range(rows):
        total += crossed[r]
    low, high = np.empty(total), np.empty(total)
    found = 0
    for r in range(rows):
        n = crossed[r]
        for i in range(1, n):  # by place; the few of a row
            place, way = at[r, i], sign[r, i]
            m = i - 1
            while m >= 0 and at[r, m] > place:
                at[r, m + 1], sign[r, m + 1] = at[r, m], sign[r, m]
                m -= 1
            at[r, m + 1], sign[r, m + 1] = place, way
        is_in = inside[r] if n == 0 else sign[r, 0] < 0
        begin = -0.5
        for i in range(n):
            place = min(max(at[r, i], -0.5), count - 0.5)
            if sign[r, i] > 0 and not is_in:
                begin, is_in = place, True
            elif sign[r, i] < 0 and is_in:
                if place > begin:
                    low[found], high[found] = begin, place
                    found += 1
                is_in = False
        if is_in and count - 0.5 > begin:
            low[found], high[found] = begin, count - 0.5
            found += 1
        starts[r + 1] = found
    return starts, low[:found].copy(), high[:found].copy()


@kernel
def _bucketed(
    net: FloatArray, triangles: IntArray, low_x: float, low_y: float, size: float, columns: int, rows: int
) -> tuple[IntArray, IntArray]:
    """Triangles whose box touches each cell, cell after cell."""
    counts = np.zeros(columns * rows + 1, dtype=np.int64)
    for turn in range(2):
        if turn == 1:
            for n in range(columns * rows):
                counts[n + 1] += counts[n]
            members = np.empty(counts[-1], dtype=np.int64)
            filled = counts[:-1].copy()
        for t in range(triangles.shape[0]):
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            x0 = int((min(net[a, 0], net[b, 0], net[c, 0]) - low_x) / size)
            x1 = int((max(net[a, 0], net[b, 0], net[c, 0]) - low_x) / size)
            y0 = int((min(net[a, 1], net[b, 1], net[c, 1]) - low_y) / size)
            y1 = int((max(net[a, 1], net[b, 1], net[c, 1]) - low_y) / size)
            for x in range(max(x0, 0), min(x1, columns - 1) + 1):
                for y in range(max(y0, 0), min(y1, rows - 1) + 1):
                    if turn == 0:
                        counts[x * rows + y + 1] += 1
                    else:
                        members[filled[x * rows + y]] = t
                        filled[x * rows + y] += 1
    return counts, members


@kernel
def _heights(
    net: FloatArray,
    triangles: IntArray,
    points: FloatArray,
    buckets: tuple[float, float, float, int, int, IntArray, IntArray],
) -> FloatArray:
    """Height of the surface over points of its plane; that of the nearest corner beyond its border."""
    low_x, low_y, size, columns, rows, starts, members = buckets
    found = np.empty(len(points))
    for p in range(len(points)):
        x, y = points[p, 0], points[p, 1]
        column, row = int((x - low_x) / size), int((y - low_y) / size)
        best, value = -1e30, 0.0
        if 0 <= column < columns and 0 <= row < rows:
            for m in range(starts[column * rows + row], starts[column * rows + row + 1]):
                a, b, c = triangles[members[m], 0], triangles[members[m], 1], triangles[members[m], 2]
                area = (net[b, 0] - net[a, 0]) * (net[c, 1] - net[a, 1]) - (net[c, 0] - net[a, 0]) * (
                    net[b, 1] - net[a, 1]
                )
                w0 = ((net[b, 0] - x) * (net[c, 1] - y) - (net[c, 0] - x) * (net[b, 1] - y)) / area
                w1 = ((net[c, 0] - x) * (net[a, 1] - y) - (net[a, 0] - x) * (net[c, 1] - y)) / area
                w2 = 1.0 - w0 - w1
                least = min(w0, w1, w2)
                if least > best:
                    best = least
                    value = w0 * net[a, 2] + w1 * net[b, 2] + w2 * net[c, 2]
                    if least >= 0.0:
                        break
        if best < -1e-6:
            nearest = 1e300
            for n in range(len(net)):
                away = (net[n, 0] - x) ** 2 + (net[n, 1] - y) ** 2
                if away < nearest:
                    nearest, value = away, net[n, 2]
        found[p] = value
    return found


@kernel
def _net_heights(net: FloatArray, triangles: IntArray, rows: int, columns: int) -> FloatArray:
    """Height over each whole place of a net, in the triangle it lies in; 0 beyond the surface."""
    found = np.zeros(rows * columns)
    hair = 1e-9
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, x1, x2 = net[a, 0], net[b, 0], net[c, 0]
        y0, y1, y2 = net[a, 1], net[b, 1], net[c, 1]
        low, high = max(0.0, min(x0, x1, x2) - hair), min(rows - 1.0, max(x0, x1, x2) + hair)
        left, right = max(0.0, min(y0, y1, y2) - hair), min(columns - 1.0, max(y0, y1, y2) + hair)
        if high < low or right < left:
            continue
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0.0:
            continue
        for x in range(int(np.ceil(low)), int(np.floor(high)) + 1):
            for y in range(int(np.ceil(left)), int(np.floor(right)) + 1):
                w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / area
                w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / area
                w2 = 1.0 - w0 - w1
                if w0 >= -hair and w1 >= -hair and w2 >= -hair:
                    found[x * columns + y] = w0 * net[a, 2] + w1 * net[b, 2] + w2 * net[c, 2]
    return found
