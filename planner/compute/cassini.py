"""The electric field of needles pulsed in pairs, in closed form: an estimate for dragging and searching.

Two long parallel cylinders at a voltage have the field of two line charges, whose contours are Cassini
ovals.  Here each exposed part is a line of charge of its own finite length, its density a polynomial of
the second degree along the needle, at any angle and depth to the other; the six numbers of a pair follow
from the voltage on both surfaces (Galerkin).  For long parallel needles this becomes the two cylinders'
exact field (Smythe, Static and Dynamic Electricity, 1968, 4.14).  Tissue is the same everywhere; where
its conductivity rises with the field, the currents are taken to keep their pattern.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.conductivity import FieldLaw, FieldRamp
from planner.compute.threads import kernel
from planner.model.electrode_array import Electrode, PulsePair
from planner.model.geometry import FloatArray

#: Points along a needle at which voltages are held; as many for its own charge as for the other's, so that
#: what few points leave out at the ends is the same in both.
HELD_POINTS = 12
#: Where conductivity rises: tubes of flow of a pair, and points on half a tube.
TUBES, TUBE_POINTS = 9, 12
#: Entries of the table that turns current density into field.
LAW_POINTS = 2048
#: Needles nearer than this many radii touch, and give no field.
TOUCHING_RADII = 2.02

IndexArray = npt.NDArray[np.int64]


def cassini_field_v_per_cm(
    points_lps_mm: FloatArray,
    electrodes: Sequence[Electrode],
    pairs: Sequence[PulsePair],
    radius_mm: float,
    law: FieldLaw | None = None,
) -> FloatArray:
    """The largest field over pairs at points (n, 3), shape (n,); within a needle that at its surface.

    Zero without pairs, and of a pair without voltage or whose needles touch.  Other needles, vessels
    and the lesion's own conductivity leave no trace.

    Parameters
    ----------
    points_lps_mm
        Where.
    electrodes, pairs
        The needles, and which are pulsed with what.
    radius_mm
        Of the metal.
    law
        How conductivity rises with the field, of one tissue; constant where none is given.
    """
    packed = PackedElectrodes.of(electrodes, pairs, radius_mm)
    return packed.field_v_per_cm(np.ascontiguousarray(points_lps_mm, dtype=np.float64), law)


def pair_conductances_m(
    electrodes: Sequence[Electrode], pairs: Sequence[PulsePair], radius_mm: float
) -> FloatArray:
    """Current over voltage and conductivity of each pair, in m; zero where its needles touch."""
    return PackedElectrodes.of(electrodes, pairs, radius_mm).conductances_m()


def pair_currents_a(
    electrodes: Sequence[Electrode],
    pairs: Sequence[PulsePair],
    radius_mm: float,
    conductivity: float | FieldLaw,
) -> FloatArray:
    """Expected current of each pair, of tissue of one conductivity in S/m or of one that rises with the field."""
    return PackedElectrodes.of(electrodes, pairs, radius_mm).currents_a(conductivity)


@dataclass(frozen=True, eq=False)
class PackedElectrodes:
    """Needles and pairs as arrays, for the same question asked thousands of times.

    Parameters
    ----------
    lines
        Of each exposed part the middle, the unit vector and half the length in mm, shape (m, 7).
    index
        The two needles of each pair, shape (p, 2).
    volts
        Of each pair, shape (p,).
    radius_mm
        Of the metal.

    Raises
    ------
    InvalidValue
        If the radius is not positive, or a pair names a needle that is not there.
    """

    lines: FloatArray
    index: IndexArray
    volts: FloatArray
    radius_mm: float

    def __post_init__(self) -> None:
        if not (isfinite(self.radius_mm) and self.radius_mm > 0):
            raise InvalidValue("A needle's radius must be positive.", f"{self.radius_mm} mm")
        if self.index.size and not 0 <= self.index.min() <= self.index.max() < len(self.lines):
            raise InvalidValue("A pair names an electrode that is not there.", str(self.index.tolist()))

    @classmethod
    def of(
        cls, electrodes: Sequence[Electrode], pairs: Sequence[PulsePair], radius_mm: float
    ) -> PackedElectrodes:
        """From electrodes and pairs of the model."""
        lines = np.empty((len(electrodes), 7))
        for row, electrode in zip(lines, electrodes, strict=True):
            half = 0.5 * electrode.exposure_mm
            row[:3], row[3:6], row[6] = electrode.point_behind_tip(half), electrode.direction, half
        index = np.array([(p.a, p.b) for p in pairs], dtype=np.int64).reshape(-1, 2)
        return cls(lines, index, np.array([p.voltage_v for p in pairs], dtype=np.float64), float(radius_mm))

    def field_v_per_cm(self, points_lps_mm: FloatArray, law: FieldLaw | LawTable | None = None) -> FloatArray:
        """The largest field over pairs at points (n, 3), float64 and contiguous; shape (n,)."""
        table = NO_LAW if law is None else law_table(law)
        charges = _charges(self.lines, self.index, self.volts, self.radius_mm)
        return self._field_v_per_cm(points_lps_mm, table, charges, self._factors(table))

    def field_and_currents(
        self, points_lps_mm: FloatArray, conductivity: float | FieldLaw | LawTable
    ) -> tuple[FloatArray, FloatArray]:
        """Both `field_v_per_cm` and `currents_a`, for little more than one of them."""
        table = _table(conductivity)
        charges = _charges(self.lines, self.index, self.volts, self.radius_mm)
        factors = self._factors(table)
        field = self._field_v_per_cm(points_lps_mm, table, charges, factors)
        return field, self._currents_a(table, charges, factors)

    def conductances_m(self) -> FloatArray:
        """Current over voltage and conductivity of each pair, shape (p,)."""
        charges = _charges(self.lines, self.index, np.ones(len(self.index)), self.radius_mm)
        return np.asarray(2e-3 * self.lines[self.index[:, 0], 6] * charges[:, 0])

    def currents_a(self, conductivity: float | FieldLaw | LawTable) -> FloatArray:
        """Current of each pair, shape (p,)."""
        table = _table(conductivity)
        charges = _charges(self.lines, self.index, self.volts, self.radius_mm)
        return self._currents_a(table, charges, self._factors(table))

    def _field_v_per_cm(
        self, points_lps_mm: FloatArray, table: LawTable, charges: FloatArray, factors: FloatArray
    ) -> FloatArray:
        out = np.zeros(len(points_lps_mm))
        _add_pairs(
            points_lps_mm, self.lines, self.index, self.radius_mm, charges, factors, table.fields,
            table.step, out,
        )  # fmt: skip
        return out

    def _currents_a(self, table: LawTable, charges: FloatArray, factors: FloatArray) -> FloatArray:
        given = 2e-3 * self.lines[self.index[:, 0], 6] * charges[:, 0]
        return np.asarray(table.low_s_per_m * (factors @ _tube_weights()) * given)

    def _factors(self, table: LawTable) -> FloatArray:
        factors = np.ones((len(self.index), TUBES))
        if len(table.fields):
            _fill_factors(
                self.lines, self.index, self.volts, self.radius_mm, table.fields, table.step, factors
            )
        return factors


@dataclass(frozen=True, eq=False)
class LawTable:
    """The field at a current density, where conductivity rises with the field.

    Parameters
    ----------
    fields
        In V/cm at even steps of current density over the low conductivity; beyond the table the field
        goes in proportion.  Empty: the field is that quotient itself.
    step
        Of that quotient, in V/cm.
    low_s_per_m
        The conductivity without a field.
    """

    fields: FloatArray
    step: float
    low_s_per_m: float


NO_LAW = LawTable(np.zeros(0), 1.0, 1.0)


def law_table(law: FieldLaw | LawTable) -> LawTable:
    """The table of a law of one tissue; a table is its own.

    Raises
    ------
    InvalidValue
        If the law is of several tissues.
    """
    if isinstance(law, LawTable):
        return law
    values = [np.atleast_1d(np.asarray(v, dtype=float)) for v in vars(law).values()]
    if any(len(v) != 1 for v in values):
        raise InvalidValue("The closed form knows one tissue.", str(law), "Give the law of the liver.")
    low, high, first, second = (float(v[0]) for v in values)
    return _law_table(isinstance(law, FieldRamp), low, high, first, second)


@lru_cache(maxsize=32)
def _law_table(is_ramp: bool, low: float, high: float, first: float, second: float) -> LawTable:
    top = second if is_ramp else first + 12.0 * second
    field = np.linspace(0.0, top, 8 * LAW_POINTS)
    if is_ramp:
        sigma = low + (high - low) * np.clip((field - first) / (second - first), 0.0, 1.0)
        start = low
    else:
        sigma = low + (high - low) / (1.0 + np.exp(-(field - first) / second))
        start = float(sigma[0])
    dense = field * sigma / start
    even = np.linspace(0.0, float(dense[-1]), LAW_POINTS)
    return LawTable(np.interp(even, dense, field), float(even[1]), start)


def _table(conductivity: float | FieldLaw | LawTable) -> LawTable:
    """The table of a law, or of one conductivity in S/m at any field."""
    if isinstance(conductivity, float | int):
        return LawTable(NO_LAW.fields, NO_LAW.step, float(conductivity))
    return law_table(conductivity)


@lru_cache(maxsize=1)
def _tube_weights() -> FloatArray:
    """What each tube's factor counts for in the current, (TUBES,).

    At low conductivity tubes even in their angle carry as much; factors are linear between tubes.
    """
    at = np.cos(np.pi * (np.arange(64) + 0.5) / 64)
    nodes = np.linspace(-1.0, 1.0, TUBES)
    return np.array([np.interp(at, nodes, np.eye(TUBES)[n]).mean() for n in range(TUBES)])


@lru_cache(maxsize=8)
def _gauss(count: int) -> tuple[FloatArray, FloatArray]:
    at, weight = np.polynomial.legendre.leggauss(count)
    return at, weight


def _charges(lines: FloatArray, index: IndexArray, volts: FloatArray, radius_mm: float) -> FloatArray:
    """Charge densities of each pair at its voltage, for 1 S/m, in V: six Legendre coefficients; (p, 6)."""
    out = np.zeros((len(index), 6))
    _fill_charges(lines, index, volts, radius_mm, *_gauss(HELD_POINTS), out)
    return out


@kernel
def _log_ratio(low: float, high: float, low_r: float, high_r: float) -> float:
    """Asinh(high / rho) - asinh(low / rho), from the distances to both ends."""
    return float(np.log((low_r + high_r + high - low) / (low_r + high_r - high + low)))


@kernel
def _add_potentials(
    point: FloatArray, line: FloatArray, shift: FloatArray, least: float, weight: float, out: FloatArray
) -> None:
    """Add the potentials at a point of the first three Legendre densities along a line, for 1 S/m.

    ``out`` (3,) gets them times a weight.
    """
    x, y, z = point[0] - line[0] - shift[0], point[1] - line[1] - shift[1], point[2] - line[2] - shift[2]
    half = line[6]
    t = x * line[3] + y * line[4] + z * line[5]
    rho2 = max(x * x + y * y + z * z - t * t, least * least)
    low, high = -half - t, half - t
    low_r, high_r = np.sqrt(low * low + rho2), np.sqrt(high * high + rho2)
    j0 = _log_ratio(low, high, low_r, high_r)
    j1 = high_r - low_r
    j2 = 0.5 * (high * high_r - low * low_r - rho2 * j0)
    first = (j1 + t * j0) / half
    second = (j2 + 2.0 * t * j1 + t * t * j0) / (half * half)
    share = weight / (4.0 * np.pi)
    out[0] += share * j0
    out[1] += share * first
    out[2] += share * (1.5 * second - 0.5 * j0)


@kernel
def _shift(lines: FloatArray, a: int, b: int, radius: float, out: FloatArray) -> float:
    """How far the charges of two needles lie beside their axes, out (2, 3); the needles' least distance.

    The charges of two cylinders lie nearer to each other than their axes, by d/2 - sqrt(d²/4 - a²).
    """
    along = np.empty(3)
    sign = 1.0
    if lines[a, 3] * lines[b, 3] + lines[a, 4] * lines[b, 4] + lines[a, 5] * lines[b, 5] < 0:
        sign = -1.0
    size = 0.0
    for c in range(3):
        along[c] = lines[a, 3 + c] + sign * lines[b, 3 + c]
        size += along[c] * along[c]
    between = np.empty(3)
    reach = 0.0
    for c in range(3):
        between[c] = lines[b, c] - lines[a, c]
        reach += between[c] * along[c]
    square = 0.0
    for c in range(3):
        between[c] -= reach * along[c] / size
        square += between[c] * between[c]
    distance = np.sqrt(square)
    out[:] = 0.0
    if distance > 2.0 * radius:
        beside = 0.5 * distance - np.sqrt(0.25 * square - radius * radius)
        for c in range(3):
            out[0, c] = beside * between[c] / distance
            out[1, c] = -out[0, c]
    least = np.inf
    for n in range(9):
        u = (n - 4) / 4.0
        for one, other in ((a, b), (b, a)):
            x = lines[one, 0] + u * lines[one, 6] * lines[one, 3] - lines[other, 0]
            y = lines[one, 1] + u * lines[one, 6] * lines[one, 4] - lines[other, 1]
            z = lines[one, 2] + u * lines[one, 6] * lines[one, 5] - lines[other, 2]
            t = x * lines[other, 3] + y * lines[other, 4] + z * lines[other, 5]
            t = min(max(t, -lines[other, 6]), lines[other, 6])
            x, y, z = x - t * lines[other, 3], y - t * lines[other, 4], z - t * lines[other, 5]
            least = min(least, np.sqrt(x * x + y * y + z * z))
    return float(least)


@kernel
def _fill_rows(
    lines: FloatArray, test: int, source: int, shift: FloatArray, least: float, at: FloatArray,
    weight: FloatArray, first_row: int, first_column: int, matrix: FloatArray,
) -> None:  # fmt: skip
    """Means over one needle of the potentials of another's densities, weighted by Legendre functions."""
    found, point = np.empty(3), np.empty(3)
    for n in range(len(at)):
        for c in range(3):
            point[c] = lines[test, c] + at[n] * lines[test, 6] * lines[test, 3 + c]
        found[:] = 0.0
        _add_potentials(point, lines[source], shift, least, 0.5 * weight[n], found)
        for row in range(3):
            value = 1.0
            if row == 1:
                value = at[n]
            elif row == 2:
                value = 1.5 * at[n] * at[n] - 0.5
            for column in range(3):
                matrix[first_row + row, first_column + column] += value * found[column]


