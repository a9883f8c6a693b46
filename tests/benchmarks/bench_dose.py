"""Dose by kernel convolution over 128^3 voxels against scipy's convolution in double precision.

Run as a script: ``python tests/benchmarks/bench_dose.py``.  The sides interleaved in one run, medians:
CPU time with one thread, and the time of the clock as each side is called.  Bounds: at most 1/3 of
the CPU time of `scipy.signal.fftconvolve` in float64 for voxels of 2 mm, within 1e-5 of its largest
value, energy inside and beyond the border together what was given within 1e-6; other spacings and an
active box of a fifth of the voxels are printed beside it.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.signal import fftconvolve

import planner.compute.dose_convolution as convolution
from planner.compute.dose_convolution import Deposit, spread_deposit
from planner.compute.voxel_kernel import VoxelKernel
from planner.model.geometry import Grid
from planner.planning.y90_kernel import y90_voxel_kernel

COUNT, ROUNDS = 128, 15
RATIO, APART, CONSERVED = 3.0, 1e-5, 1e-6


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and clock time in ms."""
    cpu, clock = time.process_time(), time.perf_counter()
    work()
    return (time.process_time() - cpu) * 1000, (time.perf_counter() - clock) * 1000


def sides(grid: Grid, energy: np.ndarray, kernel: VoxelKernel) -> dict[str, Callable[[], object]]:
    full = kernel.full

    def one_thread() -> Deposit:
        convolution.WORKERS = 1
        return spread_deposit(energy, grid, kernel)

    def threads() -> Deposit:
        convolution.WORKERS = 2
        return spread_deposit(energy, grid, kernel)

    return {
        "scipy": lambda: fftconvolve(energy, full, mode="same"),
        "ours, one thread": one_thread,
        "ours, two threads": threads,
    }


def medians(works: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(ROUNDS):
        for name, work in works.items():
            times[name].append(measured(work))
    return {
        name: (statistics.median(t[0] for t in found), statistics.median(t[1] for t in found))
        for name, found in times.items()
    }


def main() -> int:
    missed = 0
    print(f"{'what':<44}{'CPU ms':>9}{'clock ms':>10}{'CPU ratio':>11}{'bound':>7}")
    for size, fill in ((2.0, 1.0), (2.0, 0.2), (1.0, 1.0), (4.0, 1.0)):
        grid = Grid((COUNT,) * 3, (size,) * 3, (0.0, 0.0, 0.0))
        energy = np.random.default_rng(0).random(grid.shape)
        side = round(COUNT * fill ** (1 / 3))
        energy[side:], energy[:, side:], energy[:, :, side:] = 0.0, 0.0, 0.0
        kernel = y90_voxel_kernel(grid.spacing_mm, 1.0)
        found = medians(sides(grid, energy, kernel))
        scipy_ms = found["scipy"][0]
        for name, (cpu, clock) in found.items():
            ratio = scipy_ms / cpu
            is_bound = (size, fill, name) == (2.0, 1.0, "ours, one thread")
            missed += is_bound and ratio < RATIO
            what = f"{size:g} mm, {100 * fill:.0f} % active, {name}"
            print(
                f"{what:<44}{cpu:>9.1f}{clock:>10.1f}{ratio:>11.2f}" + (f"{RATIO:>7.1f}" if is_bound else "")
            )
        truth = fftconvolve(energy, kernel.full, mode="same")
        deposit = spread_deposit(energy, grid, kernel)
        apart = float(np.abs(deposit.energy_j - truth).max() / truth.max())
        inside = float(deposit.energy_j.sum(dtype=float))
        lost = abs(inside + deposit.left_j - float(energy.sum())) / float(energy.sum())
        missed += apart > APART or lost > CONSERVED
        print(f"  apart by {apart:.1e} of the largest (bound {APART:.0e}); inside + left - given: {lost:.1e}")
    start = time.process_time()
    for spacing in ((2.0, 2.0, 2.0), (0.75, 0.75, 1.25), (4.8, 4.8, 4.8)):
        y90_voxel_kernel(spacing, 1.06)
    print(
        f"voxel kernels of 2, 0.75 x 0.75 x 1.25 and 4.8 mm: {(time.process_time() - start) * 1000:.0f} ms CPU"
    )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
