"""The pairs of electrodes as a table, one row a pair, as on a generator: for spreadsheets and reports."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from planner.base.errors import InvalidValue
from planner.model.assessment import Assessment, Metric
from planner.model.wording import mark, target_text


@dataclass(frozen=True)
class PairColumn:
    """One column: its name in a spreadsheet and for people, and the metric it shows.

    Parameters
    ----------
    name
        In a spreadsheet, with its unit.
    title, unit
        In a report.
    metric, digits
        What is shown, and with how many decimals.
    """

    name: str
    title: str
    unit: str
    metric: str
    digits: int


COLUMNS = (
    PairColumn("distance_mm", "Distance", "mm", "pair_distance_mm", 1),
    PairColumn("nominal_v_per_d_v_per_cm", "Nominal V/d", "V/cm", "pair_nominal_v_per_cm", 0),
    PairColumn("voltage_v", "Voltage", "V", "pair_voltage_v", 0),
    PairColumn("pulses", "Pulses", "", "pair_pulses", 0),
    PairColumn("pulse_length_us", "Pulse length", "µs", "pair_pulse_us", 0),
    PairColumn("expected_current_a", "Expected current", "A", "pair_current_a", 1),
    PairColumn("angle_deg", "Angle", "°", "pair_angle_deg", 1),
)
#: The metrics that stand in this table.
SHOWN = frozenset(c.metric for c in COLUMNS)
ESTIMATE = "is an estimate"


@dataclass(frozen=True)
class PairCell:
    """One number of a pair.

    Parameters
    ----------
    column
        Where it stands.
    text
        The number without its unit; empty where it was not computed.
    mark
        ``✓`` within its limits, ``▲`` outside, empty where there are none.
    limits
        Its limits in words, and whether they are unverified.
    is_estimate
        Whether a slower computation may replace it.
    note
        The module's own words beside it.
    """

    column: PairColumn
    text: str
    mark: str = ""
    limits: str = ""
    is_estimate: bool = False
    note: str = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader must know of the number."""
        outside = f"outside limits: {self.limits}" if self.mark == "▲" else ""
        return tuple(w for w in (outside, ESTIMATE if self.is_estimate else "") if w)


@dataclass(frozen=True)
class PairRow:
    """One pair of an array; its electrodes count from one, as in the window."""

    array: str
    electrodes: tuple[int, int]
    cells: tuple[PairCell, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The numbers, in the order of `COLUMNS`."""
        return tuple(c.text for c in self.cells)


def pair_rows(assessment: Assessment) -> tuple[PairRow, ...]:
    """The pairs of all arrays an assessment speaks of, in its order; empty where it knows none."""
    found: dict[str, dict[str, Metric]] = {}
    for metric in assessment.metrics:
        if metric.name in SHOWN:
            found.setdefault(metric.subject, {})[metric.name] = metric
    rows = []
    for subject, metrics in found.items():
        array, _, pair = subject.rpartition(":")
        first, second = (int(n) + 1 for n in pair.split("-"))
        rows.append(PairRow(array, (first, second), tuple(_cell(c, metrics.get(c.metric)) for c in COLUMNS)))
    return tuple(rows)


def pair_table_csv(assessment: Assessment) -> str:
    """The pairs of all arrays as comma-separated values with a header (RFC 4180).

    Electrodes count from 1, as in the window; a number that was not computed is left empty, and the
    last column says what is outside its limits and what is an estimate.

    Raises
    ------
    InvalidValue
        If the assessment knows no pair.
    """
    rows = pair_rows(assessment)
    if not rows:
        raise InvalidValue(
            "The answer holds no pair of electrodes.", assessment.module, "Place electrodes and pulse a pair."
        )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["array", "electrode_a", "electrode_b", *(c.name for c in COLUMNS), "remarks"])
    for row in rows:
        remarks = "; ".join(f"{c.column.name} {words}" for c in row.cells for words in c.remarks)
        writer.writerow([row.array, *row.electrodes, *row.texts, remarks])
    return out.getvalue()


def _cell(column: PairColumn, metric: Metric | None) -> PairCell:
    if metric is None:
        return PairCell(column, "")
    text = "" if metric.value is None else f"{metric.value:.{column.digits}f}"
    limits = target_text(metric.target)
    return PairCell(column, text, mark(metric), limits, metric.is_estimate and bool(text), metric.note)
