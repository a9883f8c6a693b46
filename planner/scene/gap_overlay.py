"""The gap of a plan on slices: what of a lesion and its margin no zone holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from planner.model.geometry import FloatArray, Grid
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.scene.instruments import DrawnZone
from planner.scene.palette import MARGIN_CLASSES, rgb
from planner.scene.pixel_plane import Patch, PixelPlane, pixel_plane
from planner.scene.planes import PlaneStack

BoolArray = npt.NDArray[np.bool_]

#: The margin that is drawn: what a plan aims at.
MARGIN_MM = 5.0
PIXEL_MM = 0.7
#: How strongly the lesion's own gap, and that of its margin, are tinted.
LESION_OPACITY, MARGIN_OPACITY = 0.62, 0.34
#: How far before the next centre a boundary lies, as a share of a voxel, on average over directions.
BOUNDARY_SHARE = 0.3
#: Grown past the margin so that its edge is sampled.
PAD_MM = MARGIN_MM + 2.0


@dataclass(frozen=True, eq=False)
class _Shell:
    """How far voxels around a lesion lie outside of it (negative: inside), and where the liver is."""

    grid: Grid
    outside_mm: npt.NDArray[np.float32]
    is_treatable: BoolArray


class LesionGap:
    """A lesion with its margin, and what zones leave of them on the slices of one view.

    Parameters
    ----------
    structures
        Where the lesion and the liver are.
    lesion
        Its name.
    """

    def __init__(self, structures: StructureSet, lesion: str) -> None:
        self._of = (structures, lesion)
        self._plane: tuple[object, PixelPlane | None, BoolArray, BoolArray] | None = None
        self._cut: tuple[object, Patch | None] | None = None

    def is_of(self, structures: StructureSet, lesion: str) -> bool:
        """Whether it was made of these."""
        return self._of[0] is structures and self._of[1] == lesion

    def of(self, stack: PlaneStack, index: int, zones: Sequence[DrawnZone]) -> Patch | None:
        """The gap on a slice; None where all is held, or the slice passes by."""
        if self._plane is None or self._plane[0] != (stack, index):
            self._plane = ((stack, index), *self._sections(stack, index))
        key = (stack, index, tuple(zones))
        if self._cut is None or self._cut[0] != key:
            self._cut = (key, self._gap(zones))
        return self._cut[1]

    def _sections(self, stack: PlaneStack, index: int) -> tuple[PixelPlane | None, BoolArray, BoolArray]:
        nothing = np.zeros((0, 0), dtype=bool)
        shell = _shell(*self._of)
        plane = pixel_plane(shell.grid, stack, index, PIXEL_MM)
        if plane is None:
            return None, nothing, nothing
        outside = plane.sampled(shell.outside_mm, shell.grid, PAD_MM)
        treatable = plane.sampled(shell.is_treatable, shell.grid, 0.0) >= 0.5
        inside = outside <= 0.0
        return plane, inside, ~inside & (outside <= MARGIN_MM) & treatable

    def _gap(self, zones: Sequence[DrawnZone]) -> Patch | None:
        assert self._plane is not None
        _, plane, lesion, margin = self._plane
        goal = lesion | margin
        if plane is None or not goal.any():
            return None
        open_ = np.zeros_like(goal)
        open_[goal] = ~_held(plane.points_lps_mm[goal], zones)
        if not open_.any():
            return None
        pixels = np.zeros((*goal.shape, 4), dtype=np.uint8)
        for mask, (_, color, _), opacity in zip(
            (lesion, margin), MARGIN_CLASSES[:2], (LESION_OPACITY, MARGIN_OPACITY), strict=True
        ):
            pixels[open_ & mask] = (*rgb(color), round(255 * opacity))
        return Patch(pixels, plane.low_mm, plane.high_mm)


@lru_cache(maxsize=8)
def _shell(structures: StructureSet, lesion: str) -> _Shell:
    from scipy.ndimage import distance_transform_edt

    mask, grid = structures.cropped(lesion, PAD_MM)
    sampling = grid.spacing_mm[::-1]
    outer = distance_transform_edt(~mask, sampling=sampling)
    inner = distance_transform_edt(mask, sampling=sampling)
    # Distances run from centre to centre; the boundary lies half a voxel before along an axis, less aslant.
    before = BOUNDARY_SHARE * float(np.mean(grid.spacing_mm))
    outside = np.where(mask, -np.maximum(inner - before, 0.0), np.maximum(outer - before, 0.0))
    livers = [s.name for s in structures.with_role(Role.LIVER)]
    treatable = np.ones(mask.shape, dtype=bool)
    if livers:
        box = structures.box(lesion).grown(structures.voxels_for(PAD_MM), structures.grid.shape)
        treatable = mask.copy()
        for name in (*livers, *(s.name for s in structures.with_role(Role.LESION))):
            treatable |= structures.mask(name, box)
    return _Shell(grid, outside.astype(np.float32), treatable)


def _held(points_lps_mm: FloatArray, zones: Sequence[DrawnZone]) -> BoolArray:
    """Which points (n, 3) lie in any of the zones."""
    held = np.zeros(len(points_lps_mm), dtype=bool)
    low, high = points_lps_mm.min(axis=0), points_lps_mm.max(axis=0)
    for zone in zones:
        center, reach = np.array(zone.center_lps_mm), max(zone.along_mm, zone.across_mm)
        if np.any(center + reach < low) or np.any(center - reach > high):
            continue
        away = points_lps_mm - center
        along = away @ np.array(zone.axis_lps)
        across = (away**2).sum(axis=1) - along**2
        held |= (along / zone.along_mm) ** 2 + across / zone.across_mm**2 <= 1.0
    return held
