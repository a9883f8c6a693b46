"""The whole command `suggest` for the sample case's largest lesion, and its set covers against HiGHS.

Run as a script: ``python tests/benchmarks/bench_suggest.py``.  The command runs twice and the second run
counts, as the first one compiles kernels.  Bound: 30 s for the command, on two processors.  The covers are
as hard as those of a lesion of 5 cm; both sides prove the best one, interleaved, medians.
"""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import planner
from planner.cli import main as command
from planner.io.plan_file import write_plan
from planner.planning.covering import hardest_points, least_cover

LESION, LIMIT_S = "Lesion 5", 30.0
ROUNDS, SEEDS = 3, 4


def suggested(case: Path, plan: Path) -> tuple[float, float, str]:
    """Seconds on the clock and of the processors, and what the command says."""
    words = ["suggest", str(case), str(plan), "--module", "thermal_ablation", "--lesion", LESION]
    before, start = os.times(), time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-m", "planner", *words], check=True, capture_output=True, text=True
    ).stdout
    after = os.times()
    processors = sum(after[2:4]) - sum(before[2:4])
    return time.perf_counter() - start, processors, told


def cover_problem(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Balls of 19 mm about 130 places in one of 24 mm, and 900 points of that: six of them do."""
    random = np.random.default_rng(seed)

    def within(count: int, radius: float) -> np.ndarray:
        way = random.standard_normal((count, 3))
        return radius * random.random((count, 1)) ** (1 / 3) * way / np.linalg.norm(way, axis=1)[:, None]

    centers, points = within(130, 16.0), within(900, 24.0)
    reaches = np.linalg.norm(centers[:, None] - points[None], axis=2) <= 19.0
    return reaches, 1.0 + 0.22 * random.random(130)


def by_highs(reaches: np.ndarray, cost: np.ndarray) -> float:
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows = hardest_points(reaches[:, reaches.any(axis=0)]).astype(float)
    found = milp(
        cost,
        integrality=np.ones(len(cost)),
        bounds=Bounds(0.0, 1.0),
        constraints=[LinearConstraint(rows, lb=1.0)],
        options={"mip_rel_gap": 0.0},
    )
    return float(found.fun)


def timed(work: Callable[[], float]) -> tuple[float, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def covers() -> None:
    least_cover(*cover_problem(0))  # compiles
    ours, theirs = [], []
    for seed in range(SEEDS):
        problem = cover_problem(seed)
        for _ in range(ROUNDS):
            cost, seconds = timed(lambda: least_cover(*problem).cost)  # noqa: B023  (called at once)
            ours.append(seconds)
            known, seconds = timed(lambda: by_highs(*problem))  # noqa: B023
            theirs.append(seconds)
            assert abs(cost - known) < 1e-6, (cost, known)
    one, two = statistics.median(ours), statistics.median(theirs)
    print(
        f"least cover of {SEEDS} problems, median: ours {1000 * one:.0f} ms, HiGHS {1000 * two:.0f} ms,"
        f" ratio {two / one:.1f}"
    )


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        case, plan = Path(folder) / "case", Path(folder) / "empty.plan.json"
        with contextlib.redirect_stdout(io.StringIO()):
            command(["sample", "--out", str(case)])
        write_plan(planner.new_plan(planner.open_case(case)), plan)
        suggested(case, plan)
        seconds, processors, told = suggested(case, plan)
    print(told)
    print(
        f"suggest for {LESION}: {seconds:.1f} s on the clock, {processors:.1f} s of processors"
        f" (bound {LIMIT_S:.0f} s on the clock)"
    )
    covers()
    return int(seconds > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
