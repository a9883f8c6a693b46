"""What an attempt scores: a pure function of what was measured, its weights in a file, its version kept."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from planner.base.errors import InvalidValue

WEIGHTS_FILE = "scoring.toml"


@dataclass(frozen=True)
class Measured:
    """What is known of an attempt and of the reference it is measured against.

    Parameters
    ----------
    coverage_percent, margin_mm
        Of the lesion; the margin is the least one, None where there is no zone.
    wanted_margin_mm
        Of the exercise.
    stops, warnings
        Rules of findings of these severities, one for each finding that counts as a hazard.
    path_mm, liver_ml, punctures
        Longest path, liver without tumour in the zone, needles put in; of the attempt.
    reference_path_mm, reference_liver_ml, fewest_punctures
        Of the reference.
    repositionings
        Needles drawn back and put in again.
    seconds, limit_s
        Taken, and allowed; None where no time is kept or allowed.

    Raises
    ------
    InvalidValue
        If a number is not finite, or negative where it cannot be.
    """

    coverage_percent: float
    margin_mm: float | None
    wanted_margin_mm: float
    stops: tuple[str, ...]
    warnings: tuple[str, ...]
    path_mm: float
    liver_ml: float
    punctures: int
    reference_path_mm: float
    reference_liver_ml: float
    fewest_punctures: int
    repositionings: int = 0
    seconds: float | None = None
    limit_s: float | None = None

    def __post_init__(self) -> None:
        sizes = (
            self.coverage_percent, self.wanted_margin_mm, self.path_mm, self.liver_ml, self.punctures,
            self.reference_path_mm, self.reference_liver_ml, self.fewest_punctures, self.repositionings,
            self.seconds or 0.0, self.limit_s or 0.0,
        )  # fmt: skip
        if not all(math.isfinite(s) and s >= 0 for s in sizes) or not math.isfinite(self.margin_mm or 0.0):
            raise InvalidValue("An attempt is measured in finite numbers that are not negative.", f"{sizes}")


@dataclass(frozen=True)
class ScorePart:
    """A part of a score.

    Parameters
    ----------
    id, title
        Its word in the file of weights, and words for people.
    points, most
        Given, and possible.
    rule
        The rule it follows, with the numbers of this attempt.
    """

    id: str
    title: str
    points: float
    most: float
    rule: str


@dataclass(frozen=True)
class Score:
    """What an attempt scores.

    Parameters
    ----------
    parts
        In the order of the file.
    points
        Their sum, at most just below passing where a hazard stops.
    pass_points
        From which on it is passed.
    version
        Of the weights.
    capped_by
        Rules of the hazards that stop; empty where nothing is capped.
    """

    parts: tuple[ScorePart, ...]
    points: float
    pass_points: float
    version: int
    capped_by: tuple[str, ...] = ()

    @property
    def is_passed(self) -> bool:
        """Whether it is enough."""
        return self.points >= self.pass_points


#: What a stop takes a score down to, below passing.
BELOW_PASSING = 1.0


@cache
def weights(version: int | None = None) -> Mapping[str, Any]:
    """The weights of this version of the planner.

    Raises
    ------
    InvalidValue
        If another version is asked for: old attempts keep the score they were given.
    """
    text = files("planner.resources").joinpath("practice", WEIGHTS_FILE).read_text(encoding="utf-8")
    found = tomllib.loads(text)
    if version is not None and found["version"] != version:
        raise InvalidValue(
            "These weights are not of this version of the planner.",
            f"version {version}, not {found['version']}",
            "Score the plan anew, or keep the score it was given.",
        )
    return MappingProxyType(found)


def is_hazard(rule: str) -> bool:
    """Whether a finding's rule counts as a hazard of an attempt, beside what other parts count."""
    return rule not in weights()["hazards"]["left_out"]


