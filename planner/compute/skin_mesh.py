"""A smoothed mask, and the body's surface as triangles with normals and areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray, Grid

#: A mesh of the skin has at most so many points.
MOST_POINTS = 60_000


@dataclass(frozen=True, eq=False)
class SmoothMask:
    """A mask smoothed by a Gaussian: 1 deep inside, 0.5 on the border, 0 far outside.

    Parameters
    ----------
    grid
        A cubic lattice.
    values
        [k, j, i], float32; become read-only.
    """

    grid: Grid
    values: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        self.values.setflags(write=False)

    @classmethod
    def of(cls, shares: npt.NDArray[np.float32], grid: Grid, sigma_mm: float) -> SmoothMask:
        """Smooth a mask given as 0 to 1 [k, j, i]; it goes on beyond the lattice as at its border."""
        import scipy.ndimage as ndi

        sigma = [sigma_mm / s for s in grid.spacing_mm[::-1]]
        return cls(grid, ndi.gaussian_filter(shares, sigma, mode="nearest", truncate=3.0))

    def outward_normals(self, points_lps_mm: npt.ArrayLike) -> FloatArray:
        """Unit vectors out of the mask at points (n, 3); NaN where the mask has no slope."""
        import scipy.ndimage as ndi

        kji = self.grid.to_ijk(points_lps_mm)[:, ::-1].T
        slope = np.empty((len(kji[0]), 3))
        for axis in range(3):
            step = np.zeros((3, 1))
            step[2 - axis] = 1.0
            ahead, behind = (
                ndi.map_coordinates(self.values, kji + s, order=1, mode="nearest") for s in (step, -step)
            )
            slope[:, axis] = (behind - ahead) / self.grid.spacing_mm[axis]
        length = np.linalg.norm(slope, axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((slope / length) @ self.grid.axes.T)


@dataclass(frozen=True, eq=False)
class SkinMesh:
    """The body's surface; arrays are read-only.

    Where the scan cuts the body there is no skin, and the mesh is open.

    Parameters
    ----------
    points_lps_mm
        Shape (n, 3), float32.
    triangles
        Indices of points, shape (m, 3), int32.
    normals_lps
        Unit vectors out of the body, shape (n, 3), float32.
    areas_mm2
        The skin each point stands for, shape (n,), float32.
    """

    points_lps_mm: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.int32]
    normals_lps: npt.NDArray[np.float32]
    areas_mm2: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        for array in vars(self).values():
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.points_lps_mm)

    @classmethod
    def of(cls, body: SmoothMask) -> SkinMesh:
        """The surface where a smoothed body crosses one half, as fine as `MOST_POINTS` allows.

        Raises
        ------
        InvalidValue
            If the body has no surface in the scan.
        """
        from skimage.measure import marching_cubes  # 0.3 s to import

        step = 1
        while _crossed_edges(body.values[::step, ::step, ::step]) > MOST_POINTS:
            step += 1
        if _crossed_edges(body.values[::step, ::step, ::step]) == 0:
            raise InvalidValue(
                "The body has no surface within the scan.",
                "skin",
                "Outline the skin where the needle may enter.",
            )
        # scikit-image takes no read-only array.
        kji, triangles, _, _ = marching_cubes(body.values.copy(), 0.5, step_size=step)
        points = body.grid.to_lps(kji[:, ::-1])
        corners = points[triangles]
        area = (
            np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
        )
        areas = np.bincount(triangles.ravel(), np.repeat(area / 3, 3), len(points))
        normals = np.nan_to_num(body.outward_normals(points))
        return cls(
            points.astype(np.float32),
            np.ascontiguousarray(triangles, dtype=np.int32),
            normals.astype(np.float32),
            areas.astype(np.float32),
        )

    def thinned(self, cell_mm: float) -> SkinMesh:
        """One point a cell of this size, which stands for the skin of all there; it has no triangles."""
        cells = np.floor(self.points_lps_mm / np.float32(cell_mm)).astype(np.int64)
        _, first, cell_of = np.unique(cells, axis=0, return_index=True, return_inverse=True)
        areas = np.bincount(cell_of.ravel(), self.areas_mm2, len(first))
        order = np.argsort(first)
        kept = first[order]
        return SkinMesh(
            self.points_lps_mm[kept],
            np.zeros((0, 3), dtype=np.int32),
            self.normals_lps[kept],
            areas[order].astype(np.float32),
        )


def _crossed_edges(values: npt.NDArray[np.float32]) -> int:
    """How many lattice edges cross one half: as many points has the mesh."""
    inside = values >= 0.5
    return int(
        np.count_nonzero(inside[1:] != inside[:-1])
        + np.count_nonzero(inside[:, 1:] != inside[:, :-1])
        + np.count_nonzero(inside[:, :, 1:] != inside[:, :, :-1])
    )
