"""Quasi-static electric field of electrodes in tissue: div(sigma grad phi) = 0.

Finite volumes on a lattice: the conductance of a face is that of its two half voxels in series
(harmonic mean; Patankar, Numerical Heat Transfer and Fluid Flow, 1980, 4.2-3).  Electrodes are
voxels at a potential, or straight ones thinner than a voxel at any angle (`thin_electrode`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue, PlannerError
from planner.base.task import Task
from planner.compute.conductivity import Conductor, FieldLaw, picard_damping
from planner.compute.heat_lattice import FloatArray, Mask, Single, readonly
from planner.compute.multigrid import INNER, Multigrid, Network, apply_network
from planner.compute.thin_electrode import ThinElectrode, ThinElectrodes
from planner.compute.threads import kernel
from planner.model.geometry import Grid

Side = Literal["insulated", "grounded"]
#: What holds at the low and the high side along i, j, k.
Sides = tuple[tuple[Side, Side], tuple[Side, Side], tuple[Side, Side]]

#: Share of the residual that a solution between two steps leaves.
ROUGH = 0.05


@dataclass(frozen=True, eq=False)
class VoxelElectrode:
    """Voxels at a potential, which stands at their centres.

    Parameters
    ----------
    name
        What the current is listed under.
    mask
        The voxels, ``[k, j, i]``.
    potential_v
        One number, or an array ``[k, j, i]`` of which the voxels of the mask count.
    face_factor
        Multiplies the conductance of the faces towards tissue: 2 puts the potential on flat sides
        along the lattice, and about 1.5 on a curved surface of which the voxels within it are
        given (1 is 0.33 voxels short); `heat_lattice.thin_needle_factor` for one row of voxels.

    Raises
    ------
    InvalidValue
        If the mask is empty or has not three axes, or a number is not finite or of another shape.
    """

    name: str
    mask: Mask
    potential_v: npt.ArrayLike
    face_factor: float = 1.0

    def __post_init__(self) -> None:
        mask = np.array(self.mask, dtype=bool)
        potential = np.array(self.potential_v, dtype=np.float64)
        if mask.ndim != 3 or not mask.any() or potential.shape not in ((), mask.shape):
            raise InvalidValue(
                "An electrode needs voxels, and one potential or one each.",
                f"{self.name}: mask {mask.shape}, {mask.sum()} voxels, potential {potential.shape}",
                "Give arrays [k, j, i] of the lattice's shape.",
            )
        if not np.all(np.isfinite(np.broadcast_to(potential, mask.shape)[mask])):
            raise InvalidValue("A potential must be finite.", self.name, "Set it in every voxel.")
        if not (self.face_factor > 0 and isfinite(self.face_factor)):
            raise InvalidValue(
                "A face factor must be positive.", f"{self.name}: {self.face_factor}", "Leave it at 1."
            )
        object.__setattr__(self, "mask", readonly(mask))
        object.__setattr__(self, "potential_v", readonly(potential))

    @property
    def held_v(self) -> FloatArray:
        """The potential of each voxel of the mask, in the order of ``array[mask]``."""
        return np.broadcast_to(cast(FloatArray, self.potential_v), self.mask.shape)[self.mask]


Electrode = VoxelElectrode | ThinElectrode


@dataclass(frozen=True, eq=False)
class ElectricProblem:
    """Tissue, the electrodes in it, and what holds at the sides of the lattice.

    Parameters
    ----------
    conductor
        Conductivity on its lattice.
    electrodes
        With names of their own; of voxels in two of them the later wins.
    sides
        One word for all sides, or low and high along i, j, k.  A grounded side is at 0 V on the
        outer faces.

    Raises
    ------
    InvalidValue
        If nothing holds the potential, names repeat, shapes differ, or an exposed part leaves the
        lattice.
    """

    conductor: Conductor
    electrodes: Sequence[Electrode]
    sides: Side | Sides = "insulated"

    def __post_init__(self) -> None:
        grid = self.conductor.grid
        sides = ((self.sides, self.sides),) * 3 if isinstance(self.sides, str) else self.sides
        flat = [side for pair in sides for side in pair]
        if len(flat) != 6 or any(side not in ("insulated", "grounded") for side in flat):
            raise InvalidValue(
                "Each side of a lattice is insulated or grounded.",
                f"sides {self.sides}",
                "Give one word, or low and high along i, j, k.",
            )
        names = [electrode.name for electrode in self.electrodes]
        if not names or len(set(names)) < len(names):
            raise InvalidValue(
                "A field needs electrodes with names of their own.", f"names {names}", "Name each once."
            )
        for electrode in self.electrodes:
            if isinstance(electrode, VoxelElectrode) and electrode.mask.shape != grid.shape:
                raise InvalidValue(
                    "The mask of an electrode needs the shape of the lattice.",
                    f"{electrode.name}: {electrode.mask.shape}, lattice {grid.shape}",
                    "Resample the mask to the lattice first.",
                )
            if isinstance(electrode, ThinElectrode) and not np.all(
                _within(grid, electrode.exposed_ends_lps_mm)
            ):
                raise InvalidValue(
                    "The exposed part of an electrode must lie within the lattice.",
                    electrode.name,
                    "Take a larger lattice, or move the electrode.",
                )
        object.__setattr__(self, "electrodes", tuple(self.electrodes))
        object.__setattr__(self, "sides", sides)


@dataclass(frozen=True, eq=False)
class ElectricResult:
    """Field and currents; arrays ``[k, j, i]``, float32 and read-only.

    Parameters
    ----------
    potential_v, e_v_per_cm
        At the voxel centres.  The field is the mean of the currents through opposite faces over the
        conductivity, and zero in a voxel electrode.  Good to 2 % from two radii of a thin electrode
        on; within it, the value at its surface.  Beside a voxel electrode it is as coarse as the
        voxels.
    conductivity_s_per_m
        The one solved with.
    joule_w_per_m3
        Mean over the voxel: what its faces dissipate, and what is lost within the spread of a thin
        electrode's charges.  Sums to the power.
    current_a
        Current from each electrode into the tissue, by name.
    ground_a
        Current from grounded sides into the tissue; with the electrodes' it sums to zero.
    power_w
        What the tissue dissipates.
    line_a_per_m
        For each thin electrode, current over length along its exposed part in even pieces, start
        to end.
    iterations, residual
        Of the conjugate gradients: in all, and the residual reached over that of no field.
    picard_steps, mismatch
        Steps of the conductivity, and by which share of itself it is off in the worst voxel.
    """

    potential_v: Single
    e_v_per_cm: Single
    conductivity_s_per_m: Single
    joule_w_per_m3: Single
    current_a: Mapping[str, float]
    ground_a: float
    power_w: float
    line_a_per_m: Mapping[str, FloatArray]
    iterations: int
    residual: float
    picard_steps: int
    mismatch: float


def _within(grid: Grid, points_lps_mm: FloatArray) -> Mask:
    """Whether points lie within the voxels or on the outer faces."""
    ijk = grid.to_ijk(points_lps_mm)
    upper = np.array(grid.shape[::-1]) - 0.5
    return np.asarray(np.all((ijk >= -0.5 - 1e-6) & (ijk <= upper + 1e-6), axis=-1))


def solve_electric_field(
    problem: ElectricProblem,
    *,
    tolerance: float = 1e-5,
    limit: int = 200,
    mismatch: float = 0.005,
    picard_limit: int = 60,
    task: Task | None = None,
) -> ElectricResult:
    """The field of electrodes; the same input gives the same bits.

    Where the conductivity depends on the field both are found in turns (Picard), each step going
    half the way (less for a very steep law) and starting from the field of the step before, until
    in every voxel the conductivity is what the law says for its field, within ``mismatch`` of
    itself, and the field is solved to the tolerance.

    Parameters
    ----------
    tolerance, limit
        Residual of the currents over that without a field, and most iterations a solution.
    mismatch, picard_limit
        Largest error of a field-dependent conductivity, and most steps to it.
    task
        Told about progress; stops the work when cancelled.

    Raises
    ------
    PlannerError
        If a limit is reached first.
    Cancelled
        When the task was cancelled.
    """
    task = task or Task()
    conductor = problem.conductor
    run = _Run(problem, limit)
    if not conductor.depends_on_field:
        run.solve(conductor.conductivity_s_per_m(0.0), tolerance, 0.0, task)
        result = run.result(0, 0.0)
    else:
        steps, off = run.settle(conductor, tolerance, mismatch, picard_limit, task)
        result = run.result(steps, off)
    task.report(1.0, "Electric field done")
    return result


class _Run:
    """The changing state of a solution.  Potentials are shifted: zero lies midway between them."""

    def __init__(self, problem: ElectricProblem, limit: int) -> None:
        grid = problem.conductor.grid
        self.problem, self.grid, self.limit = problem, grid, limit
        shape = tuple(n + 2 for n in grid.shape)
        self.hold = np.ones(shape, dtype=np.float32)
        self.hold[INNER] = 0
        self.owner = np.full(grid.shape, -1, dtype=np.int32)
        held = np.zeros(shape)
        for n, electrode in enumerate(problem.electrodes):
            if isinstance(electrode, VoxelElectrode):
                self.owner[electrode.mask] = n
                self.hold[INNER][electrode.mask] = electrode.face_factor
                held[INNER][electrode.mask] = electrode.held_v
        self.thin = ThinElectrodes(
            grid, [e for e in problem.electrodes if isinstance(e, ThinElectrode)], self.hold
        )
        self.taken = self.owner >= 0
        grounded = any(side == "grounded" for pair in cast(Sides, problem.sides) for side in pair)
        known = np.concatenate([held[INNER][self.taken], self.thin.volts, [0.0] if grounded else []])
        self.middle = 0.5 * (float(known.min()) + float(known.max()))
        self.held = np.where(self.hold > 0, held - self.middle, 0.0)
        self.free = np.zeros(shape)
        self.iterations, self.residual = 0, 0.0

    def settle(
        self, conductor: Conductor, tolerance: float, mismatch: float, limit: int, task: Task
    ) -> tuple[int, float]:
        """Find conductivity and potential together; the steps, and the mismatch left.

        The potential keeps up roughly, and is solved to the end before the mismatch counts.
        """
        conductivity, gain, share = conductor.conductivity_s_per_m(0.0), ROUGH, 0.0
        damping = np.float32(picard_damping(cast(FieldLaw, conductor.conductivity)))
        for step in range(1, limit + 1):
            self.solve(conductivity, tolerance, gain, task.part(share, share))
            wanted = conductor.conductivity_s_per_m(self.field_v_per_cm())
            off = self.worst_mismatch(wanted)
            if off <= mismatch and self.residual > tolerance:
                self.solve(conductivity, tolerance, 0.0, task.part(share, share))
                wanted = conductor.conductivity_s_per_m(self.field_v_per_cm())
                off = self.worst_mismatch(wanted)
            if off <= mismatch:
                return step, off
            share = max(share, 1 - np.log(off / mismatch) / np.log(10 / mismatch))
            task.report(share, "Conductivity at this field")
            conductivity = conductivity + damping * (wanted - conductivity)
        raise PlannerError(
            "The conductivity did not settle with the field.",
            f"{off:.1%} off after {limit} steps",
            "Look for a very steep conductivity law, or allow more steps or a larger mismatch.",
        )

    def solve(self, conductivity: Single, tolerance: float, gain: float, task: Task) -> None:
        """Find the potential for a conductivity, starting from the last potential.

        A residual of the tolerance will do, or one of ``gain`` times that at the start.
        """
        self.conductivity = conductivity
        sigma = np.zeros(self.hold.shape, dtype=np.float32)
        sigma[INNER] = conductivity
        faces = _Faces.between(sigma, self.hold, self.held, self.grid, cast(Sides, self.problem.sides))
        self.sigma, self.faces, current = sigma, faces.all, faces.current
        coupling, softened = None, None
        if self.thin.count:
            coupling = self.thin.coupling(sigma)
            charges = self.thin.charges(self.held, self.middle)
            coupling.spread(charges, current.reshape(-1))
            rows = np.zeros_like(current)
            coupling.add(np.ones_like(rows).reshape(-1), rows.reshape(-1))
            softened = faces.leak + np.maximum(rows, 0).astype(np.float32)
        gi, gj, gk = faces.inner
        network = Network(gi, gj, gk, faces.leak, coupling, softened)
        self.free, found = Multigrid(network, self.grid.spacing_mm).solve(
            current, self.free, tolerance=tolerance, gain=gain, limit=self.limit, task=task
        )
        self.free[self.hold > 0] = 0
        self.potential = self.free + self.held
        self.iterations, self.residual = self.iterations + found.iterations, found.residual
        self._find_densities()

    def _find_densities(self) -> None:
        """Mean current density of each voxel along i, j, k, and what its faces dissipate."""
        shape = self.sigma.shape
        density, joule = np.zeros((3, *shape), dtype=np.float32), np.zeros(shape, dtype=np.float32)
        for axis, face, out in zip((2, 1, 0), self.faces, density, strict=True):
            step = int(np.prod(shape[axis + 1 :]))
            _densities(
                shape, step, np.array(self.grid.spacing_mm) * 1e-3, axis, face.reshape(-1),
                self.hold.reshape(-1), self.potential.reshape(-1), self.sigma.reshape(-1),
                out.reshape(-1), joule.reshape(-1),
            )  # fmt: skip
        self.density, self.joule = density[:, *INNER], joule[INNER]
        self.near_v = np.zeros(self.grid.shape, dtype=np.float32)
        if self.thin.count:
            charges = self.thin.charges(self.potential, self.middle)
            self.thin.put_right(charges, self.taken, self.density, self.near_v)

    def field_v_per_cm(self) -> Single:
        """Magnitude of the field in each voxel."""
        magnitude = np.sqrt((self.density**2).sum(axis=0))
        magnitude /= 100 * self.conductivity
        magnitude[self.taken] = 0
        return cast(Single, magnitude)

    def worst_mismatch(self, wanted: Single) -> float:
        """The largest share by which a conductivity differs from the one solved with."""
        off = np.abs(wanted / self.conductivity - 1)
        off[self.taken] = 0
        return float(off.max())

    def result(self, picard_steps: int, mismatch: float) -> ElectricResult:
        out = np.zeros_like(self.potential)
        flat = [face.reshape(-1) for face in self.faces]
        apply_network(
            out.shape, flat[0], flat[1], flat[2], np.zeros_like(flat[0]), self.potential.reshape(-1),
            out.reshape(-1),
        )  # fmt: skip
        names = [e.name for e in self.problem.electrodes]
        charges = self.thin.charges(self.potential, self.middle)
        heat = np.zeros_like(self.potential)
        if self.thin.count:
            self.thin.spread_on_held(-charges, out.reshape(-1))
            self.thin.place_heat(charges * self.thin.deficit(self.potential, self.middle), heat.reshape(-1))
        current = dict.fromkeys(names, 0.0)
        for n, name in enumerate(names):
            current[name] = float(out[INNER][self.owner == n].sum())
        line = {}
        for n, electrode in enumerate(self.thin.electrodes):
            own = self.thin.owner == n
            current[electrode.name] = float(charges[: self.thin.count][own].sum())
            line[electrode.name] = readonly(charges[: self.thin.count][own] / (2e-3 * self.thin.half_mm[own]))
        volume = self.grid.voxel_volume_ml * 1e-6
        joule = (self.joule + heat[INNER] / volume).astype(np.float32)
        power = float(joule.sum(dtype=np.float64)) * volume
        potential = (self.potential[INNER] + self.middle).astype(np.float32) + self.near_v
        return ElectricResult(
            readonly(potential), readonly(self.field_v_per_cm()), readonly(self.conductivity),
            readonly(joule), MappingProxyType(current), self._ground_a(), power,
            MappingProxyType(line), self.iterations, self.residual, picard_steps, mismatch,
        )  # fmt: skip

    def _ground_a(self) -> float:
        """Current from the ground, which is the rim, into the tissue."""
        total = 0.0
        for axis, face in zip((2, 1, 0), self.faces, strict=True):
            g, v = np.moveaxis(face, axis, 0), np.moveaxis(self.potential, axis, 0)
            total -= float((g[0] * (v[1] - v[0])).sum(dtype=np.float64))
            total -= float((g[-2] * (v[-2] - v[-1])).sum(dtype=np.float64))
        return total


@dataclass(frozen=True, eq=False)
class _Faces:
    """Conductances in S of each voxel's faces towards higher i, j, k, rimmed.

    Between voxels of tissue the half voxels in series; towards an electrode a whole voxel of the
    tissue; none within electrodes; at a grounded side, whose low face the rim holds, a half voxel.

    Parameters
    ----------
    all, inner
        All faces, and those between two voxels of tissue, along i, j, k.
    leak, current
        The rest: to electrodes and ground, and the current through it at no potential.
    """

    all: tuple[Single, Single, Single]
    inner: tuple[Single, Single, Single]
    leak: Single
    current: FloatArray

    @classmethod
    def between(cls, sigma: Single, hold: Single, held: FloatArray, grid: Grid, sides: Sides) -> _Faces:
        """The faces of rimmed voxels, of which those that hold have the potential ``held``."""
        spacing_m = np.array(grid.spacing_mm) * 1e-3
        every = np.zeros_like(sigma), np.zeros_like(sigma), np.zeros_like(sigma)
        inner = np.zeros_like(sigma), np.zeros_like(sigma), np.zeros_like(sigma)
        leak, current = np.zeros_like(sigma), np.zeros_like(held)
        for axis, ends, face, own in zip((2, 1, 0), sides, every, inner, strict=True):
            per_sigma = float(np.prod(spacing_m)) / float(spacing_m[2 - axis]) ** 2
            step = int(np.prod(sigma.shape[axis + 1 :]))
            _find_faces(
                sigma.shape, step, axis, per_sigma, sigma.reshape(-1), hold.reshape(-1), held.reshape(-1),
                face.reshape(-1), own.reshape(-1), leak.reshape(-1), current.reshape(-1),
            )  # fmt: skip
            rows = [np.moveaxis(a, axis, 0) for a in (face, sigma, hold, leak, current, held)]
            along, tissue, holds, leaks, currents, outside = rows
            for rim, first, face_at, end in ((0, 1, 0, ends[0]), (-1, -2, -2, ends[1])):
                if end == "grounded":
                    through = np.where(holds[first] > 0, 0, 2 * per_sigma * tissue[first])
                    along[face_at] = through
                    leaks[first] += through
                    currents[first] += through * outside[rim]
        return cls(every, inner, leak, current)


@kernel
def _find_faces(
    shape: tuple[int, ...], step: int, axis: int, per_sigma: float, sigma: Single, hold: Single,
    held: FloatArray, face: Single, inner: Single, leak: Single, current: FloatArray,
) -> None:  # fmt: skip
    """The faces along an axis between the lattice's voxels; adds to leak and current."""
    scale, twice, none = np.float32(per_sigma), np.float32(2 * per_sigma), np.float32(0.0)
    for k in range(1, shape[0] - 1 - (axis == 0)):
        for j in range(1, shape[1] - 1 - (axis == 1)):
            start = (k * shape[1] + j) * shape[2] + 1
            stop = start + shape[2] - 2 - (axis == 2)
            some = False
            for x in range(start, stop):
                y = x + step
                face[x] = inner[x] = twice * sigma[x] * sigma[y] / (sigma[x] + sigma[y])
                some |= hold[x] + hold[y] > none
            if not some:
                continue
            for x in range(start, stop):
                y = x + step
                if hold[x] > none or hold[y] > none:
                    inner[x] = face[x] = none
                    free, other = (x, y) if hold[y] > none else (y, x)
                    if hold[free] == none:
                        face[x] = scale * hold[other] * sigma[free]
                        leak[free] += face[x]
                        current[free] += face[x] * held[other]


