"""The electric solver against closed forms, cases H11 and H12 of the reference sheet, each on several grids.

Run with ``-s`` to see the errors.  Quarters and octants stand for the whole by mirror planes
(insulated sides, or a grounded one between opposite potentials).  The voxels around the region hold
the closed form; where a curved electrode would be cut into steps, so do the voxels within it, and
the steps are judged in a case of their own.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import cumulative_trapezoid
from scipy.ndimage import map_coordinates
from scipy.optimize import brentq

from planner.compute.conductivity import Conductor, FieldRamp, FieldSigmoid
from planner.compute.electric_field import (
    ElectricProblem,
    ElectricResult,
    VoxelElectrode,
    solve_electric_field,
)
from planner.compute.multigrid import INNER, Multigrid, Network
from planner.compute.thin_electrode import ThinElectrode
from planner.model.geometry import Grid

SIGMA = 0.2


def lattice(counts, spacing, first) -> tuple[Grid, np.ndarray]:
    """A grid by numbers along i, j, k, and the voxel centres in mm, last axis x, y, z."""
    grid = Grid(tuple(counts)[::-1], tuple(spacing), tuple(first))
    k, j, i = np.indices(grid.shape)
    return grid, grid.to_lps(np.stack([i, j, k], axis=-1))


def octant(size_mm, h: float):
    counts = [round(s / h) for s in np.broadcast_to(size_mm, 3)]
    return lattice(counts, (h,) * 3, (h / 2,) * 3)


def rim(shape, axes=(0, 1, 2), low: bool = False) -> np.ndarray:
    """The last layers of voxels along some axes of k, j, i, and the first ones."""
    mask = np.zeros(shape, dtype=bool)
    for axis in axes:
        layers = np.moveaxis(mask, axis, 0)
        layers[-1] = True
        layers[0] |= low
    return mask


def solve(grid, electrodes, conductivity=SIGMA, sides="insulated", **rest) -> ElectricResult:
    rest.setdefault("tolerance", 1e-6)
    return solve_electric_field(ElectricProblem(Conductor(grid, conductivity), electrodes, sides), **rest)


def order(coarse: float, fine: float, ratio: float) -> float:
    return float(np.log(abs(coarse / fine)) / np.log(ratio))


# H11


def sphere(h: float, steps: float | None = None):
    """An octant of a sphere of 2 mm at 20 V in endless tissue."""
    grid, points = octant(10.0, h)
    r = np.linalg.norm(points, axis=-1)
    exact = 40 / np.maximum(r, h)
    ball = VoxelElectrode("ball", r <= 2, exact if steps is None else 20.0, steps or 1.0)
    outer = VoxelElectrode("outer", rim(grid.shape), exact)
    return grid, r, exact, ball, solve(grid, [ball, outer])


def heat_of(grid: Grid, free: np.ndarray, held: np.ndarray, joule: np.ndarray, k: float) -> np.ndarray:
    """k lap(theta) = -joule in the free voxels by the planner's linear solver; held voxels around them."""
    h = grid.spacing_mm[0] * 1e-3
    rimmed = tuple(n + 2 for n in grid.shape)
    faces = [np.zeros(rimmed, np.float32) for _ in range(3)]
    leak, source = np.zeros(rimmed, np.float32), np.zeros(rimmed)
    source[INNER] = joule * h**3 * free
    fixed = np.isfinite(held)
    for axis, face in zip((2, 1, 0), faces, strict=True):
        a = [np.moveaxis(x, axis, 0) for x in (face[INNER], free, fixed, held, leak[INNER], source[INNER])]
        g, f, x, value, out, into = a
        g[:-1] = k * h * (f[:-1] & f[1:])
        for one, other in ((slice(0, -1), slice(1, None)), (slice(1, None), slice(0, -1))):
            beside = f[one] & x[other]
            out[one] += k * h * beside
            into[one] += k * h * np.where(beside, value[other], 0)
    theta, _ = Multigrid(Network(*faces, leak), grid.spacing_mm).solve(
        source, np.zeros(rimmed), tolerance=1e-7, limit=100
    )
    return theta[INNER]


