"""A voxel lattice on which heat flows: what is held fixed, its borders, faces and longest stable step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, inf, isfinite
from typing import Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi

from planner.base.errors import InvalidValue
from planner.model.geometry import Grid

Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Lattice = TypeVar("Lattice", bound=npt.NDArray[np.generic])

Boundary = Literal["fixed", "insulated"]
#: What holds at the low and the high side along i, j, k.
Boundaries = tuple[tuple[Boundary, Boundary], tuple[Boundary, Boundary], tuple[Boundary, Boundary]]
FrameListener = Callable[[float, Single], None]

#: A lattice without its rim of one voxel.
INNER = (slice(1, -1), slice(1, -1), slice(1, -1))
BODY_C = 37.0
#: Fraction of the longest step that keeps every coefficient of the scheme positive.
STEP_SAFETY = 0.9
#: Most steps between two looks at the active box, and layers at its sides that must be quiet then.
REACH = 4
#: Steps between two reports.
STEPS_A_REPORT = 20


@dataclass(frozen=True, eq=False)
class FixedVoxels:
    """Voxels held at a temperature: blood in a vessel, a cooled or heated needle.

    Parameters
    ----------
    mask
        The voxels, ``[k, j, i]``.
    temperature_c
        One number, or an array ``[k, j, i]`` of which the voxels of the mask count.
    transfer_w_per_m2_k
        h of -k dT/dn = h (T_wall - T) at the surface towards tissue, in series with the half voxel
        of tissue; infinite for a surface at the temperature.  Without it the temperature stands at
        the voxel centres.  The steps of a voxel surface have more area than the true surface:
        each face counts with the share of the normal along it, and the shares' squares sum to 1.
    face_factor
        Multiplies the conductance of the faces towards tissue, for a needle thinner than a voxel;
        see `thin_needle_factor`.

    Raises
    ------
    InvalidValue
        If the mask has not three axes, a temperature within it is not finite or of another shape,
        or the transfer or the factor is not positive.
    """

    mask: Mask
    temperature_c: npt.ArrayLike = BODY_C
    transfer_w_per_m2_k: float | None = None
    face_factor: float = 1.0

    def __post_init__(self) -> None:
        mask = np.array(self.mask, dtype=bool)
        temperature = np.array(self.temperature_c, dtype=np.float64)
        if mask.ndim != 3 or temperature.shape not in ((), mask.shape):
            raise InvalidValue(
                "Fixed voxels need a mask with three axes, and one temperature or one each.",
                f"mask {mask.shape}, temperature {temperature.shape}",
                "Give arrays [k, j, i] of the grid's shape.",
            )
        if not np.all(np.isfinite(np.broadcast_to(temperature, mask.shape)[mask])):
            raise InvalidValue(
                "The temperature of fixed voxels must be finite.",
                "temperature_c",
                "Set it in every voxel of the mask.",
            )
        transfer = self.transfer_w_per_m2_k
        if (transfer is not None and not transfer > 0) or not 0 < self.face_factor < inf:
            raise InvalidValue(
                "Heat transfer and face factor must be positive.",
                f"transfer {transfer} W/m²/K, factor {self.face_factor}",
                "Leave the transfer out where the temperature stands at the voxel centres.",
            )
        object.__setattr__(self, "mask", readonly(mask))
        object.__setattr__(self, "temperature_c", readonly(temperature))

    @property
    def held_c(self) -> FloatArray:
        """The temperature of each voxel of the mask, in the order of ``array[mask]``."""
        return np.broadcast_to(cast(FloatArray, self.temperature_c), self.mask.shape)[self.mask]


def thin_needle_factor(spacing_mm: float, radius_mm: float) -> float:
    """Face factor of a needle one voxel wide that runs along an axis of the lattice.

    Far from one fixed voxel the lattice's potential is that of a needle of radius
    exp(-Euler's constant) / sqrt(8) = 0.1985 voxels (McCrea and Whipple, Proc R Soc Edinb
    1940;60:281).  The resistance of its four faces is changed by what a needle of the true radius
    differs by, ln(0.1985 h / a) / 2 pi.  Peaceman's rule (SPE J 1978;18:183), pi / 2 / ln(h / a),
    takes the voxels beside it to lie on the logarithm, and acts like a radius 4.5 % too small.

    Parameters
    ----------
    spacing_mm
        h, the same in both directions across the needle.
    radius_mm
        a, up to 0.9 h.

    Raises
    ------
    InvalidValue
        If the radius is not positive, or too large.
    """
    if not 0 < radius_mm <= 0.9 * spacing_mm < inf:
        raise InvalidValue(
            "Only a needle thinner than a voxel needs a face factor.",
            f"radius {radius_mm} mm, voxel {spacing_mm} mm",
            "Fix all voxels within the needle instead.",
        )
    quarter = np.pi / 2
    return float(quarter / (quarter + np.log(np.exp(-np.euler_gamma) / np.sqrt(8) * spacing_mm / radius_mm)))


def lattice_values(values: npt.ArrayLike, grid: Grid, name: str) -> Single:
    """One number or an array as read-only float32 ``[k, j, i]`` of the grid's shape.

    Raises
    ------
    InvalidValue
        If the shape differs or a number is not finite.
    """
    array = np.array(values, dtype=np.float32)
    if array.shape not in ((), grid.shape):
        raise InvalidValue(
            "Values on a lattice need one number, or one for each voxel.",
            f"{name} of shape {array.shape}, lattice {grid.shape}",
            "Give an array [k, j, i] of the lattice's shape.",
        )
    if not np.all(np.isfinite(array)):
        raise InvalidValue(
            "Values on a lattice must be finite.", name, "Look for NaN or infinity, and replace them."
        )
    return readonly(np.ascontiguousarray(np.broadcast_to(array, grid.shape)))


def checked_fixed(fixed: Sequence[FixedVoxels], grid: Grid) -> tuple[FixedVoxels, ...]:
    """Fixed voxels, refused where their shape is not the grid's."""
    for voxels in fixed:
        if voxels.mask.shape != grid.shape:
            raise InvalidValue(
                "Fixed voxels need the shape of the lattice.",
                f"mask {voxels.mask.shape}, lattice {grid.shape}",
                "Resample the mask to the lattice first.",
            )
    return tuple(fixed)


