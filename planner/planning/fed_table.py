"""Which tip feeds how much of which lesion and segment: a table whose cells are metrics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from planner.model.assessment import Metric
from planner.planning.perfusion import Perfusion

#: Name of the metric of a lesion and a tip; its subject names both.
BY_TIP = "lesion_perfused_by_tip_percent"
ALL = "all"
_SEGMENT, _ML = "perfused_segment_", "_volume_ml"
_ROWS = (
    ("perfused_volume_ml", "Perfused", "ml"),
    ("perfused_share_percent", "Of the liver", "%"),
    ("perfused_normal_volume_ml", "Without tumour", "ml"),
)


def shares_by_tip(perfusion: Perfusion) -> list[Metric]:
    """Of each tip: the share of each lesion and the volume of each segment it feeds; what tips feed twice."""
    lesions, found = perfusion.ground.lesions, []
    for id, fed in perfusion.by_tip.items():
        shares = fed.lesion_shares_percent[0]
        found += [
            Metric(BY_TIP, float(share), "%", f"{id}: {name}", "of its volume")
            for name, share in zip(lesions, shares, strict=True)
        ]
        found += [
            Metric(f"{_SEGMENT}{n}{_ML}", ml, "ml", id, "of this tip") for n, ml in fed.segments_ml.items()
        ]
    return found


@dataclass(frozen=True)
class FedRow:
    """A line of the table.

    Parameters
    ----------
    title
        What it is of.
    unit
        Of its cells.
    cells
        One for each tip, and one for all together; None where there is nothing.
    group
        Of which kind the line is: empty, ``lesion`` or ``segment``.
    """

    title: str
    unit: str
    cells: tuple[float | None, ...]
    group: str = ""


def fed_rows(metrics: Iterable[Metric], tips: Iterable[str]) -> tuple[FedRow, ...]:
    """The table of an answer: its columns are the tips and all together."""
    values = {(m.name, m.subject): m.value for m in metrics}
    subjects = (*tips, "plan")
    rows = [FedRow(title, unit, tuple(values.get((n, s)) for s in subjects)) for n, title, unit in _ROWS]
    for name in dict.fromkeys(s for n, s in values if n == "lesion_perfused_percent"):
        own = tuple(values.get((BY_TIP, f"{s}: {name}")) for s in subjects[:-1])
        rows.append(FedRow(name, "%", (*own, values["lesion_perfused_percent", name]), "lesion"))
    segments = sorted(n for n, s in values if n.startswith(_SEGMENT) and s == "plan")
    for metric in segments:
        title = f"Segment {metric.removeprefix(_SEGMENT).removesuffix(_ML)}"
        rows.append(FedRow(title, "ml", tuple(values.get((metric, s)) for s in subjects), "segment"))
    return tuple(r for r in rows if any(c is not None for c in r.cells))


def cell_text(row: FedRow, value: float | None) -> str:
    """A cell in words: nothing fed is a dash, so that what is fed stands out."""
    if value is None or value < 0.05:
        return "–"
    if row.unit == "%" and 99.5 <= value < 100.0 - 1e-9:
        return "99"  # 100 is said of the whole alone
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"