def test_h11_electro_thermal_theorem() -> None:
    k, volts, errors = 0.5, 20.0, []
    for h in (0.5, 0.25):
        grid, r, exact, ball, result = sphere(h)
        current = 8 * result.current_a["ball"]
        shell = (r > 3) & (r < 9)
        phi = float(np.abs(result.potential_v / exact - 1)[shell].max())
        e = float(np.abs(result.e_v_per_cm / (400 / r**2) - 1)[shell].max())
        # Between spheres of 3 and 9 mm: P = 4 pi sigma (a V)² (1/3 - 1/9).
        within = 8 * result.joule_w_per_m3[shell].sum(dtype=float) * (h * 1e-3) ** 3
        power = 4 * np.pi * SIGMA * 1e-3 * 40**2 * (1 / 3 - 1 / 9)
        kohlrausch = SIGMA / k * (volts * exact - exact**2 / 2)
        free = ~ball.mask & ~rim(grid.shape)
        theta = heat_of(grid, free, np.where(free, np.nan, kohlrausch), result.joule_w_per_m3, k)
        from_field = SIGMA / k * (volts * result.potential_v - result.potential_v**2 / 2)
        at = np.array([4.0, 8.0])
        line = [np.interp(at, r[0, 0], t[0, 0]) for t in (from_field, theta)]
        known = 0.4 * (20 * 40 / at - (40 / at) ** 2 / 2)
        print(
            f"H11 h {h}: I {current / 0.100531 - 1:+.3%}, phi {phi:.3%}, E {e:.3%}, "
            f"P between 3 and 9 mm {within / power - 1:+.3%}, theta {np.abs(line[0] / known - 1).max():.3%}, "
            f"solved {np.abs(line[1] / known - 1).max():.3%}"
        )
        errors.append((phi, e))
        assert phi <= 0.01
        assert current == pytest.approx(0.100531, rel=0.02 if h > 0.3 else 0.01)
        assert within == pytest.approx(power, rel=0.05 if h > 0.3 else 0.02)
        assert line[0] == pytest.approx(known, rel=0.01)
        assert line[1] == pytest.approx(known, rel=0.05 if h > 0.3 else 0.02)
    orders = [order(coarse, fine, 2) for coarse, fine in zip(*errors, strict=True)]
    print(f"H11 orders: phi {orders[0]:.2f}, E {orders[1]:.2f}")
    assert orders == pytest.approx([2, 2], abs=0.2)


def test_h11_the_steps_of_a_sphere() -> None:
    """One potential in voxels: half a voxel short, or put right by the face factor."""
    for h in (0.4, 0.2):
        errors = []
        for factor in (1.0, 1.5):
            result = sphere(h, factor)[-1]
            errors.append(8 * result.current_a["ball"] / 0.100531 - 1)
            if factor > 1:
                # Of the power 2.010619 W what lies within the cube of 10 mm about it, by the potential.
                assert result.power_w == pytest.approx(within_cube_w(10 - h / 2) / 8, rel=0.01)
        print(f"H11 steps h {h}: I {errors[0]:+.2%}, with the face factor {errors[1]:+.2%}")
        assert -0.4 * h / 2 <= errors[0] <= 0
        assert abs(errors[1]) <= 0.01


def within_cube_w(half_mm: float) -> float:
    """sigma |E|² of the sphere within a cube: all of it less what lies outside, by quadrature."""
    u = (np.arange(400) + 0.5) / 200 - 1
    # Beyond a face of the cube, over the pyramid from the centre: r > half / cos.
    a, b = np.meshgrid(u, u)
    ray = np.sqrt(1 + a**2 + b**2)
    outside = 6 * SIGMA * 40**2 * 1e-3 / half_mm * float((ray**-4).sum()) * (1 / 200) ** 2
    return 4 * np.pi * SIGMA * 20**2 * 2e-3 - outside


