"""A coarse cubic lattice along a scan's own axes, and how near structures come to its voxels.

Distances run to the middles of the faces between the scan's own voxels, as everywhere in the
planner, so a coarse lattice costs no accuracy at its voxel centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.ray_march import FAR, FAR_MM
from planner.compute.threads import kernel
from planner.model.geometry import Box, FloatArray, Grid

BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CoarseLattice:
    """A cubic lattice over a box of a scan, with the scan's axes.

    Parameters
    ----------
    grid
        The lattice.
    scan
        The scan's grid.
    box
        The scan's voxels it covers.
    centers
        For k, j, i: places of the lattice's voxel centres, in voxels from the first of the box.
    """

    grid: Grid
    scan: Grid
    box: Box
    centers: tuple[FloatArray, FloatArray, FloatArray]

    @classmethod
    def over(cls, scan: Grid, box: Box, spacing_mm: float) -> CoarseLattice:
        """The lattice that covers the voxels of a box.

        Raises
        ------
        InvalidValue
            If the box is empty or the spacing is not positive.
        """
        if box.is_empty or not spacing_mm > 0:
            raise InvalidValue("A lattice needs a box and a spacing.", f"{box}, {spacing_mm} mm")
        centers: list[FloatArray] = []
        for count, spacing in zip(box.shape, scan.spacing_mm[::-1], strict=True):
            number = max(1, int(np.ceil(count * spacing / spacing_mm - 1e-6)))
            steps = np.arange(number, dtype=np.float64) - (number - 1) / 2
            centers.append((count - 1) / 2 + steps * spacing_mm / spacing)
        k, j, i = centers
        first = np.array([i[0], j[0], k[0]]) + np.array(box.start[::-1])
        x, y, z = (float(v) for v in scan.to_lps(first))
        grid = Grid((len(k), len(j), len(i)), (spacing_mm,) * 3, (x, y, z), scan.direction)
        return cls(grid, scan, box, (k, j, i))

    def sampled(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What the scan's voxels [k, j, i] of the box hold at the lattice's voxel centres; nearest voxel."""
        self._check(values)
        nearest = [
            np.clip(np.rint(c), 0, n - 1).astype(np.int64)
            for c, n in zip(self.centers, values.shape, strict=True)
        ]
        return np.asarray(values[np.ix_(*nearest)])

    def shares(self, mask: BoolArray) -> npt.NDArray[np.float32]:
        """A mask [k, j, i] over the box as 0 to 1 at the lattice's voxel centres; linear between the scan's."""
        self._check(mask)
        values: npt.NDArray[Any] = mask
        for axis in (1, 2, 0):  # rows first: the fastest to take, and fewer are left
            count = mask.shape[axis]
            at = np.clip(self.centers[axis], 0, count - 1)
            low = np.minimum(at.astype(np.int64), max(0, count - 2))
            weight = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
            lower = np.take(values, low, axis=axis).astype(np.float32)
            values = np.take(values, np.minimum(low + 1, count - 1), axis=axis).astype(np.float32)
            values -= lower
            values *= weight
            values += lower
        return values

    def touching(self, mask: BoolArray) -> BoolArray:
        """Voxels of the lattice that share some space with a voxel of a mask [k, j, i] over the box.

        So a point within a voxel of the mask lies in one of them, however thin the structure.
        """
        self._check(mask)
        spacing = self.grid.spacing_mm[0]
        ranges = [
            _ranges(c, n, spacing / s)
            for c, n, s in zip(self.centers, mask.shape, self.scan.spacing_mm[::-1], strict=True)
        ]
        found = np.zeros(self.grid.shape, dtype=bool)
        _mark(np.ascontiguousarray(mask), ranges[0], ranges[1], ranges[2], found)
        return found

    def quarter_clearance(self, mask: BoolArray) -> npt.NDArray[np.uint8]:
        """Distance of the lattice's voxel centres to a mask [k, j, i] over the box, in quarter mm.

        Returns
        -------
        npt.NDArray[np.uint8]
            [k, j, i]; 0 in voxels that touch the mask and in no other, else rounded to the
            nearest quarter, at least 1; 255 stands for 63.75 mm or more, or for an empty mask.

        Raises
        ------
        InvalidValue
            If the mask does not have the box's shape.

        Notes
        -----
        Exact distance to the face middles that `BoundaryPoints.of_mask` gives, axis after axis by
        lower envelopes of parabolas (Felzenszwalb 2012, Theory of Computing 8:415).
        """
        inside = self.touching(mask)
        if not inside.any():
            return np.full(self.grid.shape, FAR, dtype=np.uint8)
        sk, sj, si = self.scan.spacing_mm[::-1]
        k, j, i = self.centers
        levels = np.full((2 * len(mask) - 1, len(j), len(i)), np.inf, dtype=np.float32)
        _within_slices(np.ascontiguousarray(mask), sj, si, j * sj, i * si, levels)
        square = np.full(self.grid.shape, np.inf, dtype=np.float32)
        _across_slices(levels, 0.5 * sk, k * sk, square)
        quarters = np.minimum(np.sqrt(square) * np.float32(4.0) + np.float32(0.5), np.float32(FAR))
        rounded = np.maximum(quarters.astype(np.uint8), np.uint8(1))
        rounded[inside] = 0
        return np.asarray(rounded)

    def _check(self, values: npt.NDArray[Any]) -> None:
        if values.shape != self.box.shape:
            raise InvalidValue(
                "A mask needs the shape of its lattice's box.", f"mask {values.shape}, box {self.box.shape}"
            )


