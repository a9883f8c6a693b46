"""What a suggested array of electrodes should reach, and the rules it keeps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner.base.errors import InvalidValue
from planner.model.electrode_array import MOST_ELECTRODES, Electrode, ElectrodeArray, PulsePair
from planner.planning.devices import Device
from planner.planning.electrode_arrays import NOMINAL, pair_geometry, rounded_voltage, touching
from planner.planning.electrode_search import EXPOSURES_MM, ElectrodeRules, Layout

#: Spacing that a search spares, as needles that lean come nearer or lie farther apart.
LEAN_MM = 0.5


@dataclass(frozen=True)
class ElectrodeGoal:
    """What a suggested array should reach, and within which rules.

    Parameters
    ----------
    lesion
        Name of the lesion.
    most_electrodes
        2..6.
    least_spacing_mm, most_spacing_mm
        Between electrodes, and of pairs.
    parallel_deg
        Largest angle between two electrodes.
    nominal_v_per_cm, most_nominal_v_per_cm
        Voltage over distance to begin with, and at most where coverage falls short.
    most_current_a
        Of a pair.
    exposures_mm
        Bare parts to choose from.
    """

    lesion: str
    most_electrodes: int = MOST_ELECTRODES
    least_spacing_mm: float = 10.0
    most_spacing_mm: float = 20.0
    parallel_deg: float = 10.0
    nominal_v_per_cm: float = NOMINAL.value
    most_nominal_v_per_cm: float = NOMINAL.high or NOMINAL.value
    most_current_a: float = 50.0
    exposures_mm: tuple[float, ...] = EXPOSURES_MM

    def __post_init__(self) -> None:
        if not 2 <= self.most_electrodes <= MOST_ELECTRODES:
            raise InvalidValue("An array has 2 to 6 electrodes.", f"most_electrodes {self.most_electrodes}")
        if not 0 < self.least_spacing_mm < self.most_spacing_mm < math.inf:
            raise InvalidValue(
                "Electrodes lie at least and at most so far apart.",
                f"{self.least_spacing_mm} to {self.most_spacing_mm} mm",
            )
        if not (0 < self.nominal_v_per_cm <= self.most_nominal_v_per_cm and self.most_current_a > 0):
            raise InvalidValue(
                "Voltages and currents of a goal are positive, and the most is not below the least.",
                f"{self.nominal_v_per_cm} to {self.most_nominal_v_per_cm} V/cm, {self.most_current_a} A",
            )
        if not self.exposures_mm or min(self.exposures_mm) <= 0:
            raise InvalidValue("A goal needs a bare part to choose.", f"{self.exposures_mm}")

    def rules_for(self, device: Device) -> ElectrodeRules:
        """As a search takes them for a device; a little spacing is spared for needles that lean."""
        limits = device.emitter
        short = limits["shortest_exposure"].value if "shortest_exposure" in limits else 0.0
        long = limits["longest_exposure"].value if "longest_exposure" in limits else math.inf
        exposures = tuple(e for e in self.exposures_mm if short <= e <= long)
        return ElectrodeRules(
            self.least_spacing_mm + LEAN_MM,
            self.most_spacing_mm - LEAN_MM,
            self.nominal_v_per_cm,
            self.most_nominal_v_per_cm,
            self.most_current_a,
            exposures or (min(max(EXPOSURES_MM[0], short), long),),
        )

    def array_of(
        self, layout: Layout, electrodes: Sequence[Electrode], device: Device
    ) -> ElectrodeArray | None:
        """The array of placed electrodes with all pairs in reach; None where a rule forbids it."""
        bare = ElectrodeArray(
            "e1",
            device.name,
            tuple(electrodes),
            lesion=self.lesion,
            pull_backs=layout.pull_backs,
            pull_back_mm=layout.step_mm,
        )
        if touching(bare, device):
            return None
        pairs = []
        for a, b in itertools.combinations(range(len(bare.electrodes)), 2):
            geometry = pair_geometry(bare, a, b)
            if geometry.distance_mm < self.least_spacing_mm or geometry.angle_deg > self.parallel_deg:
                return None
            if geometry.distance_mm <= self.most_spacing_mm:
                volts = rounded_voltage(0.1 * layout.nominal_v_per_cm * geometry.distance_mm, device)
                pairs.append(PulsePair(a, b, volts))
        if len({n for p in pairs for n in (p.a, p.b)}) < len(bare.electrodes):
            return None
        return replace(bare, pairs=tuple(pairs))