def score(measured: Measured) -> Score:
    """What an attempt scores, of 100 points; the same numbers give the same score."""
    told = weights()
    parts = (
        _coverage(measured, told["coverage"]),
        _margin(measured, told["margin"]),
        _hazards(measured, told["hazards"]),
        _ratio("path", measured.path_mm, measured.reference_path_mm, "mm", told["path"]),
        _ratio("liver", measured.liver_ml, measured.reference_liver_ml, "ml", told["liver"]),
        _punctures(measured, told["punctures"]),
        _time(measured, told["time"]),
    )
    points, passing = math.fsum(p.points for p in parts), float(told["pass_points"])
    if measured.stops:
        points = min(points, passing - BELOW_PASSING)
    return Score(parts, points, passing, int(told["version"]), measured.stops)


def _part(id: str, share: float, told: Mapping[str, Any], rule: str) -> ScorePart:
    most = float(told["points"])
    return ScorePart(id, told["title"], most * min(max(share, 0.0), 1.0), most, rule)


def _coverage(measured: Measured, told: Mapping[str, Any]) -> ScorePart:
    low, high = told["none_percent"], told["all_percent"]
    rule = f"{measured.coverage_percent:.1f} % of the lesion; none at {low:g} %, all at {high:g} %"
    return _part("coverage", (measured.coverage_percent - low) / (high - low), told, rule)


def _margin(measured: Measured, told: Mapping[str, Any]) -> ScorePart:
    low, wanted = told["none_mm"], measured.wanted_margin_mm
    if measured.margin_mm is None:
        return _part("margin", 0.0, told, "there is no zone")
    rule = f"{measured.margin_mm:.1f} mm at the least; none at {low:g} mm, all at {wanted:g} mm"
    return _part("margin", (measured.margin_mm - low) / (wanted - low), told, rule)


def _hazards(measured: Measured, told: Mapping[str, Any]) -> ScorePart:
    if measured.stops:
        return _part("hazards", 0.0, told, f"stopped by {len(measured.stops)}: no points, and not passed")
    count, each = len(measured.warnings), told["each_warning"]
    rule = f"{count} warning{'s' if count != 1 else ''}, {each:g} points off for each"
    return _part("hazards", 1.0 - count * each / told["points"], told, rule)


def _ratio(id: str, own: float, reference: float, unit: str, told: Mapping[str, Any]) -> ScorePart:
    full, none = told["all_ratio"], told["none_ratio"]
    if reference <= 0:
        return _part(id, 1.0, told, "the reference has none to measure by")
    share = (none - own / reference) / (none - full)
    rule = f"{own:.0f} {unit}, the reference {reference:.0f}; all points up to {full:g} times as much, none from {none:g}"
    return _part(id, share, told, rule)


def _punctures(measured: Measured, told: Mapping[str, Any]) -> ScorePart:
    more = max(measured.punctures - measured.fewest_punctures, 0)
    lost = more * told["each_puncture"] + measured.repositionings * told["each_repositioning"]
    each, again = told["each_puncture"], told["each_repositioning"]
    beside = (
        f"{more} more than the reference, {each:g} points off for each"
        if more
        else "no more than the reference"
    )
    count = measured.repositionings
    put_in = f"; put in again {count} time{'s' * (count > 1)}, {again:g} points off for each" if count else ""
    needles = f"{measured.punctures} needle{'s' * (measured.punctures > 1)}"
    rule = f"{needles}, {beside}{put_in}"
    return _part("punctures", 1.0 - lost / told["points"], told, rule)


def _time(measured: Measured, told: Mapping[str, Any]) -> ScorePart:
    if measured.limit_s is None:
        return _part("time", 1.0, told, "no time limit")
    if measured.seconds is None:
        return _part("time", 1.0, told, f"{measured.limit_s:.0f} s allowed; the time taken was not measured")
    none = told["none_ratio"]
    share = (none - measured.seconds / measured.limit_s) / (none - 1.0)
    rule = f"{measured.seconds:.0f} s of {measured.limit_s:.0f} s; no points from {none:g} times as long"
    return _part("time", share, told, rule)
