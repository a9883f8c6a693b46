"""Published zones, and how their size follows power and time between them: a power law inside their hull.

Source of the law: reference sheet A7, "Interpolation" (our rule): ``SA = a (P t)^b`` for each
device, b about 0.3-0.4, clamped to the hull of what was published, never extrapolated.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence

#: Spread taken where a row publishes none, as a share of its size (our rule; see `devices.ASSUMED_SPREAD`).
ASSUMED_SHARE = 0.10
#: A setting rounded to whole watts and seconds still lies on a hull that is a line: share of the largest.
ROUNDING = 0.005

#: Where a zone's size ends to be one of a liver.
LARGEST_MM = 300.0

_WORDS = {"power_w": ("power", "W"), "time_s": ("time", "s")}


class Medium(StrEnum):
    """What a zone was measured in, the most telling first."""

    CLINICAL = "clinical"
    IN_VIVO = "in vivo"
    EX_VIVO = "ex vivo"
    PHANTOM = "phantom"


#: Media whose rows are used only where the user opts in.
OPT_IN_MEDIA = (Medium.EX_VIVO, Medium.PHANTOM)


@dataclass(frozen=True)
class ZoneRow:
    """One published zone of a device.

    Parameters
    ----------
    settings
        What it was made with, such as ``power_w`` and ``time_s``.
    long_axis_mm, short_axis_mm
        Size along and across the shaft; None where not published: then the row is reference only.
    long_sd_mm, short_sd_mm
        Published standard deviations, where known.
    medium, source, confidence, note
        What it was measured in, where it stands, how sure we are, and words of caution.
    center_offset_mm
        Distance of the zone's centre behind the tip, where it was measured with the row.
    count
        How many zones it is the mean of, where known.

    Raises
    ------
    InvalidValue
        If a number is not positive, or too large for a liver.
    """

    settings: Mapping[str, float]
    long_axis_mm: float | None
    short_axis_mm: float | None
    medium: Medium
    source: str
    confidence: Confidence
    long_sd_mm: float | None = None
    short_sd_mm: float | None = None
    note: str = ""
    center_offset_mm: float | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "medium", Medium(self.medium))
        object.__setattr__(self, "confidence", Confidence(self.confidence))
        for name, value in self.settings.items():
            if not 0.0 < value < math.inf:
                raise InvalidValue("A setting must be a positive number.", f"{name} = {value:g}")
        for name, low, high in (
            ("long_axis_mm", 1.0, LARGEST_MM),
            ("short_axis_mm", 1.0, LARGEST_MM),
            ("long_sd_mm", 0.0, LARGEST_MM),
            ("short_sd_mm", 0.0, LARGEST_MM),
            ("center_offset_mm", -50.0, 100.0),
            ("count", 1.0, 1e6),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InvalidValue(
                    "A number of the device's table is outside its range.",
                    f"{name} = {value:g}",
                    f"Give {low:g} to {high:g}.",
                )
        if not self.settings and not self.is_reference_only:
            raise InvalidValue("A row with both axes must say its settings.", self.source, "Give the time.")

    @property
    def is_reference_only(self) -> bool:
        """Whether it lacks an axis and so cannot be drawn."""
        return self.long_axis_mm is None or self.short_axis_mm is None

    @property
    def words(self) -> str:
        """The row in one line, with its mark: settings, size, medium, source and confidence."""
        settings = ", ".join(setting_text(n, v) for n, v in self.settings.items()) or "no settings published"
        long_text = _size_text(self.long_axis_mm, self.long_sd_mm)
        short_text = _size_text(self.short_axis_mm, self.short_sd_mm)
        size = f"{long_text} x {short_text} mm" if self.long_axis_mm or self.short_axis_mm else "no axes"
        offset = (
            f", centre {self.center_offset_mm:.1f} mm behind the tip"
            if self.center_offset_mm is not None
            else ""
        )
        doubt = {
            Confidence.UNVERIFIED: "K? unverified",
            Confidence.OUR_RULE: "D our rule",
            Confidence.SOURCE_READ: "S source read",
            Confidence.ESTABLISHED: "K established",
            Confidence.COMPUTED: "C computed",
        }[self.confidence]
        use = "; for reference only" if self.is_reference_only else ""
        return f"{settings}: {size}{offset}, {self.medium.value} [{doubt}{use}] {self.source}"

    @property
    def energy(self) -> float:
        """The settings multiplied: joules where power and time are set, else seconds."""
        return math.prod(self.settings.values())

    @property
    def axes_mm(self) -> tuple[float, float]:
        """Long and short axis; only of rows that are not for reference."""
        assert self.long_axis_mm is not None
        assert self.short_axis_mm is not None
        return self.long_axis_mm, self.short_axis_mm


@dataclass(frozen=True)
class PowerLaw:
    """A size in mm over energy: ``size = scale * energy ** exponent``.

    Parameters
    ----------
    scale, exponent
        The law; the exponent is None where all rows have one energy, so that none can be fitted.
    residual
        Largest relative distance of a row from the law, 0 where it passes through all.
    """

    scale: float
    exponent: float | None
    residual: float

    def at(self, energy: float) -> float:
        """The size at an energy, in mm."""
        return float(self.scale * energy ** (self.exponent or 0.0))


def fit_power_law(energies: Sequence[float], sizes_mm: Sequence[float]) -> PowerLaw:
    """The power law nearest to sizes, by least squares of their logarithms; exact for two energies.

    Parameters
    ----------
    energies, sizes_mm
        Positive, as many of each, at least one.

    Raises
    ------
    InvalidValue
        If there is none, or one is not positive.
    """
    if not energies or len(energies) != len(sizes_mm) or min(*energies, *sizes_mm) <= 0:
        raise InvalidValue("A power law needs positive energies and sizes.", f"{energies}, {sizes_mm}")
    x = [math.log(e) for e in energies]
    y = [math.log(s) for s in sizes_mm]
    mean_x, mean_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    across = math.fsum((v - mean_x) ** 2 for v in x)
    if across < 1e-12:
        law = PowerLaw(math.exp(mean_y), None, 0.0)
    else:
        slope = math.fsum((u - mean_x) * (v - mean_y) for u, v in zip(x, y, strict=True)) / across
        law = PowerLaw(math.exp(mean_y - slope * mean_x), slope, 0.0)
    residual = max(abs(law.at(e) / s - 1.0) for e, s in zip(energies, sizes_mm, strict=True))
    return PowerLaw(law.scale, law.exponent, residual if residual > 1e-9 else 0.0)


@dataclass(frozen=True)
class ExpectedSize:
    """A size between rows.

    Parameters
    ----------
    long_axis_mm, short_axis_mm
        Along and across the shaft.
    rows
        Which rows of the table it stands on.
    how
        In words.
    """

    long_axis_mm: float
    short_axis_mm: float
    rows: tuple[int, ...]
    how: str


@dataclass(frozen=True)
class SizeTable:
    """Sizes by settings.

    One row gives its size; two give the power law through both. From three energies on the law
    fitted to all is taken where it grows with energy and meets every row within its published
    standard deviation (a tenth of the size where none is published); else the axes go from row to
    row, by the power law through two neighbours.

    Parameters
    ----------
    rows
        With one set of settings' names.
    worked_at
        Further settings at which zones of the device were published without both axes; they widen
        the hull where their energy lies within that of the rows.

    Raises
    ------
    InvalidValue
        If there is no row, or rows do not share settings or lack an axis.
    """

    rows: tuple[ZoneRow, ...]
    worked_at: tuple[Mapping[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not self.rows:
            raise InvalidValue("A size table needs a row.")
        if any(set(r.settings) != set(self.rows[0].settings) for r in self.rows):
            raise InvalidValue("The rows of a device must give the same settings.", ", ".join(self.names))
        if any(r.is_reference_only for r in self.rows):
            raise InvalidValue("A size table needs both axes of each row.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the settings."""
        return tuple(self.rows[0].settings)

    @cached_property
    def energies(self) -> tuple[float, float]:
        """Least and largest energy of the rows."""
        found = [r.energy for r in self.rows]
        return min(found), max(found)

    @cached_property
    def laws(self) -> tuple[PowerLaw, PowerLaw]:
        """The power laws of long and short axis, fitted to all rows."""
        energies = [r.energy for r in self.rows]
        return (
            fit_power_law(energies, [r.axes_mm[0] for r in self.rows]),
            fit_power_law(energies, [r.axes_mm[1] for r in self.rows]),
        )

    @cached_property
    def follows_law(self) -> bool:
        """Whether sizes are the law's, and not taken from row to row."""
        if any((law.exponent or 0.0) < 0.0 for law in self.laws) or len(self._steps) < 3:
            return False
        return all(
            abs(law.at(row.energy) - size) <= _tolerance(sd, size)
            for row in self.rows
            for law, size, sd in zip(self.laws, row.axes_mm, (row.long_sd_mm, row.short_sd_mm), strict=True)
        )

    @cached_property
    def hull(self) -> tuple[tuple[float, ...], ...]:
        """Corners of the hull in the order of `names`: counter-clockwise, or the ends of a line."""
        low, high = self.energies
        points = {tuple(r.settings[n] for n in self.names) for r in self.rows}
        for settings in self.worked_at:
            if set(settings) == set(self.names) and low <= math.prod(settings.values()) <= high:
                points.add(tuple(settings[n] for n in self.names))
        if len(self.names) == 2:
            return _convex_hull([(p[0], p[1]) for p in points])
        ends = [(min(v), max(v)) for v in zip(*points, strict=True)]
        return tuple(dict.fromkeys(itertools.product(*ends)))

    def contains(self, settings: Mapping[str, float]) -> bool:
        """Whether settings lie in the hull, up to their rounding."""
        at = [settings[n] for n in self.names]
        scale = [max(p[n] for p in self.hull) for n in range(len(at))]
        corners = [tuple(v / s for v, s in zip(p, scale, strict=True)) for p in self.hull]
        at = [v / s for v, s in zip(at, scale, strict=True)]
        if len(at) == 2:
            return _distance(corners, (at[0], at[1])) <= ROUNDING
        return all(
            min(column) - ROUNDING <= v <= max(column) + ROUNDING
            for v, column in zip(at, zip(*corners, strict=True), strict=True)
        )

    def span(self, name: str, settings: Mapping[str, float] | None = None) -> tuple[float, float] | None:
        """Least and largest value of a setting: in the whole hull, or beside the other settings given.

        None where the others leave no value.
        """
        n = self.names.index(name)
        if settings is None or len(self.names) != 2:
            column = [p[n] for p in self.hull]
            return min(column), max(column)
        return _cut(self.hull, n, settings[self.names[1 - n]])

    def expected(self, settings: Mapping[str, float]) -> ExpectedSize:
        """The size settings are expected to give; their energy is clamped to that of the rows."""
        energy = min(max(math.prod(settings[n] for n in self.names), self.energies[0]), self.energies[1])
        if self.follows_law:
            long_law, short_law = self.laws
            return ExpectedSize(
                long_law.at(energy), short_law.at(energy), tuple(range(len(self.rows))), self.how
            )
        low, high, share = self._between(energy)
        long_axis = _mean(self._sizes(low, 0), self._sizes(high, 0), share)
        short_axis = _mean(self._sizes(low, 1), self._sizes(high, 1), share)
        used = low if share == 0.0 else high if share == 1.0 else (*low, *high)
        how = "a row of the table" if share in (0.0, 1.0) else self.how
        return ExpectedSize(long_axis, short_axis, used, how)

    @property
    def how(self) -> str:
        """How sizes between rows are found, in words."""
        if len(self._steps) == 1:
            return "one row: only these settings"
        long_law, short_law = self.laws
        law = (
            f"power law of {'energy' if 'power_w' in self.names else 'time'}, exponent"
            f" {long_law.exponent or 0.0:.2f} along and {short_law.exponent or 0.0:.2f} across"
        )
        if self.follows_law:
            return f"{law}, rows met within {100 * max(long_law.residual, short_law.residual):.0f} %"
        if len(self._steps) == 2 and len(self.rows) == 2:
            return f"{law}, through both rows"
        worst = 100 * max(long_law.residual, short_law.residual)
        return f"from row to row: one {law} misses a row by {worst:.0f} %, more than its spread"

    @cached_property
    def _steps(self) -> tuple[tuple[int, ...], ...]:
        """Rows by rising energy; those of one energy stand together."""
        order = sorted(range(len(self.rows)), key=lambda n: self.rows[n].energy)
        steps: list[list[int]] = []
        for n in order:
            if steps and math.isclose(self.rows[steps[-1][0]].energy, self.rows[n].energy, rel_tol=1e-9):
                steps[-1].append(n)
            else:
                steps.append([n])
        return tuple(tuple(s) for s in steps)

    def _between(self, energy: float) -> tuple[tuple[int, ...], tuple[int, ...], float]:
        """The steps around an energy, and the share of the way in its logarithm."""
        for low, high in itertools.pairwise(self._steps):
            first, last = self.rows[low[0]].energy, self.rows[high[0]].energy
            if energy <= last:
                share = math.log(energy / first) / math.log(last / first)
                return low, high, min(max(share, 0.0), 1.0)
        return self._steps[-1], self._steps[-1], 0.0

    def _sizes(self, step: tuple[int, ...], axis: int) -> float:
        sizes = [self.rows[n].axes_mm[axis] for n in step]
        return sizes[0] if len(sizes) == 1 else math.exp(math.fsum(map(math.log, sizes)) / len(sizes))