# H12: two cylinders


class Pair:
    """Two long thin electrodes in endless tissue, through a box at any angle.

    Parameters
    ----------
    d
        Distance in mm; the radius is 0.5 mm, the voltage d / mm * 150 V.
    along
        Direction of both.
    h
        Spacing in mm, one or three.
    shift
        Of the lattice, in voxels.
    """

    def __init__(self, d, along=(0, 0, 1), h=1.0, shift=(0, 0, 0), half=None, a=0.5) -> None:
        self.d, self.a, self.volts = d, a, 150.0 * d
        along = np.array(along, float) / np.linalg.norm(along)
        across = np.cross(along, [0, 1, 0])
        across /= np.linalg.norm(across)
        self.frame = np.stack([across, np.cross(along, across), along])
        half = np.broadcast_to(half or (d / 2 + 9, 11, 14), 3)
        spacing = np.broadcast_to(h, 3)
        counts = 2 * (half / spacing).astype(int) + 1
        self.grid, points = lattice(counts, spacing, (np.array(shift) - counts // 2) * spacing)
        self.x, self.y, self.z = np.moveaxis(points @ self.frame.T, -1, 0)
        self.eta, self.s = np.arccosh(d / 2 / a), np.sqrt(d * d / 4 - a * a)
        self.phi, self.e = self.exact(self.x, self.y)
        self.near = np.minimum(np.hypot(self.x - d / 2, self.y), np.hypot(self.x + d / 2, self.y))
        outer = rim(self.grid.shape, low=True) & (self.near > 2 * spacing.max())
        electrodes = [VoxelElectrode("outer", outer, self.phi)]
        for name, sign in (("plus", 1), ("minus", -1)):
            start, end = self.through(sign * d / 2 * across, along, counts, spacing, points[0, 0, 0])
            electrodes.append(ThinElectrode(name, start, end, a, sign * self.volts / 2))
        self.result = solve(self.grid, electrodes)
        # Away from the ends of the electrodes, where they leave the box.
        self.middle = (np.abs(self.z) < 4) & ~rim(self.grid.shape, low=True)

    @staticmethod
    def through(point, along, counts, spacing, first):
        low, high = first - spacing / 2, first + (counts - 0.5) * spacing
        moving = np.abs(along) > 1e-9
        ways = np.sort(((np.stack([low, high]) - point) / np.where(moving, along, 1))[:, moving], axis=0)
        return (tuple(point + (ways[0].max() + 1e-6) * along), tuple(point + (ways[1].min() - 1e-6) * along))

    def exact(self, x, y):
        r1, r2 = np.hypot(x + self.s, y), np.hypot(x - self.s, y)
        with np.errstate(divide="ignore"):
            phi = self.volts / 2 / self.eta * np.log(r1 / r2)
            e = 10 * self.volts * self.s / (self.eta * r1 * r2)
        return np.clip(phi, -self.volts / 2, self.volts / 2), e

    def line_error(self) -> float:
        """Of the current over length in the middle third of the electrodes."""
        exact = np.pi * SIGMA * self.volts / self.eta
        found = []
        for name, sign in (("plus", 1), ("minus", -1)):
            line = sign * self.result.line_a_per_m[name]
            found.append(line[len(line) // 3 : 2 * len(line) // 3].mean())
        return max((f / exact - 1 for f in found), key=abs)

    def worst(self, nearest: float, farthest: float = np.inf) -> float:
        """Largest error of the field within a range of distances from the axes."""
        where = self.middle & (self.near >= nearest) & (self.near < farthest)
        return float(np.abs(self.result.e_v_per_cm / self.e - 1)[where].max())

    def at(self, values: np.ndarray, x, y) -> np.ndarray:
        """Values at points of the middle plane across, by cubic interpolation."""
        x, y = np.broadcast_arrays(np.asarray(x, float), y)
        places = self.grid.to_ijk(np.stack([x, y, np.zeros_like(x)], axis=-1) @ self.frame)
        return map_coordinates(values.astype(float), places.reshape(-1, 3).T[::-1], order=3).reshape(x.shape)

    def field(self, x, y) -> np.ndarray:
        """The field there, by its logarithm."""
        e = self.result.e_v_per_cm
        return np.exp(self.at(np.log(np.where(e > 0, e, self.e)), x, y))

    def oval(self, level: float) -> tuple[float, float]:
        """Half-length and half-width of the region above a level."""
        length = brentq(lambda x: self.field(x, 0) - level, self.d / 2 + 1, self.d / 2 + 8)
        width = brentq(lambda y: self.field(0, y) - level, 0.5, 10)
        return length, width


ROWS = {
    10: (2.99322285, 1007.313, (8.63782, 5.01119), (7.76954, 3.29632)),
    15: (3.40008441, 884.298, (12.45156, 6.56060), (11.25806, 3.83977)),
    20: (3.68825387, 814.412, (16.19337, 7.91992), (14.69026, 4.03778)),
}


@pytest.mark.parametrize("d", ROWS)
def test_h12_two_cylinders(d: int) -> None:
    eta, middle, *ovals = ROWS[d]
    for h in (1.0, 0.75):
        pair = Pair(d, h=h)
        assert pair.eta == pytest.approx(eta, rel=1e-7)
        assert pair.exact(0, 0)[1] == pytest.approx(middle, rel=1e-6)
        found = [*pair.oval(500), *pair.oval(700)]
        off = np.array(found) / np.array([*ovals[0], *ovals[1]]) - 1
        centre = float(pair.field(0, 0)) / middle - 1
        print(
            f"H12 cylinders d {d} h {h}: middle {centre:+.2%}, ovals {np.abs(off).max():.2%}, "
            f"current {pair.line_error():+.2%}, E from 1 mm {pair.worst(1.0):.2%}"
        )
        assert abs(centre) <= 0.02
        assert np.abs(off).max() <= 0.02
        assert abs(pair.line_error()) <= 0.01
        assert pair.worst(2 * pair.a) <= 0.02
        if d == 15:
            at = np.array([(2, 0), (5, 0), (0, 5), (5, 5)], float).T
            volts = np.array([181.26083, 534.29512, 0, 290.87471])
            fields = np.array([952.32128, 1597.44215, 611.36675, 659.63143])
            assert np.pi * SIGMA * pair.volts / eta == pytest.approx(415.789, rel=1e-5)
            phi_off = np.abs(pair.at(pair.result.potential_v, *at) - volts).max()
            e_off = np.abs(pair.field(*at) / fields - 1).max()
            print(f"H12 points: {phi_off:.2f} V, E {e_off:.2%}")
            assert phi_off <= 0.005 * pair.volts
            assert e_off <= 0.02


@pytest.mark.parametrize("along", [(1, 0, 2), (1, 0, 1), (1, 1, 1), (1, 2, 3), (0.1, 0.05, 1)])
def test_h12_oblique_electrodes(along) -> None:
    for h, shift in (
        (1.0, (0, 0, 0)),
        (1.0, (0.3, 0.4, 0.2)),
        (1.5, (0, 0, 0)),
        ((0.8, 1.0, 1.2), (0, 0, 0)),
    ):
        pair = Pair(15, along, h, shift, half=(17, 17, 17))
        near = pair.worst(1.0)
        print(
            f"H12 along {along} h {h} shift {shift}: current {pair.line_error():+.2%}, E from 1 mm {near:.2%}"
        )
        assert abs(pair.line_error()) <= 0.01
        assert near <= 0.02


@pytest.mark.parametrize(("a", "h"), [(0.25, 1.0), (0.9, 1.0), (0.9, 0.75)])
def test_h12_thinner_and_thicker_than_a_voxel(a: float, h: float) -> None:
    pair = Pair(15, (1, 2, 3), h, half=(17, 17, 17), a=a)
    near = pair.worst(2 * a)
    print(f"H12 radius {a} h {h}: current {pair.line_error():+.2%}, E from {2 * a:g} mm {near:.2%}")
    assert abs(pair.line_error()) <= 0.01
    assert near <= 0.02


# H12: two spheres


def spheres_images(a: float, d: float, count: int = 12) -> list[tuple[float, float]]:
    """Charge over 4 pi sigma, in V mm, and place on the axis of the images of spheres at +-0.5 V."""
    found, charge, place = [], 0.5 * a, d / 2
    for _ in range(count):
        found += [(charge, place), (-charge, -place)]
        # The image, in the sphere at +d/2, of the mirror image of this charge.
        reach = place + d / 2
        charge, place = charge * a / reach, d / 2 - a * a / reach
    return found


@pytest.mark.parametrize(
    ("a", "d", "known"), [(1, 10, 6.9821022e-3), (1, 20, 6.6139229e-3), (5, 20, 4.21306366e-2)]
)
def test_h12_two_spheres(a: float, d: float, known: float) -> None:
    images = spheres_images(a, d)
    total = sum(charge for charge, place in images if place > 0)
    assert 4 * np.pi * total * 1e-3 == pytest.approx(known, rel=1e-6)
    for h, fine in ((0.25, False), (0.2, True)) if a == 1 else ((0.8, False), (0.5, True)):
        currents, worst = {}, {}
        # A quarter of the sphere at +d/2; the plane between is grounded.
        half = round((d / 2 + 5 * min(a, 2)) / h) * h, 5 * min(a, 2) + a, 5 * min(a, 2) + a
        grid, points = octant(half, h)

        def phi(points):
            return sum(
                q / np.maximum(np.linalg.norm(points - [x, 0, 0], axis=-1), 0.3 * a) for q, x in images
            )

        r = np.linalg.norm(points - [d / 2, 0, 0], axis=-1)
        exact = phi(points)
        outer = VoxelElectrode("outer", rim(grid.shape), exact)
        for name, values, factor in (("exact", exact, 1.0), ("steps", 0.5, 1.5)):
            ball = VoxelElectrode("ball", r <= a, values, factor)
            result = solve(
                grid, [outer, ball], sides=(("grounded", "insulated"), ("insulated",) * 2, ("insulated",) * 2)
            )
            current = 4 * result.current_a["ball"] / SIGMA
            away = (r >= 2 * a) & ~outer.mask
            slopes = np.stack([(phi(points + s) - phi(points - s)) / 2e-3 for s in 1e-3 * np.eye(3)])
            e = 10 * np.linalg.norm(slopes, axis=0)
            worst[name] = np.abs(result.e_v_per_cm / e - 1)[away].max()
            currents[name] = current / known - 1
        print(
            f"H12 spheres {a}, {d} h {h:g}: I {currents['exact']:+.2%}, E from 2 a {worst['exact']:.2%}; "
            f"with steps {currents['steps']:+.2%}, {worst['steps']:.2%}"
        )
        assert abs(currents["exact"]) <= 0.01
        assert abs(currents["steps"]) <= (0.01 if fine else 0.025)
        assert max(worst.values()) <= (0.02 if fine else 0.03)


def test_h12_concentric_spheres() -> None:
    """Of 0.5 and 15 mm at 1000 V: phi and E at 5 mm, and the conductance."""
    spread = 1000 / (1 / 0.5 - 1 / 15)
    assert spread * (1 / 5 - 1 / 15) == pytest.approx(68.965517, rel=1e-7)
    assert 10 * spread / 25 == pytest.approx(206.896552, rel=1e-7)
    for h, fine in ((0.3, False), (0.2, True)):
        grid, points = octant(15.6, h)
        r = np.linalg.norm(points, axis=-1)
        exact = spread * (1 / np.maximum(r, 0.1) - 1 / 15)
        inner = VoxelElectrode("inner", r <= 0.5, exact)
        result = solve(grid, [inner, VoxelElectrode("outer", r >= 15, exact)])
        at = np.abs(r - 5) < h / 2
        phi = np.abs(result.potential_v / exact - 1)[at].max()
        e = np.abs(result.e_v_per_cm / (10 * spread / r**2) - 1)[at].max()
        conductance = 8 * result.current_a["inner"] / SIGMA / 1000
        print(
            f"H12 concentric h {h}: G {conductance / 6.49984687e-3 - 1:+.2%}, phi {phi:.2%}, E {e:.2%} at 5 mm"
        )
        assert conductance == pytest.approx(6.49984687e-3, rel=0.02 if not fine else 0.01)
        assert max(phi, e) <= (0.02 if fine else 0.04)


# H12: coax


RAMP = FieldRamp(0.08, 0.32, 350, 700)
SIGMOID = FieldSigmoid(0.12, 0.30, 580, 60)
COAX = [
    (None, 1000.0, 184.734510 * 2, 588.028208, None, None),
    (RAMP, 500.0, 127.355102, 386.35091, 2.21694, None),
    (RAMP, 1000.0, 448.779707, 587.76699, 7.81217, 3.18864),
    (RAMP, 1500.0, 802.623786, None, 13.97173, None),
    (SIGMOID, 1000.0, 419.859981, None, 8.48277, None),
]


class CoaxForm:
    """Between cylinders of 0.5 and 15 mm, the inner at a voltage: I' = 2 pi r sigma(E) E."""

    def __init__(self, law, volts: float) -> None:
        self.law, self.volts = law, volts
        self.r = np.geomspace(0.05, 60, 20001)
        self.current = brentq(lambda i: self.drop(i) - volts, 1.0, 5000.0, rtol=1e-12)
        self.e = self.fields(self.current)
        fall = cumulative_trapezoid(self.e * 1e-1 * self.r, np.log(self.r), initial=0)
        self.v = np.interp(np.log(15), np.log(self.r), fall) - fall

    def sigma(self, e):
        if self.law is None:
            return np.full_like(e, SIGMA)
        s0, s1, a, b = (float(x) for x in vars(self.law).values())
        share = np.clip((e - a) / (b - a), 0, 1) if self.law is RAMP else 1 / (1 + np.exp(-(e - a) / b))
        return s0 + (s1 - s0) * share

    def fields(self, current: float) -> np.ndarray:
        """E in V/cm at each radius, by bisection."""
        wanted = current / (2 * np.pi * self.r * 1e-3) / 100
        low, high = np.zeros_like(wanted), wanted / 0.05
        for _ in range(60):
            mid = (low + high) / 2
            above = self.sigma(mid) * mid > wanted
            low, high = np.where(above, low, mid), np.where(above, mid, high)
        return low

    def drop(self, current: float) -> float:
        fall = cumulative_trapezoid(self.fields(current) * 1e-1 * self.r, np.log(self.r), initial=0)
        return float(np.diff(np.interp(np.log([0.5, 15]), np.log(self.r), fall))[0])

    def potential(self, r):
        return np.interp(np.log(np.maximum(r, 0.06)), np.log(self.r), self.v)

    def field(self, r):
        return np.exp(np.interp(np.log(r), np.log(self.r), np.log(self.e)))

    def radius(self, level):
        return float(np.exp(np.interp(-np.log(level), -np.log(self.e), np.log(self.r))))


@pytest.mark.parametrize(("law", "volts", "current", "at_5", "r500", "r700"), COAX)
def test_h12_coax_of_voxels(law, volts, current, at_5, r500, r700) -> None:
    form = CoaxForm(law, volts)
    assert form.current == pytest.approx(current, rel=1e-5)
    for level, known in ((500, r500), (700, r700)):
        assert known is None or form.radius(level) == pytest.approx(known, rel=1e-4)
    assert at_5 is None or form.field(5.0) == pytest.approx(at_5, rel=1e-4)
    for h in (0.25, 0.125):
        count = round(15.25 / h)
        grid, points = lattice((count, count, 1), (h, h, 1.0), (h / 2, h / 2, 0))
        r = np.hypot(points[..., 0], points[..., 1])
        inner = VoxelElectrode("inner", r <= 0.5, form.potential(r))
        outer = VoxelElectrode("outer", r >= 15, form.potential(r))
        result = solve(grid, [inner, outer], law or SIGMA)
        found = 4e3 * result.current_a["inner"]
        away = (r > 1.0) & (r < 14.5)
        phi = np.abs(result.potential_v - form.potential(r))[away].max() / volts
        e = np.abs(result.e_v_per_cm / form.field(r) - 1)[away].max()
        print(
            f"H12 coax {type(law).__name__} {volts:g} V, voxels of {h} mm: I' {found / current - 1:+.3%}, "
            f"phi {phi:.3%}, E {e:.2%}, {result.picard_steps} steps"
        )
        assert found == pytest.approx(current, rel=0.02 if h > 0.2 else 0.01)
        assert h > 0.2 or e <= 0.02
        assert phi <= 0.005


@pytest.mark.parametrize(("law", "volts", "current", "at_5", "r500", "r700"), COAX)
def test_h12_coax_of_a_thin_electrode(law, volts, current, at_5, r500, r700) -> None:
    """One of 0.5 mm along the lattice and oblique, in voxels that hold the closed form from 15 mm on."""
    form = CoaxForm(law, volts)
    for along, h in (((0, 0, 1), 1.0), ((1, 2, 3), 1.0), ((0, 0, 1), 0.5)):
        along = np.array(along, float) / np.linalg.norm(along)
        half = (16.0, 16.0, 8.0 if h < 1 else 16.0)
        counts = [2 * round(s / h) + 1 for s in half]
        grid, points = lattice(counts, (h,) * 3, [-(n // 2) * h for n in counts])
        z = points @ along
        r = np.sqrt(np.maximum((points**2).sum(axis=-1) - z**2, 0))
        outer = (r >= 15) | (rim(grid.shape, low=True) & (r > 2.5 * h))
        end = min((s + h / 2 - 1e-6) / a for s, a in zip(half, along, strict=True) if a > 0) * along
        electrodes = [
            VoxelElectrode("outer", outer, form.potential(r)),
            ThinElectrode("wire", -end, end, 0.5, volts),
        ]
        result = solve(grid, electrodes, law or SIGMA)
        line = result.line_a_per_m["wire"]
        found = line[len(line) // 3 : 2 * len(line) // 3].mean()
        away = (np.abs(z) < 3) & (r >= 1.0) & (r < 14)
        off = np.abs(result.e_v_per_cm / form.field(np.maximum(r, 0.5)) - 1)
        assert found == pytest.approx(current, rel=0.01 if law is None else 0.02)
        assert off[away].max() <= 0.02
        at = (np.abs(z) < 3) & (r > 1) & (r < 14.5)
        inward = np.argsort(-r[at])
        radius = float(np.interp(500, result.e_v_per_cm[at][inward], r[at][inward])) if r500 else np.nan
        print(
            f"H12 coax {type(law).__name__} {volts:g} V, thin {np.round(along, 2)} h {h}: I' "
            f"{found / current - 1:+.2%}, E from 1 mm {off[away].max():.2%}, r(500) {radius:.3f} ({r500}) mm, "
            f"{result.picard_steps} steps"
        )
        assert r500 is None or radius == pytest.approx(r500, rel=0.02)
