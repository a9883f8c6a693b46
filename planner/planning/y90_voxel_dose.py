"""Dose of every voxel from a map of activity, and activity from a dose: local or by the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.task import Task
from planner.compute.dose_convolution import FieldArray, dose_gy, local_deposit, spread_deposit
from planner.model.geometry import FloatArray, Grid
from planner.planning.y90 import COEFFICIENT, HALF_LIFE, TISSUE_DENSITY, checked_positive
from planner.planning.y90_kernel import KERNEL_SOURCE, y90_voxel_kernel


class Deposition(StrEnum):
    """Where the energy of a voxel's activity is taken to stay."""

    LOCAL = "local deposition"
    KERNEL = "kernel convolution"


@dataclass(frozen=True, eq=False)
class VoxelDose:
    """The dose of every voxel of a grid, with what it was made of.

    Parameters
    ----------
    grid
        Of the dose.
    dose_gy
        [k, j, i].
    deposition
        Local, or by the kernel.
    given_gbq
        Activity of the map, at the time of treatment.
    left_gbq
        What of it acts beyond the border of the grid: never folded back.
    method
        In words, with the constants used.
    """

    grid: Grid
    dose_gy: FieldArray
    deposition: Deposition
    given_gbq: float
    left_gbq: float
    method: str


def voxel_dose(
    activity_gbq: npt.NDArray[Any],
    grid: Grid,
    deposition: Deposition = Deposition.LOCAL,
    density_g_per_ml: float | npt.NDArray[Any] = TISSUE_DENSITY.value,
    task: Task | None = None,
    coefficient_gy_kg_per_gbq: float = COEFFICIENT.value,
) -> VoxelDose:
    """Dose of activity that stays where it is and decays wholly: by physics, whatever the product.

    Parameters
    ----------
    activity_gbq
        Of each voxel at the time of treatment [k, j, i].
    density_g_per_ml
        One for all voxels, or one for each.  The range of the kernel is that in liver of 1.05 g/ml
        everywhere, or that of the one density given.

    Raises
    ------
    InvalidValue
        If a shape is not the grid's, an activity negative or not finite, or a voxel without mass.
    Cancelled
        If the task is stopped.
    """
    checked_positive(coefficient_gy_kg_per_gbq, "dose coefficient", "Gy kg/GBq")
    energy_j = np.asarray(activity_gbq, dtype=float) * coefficient_gy_kg_per_gbq  # 1 Gy kg is 1 J
    range_density = float(density_g_per_ml) if np.ndim(density_g_per_ml) == 0 else TISSUE_DENSITY.value
    if Deposition(deposition) == Deposition.KERNEL:
        kernel = y90_voxel_kernel(grid.spacing_mm, range_density)
        deposit = spread_deposit(energy_j, grid, kernel, task)
    else:
        deposit = local_deposit(energy_j)
    return VoxelDose(
        grid,
        dose_gy(deposit.energy_j, grid, density_g_per_ml),
        Deposition(deposition),
        deposit.given_j / coefficient_gy_kg_per_gbq,
        deposit.left_j / coefficient_gy_kg_per_gbq,
        _method(Deposition(deposition), density_g_per_ml, coefficient_gy_kg_per_gbq, range_density),
    )


def local_activity_gbq(
    dose: npt.NDArray[Any],
    grid: Grid,
    density_g_per_ml: float | npt.NDArray[Any] = TISSUE_DENSITY.value,
    coefficient_gy_kg_per_gbq: float = COEFFICIENT.value,
) -> FloatArray:
    """Activity of each voxel that leaves a dose there by local deposition: the inverse of `voxel_dose`."""
    checked_positive(coefficient_gy_kg_per_gbq, "dose coefficient", "Gy kg/GBq")
    mass_kg = np.asarray(density_g_per_ml, dtype=float) * grid.voxel_volume_ml / 1000.0
    return np.asarray(dose, dtype=float) * mass_kg / coefficient_gy_kg_per_gbq


def _method(
    deposition: Deposition, density: float | npt.NDArray[Any], coefficient: float, range_density: float
) -> str:
    mass = f"{float(density):g} g/ml" if np.ndim(density) == 0 else "density of each voxel"
    words = f"{deposition.value}; {coefficient:g} Gy kg/GBq; {mass}; half-life {HALF_LIFE.value:g} h"
    if deposition == Deposition.KERNEL:
        words += f"; ranges in {range_density:g} g/ml; {KERNEL_SOURCE}"
    return words
