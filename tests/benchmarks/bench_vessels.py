"""A tree of vessels against the obvious way: thinning the whole scan and walking the voxels left.

Run as a script: ``python tests/benchmarks/bench_vessels.py [case folder] [structure]``; without them the
sample's portal vein, or with ``ircadb01_p01`` read into a case folder: ``CASE portalvein``.  One thread, CPU
time, the two sides interleaved in one run, medians.  The other side is scikit-image's ``skeletonize`` of the
mask as it lies in the scan, and a graph of its voxels by scipy: no radii, no smooth lines, no root.
Bounds: 5 s, and not slower than the other side.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from skimage.morphology import skeletonize

from planner.api import open_case
from planner.model.structures import StructureSet
from planner.planning.vessel_finding import find_tree
from planner.sample.case import make_sample_case

ROUNDS = 3
LIMIT_S = 5.0


def obvious(structures: StructureSet, name: str, is_cropped: bool = False) -> int:
    """Skeleton of the whole volume, or of the mask's box, and its spanning tree; how many ends it has."""
    mask = structures.cropped(name, 2.0)[0] if is_cropped else structures.mask(name)
    distance_transform_edt(mask, sampling=structures.grid.spacing_mm[::-1])
    kji = np.argwhere(skeletonize(mask))
    number = {tuple(v): n for n, v in enumerate(kji.tolist())}
    rows, columns, lengths = [], [], []
    step = np.array(structures.grid.spacing_mm[::-1])
    for (k, j, i), n in number.items():
        for dk in (-1, 0, 1):
            for dj in (-1, 0, 1):
                for di in (-1, 0, 1):
                    other = number.get((k + dk, j + dj, i + di))
                    if other is not None and other > n:
                        rows.append(n)
                        columns.append(other)
                        lengths.append(float(np.linalg.norm(step * (dk, dj, di))))
    tree = minimum_spanning_tree(coo_matrix((lengths, (rows, columns)), shape=(len(kji), len(kji))))
    connected_components(tree, directed=False)
    degree = np.bincount(np.concatenate(tree.nonzero()), minlength=len(kji))
    return int((degree == 1).sum())


def cpu_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> int:
    folder, *names = sys.argv[1:] or ["", "Portal vein"]
    structures = open_case(folder).structures if folder else make_sample_case().structures
    ratio_ok = True
    for name in names:
        tree = find_tree(structures, name, id="tree")  # compiles
        ours, theirs, in_box = [], [], []
        for _ in range(ROUNDS):
            ours.append(cpu_s(lambda name=name: find_tree(structures, name, id="tree")))
            theirs.append(cpu_s(lambda name=name: obvious(structures, name)))
            in_box.append(cpu_s(lambda name=name: obvious(structures, name, True)))
        own, other, near = (statistics.median(times) for times in (ours, theirs, in_box))
        print(
            f"{name}: {structures.voxel_count(name)} voxels in {structures.grid.shape}, "
            f"{len(tree.branches)} branches, {tree.length_mm:.0f} mm, other side {obvious(structures, name)} ends"
        )
        print(
            f"  tree {own:.2f} s (bound {LIMIT_S:.0f} s), other side {other:.2f} s, ratio {other / own:.1f} (bound 1)"
        )
        print(f"  other side in the mask's box alone {near:.2f} s, ratio {near / own:.1f}")
        ratio_ok &= own <= LIMIT_S and other >= own
    return int(not ratio_ok)


if __name__ == "__main__":
    sys.exit(main())
