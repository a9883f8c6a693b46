"""The pairs of electrodes as a table for a spreadsheet, one row a pair, as on a generator."""

from __future__ import annotations

import csv
import io

from planner.base.errors import InvalidValue
from planner.model.assessment import Assessment, Metric

#: Columns and the metrics they show; units stand in the names.
COLUMNS = (
    ("distance_mm", "pair_distance_mm", 1),
    ("nominal_v_per_d_v_per_cm", "pair_nominal_v_per_cm", 0),
    ("voltage_v", "pair_voltage_v", 0),
    ("pulses", "pair_pulses", 0),
    ("pulse_length_us", "pair_pulse_us", 0),
    ("expected_current_a", "pair_current_a", 1),
    ("angle_deg", "pair_angle_deg", 1),
)


def pair_table_csv(assessment: Assessment) -> str:
    """The pairs of all arrays as comma-separated values with a header (RFC 4180).

    Electrodes count from 1, as in the window; a number that was not computed is left empty, and the
    last column says what is outside its limits and what is an estimate.

    Raises
    ------
    InvalidValue
        If the assessment knows no pair.
    """
    rows: dict[str, dict[str, Metric]] = {}
    names = {name for _, name, _ in COLUMNS}
    for metric in assessment.metrics:
        if metric.name in names:
            rows.setdefault(metric.subject, {})[metric.name] = metric
    if not rows:
        raise InvalidValue(
            "The answer holds no pair of electrodes.", assessment.module, "Place electrodes and pulse a pair."
        )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["array", "electrode_a", "electrode_b", *(c for c, _, _ in COLUMNS), "remarks"])
    for subject, metrics in rows.items():
        array, _, pair = subject.rpartition(":")
        first, second = (int(n) + 1 for n in pair.split("-"))
        numbers = [_text(metrics.get(name), digits) for _, name, digits in COLUMNS]
        writer.writerow([array, first, second, *numbers, "; ".join(_remarks(metrics))])
    return out.getvalue()


def _text(metric: Metric | None, digits: int) -> str:
    return "" if metric is None or metric.value is None else f"{metric.value:.{digits}f}"


def _remarks(metrics: dict[str, Metric]) -> list[str]:
    """What a reader of the row must know."""
    words = []
    for column, name, _ in COLUMNS:
        metric = metrics.get(name)
        if metric is None:
            continue
        if metric.is_met is False:
            words.append(f"{column} outside limits")
        if metric.is_estimate:
            words.append(f"{column} is an estimate")
    return words
