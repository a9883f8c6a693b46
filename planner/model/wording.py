"""Numbers and targets in words: the same in the window, the report and on the command line."""

from __future__ import annotations

from planner.model.assessment import Confidence, Metric, Target
from planner.model.image import Image

_DECIMALS = {
    "mm": 1,
    "ml": 1,
    "GBq": 3,
    "%": 0,
    "deg": 0,
    "gy": 1,
    "s": 0,
    "V": 0,
    "V/cm": 0,
    "A": 1,
    "µs": 0,
    "°C": 0,
    "1": 2,
}
_UNITS = {"deg": "°", "1": ""}
_OPEN_WORDS = {
    Confidence.UNVERIFIED: "unverified",
    Confidence.OUR_RULE: "our rule",
}


def scan_words(image: Image) -> tuple[str, ...]:
    """Modality, date and title of a scan, each once."""
    title = "" if image.title == image.modality else image.title
    return tuple(w for w in (image.modality, image.acquired, title) if w)


def value_text(metric: Metric) -> str:
    """The value without its unit; a share just short of a whole is never rounded up to it."""
    if metric.value is None:
        return "–"
    decimals = 0 if metric.name.endswith("_count") else _DECIMALS.get(metric.unit, 1)
    if metric.unit == "%":
        if 0 < metric.value < 1 or 99 < metric.value < 100:
            clipped = min(metric.value, 99.9) if metric.value > 50 else max(metric.value, 0.1)
            return f"{clipped:.1f}"
        return f"{metric.value:.0f}"
    return f"{metric.value + 0.0:.{decimals}f}"


def unit_text(metric: Metric) -> str:
    """The unit as shown."""
    return _UNITS.get(metric.unit, metric.unit)


def target_text(target: Target | None) -> str:
    """What is aimed at, such as ``aim 10 (our rule)``; empty without a target."""
    if target is None:
        return ""
    if target.low is not None and target.high is not None:
        words = f"{target.low:g} to {target.high:g}"
    elif target.low is not None:
        words = f"aim {target.low:g}"
    else:
        words = f"≤ {target.high:g}"
    doubt = _OPEN_WORDS.get(target.source.confidence, "")
    return f"{words} ({doubt})" if doubt else words


def interval_text(metric: Metric) -> str:
    """The uncertainty, such as ``voxels and outline only, 90 %: 3.4 to 4.2``; empty without one."""
    interval = metric.uncertainty
    if interval is None:
        return ""
    return f"{interval.covers}, {interval.level_percent:g} %: {interval.low:.1f} to {interval.high:.1f}"


def mark(metric: Metric) -> str:
    """The sign beside a judged number, so that colour never speaks alone."""
    return {True: "✓", False: "▲", None: ""}[metric.is_met]
