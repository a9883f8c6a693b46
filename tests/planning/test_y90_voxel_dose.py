"""Voxel doses of yttrium-90: units, words, what is cached, loaded and refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import planner.planning.y90_kernel as module
from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.model.geometry import Grid
from planner.planning.y90 import COEFFICIENT
from planner.planning.y90_kernel import y90_point_kernel, y90_voxel_kernel
from planner.planning.y90_voxel_dose import Deposition, local_activity_gbq, voxel_dose

GRID = Grid((9, 10, 11), (3.0, 3.0, 3.0), (0.0, 0.0, 0.0))


def activity() -> np.ndarray:
    return np.random.default_rng(3).random(GRID.shape) * 1e-4


def test_local_dose_is_coefficient_times_concentration() -> None:
    found = voxel_dose(activity(), GRID, density_g_per_ml=1.03)
    assert found.dose_gy == pytest.approx(49.67 * activity() / (0.027e-3 * 1.03), rel=1e-6)
    assert found.given_gbq == pytest.approx(activity().sum(), rel=1e-12)
    assert local_activity_gbq(found.dose_gy, GRID, 1.03) == pytest.approx(activity(), rel=1e-6)


def test_the_constants_used_are_told() -> None:
    local = voxel_dose(activity(), GRID, Deposition.LOCAL).method
    assert all(word in local for word in ("local deposition", "49.67", "1.05 g/ml", "64.1 h"))
    spread = voxel_dose(activity(), GRID, Deposition.KERNEL, np.full(GRID.shape, 1.1)).method
    assert all(word in spread for word in ("kernel", "density of each voxel", "not a published table"))


def test_denser_tissue_gets_less_dose_from_shorter_ranges() -> None:
    one = np.zeros(GRID.shape)
    one[4, 5, 5] = 1e-3
    thin, dense = (voxel_dose(one, GRID, Deposition.KERNEL, d) for d in (1.0, 1.2))
    shares = [float(d.dose_gy[4, 5, 5]) * d_g for d, d_g in ((thin, 1.0), (dense, 1.2))]
    assert shares[1] > shares[0]
    whole = voxel_dose(one, GRID, Deposition.KERNEL, np.full(GRID.shape, 1.2))
    liver = voxel_dose(one, GRID, Deposition.KERNEL, 1.05)  # ranges in liver where densities are a map
    assert whole.dose_gy == pytest.approx(liver.dose_gy * (1.05 / 1.2), rel=1e-6)


def test_another_coefficient_scales_the_dose() -> None:
    one = voxel_dose(activity(), GRID, Deposition.KERNEL)
    other = voxel_dose(activity(), GRID, Deposition.KERNEL, coefficient_gy_kg_per_gbq=2 * COEFFICIENT.value)
    assert other.dose_gy == pytest.approx(2 * one.dose_gy, rel=1e-6)
    assert other.left_gbq == pytest.approx(one.left_gbq, rel=1e-9)
    for of in (voxel_dose, local_activity_gbq):
        with pytest.raises(InvalidValue):
            of(activity(), GRID, coefficient_gy_kg_per_gbq=0.0)


def test_what_is_refused() -> None:
    with pytest.raises(InvalidValue):
        voxel_dose(activity()[1:], GRID)
    with pytest.raises(InvalidValue):
        voxel_dose(activity()[1:], GRID, Deposition.KERNEL)
    with pytest.raises(InvalidValue):
        voxel_dose(-activity(), GRID)
    with pytest.raises(InvalidValue):
        voxel_dose(activity(), GRID, Deposition.KERNEL, 0.0)
    with pytest.raises(ValueError, match="monte"):
        voxel_dose(activity(), GRID, "monte carlo")  # type: ignore[arg-type]
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        voxel_dose(activity(), GRID, Deposition.KERNEL, task=task)


def test_kernels_are_kept_and_read_only() -> None:
    assert y90_point_kernel() is y90_point_kernel()
    kernel = y90_voxel_kernel((3.0, 3.0, 3.0))
    assert y90_voxel_kernel((3.0, 3.0, 3.0)) is kernel
    with pytest.raises(ValueError, match="read-only"):
        kernel.octant[0, 0, 0] = 1.0
    # in liver of 1.05 g/ml ranges are shorter than in water
    assert kernel.octant[0, 0, 0] > y90_voxel_kernel((3.0, 3.0, 3.0), 1.0).octant[0, 0, 0]


def test_a_table_without_its_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "radionuclides").mkdir()
    (tmp_path / "radionuclides" / "y90_point_kernel_water.csv").write_text("# no columns\n0.05,0.01\n")
    monkeypatch.setattr(module, "files", lambda package: tmp_path)
    with pytest.raises(InvalidValue) as error:
        y90_point_kernel.__wrapped__()
    assert error.value.todo


def test_prescribing_loads_no_numerics_and_doses_no_compiler() -> None:
    code = (
        "import sys\n"
        "import planner.planning.y90_prescription, planner.planning.y90_vials\n"
        "assert not {'scipy', 'numba'} & set(sys.modules)\n"
        "import planner.planning.y90_voxel_dose\n"
        "assert not {'numba', 'scipy.interpolate'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