def checked_boundary(boundary: Boundary | Boundaries) -> Boundaries:
    """The boundary of each side, low and high along i, j, k."""
    sides = ((boundary, boundary),) * 3 if isinstance(boundary, str) else boundary
    flat = [side for pair in sides for side in pair]
    if len(flat) != 6 or any(side not in ("fixed", "insulated") for side in flat):
        raise InvalidValue(
            "Each side of a lattice is fixed or insulated.",
            f"boundary {boundary}",
            "Give one word, or low and high along i, j, k.",
        )
    return sides


def checked_stops(duration_s: float, frames_s: Sequence[float]) -> list[float]:
    """The times to meet exactly, in order, the duration last."""
    stops = sorted({*frames_s, duration_s})
    if not all(isfinite(s) for s in stops) or duration_s <= 0 or stops[0] < 0 or stops[-1] > duration_s:
        raise InvalidValue(
            "Frames must lie within a positive duration.",
            f"duration {duration_s} s, frames {list(frames_s)} s",
            "Give finite times in seconds.",
        )
    return stops


def steps_between(start_s: float, stop_s: float, limit_s: float) -> int:
    """The least number of even steps no longer than a limit."""
    return ceil((stop_s - start_s) / limit_s - 1e-9)


def burst_length(left: int, steps: int, *every: int) -> int:
    """How many steps to take at once, stopping at the next multiple of each of some numbers."""
    return min(left, REACH, *(n - steps % n for n in every))


