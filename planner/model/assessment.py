"""What a treatment module says of a plan."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import Grid
from planner.model.plan import Point

SettingValue = bool | int | float | str


class Severity(StrEnum):
    """How much a finding weighs."""

    INFO = "info"
    WARNING = "warning"
    STOP = "stop"


class Confidence(StrEnum):
    """How sure we are of a constant or rule, after the marks of the reference sheet."""

    SOURCE_READ = "source read"
    ESTABLISHED = "established"
    UNVERIFIED = "unverified"
    OUR_RULE = "our rule"
    COMPUTED = "computed"


@dataclass(frozen=True)
class Source:
    """Where a rule or constant comes from."""

    text: str
    confidence: Confidence = Confidence.ESTABLISHED

    def __post_init__(self) -> None:
        object.__setattr__(self, "confidence", Confidence(self.confidence))


#: Relative error of sums in double precision; a dose that was prescribed to its limit meets it.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Target:
    """The range a metric should lie in; either end may be open."""

    low: float | None = None
    high: float | None = None
    source: Source = field(default_factory=lambda: Source("our rule", Confidence.OUR_RULE))

    def is_met(self, value: float) -> bool:
        """Whether a value lies in the range; one that misses an end by the rounding of its sum lies in it."""
        hair = ROUNDING * max(abs(value), 1.0)
        return (self.low is None or value >= self.low - hair) and (
            self.high is None or value <= self.high + hair
        )


@dataclass(frozen=True)
class Uncertainty:
    """An interval beside a value, with what it covers."""

    low: float
    high: float
    level_percent: float
    covers: str


@dataclass(frozen=True)
class Metric:
    """One number, with its name, unit and method.

    Parameters
    ----------
    name
        Stable identifier in snake case with its unit as suffix.
    value
        The number; None where it could not be computed (`note` says why).
    unit
        As shown, such as ``mm``.
    subject
        The lesion, instrument or structure it speaks of.
    method
        How it was computed, in words.
    target
        The range it is judged by, if any.
    uncertainty
        An interval, if known.
    note
        Words shown beside it.
    is_estimate
        Whether a slower computation may replace it.
    where_lps_mm
        The place in the body it was found at, such as the weakest point of a margin.
    """

    name: str
    value: float | None
    unit: str
    subject: str = ""
    method: str = ""
    target: Target | None = None
    uncertainty: Uncertainty | None = None
    note: str = ""
    is_estimate: bool = False
    where_lps_mm: Point | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise InvalidValue("A metric's name is an identifier in snake case.", self.name)
        if self.value is not None:
            object.__setattr__(self, "value", float(self.value))
            if math.isnan(self.value):
                raise InvalidValue("A metric is a number or absent, never NaN.", self.name)

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where there is no target or no value."""
        if self.target is None or self.value is None:
            return None
        return self.target.is_met(self.value)


@dataclass(frozen=True)
class Finding:
    """One sentence a person must know, with the rule behind it and the place in the body."""

    rule: str
    severity: Severity
    text: str
    subject: str = ""
    where_lps_mm: Point | None = None
    source: Source = field(default_factory=lambda: Source("our rule", Confidence.OUR_RULE))

    def __post_init__(self) -> None:
        object.__setattr__(self, "severity", Severity(self.severity))


class CheckState(StrEnum):
    """Whether a condition holds; what is not known is never taken to hold."""

    FULFILLED = "fulfilled"
    NOT_FULFILLED = "not fulfilled"
    UNKNOWN = "unknown"


def heaviest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """In the order they weigh: stops, warnings, what is only said; those of equal weight stay as they are."""
    order = (Severity.STOP, Severity.WARNING, Severity.INFO)
    return tuple(sorted(findings, key=lambda f: order.index(f.severity)))


@dataclass(frozen=True)
class Check:
    """One line of a checklist: a condition, whether it holds, and what that rests on.

    Parameters
    ----------
    rule
        Stable id.
    title
        The condition in words.
    state
        Whether it holds.
    text
        What was measured or said.
    subject
        The lesion or structure it speaks of.
    where_lps_mm
        The place, where there is one.
    source
        Of the rule, with its confidence.
    is_absolute
        Whether the treatment may not be done where it does not hold.
    """

    rule: str
    title: str
    state: CheckState
    text: str
    subject: str = ""
    where_lps_mm: Point | None = None
    source: Source = field(default_factory=lambda: Source("our rule", Confidence.OUR_RULE))
    is_absolute: bool = False


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve or histogram: y over x; shapes (n,) each, or x of n + 1 bin edges."""

    name: str
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    x_unit: str
    y_unit: str
    subject: str = ""


@dataclass(frozen=True, eq=False)
class Surface:
    """A triangle mesh in LPS mm; points (n, 3), triangles (m, 3), values (n,) or None."""

    name: str
    points_lps_mm: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32] | None = None
    unit: str = ""
    subject: str = ""


@dataclass(frozen=True, eq=False)
class ScalarField:
    """A scalar field ``[k, j, i]`` on a grid."""

    name: str
    grid: Grid
    values: npt.NDArray[Any]
    unit: str


@dataclass(frozen=True, eq=False)
class Assessment:
    """The whole answer of a module to a plan.

    Parameters
    ----------
    module, module_version
        Who said it.
    inputs
        SHA-256 of each input, by name: what the answer is true of.
    settings
        All settings of the module, as used.
    metrics, findings, curves, surfaces, fields
        The answer; what could not be checked stands first among the findings.
    checks
        The lines of a checklist, where it answers whether a treatment may be done.
    """

    module: str
    module_version: str
    inputs: Mapping[str, str]
    settings: Mapping[str, SettingValue]
    metrics: tuple[Metric, ...] = ()
    findings: tuple[Finding, ...] = ()
    curves: tuple[Curve, ...] = ()
    surfaces: tuple[Surface, ...] = ()
    fields: tuple[ScalarField, ...] = ()
    checks: tuple[Check, ...] = ()

    def metric(self, name: str, subject: str | None = None) -> Metric:
        """The metric of a name (and subject); raises `InvalidValue` where there is none."""
        for metric in self.metrics:
            if metric.name == name and subject in (None, metric.subject):
                return metric
        raise InvalidValue("The assessment has no such metric.", f"{name} of {subject or 'anything'}")


@dataclass(frozen=True, eq=False)
class Preview:
    """The few numbers, surfaces and curves shown while an instrument is dragged."""

    metrics: tuple[Metric, ...] = ()
    findings: tuple[Finding, ...] = ()
    surfaces: tuple[Surface, ...] = ()
    curves: tuple[Curve, ...] = ()
