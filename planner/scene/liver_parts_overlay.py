"""What becomes of the liver under a plan, laid over slices: taken, ablated, without inflow, without outflow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.model.assessment import ScalarField
from planner.model.geometry import FloatArray
from planner.planning.liver_parts import Part
from planner.scene.palette import LOSES_INFLOW, LOSES_OUTFLOW, rgb

#: How parts are laid over a slice: red, green, blue, opacity. What is taken steps back; no judgement's hue.
PART_RGBA = {
    Part.RESECTED: (4, 6, 10, 130),
    Part.ABLATED: (223, 228, 232, 70),
    Part.DEVASCULARISED: (*rgb(LOSES_INFLOW), 110),
    Part.CONGESTED: (*rgb(LOSES_OUTFLOW), 100),
}
PART_WORDS = {
    Part.RESECTED: "taken",
    Part.ABLATED: "ablated",
    Part.DEVASCULARISED: "no inflow",
    Part.CONGESTED: "no outflow",
}
#: The border of what is taken is blurred by so many voxels before surfaces are parted there.
BLUR_VOXELS = 0.8


@dataclass(frozen=True, eq=False)
class LiverParts:
    """The parts a module gave, looked up at points.

    Parameters
    ----------
    field
        A `Part` for each voxel of the liver's box.
    """

    field: ScalarField

    def pixels(self, points_lps_mm: FloatArray) -> npt.NDArray[np.uint8] | None:
        """Colour and opacity of each point (n, 3), as (n, 4); None where there is nothing to show."""
        ijk = np.rint(self.field.grid.to_ijk(points_lps_mm)).astype(np.int64)
        size = np.array(self.field.grid.shape[::-1])
        near = np.flatnonzero(((ijk >= 0) & (ijk < size)).all(axis=1))
        i, j, k = ijk[near].T
        found = np.zeros((len(points_lps_mm), 4), dtype=np.uint8)
        found[near] = _table()[self.field.values[k, j, i]]
        return found if found.any() else None

    @property
    def present(self) -> tuple[Part, ...]:
        """Which parts there are, but for what remains untroubled."""
        return tuple(part for part in PART_RGBA if (self.field.values == part).any())

    def taken_height(self, points_lps_mm: FloatArray) -> FloatArray:
        """Positive where a point (n, 3) belongs to what is taken, in no unit, (n,)."""
        from scipy.ndimage import map_coordinates

        kji = self.field.grid.to_ijk(points_lps_mm)[:, ::-1].T
        return np.asarray(map_coordinates(self._heights, kji, order=1, mode="nearest"), dtype=float)

    @cached_property
    def _heights(self) -> npt.NDArray[np.float32]:
        """Taken or not, carried on beyond the liver: its surface lies at the border of its voxels."""
        import scipy.ndimage as ndi

        values = self.field.values
        outside = values == Part.OUTSIDE
        nearest = ndi.distance_transform_edt(
            outside,
            sampling=self.field.grid.spacing_mm[::-1],
            return_distances=False,
            return_indices=True,
        )
        taken = (values == Part.RESECTED)[tuple(nearest)]
        soft = ndi.gaussian_filter(taken.astype(np.float32), BLUR_VOXELS)
        return np.asarray(soft - np.float32(0.5))


def _table() -> npt.NDArray[np.uint8]:
    table = np.zeros((max(Part) + 1, 4), dtype=np.uint8)
    for part, color in PART_RGBA.items():
        table[part] = color
    return table
