"""Focused ultrasound: foci as Gaussian ellipsoids, heated one after the other.

Q = 2 alpha f I with I = I0 exp(-r² / 2 s_r² - z² / 2 s_z²) at the focus; full width at half maximum
2.355 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, pi, sqrt

import numpy as np
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.course import Course, SnapshotListener
from planner_plugins.thermal_ablation.simulation.heating import SteadySource, heat_course
from planner_plugins.thermal_ablation.simulation.region import Region

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.heat_lattice import Single
from planner.model.geometry import Grid, unit_vector
from planner.model.plan import Point
from planner.planning.tissues import SOUND_ATTENUATION

#: Full width at half maximum over the standard deviation.
WIDTH = 2.3548200450309493
#: A voxel is sampled at so many points along each axis: a focus is about as thin as a voxel.
SUBPOINTS = 4


@dataclass(frozen=True)
class Beam:
    """A transducer's focus.

    Parameters
    ----------
    axis_lps
        Direction of the beam.
    width_mm, length_mm
        Full width at half maximum of the intensity across and along the beam.
    frequency_mhz
        Of the sound.

    Raises
    ------
    InvalidValue
        If a number is not positive, or the axis has no length.
    """

    axis_lps: Point = (0.0, 1.0, 0.0)
    width_mm: float = 1.5
    length_mm: float = 9.0
    frequency_mhz: float = 1.2

    def __post_init__(self) -> None:
        if not all(isfinite(v) and v > 0 for v in (self.width_mm, self.length_mm, self.frequency_mhz)):
            raise InvalidValue("A focus needs a size and a frequency.", str(self), "Give positive numbers.")
        unit_vector(self.axis_lps)


@dataclass(frozen=True)
class Sonication:
    """One focus, heated for some time with an acoustic power that arrives there."""

    focus_lps_mm: Point
    power_w: float
    start_s: float
    stop_s: float

    def __post_init__(self) -> None:
        numbers = (*self.focus_lps_mm, self.power_w, self.start_s, self.stop_s)
        if not all(isfinite(v) for v in numbers) or self.power_w <= 0 or not 0 <= self.start_s < self.stop_s:
            raise InvalidValue(
                "A sonication needs a focus, a power and a time.", str(self), "Give finite, positive numbers."
            )


def focus_heat(grid: Grid, focus_lps_mm: Point, power_w: float, beam: Beam) -> Single:
    """Heat of one focus in W/m³, mean over each voxel, ``[k, j, i]``; the power is that at the focus."""
    across_m, along_m = (1e-3 * w / WIDTH for w in (beam.width_mm, beam.length_mm))
    peak = power_w / (2.0 * pi * across_m**2)  # W/m²
    absorbed = 2.0 * SOUND_ATTENUATION.value * beam.frequency_mhz * peak
    axis = grid.axes.T @ unit_vector(beam.axis_lps)
    center = grid.to_ijk(focus_lps_mm) * np.array(grid.spacing_mm)
    total = np.zeros(grid.shape)
    k, j, i = np.ogrid[tuple(slice(0, n) for n in grid.shape)]
    shifts = (np.arange(SUBPOINTS) + 0.5) / SUBPOINTS - 0.5
    for a in shifts:
        for b in shifts:
            for c in shifts:
                x, y, z = (
                    (index + shift) * s - o
                    for index, shift, s, o in zip((i, j, k), (a, b, c), grid.spacing_mm, center, strict=True)
                )
                along = x * axis[0] + y * axis[1] + z * axis[2]
                beside = np.maximum(x * x + y * y + z * z - along**2, 0.0)
                total += np.exp(-0.5e-6 * (beside / across_m**2 + along**2 / along_m**2))
    return np.asarray(absorbed * total / SUBPOINTS**3, dtype=np.float32)


def absorbed_share(beam: Beam) -> float:
    """Share of the power at the focus that a Gaussian focus takes up."""
    along_m = 1e-3 * beam.length_mm / WIDTH
    return 2.0 * SOUND_ATTENUATION.value * beam.frequency_mhz * sqrt(2.0 * pi) * along_m


def foci_course(
    region: Region,
    sonications: Sequence[Sonication],
    beam: Beam,
    settings: Settings,
    task: Task,
    on_snapshot: SnapshotListener | None = None,
) -> Course:
    """Heat foci one after the other and follow the tissue to the end of the last.

    Raises
    ------
    InvalidValue
        If there is no sonication, or a focus lies outside the region.
    """
    if not sonications or not all(region.grid.contains(s.focus_lps_mm) for s in sonications):
        raise InvalidValue(
            "Every focus must lie within the simulated region.",
            f"{len(sonications)} sonications",
            "Add foci, or take a larger region.",
        )
    note = f"{len(sonications)} foci of {beam.width_mm:g} x {beam.length_mm:g} mm, Gaussian (model)"
    sources = [
        SteadySource(focus_heat(region.grid, s.focus_lps_mm, s.power_w, beam), s.start_s, s.stop_s, (note,))
        for s in sonications
    ]
    return heat_course(region, sources, max(s.stop_s for s in sonications), settings, task, on_snapshot)
