"""How strongly a vessel cools tissue at its wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.base.errors import InvalidValue
from planner.compute.heat_lattice import BODY_C, FixedVoxels, Mask
from planner.planning.tissues import (
    BLOOD_CONDUCTIVITY,
    BLOOD_DENSITY,
    BLOOD_HEAT_CAPACITY,
    BLOOD_SPEEDS,
    VESSEL_LENGTH,
)


@dataclass(frozen=True, eq=False)
class Vessel:
    """The wide part of a vessel within a region.

    Parameters
    ----------
    name
        Of its structure.
    mask
        Its voxels ``[k, j, i]`` on the region's lattice.
    diameter_mm
        Typical width of that part.
    """

    name: str
    mask: Mask
    diameter_mm: float

    @property
    def transfer_w_per_m2_k(self) -> float:
        """Film coefficient of its wall."""
        return film_coefficient_w_per_m2_k(self.diameter_mm, speed_m_per_s(self.diameter_mm))

    def held(self) -> FixedVoxels:
        """Its blood at body temperature behind the wall's film."""
        return FixedVoxels(self.mask, BODY_C, self.transfer_w_per_m2_k)


def speed_m_per_s(diameter_mm: float) -> float:
    """Typical speed of blood in a hepatic or portal vein of a width (our rule)."""
    widths = [w for w, _ in BLOOD_SPEEDS]
    return float(np.interp(diameter_mm, widths, [c.value for _, c in BLOOD_SPEEDS]))


def film_coefficient_w_per_m2_k(
    diameter_mm: float, speed_m_per_s: float, length_mm: float = VESSEL_LENGTH.value
) -> float:
    """h = Nu k / D with Hausen's Nu = 3.66 + 0.0668 Gz / (1 + 0.04 Gz^(2/3)), Gz = Re Pr D / L.

    Laminar flow that still develops.  Above 1 ml/min a vessel cools whatever its flow (Lehmann 2016,
    J Hepatobiliary Pancreat Sci 23:508), so the speed matters little.

    Raises
    ------
    InvalidValue
        If a number is not positive.
    """
    if not min(diameter_mm, speed_m_per_s, length_mm) > 0:
        raise InvalidValue(
            "A vessel that cools has a width, a speed and a length.",
            f"{diameter_mm} mm, {speed_m_per_s} m/s, {length_mm} mm",
            "Switch vessel flow off where blood stands still.",
        )
    diameter_m, k = diameter_mm * 1e-3, BLOOD_CONDUCTIVITY.value
    capacity = BLOOD_DENSITY.value * BLOOD_HEAT_CAPACITY.value
    # Re Pr = v D rho c / k: the viscosity drops out.
    graetz = speed_m_per_s * diameter_m * capacity / k * diameter_mm / length_mm
    nusselt = 3.66 + 0.0668 * graetz / (1 + 0.04 * graetz ** (2 / 3))
    return float(nusselt * k / diameter_m)
