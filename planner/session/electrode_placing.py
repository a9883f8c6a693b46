"""Electrodes for electroporation: an array is placed by two clicks, then changed by numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psygnal import Signal

from planner.base.errors import PlannerError
from planner.model.electrode_array import ElectrodeArray, PulsePair
from planner.model.plan import Point
from planner.model.roles import Role
from planner.planning.device_library import device_library
from planner.session.placing import ProbePlacing
from planner.session.session import Session

if TYPE_CHECKING:
    from planner.planning.devices import Device

#: What a new array begins with.
DEVICE, COUNT, EXPOSURE_MM, NOMINAL_V_PER_CM = "generic-ire-19g", 4, 20.0, 1500.0
#: How electrodes can be set around a lesion: word of the planner, and words for people.
LAYOUTS = (("ring", "Around the lesion"), ("center", "One in the middle, others around"))


class ElectrodePlacing:
    """Makes arrays of electrodes, and changes the chosen one; each change can be undone.

    Parameters
    ----------
    session
        Whose plan gets them.
    placing
        Takes the two clicks.
    """

    changed = Signal()

    def __init__(self, session: Session, placing: ProbePlacing) -> None:
        self._session, self._placing = session, placing
        self.device, self.count, self.layout = DEVICE, COUNT, LAYOUTS[0][0]
        self.exposure_mm, self.nominal_v_per_cm = EXPOSURE_MM, NOMINAL_V_PER_CM

    def set_up(
        self,
        count: int | None = None,
        layout: str | None = None,
        exposure_mm: float | None = None,
        nominal_v_per_cm: float | None = None,
    ) -> None:
        """Choose how the next array is made."""
        self.count = self.count if count is None else count
        self.layout = self.layout if layout is None else layout
        self.exposure_mm = self.exposure_mm if exposure_mm is None else exposure_mm
        self.nominal_v_per_cm = self.nominal_v_per_cm if nominal_v_per_cm is None else nominal_v_per_cm
        self.changed.emit()

    # placing -------------------------------------------------------------------------------

    def start(self) -> None:
        """Wait for a click on a lesion, then one on the skin: the electrodes run along that line."""
        self._placing.start(self._make)

    def aim(self) -> None:
        """Take the middle of the selected lesion; the next click is the entry."""
        structures = self._session.case.structures
        lesions = [s.name for s in structures.with_role(Role.LESION)]
        chosen = self._session.selection.lesion
        self._placing.aim_at_center(chosen if chosen in lesions else lesions[0], self._make)

    def _make(self, target_lps_mm: Point, entry_lps_mm: Point, lesion: str) -> ElectrodeArray:
        from planner.planning.electrode_arrays import bracketing_array

        return bracketing_array(
            self._session.plan.free_id("e"),
            self._session.case.structures,
            lesion,
            entry_lps_mm,
            target_lps_mm,
            self.count,
            self.layout,
            device=self._device,
            exposure_mm=self.exposure_mm,
            nominal_v_per_cm=self.nominal_v_per_cm,
        )

    @property
    def _device(self) -> Device:
        return device_library().device(self.device)

    # the chosen array ----------------------------------------------------------------------

    @property
    def array(self) -> ElectrodeArray | None:
        """The selected array, else the plan's only one."""
        if not self._session.is_open:
            return None
        arrays = self._session.plan.electrode_arrays
        chosen = next((a for a in arrays if a.id == self._session.selection.instrument), None)
        return chosen or (arrays[0] if len(arrays) == 1 else None)

    def set_exposure(self, exposure_mm: float) -> None:
        """Another length of all bare parts; their middles stay, voltages too."""
        from planner.planning.electrode_arrays import with_exposure

        array = self._chosen()
        self._change(f"Expose {exposure_mm:g} mm of {array.id}", with_exposure(array, exposure_mm))

    def set_voltage(self, a: int, b: int, voltage_v: float) -> None:
        """The voltage of a pair; zero leaves it out."""
        array = self._chosen()
        pairs = {(p.a, p.b): p for p in array.pairs}
        pairs[a, b] = PulsePair(a, b, voltage_v)
        ordered = tuple(pairs[key] for key in sorted(pairs))
        self._change(f"{voltage_v:g} V between {a + 1} and {b + 1}", replace(array, pairs=ordered))

    def set_nominal(self, v_per_cm: float) -> None:
        """All pairs within reach at one nominal V/d, as a generator sets them."""
        from planner.planning.electrode_arrays import standard_pairs

        array = self._chosen()
        pairs, _ = standard_pairs(array, device_library().device(array.device), v_per_cm)
        self._change(f"Set {v_per_cm:g} V/cm in {array.id}", replace(array, pairs=pairs))

    def set_pulses(self, pulses: int, pulse_us: float) -> None:
        """Number and length of the pulses of each pair."""
        array = self._chosen()
        self._change(f"Set pulses of {array.id}", replace(array, pulses=pulses, pulse_us=pulse_us))

    def set_pull_back(self, times: int, by_mm: float) -> None:
        """Pulse again after drawing the array out, so many times by so much."""
        array = self._chosen()
        changed = replace(array, pull_backs=times, pull_back_mm=by_mm if times else 0.0)
        self._change(f"Pull back {array.id}", changed)

    def snap_parallel(self) -> None:
        """Turn the electrodes about the middles of their bare parts until they are parallel."""
        from planner.planning.electrode_arrays import snapped_parallel
        from planner.planning.pulse_voltages import with_kept_nominal

        array = self._chosen()
        self._change(f"Make {array.id} parallel", with_kept_nominal(array, snapped_parallel(array)))

    def remove_electrode(self, number: int) -> None:
        """Take one electrode out, with its pairs."""
        array = self._chosen()
        if len(array.electrodes) == 1:
            raise PlannerError(
                "The last electrode cannot be taken out.", array.id, "Delete the array instead."
            )
        from planner.planning.pulse_voltages import with_only

        kept = with_only(array, [n for n in range(len(array.electrodes)) if n != number])
        self._change(f"Take electrode {number + 1} out of {array.id}", kept)

    def _chosen(self) -> ElectrodeArray:
        if self.array is None:
            raise PlannerError("No electrodes are selected.", "", "Select an array first.")
        return self.array

    def _change(self, label: str, array: ElectrodeArray) -> None:
        self._session.change_plan(label, self._session.plan.with_instrument(array))
        self._session.selection.choose(instrument=array.id)
