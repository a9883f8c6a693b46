"""Our dose-volume histograms beside those of plastimatch, which somebody else wrote (apt package `plastimatch`).

plastimatch counts voxels into bins centred on the doses it prints: the share it prints beside a dose is that of
half a bin less, which counts where a region has nearly one dose.  Where it is not installed these tests skip; nothing else needs it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage as ndi
import SimpleITK as sitk

from planner.compute.dose_volume import DoseVolume
from planner.model.geometry import Grid
from planner.planning.y90_voxel_dose import Deposition, voxel_dose

from .dose_shapes import OBLIQUE, STRAIGHT, grid_around, radii, voxel_points

PLASTIMATCH = shutil.which("plastimatch")
pytestmark = pytest.mark.skipif(PLASTIMATCH is None, reason="plastimatch is not installed (apt package)")
#: Width of plastimatch's bins as a share of the highest dose.
BIN = 1.0 / 2000.0
Masks = dict[str, np.ndarray]


def cone() -> tuple[Grid, np.ndarray, Masks]:
    """H18: falling from 100 Gy in the middle of a ball of 50 mm to nothing at its border."""
    grid = grid_around(54.0, (1.9, 2.0, 3.1), STRAIGHT, (0.4, -0.3, 0.2))
    away = radii(grid)
    return grid, 100.0 * np.clip(1.0 - away / 50.0, 0.0, None), {"ball": away <= 50.0, "core": away <= 20.0}


def lumpy() -> tuple[Grid, np.ndarray, Masks]:
    """Noise as a SPECT leaves it, on an oblique lattice, in an ellipsoid of 10 ml and its surroundings."""
    grid = grid_around(40.0, (1.4, 1.3, 2.5), OBLIQUE)
    noise = ndi.gaussian_filter(np.random.default_rng(8).gamma(2.0, 60.0, grid.shape), (0.8, 1.6, 1.6))
    size = np.linalg.norm(voxel_points(grid) / (18.0, 10.0, 13.0), axis=-1)
    return grid, noise, {"lesion": size <= 1.0, "rim": (size > 1.0) & (size <= 1.5)}


def convolved() -> tuple[Grid, np.ndarray, Masks]:
    """Y-90 by the kernel: a lesion with four times the activity of the liver around it."""
    grid = grid_around(48.0, (2.0, 2.0, 2.4))
    away = radii(grid, (6.0, 4.0, -3.0))
    liver = radii(grid) <= 45.0
    activity = liver * np.where(away <= 14.0, 4.0, 1.0)
    dose = voxel_dose(activity * (0.4 / activity.sum()), grid, Deposition.KERNEL).dose_gy
    return grid, dose.astype(float), {"lesion": away <= 14.0, "liver": liver & (away > 14.0)}


def by_plastimatch(folder: Path, grid: Grid, dose: np.ndarray, masks: Masks) -> tuple[np.ndarray, Masks]:
    """Lower edges of its bins, and by structure the share of its volume that receives each or more."""
    labels = sum(mask.astype(np.uint8) << n for n, mask in enumerate(masks.values()))
    for name, values in (("dose", dose.astype(np.float32)), ("structures", labels)):
        picture = sitk.GetImageFromArray(np.ascontiguousarray(values))
        picture.SetSpacing(grid.spacing_mm)
        picture.SetOrigin(grid.origin_lps_mm)
        picture.SetDirection(grid.direction)
        sitk.WriteImage(picture, str(folder / f"{name}.mha"))
    rows = [f"{n}|255 0 0|{name}" for n, name in enumerate(masks)]
    (folder / "list.txt").write_text("\n".join(rows) + "\n")
    width, count = float(dose.max()) * BIN, round(1.0 / BIN) + 2
    assert PLASTIMATCH is not None
    command = [PLASTIMATCH, "dvh", "--cumulative", "--dose-units", "gy"]
    command += ["--input-dose", "dose.mha", "--input-ss-img", "structures.mha", "--input-ss-list", "list.txt"]
    command += ["--bin-width", f"{width:.9g}", "--num-bins", f"{count}", "--output-csv", "dvh.csv"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    head = (folder / "dvh.csv").read_text().splitlines()[0].split(",")[1:]
    table = np.loadtxt(folder / "dvh.csv", delimiter=",", skiprows=1)
    assert head == list(masks)
    # The column of doses is printed with six digits; its rows are one width apart.
    return width * (np.arange(len(table)) - 0.5), {name: table[:, n + 1] for n, name in enumerate(masks)}


@pytest.mark.parametrize("shape", [cone, lumpy, convolved])
def test_histograms_agree_with_plastimatch(
    tmp_path: Path, shape: Callable[[], tuple[Grid, np.ndarray, Masks]]
) -> None:
    """V within 1 % of the volume (measured 0.05 %), D95, D70, D50, D5 within 1 % (0.06 %), the mean too (0.001 %)."""
    grid, dose, masks = shape()
    doses, curves = by_plastimatch(tmp_path, grid, dose, masks)
    for name, mask in masks.items():
        ours, theirs = DoseVolume.of(dose, mask, grid.voxel_volume_ml), curves[name]
        worst = float(np.abs(ours.curve(doses) - theirs).max())
        assert worst < 0.01, name
        for percent in (95.0, 70.0, 50.0, 5.0):
            read = float(np.interp(-percent / 100.0, -theirs, doses))
            assert ours.dose_to_gy(percent) == pytest.approx(read, rel=0.01), (name, percent)
        mean = float(doses[0] + np.trapezoid(theirs, doses))
        assert ours.mean_gy == pytest.approx(mean, rel=0.01), name
