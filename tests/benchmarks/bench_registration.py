"""Registering two scans of 220^3 voxels against plain SimpleITK (Mattes, three levels, 2 % regular samples).

Run as a script: ``python tests/benchmarks/bench_registration.py``.  CPU time, the sides interleaved in
one run, medians.  Bounds: no more than 1.2 times the CPU time of plain SimpleITK, target error below
0.5 mm.  The last lines are the local deformation, for information.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "compute"))
from two_scans import lattice, liver_mask, movement, scan, target_errors_mm

from planner.compute.local_deformation import register_local
from planner.compute.rigid_registration import register_rigid, sitk_volume
from planner.model.image import Image
from planner.model.registration import Registration

ROUNDS, SIZE, SPACING = 3, 220, 1.4
RATIO, ERROR_MM = 1.2, 0.5


def plain(fixed: Image, moving: Image) -> Registration:
    """What one writes with SimpleITK's own defaults."""
    one, two = (sitk_volume(i.values.astype(np.float32), i.grid) for i in (fixed, moving))
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.02, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.005, 200, 0.6, 1e-6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2.0, 1.0, 0.0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    turn = sitk.Euler3DTransform()
    method.SetInitialTransform(turn, inPlace=True)
    method.Execute(one, two)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(turn.GetMatrix()).reshape(3, 3)
    matrix[:3, 3] = turn.TransformPoint((0.0, 0.0, 0.0))
    return Registration(fixed.id, moving.id, matrix)


def cpu_s(work: Callable[[], Registration]) -> tuple[float, Registration]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def main() -> int:
    grid = lattice((SIZE,) * 3, (SPACING,) * 3)
    true = movement(bump_mm=0.0)
    pre, post = scan("pre", grid), scan("post", grid, true)
    register_rigid(scan("pre", lattice((40,) * 3, (7.0,) * 3)), scan("post", lattice((40,) * 3, (7.0,) * 3)))
    sides = {"ours": lambda: register_rigid(pre, post), "plain SimpleITK": lambda: plain(pre, post)}
    times: dict[str, list[float]] = {name: [] for name in sides}
    errors: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, work in sides.items():
            taken, found = cpu_s(work)
            times[name].append(taken)
            errors[name] = float(target_errors_mm(found, true).max())
    medians = {name: statistics.median(t) for name, t in times.items()}
    for name, median in medians.items():
        print(f"{name:<16} median {median:6.1f} s CPU   largest target error {errors[name]:.2f} mm")
    ratio = medians["ours"] / medians["plain SimpleITK"]
    print(f"ratio {ratio:.2f} (bound {RATIO})")
    bent = movement(bump_mm=6.0)
    post, liver = scan("post", grid, bent), liver_mask(grid)
    first, rigid = cpu_s(lambda: register_rigid(pre, post, within=liver))
    second, local = cpu_s(lambda: register_local(pre, post, rigid, liver))
    for word, taken, found in (("rigid to the liver", first, rigid), ("and local", second, local)):
        off = target_errors_mm(found, bent)
        print(
            f"{word:<20}{taken:6.1f} s CPU   target error mean {off.mean():.2f}, largest {off.max():.2f} mm"
        )
    return int(ratio > RATIO or errors["ours"] > ERROR_MM)


if __name__ == "__main__":
    sys.exit(main())