def face_conductances(
    conductivity: Single, grid: Grid, fixed: Sequence[FixedVoxels], boundary: Boundary | Boundaries
) -> tuple[Single, Single, Single]:
    """Conductance over voxel volume, W/m³/K, of each voxel's faces towards higher i, j, k.

    Arrays ``[k, j, i]`` with a rim, whose low side holds the lattice's outer faces: the two half
    voxels in series, at the border the one half voxel or none, and the surface of `FixedVoxels`
    where it has a transfer.
    """
    found: list[Single] = []
    held = np.zeros(grid.shape, dtype=bool)
    for voxels in fixed:
        held |= voxels.mask
    normals = [_normals(v, grid) if v.transfer_w_per_m2_k is not None else None for v in fixed]
    for axis, sides in zip((2, 1, 0), checked_boundary(boundary), strict=True):
        width_m = grid.spacing_mm[2 - axis] * 1e-3
        half = np.moveaxis(0.5 * width_m / conductivity.astype(np.float64), axis, 0)
        faces = np.zeros((half.shape[0] + 1, *half.shape[1:]))
        faces[1:-1] = 1.0 / (half[1:] + half[:-1])
        for voxels, normal in zip(fixed, normals, strict=True):
            _fix_faces(faces[1:-1], half, voxels, normal, held, axis)
        for end, side in zip((0, -1), sides, strict=True):
            faces[end] = 1.0 / half[end] if side == "fixed" else 0.0
        out = np.zeros(tuple(n + 2 for n in grid.shape), dtype=np.float32)
        np.moveaxis(out, axis, 0)[:-1, 1:-1, 1:-1] = faces / width_m
        found.append(out)
    return found[0], found[1], found[2]


def _fix_faces(
    faces: FloatArray, half: FloatArray, voxels: FixedVoxels, normal: FloatArray | None, held: Mask, axis: int
) -> None:
    """Set the inner faces, first axis along ``axis``, between fixed voxels and tissue."""
    mask = np.moveaxis(voxels.mask, axis, 0)
    tissue = np.moveaxis(~held, axis, 0)
    high = mask[1:] & tissue[:-1]
    for here, resistance in ((high, half[:-1]), (mask[:-1] & tissue[1:], half[1:])):
        if normal is not None and voxels.transfer_w_per_m2_k is not None:
            gradient = np.moveaxis(normal, axis + 1, 1)
            mean = (gradient[:, 1:] + gradient[:, :-1])[:, here]
            length = np.sqrt((mean**2).sum(axis=0))
            share = np.where(length > 0, np.abs(mean[axis]) / np.where(length > 0, length, 1.0), 1.0)
            transfer = np.maximum(share, 1e-6) * voxels.transfer_w_per_m2_k
            faces[here] = 1.0 / (resistance[here] + 1.0 / transfer)
        faces[here] *= voxels.face_factor


def _normals(voxels: FixedVoxels, grid: Grid) -> FloatArray:
    """Gradient along k, j, i of the smoothed mask, shape (3, nk, nj, ni)."""
    spacing = grid.spacing_mm[::-1]
    width = 1.5 * max(spacing)
    soft = ndi.gaussian_filter(
        voxels.mask.astype(np.float64), [width / s for s in spacing], mode="reflect", truncate=3.0
    )
    slopes = [
        np.gradient(soft, s, axis=axis) if soft.shape[axis] > 1 else np.zeros_like(soft)
        for axis, s in enumerate(spacing)
    ]
    return np.stack(slopes)


def longest_step_s(
    faces: tuple[Single, Single, Single], perfusion: Single, inverse_capacity: Single
) -> float:
    """The longest stable step, times the safety; arrays with a rim.

    dt <= rho c / (sum of the conductances + W) keeps every coefficient positive, so new
    temperatures are means of old ones and none overshoots (Patankar 1980, 4.3); for one tissue it
    is h² / 6 alpha.  Fixed outer faces, twice as conducting, count half: they appear once in
    Gershgorin's bound of the eigenvalues, inner faces twice, so the step stays stable (LeVeque,
    Finite Difference Methods, 2007, 9.3).
    """
    rate = perfusion[INNER].astype(np.float64)
    for axis, face in zip((2, 1, 0), faces, strict=True):
        counted = np.moveaxis(face, axis, 0)[:-1, 1:-1, 1:-1].astype(np.float64)
        counted[0] *= 0.5
        counted[-1] *= 0.5
        np.moveaxis(rate, axis, 0)[...] += counted[1:] + counted[:-1]
    fastest = float((rate * inverse_capacity[INNER]).max())
    return STEP_SAFETY / fastest if fastest > 0 else inf


def rimmed(values: npt.ArrayLike, shape: tuple[int, int, int]) -> Single:
    """A float32 array with a rim of one voxel of zeros around values of a shape."""
    out = np.zeros(tuple(n + 2 for n in shape), dtype=np.float32)
    out[INNER] = values
    return out


def readonly(array: Lattice) -> Lattice:
    """The array, protected from writing."""
    array.setflags(write=False)
    return array
