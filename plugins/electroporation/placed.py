"""An array as it is placed: its device, its shafts as needles, and the distances of its pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.electrode_array import ElectrodeArray, PulsePair
from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, Plan
from planner.planning.constants import Constant
from planner.planning.device_library import device_library
from planner.planning.devices import ELECTROPORATION, Device
from planner.planning.electrode_arrays import PairGeometry, as_needle, pair_geometry, touching
from planner.planning.lesion_grounds import LesionGrounds

#: Bare parts nearer than so many voxels of the field's lattice are not told apart by the solver.
APART_VOXELS = 3.0


@dataclass(frozen=True, eq=False)
class PlacedArray:
    """An array with its device.

    Parameters
    ----------
    array
        Its lesion is the one it names, or the one its bare parts lie nearest to.
    device
        Of all its electrodes.
    is_lesion_named
        Whether the plan names the lesion.
    """

    array: ElectrodeArray
    device: Device
    is_lesion_named: bool

    @property
    def radius_mm(self) -> float:
        """Of the metal."""
        return 0.5 * self.device.diameter_mm

    @cached_property
    def shafts(self) -> tuple[Applicator, ...]:
        """Its electrodes as needles, named ``e1:0``, ``e1:1`` and so on."""
        return tuple(as_needle(self.array, n) for n in range(len(self.array.electrodes)))

    @cached_property
    def bare_ends_lps_mm(self) -> FloatArray:
        """Tip and end of each bare part at each pull-back, shape (pull-backs + 1, electrodes, 2, 3)."""
        now = np.stack([e.exposed_ends_lps_mm for e in self.array.electrodes])
        back = np.stack([e.direction for e in self.array.electrodes])[:, None]
        steps = np.arange(self.array.pull_backs + 1) * self.array.pull_back_mm
        return np.asarray(now - steps[:, None, None, None] * back)

    @cached_property
    def geometries(self) -> Mapping[tuple[int, int], PairGeometry]:
        """How the electrodes of each pair lie to each other."""
        return {(p.a, p.b): pair_geometry(self.array, p.a, p.b) for p in self.array.pairs}

    @property
    def pulsed(self) -> tuple[PulsePair, ...]:
        """The pairs with a voltage."""
        return tuple(p for p in self.array.pairs if p.voltage_v > 0)

    @cached_property
    def touching(self) -> tuple[tuple[int, int, float], ...]:
        """Electrodes whose shafts touch or cross, and how far their axes are apart."""
        return touching(self.array, self.device)

    def solvable(self, voxel_mm: float) -> ElectrodeArray:
        """The array with the pairs whose field can be computed."""
        least = APART_VOXELS * max(voxel_mm, self.device.diameter_mm)
        kept = tuple(p for p in self.pulsed if self.geometries[p.a, p.b].least_mm >= least)
        return replace(self.array, pairs=kept)

    def limit(self, name: str) -> Constant | None:
        """A limit of the generator or electrode, or None where its file says none."""
        return self.device.emitter.get(name)

    def title(self, number: int) -> str:
        """An electrode for people, who count from one."""
        return f"electrode {number + 1} of {self.array.id}"


def placed_arrays(plan: Plan, grounds: LesionGrounds) -> list[PlacedArray]:
    """The arrays of a plan with their devices and lesions.

    Raises
    ------
    InvalidValue
        If there is none, a device is no electrode, or a lesion is not there.
    """
    check_arrays(plan)
    found = []
    for array in plan.electrode_arrays:
        lesion = array.lesion or grounds.nearest_lesion(array.middle_lps_mm)
        if lesion not in grounds.lesions:
            raise InvalidValue(
                "An array of electrodes names a lesion that is not there.",
                f"electrodes '{array.id}': {lesion}",
                f"Choose one of: {', '.join(grounds.lesions)}.",
            )
        device = device_library().device(array.device)
        found.append(PlacedArray(replace(array, lesion=lesion), device, bool(array.lesion)))
    return found


def check_arrays(plan: Plan) -> None:
    """Raise `InvalidValue` where a plan has no electrodes, or such as cannot be pulsed."""
    if not plan.electrode_arrays:
        raise InvalidValue(
            "The plan has no electrodes.", f"plan '{plan.name}'", "Place an array of electrodes first."
        )
    for array in plan.electrode_arrays:
        device = device_library().device(array.device)
        if device.modality != ELECTROPORATION:
            raise InvalidValue(
                "This device is no electrode for electroporation.",
                f"electrodes '{array.id}': {device.title}",
                "Choose an electrode of the library.",
            )
