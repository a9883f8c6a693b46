"""The pair table of electrodes as placed, in words: distance, voltage and current before and after."""

from __future__ import annotations

from dataclasses import dataclass

from planner.model.assessment import Assessment, Metric
from planner.model.electrode_array import ElectrodeArray
from planner.model.plan import Plan
from planner.model.wording import mark, value_text
from planner.planning.placed_pairs import PlacedPair, placed_pairs
from planner.planning.placed_plan import PlacedPlan


@dataclass(frozen=True)
class PairRow:
    """A pair of electrodes as planned and as placed.

    Parameters
    ----------
    array
        Id of their array.
    title
        Its electrodes as they were planned, counted from one.
    distance, voltage
        In mm and V, such as ``15.0 → 16.3``.
    current
        In A; empty until the plan as placed was judged.
    trouble
        Why the planned V/d is not kept; empty where it is.
    """

    array: str
    title: str
    distance: str
    voltage: str
    current: str = ""
    trouble: str = ""


def pair_rows(
    planned: Plan,
    placed: PlacedPlan,
    before: tuple[Assessment, ...] = (),
    after: tuple[Assessment, ...] = (),
) -> tuple[PairRow, ...]:
    """The pulsed pairs whose electrodes were found.

    Parameters
    ----------
    planned, placed
        The plan, and how its needles lie.
    before, after
        Answers to the one and to the other, as far as they are known: currents come from them.
    """
    return tuple(_row(pair, before, after) for pair in placed_pairs(planned, placed))


def pair_words(planned: Plan, placed: PlacedPlan) -> str:
    """Pairs that are lost with their electrodes, and electrodes that are counted anew; empty without."""
    words = []
    for array in planned.electrode_arrays:
        numbers = placed.electrodes(array.id)
        words += [*_lost(array, numbers), *_counted_anew(array, numbers)]
    return " ".join(words)


def _lost(array: ElectrodeArray, numbers: tuple[int, ...]) -> list[str]:
    pulsed = [p for p in array.pairs if p.voltage_v > 0]
    lost = [f"{p.a + 1}–{p.b + 1}" for p in pulsed if not {p.a, p.b} <= set(numbers)]
    if not lost:
        return []
    which = "" if len(lost) == len(pulsed) else f" ({', '.join(lost)})"
    return [f"{array.id}: {len(lost)} of {len(pulsed)} pairs are lost{which}."]


def _counted_anew(array: ElectrodeArray, numbers: tuple[int, ...]) -> list[str]:
    moved = [f"{old + 1} is now {new + 1}" for new, old in enumerate(numbers) if old != new]
    return [f"{array.id}: electrodes are counted anew as placed: {', '.join(moved)}."] if moved else []


def _row(pair: PlacedPair, before: tuple[Assessment, ...], after: tuple[Assessment, ...]) -> PairRow:
    planned = _current(before, pair.array, pair.planned)
    placed = _current(after, pair.array, pair.placed)
    needs = f"The planned V/d would need {pair.wanted_v:.0f} V, which the generator does not give."
    return PairRow(
        pair.array,
        f"{pair.planned[0] + 1}–{pair.planned[1] + 1}",
        f"{pair.planned_mm:.1f} → {pair.placed_mm:.1f}",
        f"{pair.planned_v:.0f} → {pair.placed_v:.0f}",
        "" if placed is None else _currents(planned, placed),
        needs if pair.is_limited else "",
    )


def _currents(planned: Metric | None, placed: Metric) -> str:
    sign = mark(placed) if placed.is_met is False else ""
    return f"{'–' if planned is None else value_text(planned)} → {value_text(placed)} {sign}".rstrip()


def _current(answers: tuple[Assessment, ...], array: str, numbers: tuple[int, int]) -> Metric | None:
    subject = f"{array}:{numbers[0]}-{numbers[1]}"
    found = (m for a in answers for m in a.metrics if m.name == "pair_current_a" and m.subject == subject)
    return next((m for m in found if m.value is not None), None)