@kernel
def _fill_charges(
    lines: FloatArray, index: IndexArray, volts: FloatArray, radius: float, at: FloatArray,
    weight: FloatArray, out: FloatArray,
) -> None:  # fmt: skip
    """Densities with which both needles of each pair are at half its voltage, and no current is left over."""
    matrix, right, shift, none = np.empty((7, 7)), np.empty(7), np.empty((2, 3)), np.zeros(3)
    for n in range(len(index)):
        a, b = index[n, 0], index[n, 1]
        apart = _shift(lines, a, b, radius, shift)
        if volts[n] == 0.0 or apart < TOUCHING_RADII * radius:
            continue
        matrix[:], right[:] = 0.0, 0.0
        _fill_rows(lines, a, a, none, radius, at, weight, 0, 0, matrix)
        _fill_rows(lines, b, b, none, radius, at, weight, 3, 3, matrix)
        _fill_rows(lines, a, b, shift[1], radius, at, weight, 0, 3, matrix)
        _fill_rows(lines, b, a, shift[0], radius, at, weight, 3, 0, matrix)
        matrix[0, 6] = matrix[3, 6] = -1.0
        matrix[6, 0], matrix[6, 3] = lines[a, 6], lines[b, 6]
        right[0], right[3] = 0.5 * volts[n], -0.5 * volts[n]
        out[n] = np.linalg.solve(matrix, right)[:6]