@kernel
def _densities(
    shape: tuple[int, ...], step: int, spacing_m: FloatArray, axis: int, face: Single, hold: Single,
    potential: FloatArray, sigma: Single, density: Single, joule: Single,
) -> None:  # fmt: skip
    """Mean current density of each voxel's two faces along an axis; adds what they dissipate, in W/m³.

    Half of a face counts for a voxel, but all of one towards an electrode or the ground.
    """
    volume = spacing_m[0] * spacing_m[1] * spacing_m[2]
    width = spacing_m[2 - axis]
    per_current = np.float32(0.5 * width / volume)
    per_square = np.float32(0.5 * width * width / volume / volume)
    per_watt = np.float32(1 / volume)
    none = np.float32(0.0)
    for k in range(1, shape[0] - 1):
        for j in range(1, shape[1] - 1):
            start = (k * shape[1] + j) * shape[2] + 1
            for x in range(start, start + shape[2] - 2):
                low = np.float32(potential[x - step] - potential[x])
                high = np.float32(potential[x] - potential[x + step])
                into, out = face[x - step] * low, face[x] * high
                near = per_square / sigma[x]
                power = into * into * near if hold[x - step] == none else into * low * per_watt
                power += out * out * near if hold[x + step] == none else out * high * per_watt
                free = np.float32(1.0) if hold[x] == none else none
                density[x] = free * per_current * (into + out)
                joule[x] += free * power
