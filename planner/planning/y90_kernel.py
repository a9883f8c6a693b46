"""The kernel of yttrium-90 that comes with the planner, in tissue and on voxels of any spacing."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np

from planner.base.errors import InvalidValue
from planner.compute.voxel_kernel import PointKernel, VoxelKernel, voxel_kernel
from planner.model.assessment import Confidence
from planner.planning.constants import Constant
from planner.planning.y90 import TISSUE_DENSITY

_TABLE = "y90_point_kernel_water.csv"

WATER_DENSITY = Constant(1.0, "g/ml", "medium of the kernel's table", Confidence.COMPUTED)
#: What to print beside a dose made with the kernel.
KERNEL_SOURCE = (
    "own Monte Carlo in continuous slowing down, 1e6 electrons in water; a shape, renormalised;"
    " not a published table"
)


@lru_cache(maxsize=1)
def y90_point_kernel() -> PointKernel:
    """Share of the energy within a radius of a point in water of 1.0 g/ml.

    Raises
    ------
    InvalidValue
        If the table is not one.
    """
    text = files("planner.resources").joinpath("radionuclides", _TABLE).read_text(encoding="utf-8")
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith("#")]
    if rows[:1] != [["radius_mm", "share_within"]]:
        raise InvalidValue("The table of the kernel lacks its columns.", _TABLE, "Install the planner anew.")
    radii, shares = zip(*((float(radius), float(share)) for radius, share in rows[1:]), strict=True)
    return PointKernel(np.array(radii), np.array(shares))


@lru_cache(maxsize=8)
def y90_voxel_kernel(
    spacing_mm: tuple[float, float, float], density_g_per_ml: float = TISSUE_DENSITY.value
) -> VoxelKernel:
    """Shares of a voxel's energy that the voxels around it get; kept.

    Parameters
    ----------
    spacing_mm
        Voxel size along i, j, k.
    density_g_per_ml
        Of the tissue: ranges are those in water over it.

    Raises
    ------
    InvalidValue
        If a spacing or the density is not above zero.
    """
    point = y90_point_kernel().in_density(density_g_per_ml / WATER_DENSITY.value)
    return voxel_kernel(point, spacing_mm)
