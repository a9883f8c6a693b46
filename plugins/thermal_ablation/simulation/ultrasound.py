"""Focused ultrasound: foci as Gaussian ellipsoids, heated one after the other.

Q = 2 alpha f I with I = I0 exp(-r² / 2 s_r² - z² / 2 s_z²) at the focus; full width at half maximum
2.355 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, pi, sqrt

import numpy as np
import numpy.typing as npt
from planner_plugins.thermal_ablation.settings import Settings
from planner_plugins.thermal_ablation.simulation.course import Course, SnapshotListener
from planner_plugins.thermal_ablation.simulation.heating import heat_course
from planner_plugins.thermal_ablation.simulation.region import Region

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.heat_lattice import FixedVoxels, Single
from planner.model.geometry import FloatArray, Grid, unit_vector
from planner.model.plan import FocusGrid, Point
from planner.planning.devices import Device
from planner.planning.focusing import transducer_value
from planner.planning.tissues import SOUND_ATTENUATION

#: Full width at half maximum over the standard deviation.
WIDTH = 2.3548200450309493
#: A voxel is sampled at so many points along each axis: a focus is about as thin as a voxel.
SUBPOINTS = 4
#: A focus is worked out so many standard deviations around its middle.
REACH_SIGMAS = 5.5


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
    low, high = _box_around(grid, axis, center, (1e3 * across_m, 1e3 * along_m))
    total = np.zeros(tuple(high - low))
    k, j, i = np.ogrid[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
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
    heat = np.zeros(grid.shape, dtype=np.float32)
    heat[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = absorbed * total / SUBPOINTS**3
    return heat


def _box_around(
    grid: Grid, axis: FloatArray, center_mm: FloatArray, sigmas_mm: tuple[float, float]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First voxel [k, j, i] and end of the box that holds all but a millionth of a focus."""
    across, along = (REACH_SIGMAS * s for s in sigmas_mm)
    half = np.sqrt(across**2 + (along**2 - across**2) * axis**2)
    spacing = np.array(grid.spacing_mm)
    low = np.floor((center_mm - half) / spacing)[::-1].astype(np.intp)
    high = np.ceil((center_mm + half) / spacing)[::-1].astype(np.intp) + 1
    shape = np.array(grid.shape)
    return np.clip(low, 0, shape), np.clip(high, 0, shape)


class SonicationSource:
    """Foci heated in their turns, as a source of heat; each is worked out when its turn comes.

    Parameters
    ----------
    grid
        The lattice.
    sonications
        What is heated when, each with the beam it is made by.
    """

    fixed: tuple[FixedVoxels, ...] = ()

    def __init__(self, grid: Grid, sonications: Sequence[tuple[Sonication, Beam]]) -> None:
        self._grid, self._sonications = grid, tuple(sonications)
        self._on: tuple[int, ...] = ()
        self._heat: Single = np.zeros(grid.shape, dtype=np.float32)

    def update(self, time_s: float, celsius: Single) -> bool:
        """Go to the foci whose turn it is."""
        del celsius
        on = tuple(n for n, (s, _) in enumerate(self._sonications) if s.start_s <= time_s < s.stop_s)
        if on == self._on:
            return False
        self._on, self._heat = on, np.zeros(self._grid.shape, dtype=np.float32)
        for n in on:
            sonication, beam = self._sonications[n]
            self._heat += focus_heat(self._grid, sonication.focus_lps_mm, sonication.power_w, beam)
        return True

    @property
    def heat_w_per_m3(self) -> Single:
        """Heat given to each voxel now."""
        return self._heat

    @property
    def notes(self) -> tuple[str, ...]:
        """How many foci of which size."""
        beams = dict.fromkeys(b for _, b in self._sonications)
        sizes = ", ".join(f"{b.width_mm:g} x {b.length_mm:g} mm" for b in beams)
        return (f"{len(self._sonications)} foci of {sizes}, Gaussian (model)",)


def beam_of(grid: FocusGrid, device: Device) -> Beam:
    """The beam of a grid of foci."""
    x, y, z = (float(v) for v in grid.direction)
    width, length, frequency = (
        transducer_value(device, n).value for n in ("focus_width", "focus_length", "frequency")
    )
    return Beam((x, y, z), width, length, frequency)


def sonications_of(grid: FocusGrid, device: Device, start_s: float) -> tuple[Sonication, ...]:
    """A grid's foci one after the other, in its order, with the device's pause after each.

    Raises
    ------
    InvalidValue
        If its settings give no power or time.
    """
    power, seconds = grid.settings.get("power_w", 0.0), grid.settings.get("time_s", 0.0)
    turn = seconds + transducer_value(device, "pause").value
    return tuple(
        Sonication(focus, power, start_s + n * turn, start_s + n * turn + seconds)
        for n, focus in enumerate(grid.foci_lps_mm)
    )


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
    source = SonicationSource(region.grid, [(s, beam) for s in sonications])
    return heat_course(region, [source], max(s.stop_s for s in sonications), settings, task, on_snapshot)
