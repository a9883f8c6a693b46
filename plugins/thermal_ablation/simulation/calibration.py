"""A source made as strong and as long as its device's own zone asks for: at most two named parameters.

The zone of a needle alone in plain perfused liver is simulated again and again while the parameters
move towards the zone of the device's table.  What no parameter can reach stays as a misfit, in words.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue

FloatArray = npt.NDArray[np.float64]
#: Long and short axis in mm, shape (2,), of the zone at some values of the parameters.
Axes = Callable[[tuple[float, ...]], FloatArray]

#: Both axes are met at least so well; where they cannot be, the misfit is said.
CLOSE_MM = 0.2
#: Most runs of a fit.
MOST_RUNS = 24
#: So many fits are remembered.
_KEPT = 64


@dataclass(frozen=True)
class Parameter:
    """Something of a source that a fit may change.

    Parameters
    ----------
    name, unit
        In words, for people; ``1`` where it has no unit.
    low, high
        What it may become.
    plausible
        Outside of this the model and the device's table do not agree.
    is_logarithmic
        Whether equal shares, and not equal differences, are equal steps.
    step, most
        First step and longest move, in its own unit or of its logarithm.
    """

    name: str
    unit: str
    low: float
    high: float
    plausible: tuple[float, float]
    is_logarithmic: bool
    step: float
    most: float

    def __post_init__(self) -> None:
        if not self.low < self.high or not min(self.step, self.most) > 0:
            raise InvalidValue(
                "A parameter needs a range and steps.",
                f"{self.name}: {self.low:g} to {self.high:g}, step {self.step:g}",
                "Give a rising range and positive steps.",
            )

    def place(self, value: float) -> float:
        """Where a value lies on the fit's own scale."""
        return log(value) if self.is_logarithmic else value

    def value(self, place: float) -> float:
        """The value at a place of the fit's own scale."""
        return exp(place) if self.is_logarithmic else place

    def words(self, value: float) -> str:
        """Name and value."""
        if self.unit == "1":
            return f"{self.name} {value:.2f}"
        digits = 1 if self.unit == "mm" else 2
        return f"{self.name} {value:.{digits}f} {self.unit}"


@dataclass(frozen=True)
class Calibration:
    """The parameters of a source found for a device's zone.

    Parameters
    ----------
    what
        What was fitted, such as ``antenna``.
    parameters, values
        Each parameter with what it became; a strength also carries what the model leaves out, so it
        may lie outside of what is plausible.
    long_axis_mm, short_axis_mm
        Of the zone simulated with them.
    wanted_long_mm, wanted_short_mm
        Of the device's table.
    runs
        Simulations it took.
    """

    what: str
    parameters: tuple[Parameter, ...]
    values: tuple[float, ...]
    long_axis_mm: float
    short_axis_mm: float
    wanted_long_mm: float
    wanted_short_mm: float
    runs: int

    def __post_init__(self) -> None:
        if len(self.parameters) != len(self.values) or not np.all(np.isfinite(self.values)):
            raise InvalidValue(
                "A calibration needs one number for each parameter.",
                f"{self.what}: {len(self.parameters)} parameters, values {self.values}",
                "Fit it anew.",
            )

    def value(self, name: str) -> float:
        """The value of a parameter by name."""
        for parameter, value in zip(self.parameters, self.values, strict=True):
            if parameter.name == name:
                return value
        raise InvalidValue(
            "A calibration has no parameter of this name.",
            f"{self.what}: {name}",
            f"It has {', '.join(p.name for p in self.parameters)}.",
        )

    @property
    def misfit_mm(self) -> float:
        """The larger difference of an axis."""
        return max(
            abs(self.long_axis_mm - self.wanted_long_mm), abs(self.short_axis_mm - self.wanted_short_mm)
        )

    @property
    def is_plausible(self) -> bool:
        """Whether every parameter lies where physics would have it."""
        pairs = zip(self.parameters, self.values, strict=True)
        return all(p.plausible[0] <= v <= p.plausible[1] for p, v in pairs)

    @property
    def words(self) -> str:
        """One sentence about it."""
        found = ", ".join(p.words(v) for p, v in zip(self.parameters, self.values, strict=True))
        return (
            f"{self.what} calibrated (model) to {self.wanted_long_mm:.1f} x {self.wanted_short_mm:.1f} mm in"
            f" plain liver: {found}, gives {self.long_axis_mm:.1f} x {self.short_axis_mm:.1f} mm"
        )


@dataclass(frozen=True, eq=False)
class Fit:
    """Where parameters came to lie on their own scales, and how the axes change with them.

    Parameters
    ----------
    place, axes_mm
        Of the parameters, shape (n,); of the zone there, shape (2,).
    slopes, first_slopes
        Change of the axes with each parameter, shape (2, n): as the search left it, and as measured
        at its start.
    """

    place: FloatArray
    axes_mm: FloatArray
    slopes: FloatArray
    first_slopes: FloatArray

    def values(self, parameters: tuple[Parameter, ...]) -> tuple[float, ...]:
        """The parameters' values."""
        return tuple(p.value(float(x)) for p, x in zip(parameters, self.place, strict=True))


@dataclass(frozen=True)
class ShortBy:
    """Which parameter the short axis is met by where both axes cannot be, and whether it grows (1) with it or falls (-1)."""

    number: int
    sign: float