def setting_word(name: str) -> str:
    """A setting's name for people, such as ``power``."""
    return _WORDS.get(name, (name, ""))[0]


def setting_text(name: str, value: float) -> str:
    """A setting with its unit, such as ``100 W``."""
    unit = _WORDS.get(name, ("", ""))[1]
    return f"{value:g} {unit}".rstrip()


def _size_text(size_mm: float | None, sd_mm: float | None) -> str:
    if size_mm is None:
        return "?"
    return f"{size_mm:.1f}" if sd_mm is None else f"{size_mm:.1f} ± {sd_mm:.1f}"


def _tolerance(sd_mm: float | None, size_mm: float) -> float:
    return (sd_mm if sd_mm is not None else ASSUMED_SHARE * size_mm) + 1e-9


def _mean(low: float, high: float, share: float) -> float:
    if share in (0.0, 1.0):
        return high if share else low
    return float(low ** (1.0 - share) * high**share)


def _convex_hull(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Corners of the hull, counter-clockwise (Andrew's monotone chain, Inf. Process. Lett. 1979)."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return tuple(ordered)

    def chain(way: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        for p in way:
            while len(found) > 1 and _turn(found[-2], found[-1], p) <= 0:
                found.pop()
            found.append(p)
        return found[:-1]

    return tuple(chain(ordered) + chain(ordered[::-1]))


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _edges(corners: Sequence[tuple[float, ...]]) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    return [(corners[n], corners[(n + 1) % len(corners)]) for n in range(len(corners))]


def _distance(corners: Sequence[tuple[float, ...]], at: tuple[float, float]) -> float:
    """How far a point lies outside a convex hull; 0 inside."""
    edges = _edges(corners)
    if len(corners) > 2 and all(_turn((a[0], a[1]), (b[0], b[1]), at) >= 0 for a, b in edges):
        return 0.0
    found = []
    for a, b in edges:
        dx, dy = b[0] - a[0], b[1] - a[1]
        square = dx * dx + dy * dy
        share = ((at[0] - a[0]) * dx + (at[1] - a[1]) * dy) / square if square else 0.0
        share = min(max(share, 0.0), 1.0)
        found.append(math.hypot(at[0] - a[0] - share * dx, at[1] - a[1] - share * dy))
    return min(found)


def _cut(hull: Sequence[tuple[float, ...]], axis: int, other: float) -> tuple[float, float] | None:
    """Where a line on which the other coordinate is fixed enters and leaves a hull of two coordinates."""
    slack = ROUNDING * max(p[1 - axis] for p in hull)
    found = [p[axis] for p in hull if abs(p[1 - axis] - other) <= slack]
    for a, b in _edges(hull):
        low, high = sorted((a[1 - axis], b[1 - axis]))
        if low < other < high:
            share = (other - a[1 - axis]) / (b[1 - axis] - a[1 - axis])
            found.append(a[axis] + share * (b[axis] - a[axis]))
    return (min(found), max(found)) if found else None
