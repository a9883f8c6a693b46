"""The bioheat solver over 128^3 voxels of 1 mm against a numpy stencil and copy bandwidth.

Run as a script: ``python tests/benchmarks/bench_bioheat.py``.  One thread, CPU time, the sides
interleaved in one run, medians.  Full field, without the active box.  Bounds: 6 times faster than
numpy doing the same step, 20 % of copy bandwidth, growth exponent over three sizes at most 1.15.
The last line is the whole of 600 s with the active box, for information.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from planner.base.task import Task
from planner.compute.bioheat import BioheatProblem, Tissue, solve_bioheat
from planner.compute.cell_death import Arrhenius
from planner.compute.heat_lattice import STEPS_A_REPORT
from planner.model.geometry import Grid

ROUNDS = 7
SIZES = (64, 96, 128)
#: Arrays read and written once a step: old and new temperature, three conductances, heat capacity,
#: perfusion and source, of 4 bytes.
BYTES_A_VOXEL = 8 * 4
RATIO, SHARE, EXPONENT = 6.0, 0.20, 1.15


def problem(count: int) -> BioheatProblem:
    """Liver with a heated zone in which damage counts, warm noise all over."""
    grid = Grid((count,) * 3, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    k, j, i = np.indices(grid.shape) - count // 2
    near = k**2 + j**2 + i**2
    rng = np.random.default_rng(0)
    return BioheatProblem(
        Tissue(grid, rng.uniform(0.4, 0.6, grid.shape), perfusion_w_per_m3_k=4e4),
        np.where(near < (count / 32) ** 2, 1e8, 0.0),
        death=Arrhenius(),
        initial_c=37.0 + rng.random(grid.shape) * 0.5 + np.where(near < (count / 6.4) ** 2, 25.0, 0.0),
    )


class NumpySide:
    """The same step in plain numpy, in single precision, with its arrays set up beforehand."""

    def __init__(self, problem: BioheatProblem) -> None:
        tissue = problem.tissue
        single = np.float32
        half = (0.5e-3 / tissue.conductivity_w_per_m_k).astype(single)
        self.theta = np.pad(problem.initial_c - single(37), 1).astype(single)
        self.faces = []
        for axis in range(3):
            h = np.moveaxis(half, axis, 0)
            face = np.empty((h.shape[0] + 1, *h.shape[1:]), single)
            face[1:-1], face[0], face[-1] = 1 / (h[1:] + h[:-1]), 1 / h[0], 1 / h[-1]
            self.faces.append(np.ascontiguousarray(np.moveaxis(face * single(1e3), 0, axis)))
        self.inverse = (1 / tissue.heat_capacity_j_per_m3_k).astype(single)
        self.perfusion = np.array(tissue.perfusion_w_per_m3_k)
        self.source = np.array(problem.source_w_per_m3)
        self.damage = np.zeros(self.inverse.shape)
        self.hottest = self.theta[1:-1, 1:-1, 1:-1].copy()

    def step(self, step_s: float) -> None:
        inner = self.theta[1:-1, 1:-1, 1:-1]
        flow = self.source - self.perfusion * inner
        for axis, face in enumerate(self.faces):
            cut = tuple(slice(None) if a == axis else slice(1, -1) for a in range(3))
            through = face * np.diff(self.theta[cut], axis=axis)
            flow += np.diff(through, axis=axis)
        before = inner.copy()
        inner += np.float32(step_s) * self.inverse * flow
        np.minimum(inner, np.float32(68), out=inner)
        np.maximum(self.hottest, inner, out=self.hottest)
        warm = inner > 2
        celsius = 37 + 0.5 * (before[warm].astype(float) + inner[warm])
        self.damage[warm] += step_s * 7.39e39 * np.exp(-2.577e5 / 8.314462618 / (celsius + 273.15))
        self.perfusion[self.damage >= 1] = 0


def cpu_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def solver_step_s(case: BioheatProblem, step_s: float) -> float:
    """CPU time of one step, from the marks between which the solver takes `STEPS_A_REPORT` steps."""
    marks: list[float] = []
    task = Task(lambda fraction, text: marks.append(time.process_time()))
    solve_bioheat(case, 2 * STEPS_A_REPORT * step_s, whole_lattice=True, task=task)
    return (marks[2] - marks[1]) / STEPS_A_REPORT


def focal(count: int) -> BioheatProblem:
    grid = Grid((count,) * 3, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    k, j, i = np.indices(grid.shape) - count // 2
    source = np.where(k**2 + j**2 + i**2 < 16, 1.5e8, 0.0)
    return BioheatProblem(Tissue(grid, perfusion_w_per_m3_k=4e4), source, death=Arrhenius())


def main() -> int:
    cases = {count: problem(count) for count in SIZES}
    step_s = 0.999 * min(solve_bioheat(c, 1e-3, whole_lattice=True).limit_s for c in cases.values())
    largest = cases[SIZES[-1]]
    side = NumpySide(largest)
    first = np.zeros(SIZES[-1] ** 3 * 8, dtype=np.float32)
    second = np.ones_like(first)
    ours: dict[int, list[float]] = {count: [] for count in SIZES}
    numpys, copies = [], []
    for _ in range(ROUNDS):
        for count, case in cases.items():
            ours[count].append(solver_step_s(case, step_s))
        numpys.append(cpu_s(lambda: side.step(step_s)))
        copies.append(cpu_s(lambda: np.copyto(first, second)))
    own, other = statistics.median(ours[SIZES[-1]]), statistics.median(numpys)
    copy_rate = 2 * first.nbytes / statistics.median(copies)
    rate = BYTES_A_VOXEL * SIZES[-1] ** 3 / own
    times = [statistics.median(ours[count]) for count in SIZES]
    exponent = float(np.polyfit(np.log([n**3 for n in SIZES]), np.log(times), 1)[0])
    check = NumpySide(largest)
    check.step(step_s)
    result = solve_bioheat(largest, step_s, whole_lattice=True)
    apart = float(np.abs(result.temperature_c - 37 - check.theta[1:-1, 1:-1, 1:-1]).max())
    boxed = solve_bioheat(focal(128), 1.0)
    whole_s = cpu_s(lambda: solve_bioheat(focal(128), 600.0))
    print(f"{'what':<44}{'value':>12}{'bound':>10}")
    print(f"{'one step, 128^3, ours (CPU ms)':<44}{own * 1e3:>12.2f}")
    print(f"{'one step, 128^3, numpy (CPU ms)':<44}{other * 1e3:>12.2f}")
    print(f"{'numpy over ours':<44}{other / own:>12.1f}{RATIO:>10.1f}")
    print(f"{'share of copy bandwidth':<44}{rate / copy_rate:>12.2f}{SHARE:>10.2f}")
    print(f"{'copy bandwidth (GB/s)':<44}{copy_rate / 1e9:>12.1f}")
    print(f"{'growth exponent over voxels, 64^3 to 128^3':<44}{exponent:>12.2f}{EXPONENT:>10.2f}")
    print(f"{'600 s, 128^3, whole lattice (CPU s, scaled)':<44}{own * 600 / step_s:>12.2f}")
    print(f"{'600 s, 128^3, active box (CPU s)':<44}{whole_s:>12.2f}")
    print(
        f"steps of {step_s:.3f} s (focal: {boxed.limit_s:.3f} s); the sides differ by {apart:.1e} K after one"
    )
    missed = other / own < RATIO or rate / copy_rate < SHARE or exponent > EXPONENT or apart > 1e-4
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
