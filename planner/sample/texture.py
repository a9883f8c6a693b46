"""The look of a scan: grain of tissue, blur of the scanner, correlated noise."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import correlate1d, gaussian_filter

from planner.base.task import Task
from planner.sample.canvas import WORKERS, Canvas
from planner.sample.field import Field, Float32, Lattice
from planner.sample.torso import BODY_LATTICE

Slice = npt.NDArray[np.int16]

SEED = 7
#: In-plane blur beyond the painted edge, and the slice profile over the slices before and after.
BLUR_MM = 0.55
SLICE_PROFILE = (0.14, 0.72, 0.14)
NOISE_HU = 12.0


def grain() -> Field:
    """Texture of unit spread over the body, a few millimetres coarse."""
    fine = Lattice.over(BODY_LATTICE.start_mm, (174.0, 128.0, 267.0), 2.5)
    rng = np.random.default_rng(SEED)
    white = rng.standard_normal(fine.shape, dtype=np.float32)
    small = gaussian_filter(white, 0.8)
    large = gaussian_filter(white, 2.2)
    mixed = small / small.std() * 0.75 + large / large.std() * 0.65
    return Field(fine, mixed.astype(np.float32))


def finish(canvas: Canvas, skin: Field, task: Task) -> None:
    """Blur the painted volume as a scanner does and add its noise, slice by slice, in place."""
    count, rows, columns = canvas.grid.shape
    sx, sy, _ = canvas.grid.spacing_mm
    spectrum = _noise_spectrum(rows, columns, sx)
    first = canvas.hu[0].copy()
    depth = _body_depth(canvas, skin)

    def finish_range(bounds: tuple[int, int], edges: tuple[Slice, Slice]) -> None:
        before, after_last = edges
        for k in range(*bounds):
            task.check()
            here = canvas.hu[k].copy()
            after = canvas.hu[k + 1] if k + 1 < bounds[1] else after_last
            a, b, c = SLICE_PROFILE
            mixed = a * before.astype(np.float32) + b * here.astype(np.float32) + c * after.astype(np.float32)
            mixed = gaussian_filter(mixed, (BLUR_MM / sy, BLUR_MM / sx), truncate=3.0)
            mixed += _noise(k, spectrum) * depth(k)
            np.rint(mixed, out=mixed)
            canvas.hu[k] = np.clip(mixed, -1024, 3071).astype(np.int16)
            before = here

    bounds = np.linspace(0, count, WORKERS + 1).astype(int)
    parts = [(int(a), int(b)) for a, b in pairwise(bounds)]
    edges = [
        (first if a == 0 else canvas.hu[a - 1].copy(), canvas.hu[min(b, count - 1)].copy()) for a, b in parts
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(finish_range, parts, edges))


def _noise_spectrum(rows: int, columns: int, spacing_mm: float) -> Float32:
    """Square root of the noise power: rises from low frequencies as filtered backprojection's, then falls."""
    fy = fft.fftfreq(rows, spacing_mm)[:, None]
    fx = fft.rfftfreq(columns, spacing_mm)[None, :]
    f = np.sqrt(fx * fx + fy * fy)
    root = np.sqrt(f + 0.04) * np.exp(-((f / 0.36) ** 2))
    power = 2 * (root**2).sum() - (root[:, 0] ** 2).sum() - (root[:, -1] ** 2).sum()
    return np.asarray(root * np.sqrt(rows * columns / power) * np.sqrt(rows * columns), dtype=np.float32)


def _noise(k: int, spectrum: Float32) -> Float32:
    rng = np.random.default_rng((SEED, 1000 + k))
    shape = spectrum.shape
    waves = rng.standard_normal(shape, dtype=np.float32) + 1j * rng.standard_normal(shape, dtype=np.float32)
    columns = 2 * (shape[1] - 1)
    noise = fft.irfft2(waves * spectrum, s=(shape[0], columns)) * np.float32(np.sqrt(0.5))
    return np.asarray(noise, dtype=np.float32)


def _body_depth(canvas: Canvas, skin: Field) -> Callable[[int], Float32]:
    """A function of the slice: noise in HU by how much body the rays pass."""
    lattice = skin.lattice
    at = lattice.indices(
        np.array([[canvas.grid.origin_lps_mm[0], canvas.grid.origin_lps_mm[1], canvas.grid.origin_lps_mm[2]]])
    )[0]
    spacing = canvas.grid.spacing_mm
    _, rows, columns = canvas.grid.shape
    js = np.clip(
        np.rint(at[1] + np.arange(rows) * spacing[1] / lattice.step_mm[1]).astype(int),
        0,
        lattice.shape[1] - 1,
    )
    is_ = np.clip(
        np.rint(at[2] + np.arange(columns) * spacing[0] / lattice.step_mm[0]).astype(int),
        0,
        lattice.shape[2] - 1,
    )

    def of(k: int) -> Float32:
        n = int(np.clip(round(at[0] + k * spacing[2] / lattice.step_mm[2]), 0, lattice.shape[0] - 1))
        level = 0.55 + 0.55 * np.clip(-skin.values[n] / 75, -0.25, 1.0)
        smooth = correlate1d(correlate1d(level, np.ones(5) / 5, axis=0), np.ones(5) / 5, axis=1)
        return np.asarray(NOISE_HU * smooth[np.ix_(js, is_)], dtype=np.float32)

    return of
