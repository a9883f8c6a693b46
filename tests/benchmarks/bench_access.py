"""60,000 rays with four clearances against VTK's search for crossings of the same structures.

Run as a script: ``python tests/benchmarks/bench_access.py``.  One thread, CPU time, the two sides
interleaved in one run, medians.  VTK's vtkStaticCellLocator only tells whether a ray meets each of
four meshes; what Python's call of it costs is measured on a mesh that no ray meets, and taken off.
Bound: 8 times VTK's rays per second.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from skimage.measure import marching_cubes
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import mutable, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData, vtkStaticCellLocator

from planner.compute.ray_march import CHANNELS, Kind, march_rays
from planner.planning.access import access_map
from planner.planning.access_choice import alternatives
from planner.planning.access_ground import (
    FIRST_LESION_CLASS,
    LIVER_CLASS,
    OUTSIDE_CLASS,
    STEP_MM,
    AccessGround,
)
from planner.planning.anatomy import Anatomy
from planner.sample.case import make_sample_case

RAYS = 60_000
ROUNDS = 5
LIMIT = 8.0


def locator(points: np.ndarray, triangles: np.ndarray) -> vtkStaticCellLocator:
    mesh = vtkPolyData()
    vertices = vtkPoints()
    vertices.SetData(numpy_to_vtk(np.ascontiguousarray(points, dtype=np.float32), deep=True))
    cells = vtkCellArray()
    starts = np.arange(0, 3 * len(triangles) + 1, 3, dtype=np.int64)
    cells.SetData(
        numpy_to_vtkIdTypeArray(starts, deep=True),
        numpy_to_vtkIdTypeArray(triangles.astype(np.int64).ravel(), deep=True),
    )
    mesh.SetPoints(vertices)
    mesh.SetPolys(cells)
    found = vtkStaticCellLocator()
    found.SetDataSet(mesh)
    found.BuildLocator()
    return found


def meshes(ground: AccessGround) -> list[tuple[np.ndarray, np.ndarray]]:
    """Surfaces of the four kinds of structures, triangles of about 3 mm."""
    found = []
    for channel in range(CHANNELS):
        mask = ((ground.lattice.packed >> np.uint32(8 * channel)) & np.uint32(255)) == 0
        kji, triangles, _, _ = marching_cubes(mask.astype(np.float32), 0.5, step_size=2)
        found.append((ground.lattice.grid.to_lps(kji[:, ::-1]), triangles))
    return found


def crossings(
    locators: list[vtkStaticCellLocator], starts: list[list[float]], ends: list[list[float]]
) -> int:
    share, part, cell = mutable(0.0), mutable(0), mutable(0)
    place, inner = [0.0] * 3, [0.0] * 3
    count = 0
    for start, end in zip(starts, ends, strict=True):
        for one in locators:
            count += one.IntersectWithLine(start, end, 0.0, share, place, inner, part, cell)
    return count


def cpu_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> int:
    case = make_sample_case()
    structures = case.structure_sets[0]
    anatomy = Anatomy.of(structures)
    AccessGround.of(anatomy)  # compiles
    start = time.process_time()
    ground = AccessGround.of(anatomy)
    ground_s = time.process_time() - start
    kinds = np.full(256, Kind.NOTHING, dtype=np.uint8)
    kinds[[LIVER_CLASS, OUTSIDE_CLASS]] = Kind.MEDIUM, Kind.VOID
    kinds[FIRST_LESION_CLASS:] = Kind.OTHER
    targets = []
    for name in ground.lesions:
        kji = np.argwhere(structures.mask(name)).mean(axis=0)
        targets.append(structures.grid.to_lps(kji[::-1]))
    skin = ground.skin.points_lps_mm.astype(float)
    each = RAYS // len(targets)
    chosen = np.linspace(0, len(skin) - 1, each).astype(int)
    ends = np.concatenate([skin[chosen]] * len(targets))
    starts = np.repeat(np.array(targets), each, axis=0)
    surfaces = meshes(ground)
    locators = [locator(*surface) for surface in surfaces]
    far = ground.lattice.grid.center_lps_mm + np.array([[5e3, 0, 0], [5e3, 1, 0], [5e3, 0, 1]])
    nothing = [locator(far, np.array([[0, 1, 2]]))] * CHANNELS
    from_list, to_list = starts.tolist(), ends.tolist()
    march_rays(ground.lattice, starts, ends, kinds, STEP_MM)
    ours, theirs, calls = [], [], []
    for _ in range(ROUNDS):
        ours.append(cpu_s(lambda: march_rays(ground.lattice, starts, ends, kinds, STEP_MM)) / len(ends))
        theirs.append(cpu_s(lambda: crossings(locators, from_list, to_list)) / len(to_list))
        calls.append(cpu_s(lambda: crossings(nothing, from_list, to_list)) / len(to_list))
    march, whole, call = (statistics.median(t) for t in (ours, theirs, calls))
    print(f"{len(ends)} rays, {np.linalg.norm(ends - starts, axis=1).mean():.0f} mm on average")
    print(f"four meshes of {', '.join(str(len(t)) for _, t in surfaces)} triangles")
    print(f"{'what':<44}{'rays/s':>12}{'ratio':>8}{'bound':>8}")
    print(f"{'four clearances, marched':<44}{1 / march:>12.0f}{1.0:>8.1f}")
    print(f"{'four crossings, VTK, as called':<44}{1 / whole:>12.0f}{whole / march:>8.1f}")
    ratio = (whole - call) / march
    print(
        f"{'four crossings, VTK, without the calls':<44}{1 / (whole - call):>12.0f}{ratio:>8.1f}{LIMIT:>8.0f}"
    )
    aim = tuple(float(v) for v in targets[0])
    access = access_map(ground, aim, ground.lesions[0], 150.0, 10.0)  # type: ignore[arg-type]
    map_ms = 1000 * cpu_s(lambda: access_map(ground, aim, ground.lesions[0], 150.0, 10.0))  # type: ignore[arg-type]
    list_ms = 1000 * cpu_s(lambda: alternatives(access))
    print(
        f"ground {ground_s:.1f} s, a map of {len(skin)} entries {map_ms:.0f} ms, its list {list_ms:.0f} ms CPU"
    )
    return int(ratio < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