@kernel
def _line_field(
    point: FloatArray, line: FloatArray, shift: FloatArray, radius: float, c0: float, c1: float, c2: float
) -> tuple[float, float, float, float]:  # fmt: skip
    """The field in V/mm, times 4 pi, of a line of charge at a point, and its squared distance across.

    The charge lies a little beside the axis.  Within the metal the field is that at its surface.
    """
    ux, uy, uz, half = line[3], line[4], line[5], line[6]
    sx, sy, sz = shift[0], shift[1], shift[2]
    x, y, z = point[0] - line[0], point[1] - line[1], point[2] - line[2]
    t = x * ux + y * uy + z * uz
    a, b, c = x - t * ux, y - t * uy, z - t * uz
    square = a * a + b * b + c * c
    if square < radius * radius and abs(t) <= half:
        away = np.sqrt(square)
        if away < 1e-6 * radius:
            a, b, c = _across(ux, uy, uz)
            away = 1.0
        share = radius / away
        a, b, c = share * a, share * b, share * c
    rest = sx * ux + sy * uy + sz * uz
    t -= rest
    a, b, c = a - sx + rest * ux, b - sy + rest * uy, c - sz + rest * uz
    rho2 = max(a * a + b * b + c * c, 1e-6 * radius * radius)
    low, high = -half - t, half - t
    low_r, high_r = np.sqrt(low * low + rho2), np.sqrt(high * high + rho2)
    per_low, per_high = 1.0 / low_r, 1.0 / high_r
    # Integrals of u^n / R³ along the line, u from the point's foot.
    i0 = (high * per_high - low * per_low) / rho2
    i1 = per_low - per_high
    i2 = np.log((low_r + high_r + 2.0 * half) / (low_r + high_r - 2.0 * half)) - rho2 * i0
    i3 = high_r - low_r - rho2 * i1
    slope, bend = c1 / half, 1.5 * c2 / (half * half)
    b0 = c0 - 0.5 * c2 + t * (slope + t * bend)
    b1 = slope + 2.0 * t * bend
    outward = b0 * i0 + b1 * i1 + bend * i2
    axial = -(b0 * i1 + b1 * i2 + bend * i3)
    return outward * a + axial * ux, outward * b + axial * uy, outward * c + axial * uz, rho2


