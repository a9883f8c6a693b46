"""How much each voxel of a scan looks like the middle of a bright tube, over several widths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.base.task import Task
from planner.compute.threads import kernel
from planner.model.geometry import FloatArray

Single = npt.NDArray[np.float32]

#: Widths looked for, as the standard deviation of the blur in mm; each answers best to radii of 1.4 times it.
SCALES_MM = (0.8, 1.3, 2.1, 3.4, 5.5)
RADIUS_OF_SCALE = 1.4


def tubeness(
    values: Single, spacing_mm: tuple[float, float, float], task: Task | None = None
) -> tuple[Single, Single]:
    """Tubeness ``[k, j, i]`` in the unit of the values, and the radius in mm that answers best.

    The smaller of the two curvatures across, normalised by the square of the scale (Sato 1998, Med Image
    Anal 2:143): nothing in a plate, and most in the middle of a tube.

    Parameters
    ----------
    spacing_mm
        Along i, j, k, as in `Grid`.
    """
    from scipy.ndimage import gaussian_filter

    work = task or Task()
    step_mm = np.array(spacing_mm[::-1])
    best = np.zeros(values.shape, dtype=np.float32)
    radius = np.full(values.shape, RADIUS_OF_SCALE * SCALES_MM[0], dtype=np.float32)
    for number, scale_mm in enumerate(SCALES_MM):
        work.report(number / len(SCALES_MM), "Looking for vessels")
        blurred = gaussian_filter(values, scale_mm / step_mm, mode="nearest", truncate=3.0)
        _spread(blurred, step_mm, scale_mm, best, radius)
    return best, radius


@kernel
def _spread(blurred: Single, step: FloatArray, scale: float, best: Single, radius: Single) -> None:
    """Raise the tubeness to that of one scale where it is higher."""
    nk, nj, ni = blurred.shape
    h2, h1, h0 = step[0], step[1], step[2]
    for k in range(1, nk - 1):
        for j in range(1, nj - 1):
            for i in range(1, ni - 1):
                b = blurred
                c = 2.0 * b[k, j, i]
                zz = (b[k + 1, j, i] + b[k - 1, j, i] - c) / (h2 * h2)
                yy = (b[k, j + 1, i] + b[k, j - 1, i] - c) / (h1 * h1)
                xx = (b[k, j, i + 1] + b[k, j, i - 1] - c) / (h0 * h0)
                if xx + yy + zz >= 0:
                    continue
                zy = b[k + 1, j + 1, i] - b[k + 1, j - 1, i] - b[k - 1, j + 1, i] + b[k - 1, j - 1, i]
                zx = b[k + 1, j, i + 1] - b[k + 1, j, i - 1] - b[k - 1, j, i + 1] + b[k - 1, j, i - 1]
                yx = b[k, j + 1, i + 1] - b[k, j + 1, i - 1] - b[k, j - 1, i + 1] + b[k, j - 1, i - 1]
                zy, zx, yx = zy / (4 * h2 * h1), zx / (4 * h2 * h0), yx / (4 * h1 * h0)
                middle = -_middle_eigenvalue(xx, yy, zz, yx, zx, zy) * scale * scale
                if middle > best[k, j, i]:
                    best[k, j, i] = middle
                    radius[k, j, i] = 1.4 * scale


@kernel
def _middle_eigenvalue(xx: float, yy: float, zz: float, xy: float, xz: float, yz: float) -> float:
    """The middle eigenvalue of a symmetric matrix (Smith 1961, Commun ACM 4:168)."""
    mean = (xx + yy + zz) / 3
    a, b, c = xx - mean, yy - mean, zz - mean
    spread = np.sqrt((a * a + b * b + c * c + 2 * (xy * xy + xz * xz + yz * yz)) / 6)
    if spread < 1e-12:
        return float(mean)
    det = a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz)
    angle = np.arccos(min(max(det / (2 * spread**3), -1.0), 1.0)) / 3
    return float(mean + 2 * spread * np.cos(angle - 2 * np.pi / 3))
