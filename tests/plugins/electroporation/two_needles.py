"""Two long parallel electrodes in one tissue, and the closed form of their field (reference sheet H12)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from planner_plugins.electroporation.pulsed_field import PulsedField, pulsed_pairs, solve_pairs
from planner_plugins.electroporation.settings import Settings
from planner_plugins.electroporation.tissue_lattice import TissueLattice

from planner.base.task import Task
from planner.compute.cubic_lattice import cubic_lattice
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.planning.pulsed_tissues import PulsedClass

DEVICE = "generic-ire-19g"
RADIUS_MM = 0.5


@dataclass(frozen=True)
class TwoCylinders:
    """Cylinders at x = ±d/2, infinitely long along y; the closed form across them in x and z."""

    distance_mm: float
    voltage_v: float

    @property
    def eta(self) -> float:
        return math.acosh(self.distance_mm / (2 * RADIUS_MM))

    @property
    def s_mm(self) -> float:
        return math.sqrt(self.distance_mm**2 / 4 - RADIUS_MM**2)

    @property
    def a_per_m(self) -> float:
        """Current of a length, for 1 S/m."""
        return math.pi * self.voltage_v / self.eta

    def e_v_per_cm(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        x, z = points[..., 0], points[..., 2]
        far = np.hypot(x - self.s_mm, z) * np.hypot(x + self.s_mm, z)
        return np.asarray(10.0 * self.voltage_v * self.s_mm / (self.eta * far))

    def oval(self, e_v_per_cm: float) -> tuple[float, float, float]:
        """Half length, half width and area of the Cassini oval of a field."""
        from scipy.special import ellipe

        b2 = 10.0 * self.voltage_v * self.s_mm / (self.eta * e_v_per_cm)
        s2 = self.s_mm**2
        return math.sqrt(s2 + b2), math.sqrt(b2 - s2), float(2 * b2 * ellipe((s2 / b2) ** 2))


def array(
    distance_mm: float, voltage_v: float, exposure_mm: float, *more: tuple[float, float], **changes: object
) -> ElectrodeArray:
    """Electrodes at x = ±d/2 and further ones at (x, z), bare parts centred on the origin along y."""
    places = [(-distance_mm / 2, 0.0), (distance_mm / 2, 0.0), *more]
    half = exposure_mm / 2
    electrodes = tuple(Electrode((x, -90.0, z), (x, half, z), exposure_mm) for x, z in places)
    found = {"pairs": (PulsePair(0, 1, voltage_v),), "lesion": "lesion", **changes}
    return ElectrodeArray("e1", DEVICE, electrodes, **found)  # type: ignore[arg-type]


def plain_lattice(placed: ElectrodeArray, voxel_mm: float, border_mm: float) -> TissueLattice:
    """Liver and nothing else around an array."""
    bare = np.concatenate([e.exposed_ends_lps_mm for p in placed.positions() for e in p.electrodes])
    grid = cubic_lattice(bare, bare[0], placed.direction, voxel_mm, border_mm, 5_000_000)
    tissue = np.full(grid.shape, PulsedClass.LIVER, dtype=np.uint8)
    return TissueLattice(grid, tissue, np.zeros(grid.shape, dtype=bool), 0.0)


def solved(
    placed: ElectrodeArray, settings: Settings, border_mm: float = 40.0, task: Task | None = None
) -> PulsedField:
    """The field of an array in liver alone."""
    lattice = plain_lattice(placed, settings.field_voxel_mm, border_mm)
    return solve_pairs(lattice, pulsed_pairs([(placed, RADIUS_MM)]), settings, task or Task())