@kernel
def _across(x: float, y: float, z: float) -> tuple[float, float, float]:
    """A unit vector across another."""
    if abs(x) < 0.6:
        size = np.sqrt(y * y + z * z)
        return 0.0, z / size, -y / size
    size = np.sqrt(x * x + y * y)
    return y / size, -x / size, 0.0


@kernel
def _field_at(dense: float, fields: FloatArray, step: float) -> float:
    """The field in V/cm at a current density over the low conductivity."""
    count = len(fields)
    if count == 0:
        return dense
    at = dense / step
    n = int(at)
    if n >= count - 1:
        return float(fields[count - 1] * at / (count - 1))
    return float(fields[n] + (at - n) * (fields[n + 1] - fields[n]))


@kernel
def _fill_factors(
    lines: FloatArray, index: IndexArray, volts: FloatArray, radius: float, fields: FloatArray, step: float,
    out: FloatArray,
) -> None:  # fmt: skip
    """By how much the current in each tube of flow exceeds that of the low conductivity; out (p, TUBES).

    A tube of two cylinders is the arc on which both charges are seen at one angle; its walls are kept,
    and the voltage along it fixes its current.  Tubes are even in the cosine of that angle, -1 (straight
    from needle to needle) to 1.
    """
    shift = np.empty((2, 3))
    lows, widths = np.empty(TUBE_POINTS), np.empty(TUBE_POINTS)
    for n in range(len(index)):
        _shift(lines, index[n, 0], index[n, 1], radius, shift)
        beside = np.sqrt(shift[0, 0] ** 2 + shift[0, 1] ** 2 + shift[0, 2] ** 2)
        if volts[n] == 0.0 or beside == 0.0:
            continue
        # beside is d/2 - reach, and reach² is d²/4 - radius².
        half = 0.5 * (radius * radius / beside + beside)
        reach, most = half - beside, np.arccosh(half / radius)
        for tube in range(TUBES):
            cosine = min(2.0 * tube / (TUBES - 1) - 1.0, 0.999)
            for k in range(TUBE_POINTS):
                length = reach / (np.cosh(most * (k + 0.5) / TUBE_POINTS) - cosine)
                lows[k] = 5.0 * volts[n] / (most * length)
                widths[k] = 0.2 * length * most / TUBE_POINTS
            out[n, tube] = _factor(lows, widths, volts[n], fields, step)


