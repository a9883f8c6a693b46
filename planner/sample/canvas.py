"""The scan while it is painted: shapes are laid over one another, back to front."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from planner.compute.threads import kernel
from planner.model.geometry import Grid
from planner.sample.field import Field, Float32

#: A profile has one value a quarter of a millimetre of depth.
PROFILE_STEP_MM = 0.25
#: A surface is spread over so much by the scanner's point spread, before the blur of the slices.
EDGE_MM = 0.8
WORKERS = 2


def profile(*knots: tuple[float, float]) -> Float32:
    """HU by depth under a surface, linear between (depth mm, HU) knots, constant beyond the last."""
    depths, values = zip(*knots, strict=True)
    at = np.arange(0.0, depths[-1] + 2 * PROFILE_STEP_MM, PROFILE_STEP_MM)
    return np.asarray(np.interp(at, depths, values), dtype=np.float32)


def flat(hu: float) -> Float32:
    """The same HU at every depth."""
    return np.full(2, hu, dtype=np.float32)


@dataclass(eq=False)
class Canvas:
    """Voxels being painted.

    Parameters
    ----------
    grid
        Of the scan, in body coordinates (its origin not yet moved to the table's).
    texture
        Noise of unit spread that shapes may carry.
    """

    grid: Grid
    texture: Field
    hu: npt.NDArray[np.int16] = field(init=False)
    layers: list[npt.NDArray[np.uint8]] = field(init=False)

    def __post_init__(self) -> None:
        self.hu = np.full(self.grid.shape, -1000, dtype=np.int16)
        self.layers = [np.zeros(self.grid.shape, dtype=np.uint8) for _ in range(3)]

    def paint(
        self,
        shape: Field,
        hu: Float32 | None,
        layer: int = 0,
        label: int = 0,
        texture_hu: float = 0.0,
        edge_mm: float = EDGE_MM,
        inflate_mm: float = 0.0,
    ) -> None:
        """Lay a shape over what is there; its voxels get ``label`` in a layer unless that is 0.

        ``hu`` is a `profile`, or None where only the label is to be set.
        """
        lattice, target = shape.lattice, self.layers[layer]
        origin, spacing = np.array(self.grid.origin_lps_mm), np.array(self.grid.spacing_mm)
        start = (origin - np.array(lattice.start_mm)) / np.array(lattice.step_mm)
        step = spacing / np.array(lattice.step_mm)
        texture_start = (origin - np.array(self.texture.lattice.start_mm)) / np.array(
            self.texture.lattice.step_mm
        )
        texture_step = spacing / np.array(self.texture.lattice.step_mm)
        low = max(0, int(np.ceil(-start[2] / step[2])))
        high = min(self.grid.shape[0], int(np.floor((lattice.shape[0] - 1 - start[2]) / step[2])) + 1)
        values = flat(0.0) if hu is None else hu
        bounds = np.linspace(low, max(low, high), WORKERS + 1).astype(int)

        def part(first: int, last: int) -> None:
            _paint(
                self.hu,
                target,
                shape.values,
                start,
                step,
                values,
                label,
                hu is not None,
                edge_mm,
                inflate_mm,
                self.texture.values,
                texture_start,
                texture_step,
                texture_hu,
                first,
                last,
            )

        if (high - low) * lattice.shape[1] < 40:
            part(low, high)
            return
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(part, bounds[:-1], bounds[1:]))


@kernel
def _line(values: Float32, fk: float, fj: float, out: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Interpolate a lattice's row at fractional k, j; its lowest value and whether it exists (0/1)."""
    nk, nj, ni = values.shape
    k, j = int(np.floor(fk)), int(np.floor(fj))
    if k < 0 or j < 0 or k > nk - 1 or j > nj - 1:
        return 0.0, 0.0
    k2, j2 = min(k + 1, nk - 1), min(j + 1, nj - 1)
    a, b = np.float32(fk - k), np.float32(fj - j)
    w00, w01, w10, w11 = (1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b
    lowest = np.float32(1e9)
    for i in range(ni):
        v = w00 * values[k, j, i] + w01 * values[k, j2, i] + w10 * values[k2, j, i] + w11 * values[k2, j2, i]
        out[i] = v
        lowest = min(lowest, v)
    return float(lowest), 1.0


@kernel
def _paint(
    hu: npt.NDArray[np.int16],
    labels: npt.NDArray[np.uint8],
    values: Float32,
    start: npt.NDArray[np.float64],
    step: npt.NDArray[np.float64],
    table: Float32,
    label: int,
    is_drawn: bool,
    edge: float,
    inflate: float,
    texture: Float32,
    texture_start: npt.NDArray[np.float64],
    texture_step: npt.NDArray[np.float64],
    texture_hu: float,
    first: int,
    last: int,
) -> None:
    """Paint slices ``first`` to ``last`` of one shape."""
    _, nj, ni = hu.shape
    line = np.empty(values.shape[2], dtype=np.float32)
    grain = np.zeros(texture.shape[2], dtype=np.float32)
    count = values.shape[2]
    i0 = max(0, int(np.ceil(-start[0] / step[0])))
    i1 = min(ni, int(np.floor((count - 1 - start[0]) / step[0])) + 1)
    half = 0.5 * edge
    inverse = np.float32(1.0 / edge)
    top = table.shape[0] - 1
    for k in range(first, last):
        for j in range(nj):
            lowest, is_there = _line(values, start[2] + k * step[2], start[1] + j * step[1], line)
            if is_there == 0.0 or lowest - inflate >= half:
                continue
            if texture_hu != 0.0:
                _line(
                    texture,
                    texture_start[2] + k * texture_step[2],
                    texture_start[1] + j * texture_step[1],
                    grain,
                )
            for i in range(i0, i1):
                f = start[0] + i * step[0]
                n = min(int(f), count - 2)
                w = np.float32(f - n)
                d = line[n] * (1 - w) + line[n + 1] * w - inflate
                if d >= half:
                    continue
                if label > 0 and d <= 0:
                    labels[k, j, i] = label
                if not is_drawn:
                    continue
                depth = max(-d, np.float32(0.0)) * np.float32(4.0)
                m = int(depth)
                if m >= top:
                    value = table[top]
                else:
                    value = table[m] + (depth - m) * (table[m + 1] - table[m])
                if texture_hu != 0.0:
                    g = texture_start[0] + i * texture_step[0]
                    o = min(max(int(g), 0), grain.shape[0] - 2)
                    value += texture_hu * (grain[o] + (np.float32(g) - o) * (grain[o + 1] - grain[o]))
                cover = min(np.float32(0.5) - d * inverse, np.float32(1.0))
                hu[k, j, i] = int(np.rint(hu[k, j, i] * (1 - cover) + value * cover))
