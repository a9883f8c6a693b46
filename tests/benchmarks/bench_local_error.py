"""What a local registration says of its own error, against random smooth deformations that are known.

Run as a script: ``python tests/benchmarks/bench_local_error.py [made-up|real] [first] [last]``.  Bounds: on
nine in ten deformations the said 90 % error is no less than the true 90th percentile over the whole liver,
and no more than 2.5 times it.  Half of the deformations have a treated place of 22 mm that is left out.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "compute"))
from test_held_out import smooth_deformation
from two_scans import Array, lattice, liver_mask, liver_points, scan

from planner.compute.local_deformation import register_local
from planner.compute.registration import resampled, rigid_of_landmarks
from planner.io.importing import read_case
from planner.model.geometry import Grid
from planner.model.image import Image
from planner.model.registration import Registration

SHARE, MOST_RATIO, TREATED_MM = 0.9, 2.5, 22.0


@dataclass(frozen=True)
class Deformed:
    """Two scans, the liver in the first, and places of it with where they belong in the second."""

    pre: Image
    post: Image
    liver: np.ndarray
    targets: Array
    there: Array
    words: str


def made_up(seeds: range) -> Iterator[Deformed]:
    before, after = (
        lattice((56, 96, 120), (2.5, 2.5, 3.0)),
        lattice((64, 104, 104), (2.75, 2.75, 3.0), (6, -4, 10)),
    )
    pre, liver, targets = scan("pre", before), liver_mask(before), liver_points(12.0)
    for seed in seeds:
        rng = np.random.default_rng(1000 + seed)
        most_mm, noise_hu = rng.uniform(1, 9), rng.uniform(5, 25)
        true = Registration("pre", "post", np.eye(4), smooth_deformation(seed, most_mm, targets))
        post = scan("post", after, true, noise_hu=noise_hu)
        yield Deformed(
            pre, post, liver, targets, true.map_points(targets), f"{most_mm:.1f} mm, {noise_hu:.0f} HU"
        )


def of_a_liver(seeds: range) -> Iterator[Deformed]:
    data = Path(os.environ.get("LIVER_PLANNER_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    case = read_case([data / "ircadb01_p01"]).case
    pre, structures = replace(case.images[0], id="pre"), case.structures
    names = [s.name for s in structures.structures if s.name == "liver" or s.name.startswith("livertumor")]
    liver = structures.union_mask(names)
    targets = pre.grid.to_lps(np.argwhere(liver)[::1501][:, ::-1].astype(float))
    for seed in seeds:
        rng = np.random.default_rng(2000 + seed)
        most_mm, noise_hu = rng.uniform(1, 9), rng.uniform(8, 25)
        back = Registration("post", "pre", np.eye(4), smooth_deformation(seed, most_mm, targets))
        later = resampled(pre, back, pre.grid)
        values = later.values + rng.normal(0, noise_hu, later.values.shape).astype(np.float32)
        post = replace(later, id="post", values=np.rint(values).astype(np.int16))
        there = back.inverse_points(targets)
        yield Deformed(pre, post, liver, targets, there, f"{most_mm:.1f} mm, {noise_hu:.0f} HU")


def ball(grid: Grid, center: Array) -> np.ndarray:
    k, j, i = np.indices(grid.shape, dtype=np.float32)
    return np.asarray(
        np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)) - center, axis=-1) < TREATED_MM
    )


def main() -> int:
    kind = sys.argv[1] if len(sys.argv) > 1 else "made-up"
    first, last = (int(a) for a in (*sys.argv[2:4], *("0", "20")[len(sys.argv[2:4]) :]))
    seeds = range(first, last)
    ratios = []
    for seed, each in zip(seeds, (of_a_liver if kind == "real" else made_up)(seeds), strict=True):
        center = each.targets[np.random.default_rng(seed).integers(len(each.targets))]
        treated = ball(each.pre.grid, center) if seed % 2 else None
        start = Registration("pre", "post", rigid_of_landmarks(each.targets, each.there))
        began = time.process_time()
        found = register_local(each.pre, each.post, start, each.liver, ignored=treated)
        taken = time.process_time() - began
        off = float(np.percentile(np.linalg.norm(found.map_points(each.targets) - each.there, axis=1), 90))
        said = found.within_90_mm or float("nan")
        ratios.append(said / off)
        print(
            f"{seed:3d} ({each.words}): said {said:.2f}, true {off:.2f} mm, {said / off:.2f} times; {taken:.0f} s"
        )
    table = np.array(ratios)
    enough, bounded = float(np.mean(table >= 1.0)), float(np.mean(table <= MOST_RATIO))
    print(
        f"{kind}: {100 * enough:.0f} % no less than the truth, {100 * bounded:.0f} % no more than {MOST_RATIO} times it"
    )
    return 0 if min(enough, bounded) >= SHARE else 1


if __name__ == "__main__":
    raise SystemExit(main())