def meet(
    axes: Axes,
    goal_mm: FloatArray,
    parameters: tuple[Parameter, ...],
    first: tuple[float, ...],
    *,
    start: Fit | None = None,
    most_runs: int = MOST_RUNS,
    close_mm: tuple[float, float] = (CLOSE_MM, CLOSE_MM),
) -> Fit:
    """Bring long and short axis nearest to a goal: Broyden's method from differences, within bounds.

    Parameters
    ----------
    goal_mm
        Long and short axis, shape (2,).
    first
        Values to start from.
    start
        A fit to go on from: its place, axes (which count as a run) and slopes are taken instead.
    close_mm
        Good enough for the long and the short axis, which also weigh by it.
    """
    low, high = _bounds(parameters)
    most = np.array([p.most for p in parameters])

    def at(place: FloatArray) -> FloatArray:
        return axes(tuple(p.value(float(x)) for p, x in zip(parameters, place, strict=True)))

    if start is not None:
        place, found, runs = start.place, start.axes_mm, 1
        slopes, first_slopes = start.slopes.copy(), start.first_slopes
    else:
        place = np.array([p.place(v) for p, v in zip(parameters, first, strict=True)]).clip(low, high)
        found, slopes, runs = at(place), np.empty((2, len(parameters))), 1
        for n, parameter in enumerate(parameters):
            moved = place.copy()
            moved[n] += parameter.step
            slopes[:, n] = (at(moved) - found) / parameter.step
            runs += 1
        first_slopes = slopes.copy()

    def off(found: FloatArray) -> float:
        return float((np.abs(found - goal_mm) / close_mm).max())

    best = place, found
    while runs < most_runs and off(best[1]) > 1.0:
        move = np.linalg.lstsq(slopes, goal_mm - found, rcond=None)[0]
        new = np.clip(place + np.clip(move, -most, most), low, high)
        moved = new - place
        if np.abs(moved).max() < 1e-4:
            break
        then = at(new)
        runs += 1
        slopes += np.outer(then - found - slopes @ moved, moved) / (moved @ moved)
        place, found = new, then
        if off(found) < off(best[1]):
            best = place, found
    return Fit(best[0], best[1], slopes, first_slopes)


def meet_short(
    axes: Axes,
    goal_mm: FloatArray,
    parameters: tuple[Parameter, ...],
    fit: Fit,
    by: ShortBy,
    *,
    most_runs: int,
    close_mm: float,
) -> Fit:
    """Bring the short axis to its goal by one parameter, while the others stay.

    By the straight line between what is too small and too large, as far as it stays off their ends.
    """
    low, high = (float(b[by.number]) for b in _bounds(parameters))
    best, move = fit, by.sign * parameters[by.number].most
    place, short = float(fit.place[by.number]), float(fit.axes_mm[1])
    ends: dict[bool, tuple[float, float]] = {}
    for _ in range(most_runs):
        if abs(float(best.axes_mm[1]) - goal_mm[1]) <= close_mm:
            break
        ends[short > goal_mm[1]] = (place, short)
        if len(ends) == 2:
            (at, under), (beyond, over) = ends[False], ends[True]
            place = at + float(np.clip((goal_mm[1] - under) / (over - under), 0.15, 0.85)) * (beyond - at)
        else:
            before, place = place, float(np.clip(place + (move if short < goal_mm[1] else -move), low, high))
            if place == before:
                break
        moved = fit.place.copy()
        moved[by.number] = place
        found = axes(tuple(p.value(float(x)) for p, x in zip(parameters, moved, strict=True)))
        short = float(found[1])
        if abs(short - goal_mm[1]) < abs(float(best.axes_mm[1]) - goal_mm[1]):
            best = replace(fit, place=moved, axes_mm=found)
    return best


def nudge_short(
    axes: Axes,
    goal_mm: FloatArray,
    parameters: tuple[Parameter, ...],
    fit: Fit,
    number: int,
    *,
    most_runs: int,
    close_mm: float,
) -> Fit:
    """The short axis of a fit put right by one parameter, with its slope as measured at the start."""
    low, high = (float(b[number]) for b in _bounds(parameters))
    slope, best, last = float(fit.first_slopes[1, number]), fit, fit
    for _ in range(most_runs):
        if abs(best.axes_mm[1] - goal_mm[1]) <= close_mm or slope == 0.0:
            break
        place = last.place.copy()
        place[number] = np.clip(place[number] + (goal_mm[1] - last.axes_mm[1]) / slope, low, high)
        found = axes(tuple(p.value(float(x)) for p, x in zip(parameters, place, strict=True)))
        last = replace(fit, place=place, axes_mm=found)
        if abs(found[1] - goal_mm[1]) < abs(best.axes_mm[1] - goal_mm[1]):
            best = last
    return best


def _bounds(parameters: tuple[Parameter, ...]) -> tuple[FloatArray, FloatArray]:
    return np.array([p.place(p.low) for p in parameters]), np.array([p.place(p.high) for p in parameters])


_fits: dict[Hashable, Calibration] = {}


def remembered(wanted: Hashable, make: Callable[[], Calibration]) -> Calibration:
    """A calibration made once for all it depends on; the oldest gives way, a cancelled one leaves nothing."""
    if wanted not in _fits:
        found = make()
        while len(_fits) >= _KEPT:
            del _fits[next(iter(_fits))]
        _fits[wanted] = found
    return _fits[wanted]
