"""What a hand holds of a plan: a probe, one electrode of an array, or the whole array, by an end or by the shaft."""

from __future__ import annotations

from dataclasses import dataclass, replace

from planner.model.electrode_array import Electrode, ElectrodeArray
from planner.model.plan import Applicator, Instrument, Plan, Point
from planner.session.placing import Grip, dragged


@dataclass(frozen=True)
class Held:
    """A needle held by one of its parts.

    Parameters
    ----------
    instrument
        The probe, or the array the electrode belongs to, as it was when it was taken hold of.
    number
        Of the electrode in its array, from zero; None for a probe.
    grip
        By which part.
    is_all
        Whether the whole array is moved.
    """

    instrument: Applicator | ElectrodeArray
    number: int | None = None
    grip: Grip = Grip.WHOLE
    is_all: bool = False

    @property
    def needle(self) -> Applicator | Electrode:
        """The probe or the electrode itself."""
        if isinstance(self.instrument, Applicator):
            return self.instrument
        return self.instrument.electrodes[self.number or 0]

    @property
    def label(self) -> str:
        """What moving it is called."""
        words = {Grip.WHOLE: "Move", Grip.TIP: "Move tip of", Grip.ENTRY: "Move entry of"}
        if self.is_all:
            return f"Move electrodes {self.instrument.id}"
        if self.number is None:
            return f"{words[self.grip]} probe {self.instrument.id}"
        return f"{words[self.grip]} electrode {self.number + 1} of {self.instrument.id}"

    def as_whole(self) -> Held:
        """All electrodes of the array at once; a probe stays as it is held."""
        return self if self.number is None else replace(self, is_all=True)

    def moved(self, by_lps_mm: Point) -> Instrument:
        """The instrument moved from where it was; an array keeps its volts per centimetre.

        Raises
        ------
        InvalidValue
            If an entry would lie on its tip, or a bare part leave its needle.
        """
        if isinstance(self.instrument, Applicator):
            return dragged(self.instrument, self.grip, by_lps_mm)
        from planner.planning.pulse_voltages import with_kept_nominal

        array = self.instrument
        if self.is_all:
            return array.moved(by_lps_mm)
        number = self.number or 0
        changed = array.with_electrode(number, dragged(array.electrodes[number], self.grip, by_lps_mm))
        return with_kept_nominal(array, changed)


def held_needles(plan: Plan) -> tuple[Held, ...]:
    """Every needle of a plan a hand can take hold of, held by its shaft."""
    probes = tuple(Held(a) for a in plan.applicators)
    return probes + tuple(Held(a, n) for a in plan.electrode_arrays for n in range(len(a.electrodes)))