@kernel
def _factor(lows: FloatArray, widths: FloatArray, volts: float, fields: FloatArray, step: float) -> float:
    """The factor of a tube's current with which its fields add up to a voltage (false position)."""
    low, high = 1.0, 2.0
    below, above = _voltage(low, lows, widths, fields, step) - volts, 0.0
    if below >= 0.0:
        return low
    for _ in range(24):
        above = _voltage(high, lows, widths, fields, step) - volts
        if above > 0.0:
            break
        low, below, high = high, above, 2.0 * high
    for _ in range(12):
        middle = low - below * (high - low) / (above - below)
        found = _voltage(middle, lows, widths, fields, step) - volts
        if abs(found) < 1e-4 * volts:
            return middle
        if found < 0.0:
            low, below, above = middle, found, 0.5 * above
        else:
            high, above, below = middle, found, 0.5 * below
    return 0.5 * (low + high)


@kernel
def _voltage(factor: float, lows: FloatArray, widths: FloatArray, fields: FloatArray, step: float) -> float:
    total = 0.0
    for k in range(len(lows)):
        total += widths[k] * _field_at(factor * lows[k], fields, step)
    return total


@kernel
def _add_pairs(
    points: FloatArray, lines: FloatArray, index: IndexArray, radius: float, charges: FloatArray,
    factors: FloatArray, fields: FloatArray, step: float, out: FloatArray,
) -> None:  # fmt: skip
    """The largest field over pairs at each point."""
    shift = np.empty((2, 3))
    rises = len(fields) > 0
    for n in range(len(index)):
        if charges[n, 0] == 0.0:
            continue
        one, two, own = lines[index[n, 0]], lines[index[n, 1]], charges[n]
        _shift(lines, index[n, 0], index[n, 1], radius, shift)
        between = 0.0
        for c in range(3):
            between += shift[0, c] * shift[0, c]
        between = np.sqrt(between)
        reach = 0.5 * (radius * radius / between - between)
        for m in range(len(points)):
            ax, ay, az, near = _line_field(points[m], one, shift[0], radius, own[0], own[1], own[2])
            bx, by, bz, far = _line_field(points[m], two, shift[1], radius, own[3], own[4], own[5])
            found = (ax + bx) ** 2 + (ay + by) ** 2 + (az + bz) ** 2
            found = 10.0 / (4.0 * np.pi) * np.sqrt(found)
            if rises:
                cosine = (near + far - 4.0 * reach * reach) / (2.0 * np.sqrt(near * far))
                at = 0.5 * (min(max(cosine, -1.0), 1.0) + 1.0) * (TUBES - 1)
                k = min(int(at), TUBES - 2)
                found *= factors[n, k] + (at - k) * (factors[n, k + 1] - factors[n, k])
            out[m] = max(out[m], found)
    if rises:
        for m in range(len(points)):
            out[m] = _field_at(out[m], fields, step)
