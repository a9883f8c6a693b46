"""Where the energy of a map of sources is left, and the dose it makes: energy over mass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.in_threads import WORKERS, in_threads
from planner.compute.voxel_kernel import VoxelKernel
from planner.model.geometry import Box, FloatArray, Grid

FieldArray = npt.NDArray[np.float32]

#: Numbers worked on at a time: they stay near the processor, and a cancel is heard between them.
BLOCK = 80_000
#: A kernel is of a grid where their spacings agree so well.
SAME_SPACING = 1e-4
_WORDS = "Dose of the activity"


@dataclass(frozen=True, eq=False)
class Deposit:
    """Energy left in the voxels of a grid, and what left the grid.

    Parameters
    ----------
    energy_j
        Left in each voxel [k, j, i].
    given_j
        Given off by all sources.
    left_j
        What of it is left beyond the border of the grid; `given_j` is the sum of the energy inside and this.
    """

    energy_j: FieldArray
    given_j: float
    left_j: float = 0.0

    @property
    def inside_j(self) -> float:
        """Left within the grid."""
        return self.given_j - self.left_j


def local_deposit(energy_j: npt.NDArray[Any]) -> Deposit:
    """All energy left in the voxel that gives it off.

    Raises
    ------
    InvalidValue
        If an energy is negative or not finite.
    """
    sources, given = _checked(energy_j)
    kept = sources.astype(np.float32)
    kept.setflags(write=False)
    return Deposit(kept, given)


def spread_deposit(
    energy_j: npt.NDArray[Any], grid: Grid, kernel: VoxelKernel, task: Task | None = None
) -> Deposit:
    """Energy spread around each voxel that gives it off, as if the tissue went on beyond the border.

    Nothing is folded back or mirrored at the border: what passes it is lost to the grid and counted
    in `Deposit.left_j`.  Sources beyond the border are not known and add nothing inside.  Only the
    box of voxels with energy, and what the kernel reaches from it, is worked on.

    Single precision, by Fourier transforms of the slices long enough that nothing wraps around; the
    transform of the kernel, which is alike on all sides, is a sum of cosines.  Within 1e-6 of the largest
    value of a convolution in double precision.

    Raises
    ------
    InvalidValue
        If an energy is negative or not finite, or the map or the kernel is not of the grid.
    """
    task = task or Task()
    sources, given = _checked(energy_j)
    if sources.shape != grid.shape:
        raise InvalidValue("A map needs the shape of its grid.", f"{sources.shape}, grid {grid.shape}")
    if not np.allclose(kernel.spacing_mm, grid.spacing_mm, rtol=SAME_SPACING, atol=0):
        raise InvalidValue(
            "The kernel was made for voxels of another size.",
            f"kernel {kernel.spacing_mm} mm, grid {grid.spacing_mm} mm",
            "Make the kernel for the grid's spacing.",
        )
    spread = np.zeros(grid.shape, dtype=np.float32)
    left = 0.0
    box = _active_box(sources)
    if not box.is_empty:
        reached = box.grown(kernel.reach, grid.shape)
        spread[box.slices] = sources[box.slices]
        inner = Box(_less(box.start, reached.start), _less(box.stop, reached.start))
        _convolve(spread[reached.slices], inner, kernel, task)
        left = _left(sources[box.slices], box, grid.shape, kernel)
    spread.setflags(write=False)
    return Deposit(spread, given, left)


def dose_gy(energy_j: npt.NDArray[Any], grid: Grid, density_g_per_ml: float | npt.NDArray[Any]) -> FieldArray:
    """Dose of energy left in voxels: energy over mass, [k, j, i].

    Parameters
    ----------
    density_g_per_ml
        One for all voxels, or one for each.

    Raises
    ------
    InvalidValue
        If a shape is not the grid's, or a voxel that holds energy has no mass.
    """
    density = np.asarray(density_g_per_ml, dtype=float)
    if energy_j.shape != grid.shape or density.shape not in ((), grid.shape):
        raise InvalidValue(
            "Energy and density need the shape of their grid.",
            f"{energy_j.shape}, {density.shape}, grid {grid.shape}",
        )
    solid = np.isfinite(density) & (density > 0)
    if not np.all(solid | (energy_j == 0)):
        raise InvalidValue(
            "A voxel that holds energy needs a mass.",
            f"{int(np.sum(~solid & (energy_j != 0)))} voxels",
            "Give a density above zero everywhere, that of the lung at least.",
        )
    mass_kg = np.where(solid, density, 1.0) * (grid.voxel_volume_ml / 1000.0)
    dose = (energy_j / mass_kg).astype(np.float32)
    dose.setflags(write=False)
    return dose


def _checked(energy_j: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], float]:
    """A map of sources, and all their energy, which is finite where every one is."""
    sources = np.asarray(energy_j)
    lowest, total = float(sources.min(initial=0.0)), float(sources.sum(dtype=float))
    if not (np.isfinite(total) and lowest >= 0):
        raise InvalidValue(
            "A map of sources holds finite numbers, none below zero.",
            f"lowest {lowest:g}, sum {total:g}",
            "Set voxels below zero to zero, or reconstruct the scan anew.",
        )
    return sources, total


def _active_box(sources: npt.NDArray[Any]) -> Box:
    """The least box that holds every voxel with energy."""
    start, stop = [0, 0, 0], [0, 0, 0]
    for axis in range(3):
        planes = np.moveaxis(sources, axis, 0)
        first = next((n for n, plane in enumerate(planes) if plane.any()), None)
        if first is None:
            return Box((0, 0, 0), (0, 0, 0))
        last = next(n for n in range(len(planes) - 1, -1, -1) if planes[n].any())
        start[axis], stop[axis] = first, last + 1
        sources = np.moveaxis(planes[first : last + 1], 0, axis)
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _less(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    k, j, i = (a - b for a, b in zip(one, other, strict=True))
    return k, j, i


def _convolve(field: FieldArray, active: Box, kernel: VoxelKernel, task: Task) -> None:
    """Put what sources make over the kernel in their place; ``active`` is the box of the sources.

    Rows and columns by Fourier transforms, slices directly: a sum over the few slices a kernel reaches
    is faster than two transforms, and needs no room at the ends.
    """
    from planner.compute.slice_spread import spread_over_slices  # numba, which an import need not take

    depth, rows, columns = field.shape
    high, wide = (_size(field.shape[a], active.start[a], active.stop[a], kernel.reach[a], a) for a in (1, 2))
    width = wide // 2 + 1
    along_j = _cosines(high, high, kernel.reach[1])
    along_i = _cosines(wide, width, kernel.reach[2])
    planes = (along_j @ (kernel.octant @ along_i.T)).astype(np.float32)
    planes = np.repeat(planes, 2, axis=2)  # for the real and the imaginary part
    waves = np.empty((depth, high, width), dtype=np.complex64)
    numbers = waves.view(np.float32)

    def forth(part: slice) -> None:
        lines = fft.rfft(field[part], n=wide, axis=2)
        waves[part] = fft.fft(lines, n=high, axis=1, overwrite_x=True)

    def across(part: slice) -> None:
        spread_over_slices(numbers, planes, part.start, part.stop)

    def back(part: slice) -> None:
        lines = fft.ifft(waves[part], axis=1)[:, :rows]
        found = fft.irfft(lines, n=wide, axis=2)[:, :, :columns]
        np.maximum(found, 0.0, out=field[part])  # rounding of the transforms

    slabs = _parts(depth, high * width)
    sheets = _parts(high, depth * width)
    done, steps = 0, 2 * len(slabs) + len(sheets)
    for work, parts in ((forth, slabs), (across, sheets), (back, slabs)):
        for _ in in_threads(work, parts, task, WORKERS):
            done += 1
            task.report(done / steps, _WORDS)


def _size(count: int, start: int, stop: int, reach: int, axis: int) -> int:
    """Length of a transform in which no source of start to stop reaches around the end."""
    farthest = max(stop - 1, count - 1 - start)
    return fft.next_fast_len(max(count, farthest + reach + 1), real=axis == 2)


def _cosines(size: int, waves: int, reach: int) -> FloatArray:
    """Transform of one entry of an octant, both sides together: (waves, reach + 1)."""
    turns = np.outer(np.arange(waves), np.arange(reach + 1)) % size
    sides = np.where(np.arange(reach + 1) > 0, 2.0, 1.0)
    return np.asarray(np.cos(2.0 * np.pi / size * turns) * sides)


def _parts(count: int, numbers: int) -> list[slice]:
    """Slices of an axis whose entries hold so many numbers each; the same on every machine."""
    step = max(1, BLOCK // numbers)
    return [slice(n, min(n + step, count)) for n in range(0, count, step)]


def _left(sources: npt.NDArray[Any], box: Box, shape: tuple[int, int, int], kernel: VoxelKernel) -> float:
    """Energy of the sources of a box that is left beyond the grid's border."""
    inside = kernel.octant
    summed = sources.astype(float, copy=False)
    for axis, (first, stop, count, reach) in enumerate(
        zip(box.start, box.stop, shape, kernel.reach, strict=True)
    ):
        place = np.arange(first, stop)
        deep = np.flatnonzero((place >= reach) & (place < count - reach))
        if len(deep) > 1:  # voxels that reach neither end are all alike
            before, within, after = np.split(summed, [deep[0], deep[-1] + 1], axis=axis)
            summed = np.concatenate([before, within.sum(axis=axis, keepdims=True), after], axis=axis)
            place = np.delete(place, deep[1:])
        steps = np.arange(reach + 1)
        room = np.stack([place, count - 1 - place])[..., None]
        counts = np.where(steps > 0, (steps <= room).sum(axis=0), 1.0)
        inside = np.moveaxis(np.tensordot(counts, inside, axes=(1, axis)), 0, axis)
    outside = 1.0 - inside
    outside[outside < 1e-12] = 0.0  # voxels that reach no border
    return float((summed * outside).sum())
