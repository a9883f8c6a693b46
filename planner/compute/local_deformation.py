"""Local deformation of the liver between two scans, after they were laid over each other rigidly.

Displacements are cubic B-splines on a coarse lattice (Rueckert et al., IEEE Trans Med Imaging
1999;18:712) with bending as the penalty; the textures' weighted squares are lessened by Gauss-Newton
steps, from stiff to soft.  Tissue that was treated looks different and must not pull: it is left
out, and the spline carries the movement of its surroundings through it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.held_out import held_out_error, hole_mm, is_held_out
from planner.compute.rigid_registration import (
    AROUND_MM,
    TEXTURE_STEP_MM,
    box_of_points,
    huber_weights,
    region_points,
)
from planner.compute.tissue_texture import TissueTexture
from planner.model.displacement import DisplacementField
from planner.model.geometry import FloatArray, Grid
from planner.model.image import Image
from planner.model.registration import Registration
from planner.model.structures import bounding_box

BoolArray = npt.NDArray[np.bool_]

#: Distance of the spline's control points.
CONTROL_MM = 24.0
#: The field is kept on a lattice this fine.
FIELD_MM = 4.0
#: Smoothing of the textures and stiffness, from first to last.  Softer ones follow noise where nothing
#: deformed, stiffer ones miss part of a bump 6 mm high (both tried on made-up scans).
LEVELS = ((4.0, 1.8), (2.0, 0.6), (0.0, 0.18))
STEPS, SOLVER_STEPS, MOST_POINTS = 6, 25, 30_000
#: What was fitted without some of the tissue ends within 0.07 mm of a whole fit after so few steps from the
#: second level on (90 % of places; a real liver, five deformations).
HELD_OUT_STEPS = 4
#: Steps end where no control point moves more.
STILL_MM = 0.02
#: A displacement larger than this is no deformation of a liver but a registration gone astray.
LARGEST_MM = 30.0
#: Tissue this near to what was left out is left out too.
BESIDE_MM = 4.0


def register_local(
    fixed: Image,
    moving: Image,
    start: Registration,
    within: BoolArray,
    *,
    ignored: BoolArray | None = None,
    stiffness: float = 1.0,
    task: Task | None = None,
) -> Registration:
    """A rigid registration with the liver's own deformation added.

    Parameters
    ----------
    fixed, moving
        Two CT scans, or two MR scans, in the order of `start`.
    start
        Their rigid registration; a deformation it has already is found anew.
    within
        Mask [k, j, i] of the liver on the first scan's grid.
    ignored
        Mask on the same grid of what looks different by treatment, such as lesion and ablation zone.
    stiffness
        Factor on how hard the tissue resists bending, 0.01..100.

    Raises
    ------
    InvalidValue
        If CT and MR are mixed, the liver is empty or nearly all ignored, or the deformation found
        folds the tissue or goes astray.
    """
    task = task or Task()
    _check(fixed, moving, start, within, ignored, stiffness)
    region = bounding_box(within)
    voxels = tuple(int(np.ceil(AROUND_MM / s)) for s in fixed.grid.spacing_mm[::-1])
    wide = region.grown((voxels[0], voxels[1], voxels[2]), fixed.grid.shape)
    task.report(0.0, "Preparing the scans")
    near = fixed.grid.cropped(wide)
    texture = TissueTexture.of(fixed, wide, TEXTURE_STEP_MM)
    corners = near.to_lps(near.corners_ijk) @ start.rigid[:3, :3].T + start.rigid[:3, 3]
    other = TissueTexture.of(moving, box_of_points(moving.grid, corners, AROUND_MM), TEXTURE_STEP_MM)
    points = region_points(texture.grid, fixed.grid, region, within, MOST_POINTS)
    if ignored is not None:
        points = points[~_near_mask(points, ignored, fixed.grid)]
    if len(points) < 1000:
        raise InvalidValue(
            "Too little tissue is left to see how the liver deformed.",
            f"'{fixed.title}'",
            "Leave less of the liver out, or keep the rigid registration.",
        )
    spline = _Spline.around(points, fixed.grid)
    textures = [
        tuple(t.smoothed(sigma_mm) if sigma_mm else t for t in (texture, other)) for sigma_mm, _ in LEVELS
    ]

    def deformation(chosen: FloatArray, first: int, steps: int, part: Task) -> DisplacementField:
        """The field that fits the points (n, 3), from a level on."""
        shape = _Shape(spline, chosen, spline.basis_at(chosen))
        weights = np.zeros((spline.count, 3))
        count = len(LEVELS) - first
        for n in range(count):
            one, two = textures[first + n]
            bending = LEVELS[first + n][1] * stiffness
            weights = shape.fitted(
                one, two, start.rigid, weights, bending, steps, part.part(n / count, (n + 1) / count)
            )
        return spline.field(weights)

    field = deformation(points, 0, STEPS, task.part(0.1, 0.65))
    task.report(0.65, "Checking that no tissue folds")
    if field.largest_mm > LARGEST_MM:
        raise InvalidValue(
            "The deformation found is no liver's.",
            f"{field.largest_mm:.0f} mm",
            "Make it stiffer, or correct the rigid registration first.",
        )
    basis = f"deformation of up to {field.largest_mm:.1f} mm"
    found = replace(
        start,
        field=field,
        method="rigid, then local deformation of the liver",
        error_mm=None,
        error_basis="",
        notes=(*start.notes, basis),
    )
    task.report(0.68, "How well the scans fit where they were not fitted")
    held = is_held_out(points, hole_mm(ignored, fixed.grid))
    without = deformation(points[~held], 1, HELD_OUT_STEPS, task.part(0.68, 0.93))
    task.report(0.93, "How well the scans fit where they were not fitted")
    return held_out_error(found, replace(found, field=without), texture, other, points, held)


def _check(
    fixed: Image,
    moving: Image,
    start: Registration,
    within: BoolArray,
    ignored: BoolArray | None,
    stiffness: float,
) -> None:
    if (start.from_image, start.to_image) != (fixed.id, moving.id):
        raise InvalidValue(
            "This registration is of other scans.", f"{start.words}; given '{fixed.id}' and '{moving.id}'"
        )
    if fixed.modality != moving.modality:
        raise InvalidValue(
            "How tissue deformed cannot be seen between CT and MR.",
            f"'{fixed.title}' and '{moving.title}'",
            "Keep the rigid registration and correct it by hand.",
        )
    for mask in (within, ignored):
        if mask is not None and mask.shape != fixed.grid.shape:
            raise InvalidValue(
                "A mask needs the shape of its scan.", f"mask {mask.shape}, scan {fixed.grid.shape}"
            )
    if not within.any():
        raise InvalidValue("The liver has no voxel.", f"'{fixed.title}'", "Outline the liver first.")
    if not 0.01 <= stiffness <= 100.0:
        raise InvalidValue("The stiffness lies between 0.01 and 100.", f"{stiffness}")


def _near_mask(points: FloatArray, mask: BoolArray, grid: Grid) -> BoolArray:
    """Which points (n, 3) lie in a mask or within `BESIDE_MM` of it."""
    import scipy.ndimage as ndi

    box = bounding_box(mask)
    near = np.zeros(len(points), dtype=bool)
    if box.is_empty:
        return near
    reach = tuple(int(np.ceil(BESIDE_MM / s)) + 1 for s in grid.spacing_mm[::-1])
    box = box.grown((reach[0], reach[1], reach[2]), grid.shape)
    away = ndi.distance_transform_edt(~mask[box.slices], sampling=grid.spacing_mm[::-1])
    ijk = np.rint(grid.to_ijk(points)).astype(np.int64) - np.array(box.start[::-1])
    inside = np.all((ijk >= 0) & (ijk < np.array(box.shape[::-1])), axis=1)
    i, j, k = ijk[inside].T
    near[inside] = away[k, j, i] <= BESIDE_MM
    return near


@dataclass(frozen=True)
class _Spline:
    """Cubic B-splines whose supports all end within a box: the field is nothing at its border.

    Parameters
    ----------
    corner_lps_mm, axes
        Where the box begins, and the unit vectors of its edges as columns.
    cells
        Number of intervals of `CONTROL_MM` along each edge; `cells - 3` functions stand along it.
    """

    corner_lps_mm: FloatArray
    axes: FloatArray
    cells: tuple[int, int, int]

    @classmethod
    def around(cls, points: FloatArray, grid: Grid) -> _Spline:
        local = points @ grid.axes
        low, high = local.min(axis=0), local.max(axis=0)
        # Two intervals beyond the tissue on each side: all functions that reach it fit in.
        cells = np.ceil((high - low) / CONTROL_MM).astype(int) + 4
        corner = grid.axes @ ((low + high) / 2 - cells * CONTROL_MM / 2)
        return cls(corner, grid.axes, (int(cells[0]), int(cells[1]), int(cells[2])))

    @property
    def functions(self) -> tuple[int, int, int]:
        """Functions along each edge."""
        a, b, c = (n - 3 for n in self.cells)
        return a, b, c

    @property
    def count(self) -> int:
        """Number of functions."""
        return int(np.prod(self.functions))

    def basis_at(self, points: FloatArray) -> Any:
        """Sparse matrix (points, functions)."""
        import scipy.sparse as sp

        place = (points - self.corner_lps_mm) @ self.axes / CONTROL_MM
        cell = np.clip(np.floor(place).astype(np.int64), 0, np.array(self.cells) - 1)
        values = _cubic(place - cell)  # (n, 3, 4): of the functions that begin at cell - 3 .. cell
        first = cell - 3
        rows, columns, entries = [], [], []
        a, b, c = self.functions
        number = np.arange(len(points))
        for x in range(4):
            for y in range(4):
                for z in range(4):
                    p, q, r = first[:, 0] + x, first[:, 1] + y, first[:, 2] + z
                    kept = (p >= 0) & (p < a) & (q >= 0) & (q < b) & (r >= 0) & (r < c)
                    rows.append(number[kept])
                    columns.append(((r * b + q) * a + p)[kept])
                    entries.append((values[:, 0, x] * values[:, 1, y] * values[:, 2, z])[kept])
        entry = (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns)))
        return sp.csr_matrix(entry, shape=(len(points), self.count))

    def bending(self) -> Any:
        """Sparse matrix of the bending energy: squares of second differences, mixed ones twice."""
        import scipy.sparse as sp

        def difference(n: int, order: int) -> Any:
            if order == 0:
                return sp.identity(n, format="csr")
            if order == 1:  # functions beyond the edge stand still
                return sp.diags([1.0, -1.0], [0, -1], shape=(n + 1, n), format="csr")
            return sp.diags([1.0, -2.0, 1.0], [0, -1, -2], shape=(n + 2, n), format="csr")

        a, b, c = self.functions
        total = sp.csr_matrix((self.count, self.count))
        for x, y, z in ((2, 0, 0), (0, 2, 0), (0, 0, 2), (1, 1, 0), (1, 0, 1), (0, 1, 1)):
            each = sp.kron(difference(c, z), sp.kron(difference(b, y), difference(a, x)), format="csr")
            total = total + (1.0 if 2 in (x, y, z) else 2.0) * (each.T @ each)
        return sp.csr_matrix(total)

    def field(self, weights: FloatArray) -> DisplacementField:
        """The displacements of weights (functions, 3) on a lattice over the box."""
        steps = round(CONTROL_MM / FIELD_MM)
        parts = []
        for cells, functions in zip(self.cells, self.functions, strict=True):
            place = np.arange(cells * steps + 1) / steps
            cell = np.minimum(np.floor(place).astype(np.int64), cells - 1)
            values = _cubic((place - cell)[:, None])[:, 0]
            matrix = np.zeros((len(place), functions))
            for n in range(4):
                number = cell - 3 + n
                kept = (number >= 0) & (number < functions)
                matrix[np.flatnonzero(kept), number[kept]] = values[kept, n]
            parts.append(matrix)
        a, b, c = self.functions
        vectors = np.einsum(
            "ir,jq,kp,rqpd->ijkd", parts[2], parts[1], parts[0], weights.reshape(c, b, a, 3), optimize=True
        )
        k, j, i = (len(p) for p in parts[::-1])
        x, y, z = (float(v) for v in self.corner_lps_mm)
        grid = Grid((k, j, i), (FIELD_MM,) * 3, (x, y, z), tuple(self.axes.ravel()))
        return DisplacementField(grid, vectors)


def _cubic(share: FloatArray) -> FloatArray:
    """The four cubic B-splines that reach into an interval, at shares (..., ) of it; shape (..., 4)."""
    t = share[..., None]
    return (
        np.concatenate(
            ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3), axis=-1
        )
        / 6.0
    )


class _Shape:
    """The least squares of one deformation."""

    def __init__(self, spline: _Spline, points: FloatArray, basis: Any) -> None:
        self.points, self.basis, self.stiff = points, basis, spline.bending()

    def fitted(
        self,
        fixed: TissueTexture,
        moving: TissueTexture,
        rigid: FloatArray,
        weights: FloatArray,
        bending: float,
        steps: int,
        task: Task,
    ) -> FloatArray:
        """Weights after some Gauss-Newton steps with one stiffness."""
        wanted, _, known = fixed.sampled(self.points)
        for n in range(steps):
            task.report(n / steps, "Following the deformation of the liver")
            moved = self.points + self.basis @ weights
            value, slope, inside = moving.sampled(moved @ rigid[:3, :3].T + rigid[:3, 3])
            slope = slope @ rigid[:3, :3]
            miss = value - wanted
            valid = inside & known
            trust = np.zeros(len(miss))
            trust[valid] = huber_weights(miss[valid])
            step = self._step(slope, trust, miss, weights, bending)
            weights = weights + step
            if np.abs(step).max() < STILL_MM:
                break
        return weights

    def _step(
        self, slope: FloatArray, trust: FloatArray, miss: FloatArray, weights: FloatArray, bending: float
    ) -> FloatArray:
        """One step: conjugate gradients on the normal equations, scaled by their diagonal."""
        from scipy.sparse.linalg import LinearOperator, cg

        basis, stiff = self.basis, self.stiff
        shape = weights.shape
        squares = basis.multiply(basis).T.tocsr()
        diagonal = squares @ (trust[:, None] * slope**2)
        load = bending * float(diagonal.mean())
        diagonal = diagonal + load * stiff.diagonal()[:, None] + 1e-12
        back = basis.T.tocsr()

        def applied(flat: FloatArray) -> FloatArray:
            change = flat.reshape(shape)
            along = trust * ((basis @ change) * slope).sum(axis=1)
            total = back @ (along[:, None] * slope) + load * (stiff @ change)
            return np.asarray(total.ravel())

        size = weights.size
        right = -(back @ ((trust * miss)[:, None] * slope) + load * (stiff @ weights))
        system = LinearOperator((size, size), matvec=applied, dtype=np.float64)
        scale = LinearOperator((size, size), matvec=lambda v: v / diagonal.ravel(), dtype=np.float64)
        found, _ = cg(system, right.ravel(), rtol=1e-4, atol=0.0, maxiter=SOLVER_STEPS, M=scale)
        return np.asarray(found.reshape(shape))
