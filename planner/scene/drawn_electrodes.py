"""How arrays of electrodes look: numbered needles with their bare parts, and the pairs that are pulsed."""

from __future__ import annotations

from dataclasses import dataclass

from planner.model.electrode_array import Electrode
from planner.model.plan import Plan, Point
from planner.model.points import as_point


@dataclass(frozen=True)
class DrawnElectrode:
    """One electrode to draw.

    Parameters
    ----------
    label
        Its number, from one.
    entry_lps_mm, bare_end_lps_mm, tip_lps_mm
        Where it enters, where its bare part begins, and its tip.
    is_later
        Whether this is where it lies after a pull-back.
    """

    label: str
    entry_lps_mm: Point
    bare_end_lps_mm: Point
    tip_lps_mm: Point
    is_later: bool = False


@dataclass(frozen=True)
class DrawnArray:
    """An array to draw; places after pull-backs come last.

    Parameters
    ----------
    id
        Of the array in its plan.
    electrodes
        The electrodes.
    pairs
        Which of them are pulsed, by their place in ``electrodes``.
    """

    id: str
    electrodes: tuple[DrawnElectrode, ...]
    pairs: tuple[tuple[int, int], ...]


def drawn_arrays(plan: Plan) -> tuple[DrawnArray, ...]:
    """The arrays of electrodes of a plan."""
    found = []
    for array in plan.electrode_arrays:
        drawn = tuple(
            _drawn(electrode, str(n + 1), step > 0)
            for step, place in enumerate(array.positions())
            for n, electrode in enumerate(place.electrodes)
        )
        pulsed = tuple((p.a, p.b) for p in array.pairs if p.voltage_v > 0)
        found.append(DrawnArray(array.id, drawn, pulsed))
    return tuple(found)


def _drawn(electrode: Electrode, label: str, is_later: bool) -> DrawnElectrode:
    bare = as_point(electrode.point_behind_tip(electrode.exposure_mm))
    return DrawnElectrode(label, electrode.entry_lps_mm, bare, electrode.tip_lps_mm, is_later)