def _ranges(centers: FloatArray, count: int, size: float) -> IndexArray:
    """Of each of the scan's voxels, the first and the end of the lattice's voxels it overlaps, (n, 2)."""
    voxels = np.arange(count)
    hair = 1e-6
    first = np.searchsorted(centers + 0.5 * size, voxels - 0.5 + hair, side="right")
    end = np.searchsorted(centers - 0.5 * size, voxels + 0.5 - hair, side="left")
    return np.stack([first, end], axis=1).astype(np.int64)


@kernel
def _mark(mask: BoolArray, ks: IndexArray, js: IndexArray, is_: IndexArray, found: BoolArray) -> None:
    for k in range(mask.shape[0]):
        for j in range(mask.shape[1]):
            for i in range(mask.shape[2]):
                if mask[k, j, i]:
                    for a in range(ks[k, 0], ks[k, 1]):
                        for b in range(js[j, 0], js[j, 1]):
                            for c in range(is_[i, 0], is_[i, 1]):
                                found[a, b, c] = True


@kernel
def _within_slices(
    mask: BoolArray,
    row_mm: float,
    column_mm: float,
    rows_mm: FloatArray,
    columns_mm: FloatArray,
    levels: npt.NDArray[np.float32],
) -> None:
    """Squared distance within each slice and each level between two slices, levels 0, 1/2, 1, ..."""
    nk, nj, ni = mask.shape
    faces = np.empty(ni)
    places = np.empty(2 * nj)
    nodes = np.empty((2 * nj, len(columns_mm)), dtype=np.float32)
    values, tops, edges = np.empty(2 * nj), np.empty(2 * nj, dtype=np.int64), np.empty(2 * nj + 1)
    out = np.empty(len(rows_mm), dtype=np.float32)
    for level in range(2 * nk - 1):
        k = level // 2
        used = 0
        for j in range(nj):
            for between in range(1 if level % 2 else 2):
                count = 0
                if level % 2:
                    for i in range(ni):
                        if mask[k, j, i] != mask[k + 1, j, i]:
                            faces[count] = i * column_mm
                            count += 1
                elif between == 0:
                    for i in range(ni - 1):
                        if mask[k, j, i] != mask[k, j, i + 1]:
                            faces[count] = (i + 0.5) * column_mm
                            count += 1
                elif j < nj - 1:
                    for i in range(ni):
                        if mask[k, j, i] != mask[k, j + 1, i]:
                            faces[count] = i * column_mm
                            count += 1
                if count:
                    places[used] = (j + 0.5 * between) * row_mm
                    _nearest_in_row(faces, count, columns_mm, nodes[used])
                    used += 1
        if used:
            for column in range(len(columns_mm)):
                for n in range(used):
                    values[n] = nodes[n, column]
                _envelope(places, values, used, rows_mm, tops, edges, out)
                levels[level, :, column] = out


@kernel
def _across_slices(
    levels: npt.NDArray[np.float32],
    level_mm: float,
    slices_mm: FloatArray,
    square: npt.NDArray[np.float32],
) -> None:
    """Squared distance in space from those within levels that are so far apart."""
    count = levels.shape[0]
    places, values = np.empty(count), np.empty(count)
    tops, edges = np.empty(count, dtype=np.int64), np.empty(count + 1)
    out = np.empty(len(slices_mm), dtype=np.float32)
    for row in range(levels.shape[1]):
        for column in range(levels.shape[2]):
            used = 0
            for level in range(count):
                value = levels[level, row, column]
                if value < FAR_MM * FAR_MM:
                    places[used], values[used] = level * level_mm, value
                    used += 1
            if used:
                _envelope(places, values, used, slices_mm, tops, edges, out)
                square[:, row, column] = out


@kernel
def _nearest_in_row(faces: FloatArray, count: int, at: FloatArray, square: npt.NDArray[np.float32]) -> None:
    """Squared distance from rising places to the nearest of `count` rising faces."""
    n = 0
    for place in range(len(at)):
        while n + 1 < count and abs(faces[n + 1] - at[place]) <= abs(faces[n] - at[place]):
            n += 1
        gap = faces[n] - at[place]
        square[place] = gap * gap


@kernel
def _envelope(
    places: FloatArray,
    values: FloatArray,
    count: int,
    at: FloatArray,
    tops: IndexArray,
    edges: FloatArray,
    out: npt.NDArray[np.float32],
) -> None:
    """Least of value + (at - place)^2 over `count` rising places, at rising `at`."""
    last = 0
    tops[0], edges[0] = 0, -np.inf
    for n in range(1, count):
        lifted = values[n] + places[n] * places[n]
        while True:
            m = tops[last]
            edge = (lifted - values[m] - places[m] * places[m]) / (2.0 * (places[n] - places[m]))
            if edge > edges[last]:
                break
            last -= 1
        last += 1
        tops[last], edges[last] = n, edge
    edges[last + 1] = np.inf
    m = 0
    for n in range(len(at)):
        while edges[m + 1] < at[n]:
            m += 1
        gap = at[n] - places[tops[m]]
        out[n] = values[tops[m]] + gap * gap
