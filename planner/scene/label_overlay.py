"""Parts of the liver laid over the views by their label: territories, what a cut takes, segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.model.assessment import Surface
from planner.model.geometry import FloatArray, Grid
from planner.model.points import as_point
from planner.scene.layers import Dot, Lines, SliceMarks, SpacePart
from planner.scene.palette import rgb
from planner.scene.pixel_plane import Patch, PixelPlane, pixel_plane
from planner.scene.planes import PlaneStack

PIXEL_MM = 0.7
#: A part of fewer pixels than this has no number on a slice.
LEAST_PIXELS = 120
#: A territory's surface has about so many triangles.
TRIANGLES = 12_000
#: How strongly parts are tinted.
TINT = 0.34


@dataclass(frozen=True, eq=False)
class LabelLook:
    """How labels are painted.

    Parameters
    ----------
    rgba
        Colour and opacity of each label, uint8 (labels, 4); the last row stands for -1.
    words
        By label what stands in its middle on a slice.
    """

    rgba: npt.NDArray[np.uint8]
    words: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of(
        cls, count: int, colors: dict[int, str], words: dict[int, str] | None = None, tint: float = TINT
    ) -> LabelLook:
        """Labels 0 to ``count`` - 1; those without a colour are not painted."""
        rgba = np.zeros((count + 1, 4), dtype=np.uint8)
        for label, color in colors.items():
            rgba[label] = (*rgb(color), round(255 * tint))
        return cls(rgba, tuple((words or {}).items()))


@dataclass(eq=False)
class _Cut:
    """A slice through labels, kept while it is shown."""

    key: object
    plane: PixelPlane | None
    labels: npt.NDArray[Any]


class LabelOverlay:
    """Paints labels ``[k, j, i]`` of a grid; parts in space are given beside them.

    Parameters
    ----------
    labels, grid
        What is painted; may be written to, then ``revision`` is to change.
    look
        How.
    """

    def __init__(self, labels: npt.NDArray[Any], grid: Grid, look: LabelLook) -> None:
        self.labels, self.grid, self.look = labels, grid, look
        self.revision = 0
        self.parts: tuple[SpacePart, ...] = ()
        self.outlined: tuple[int, str] | None = None
        self._cuts: dict[PlaneStack, _Cut] = {}

    def on_slice(self, stack: PlaneStack, index: int) -> SliceMarks:
        """A tint over each part, the outline of one, and numbers in the middle of parts."""
        cut = self._cut(stack, index)
        if cut.plane is None:
            return SliceMarks()
        pixels = self.look.rgba[cut.labels]
        patches = (Patch(pixels, cut.plane.low_mm, cut.plane.high_mm),) if pixels[..., 3].any() else ()
        dots = tuple(self._words(cut.plane, cut.labels))
        return SliceMarks(patches, self._outline(cut), dots)

    def in_space(self) -> tuple[SpacePart, ...]:
        """Surfaces that were given."""
        return self.parts

    def _cut(self, stack: PlaneStack, index: int) -> _Cut:
        key = (index, self.revision)
        kept = self._cuts.get(stack)
        if kept is None or kept.key != key:
            plane = pixel_plane(self.grid, stack, index, PIXEL_MM)
            labels = np.zeros((0, 0), dtype=int) if plane is None else nearest(self.labels, self.grid, plane)
            kept = self._cuts[stack] = _Cut(key, plane, labels)
        return kept

    def _outline(self, cut: _Cut) -> tuple[Lines, ...]:
        if self.outlined is None or cut.plane is None:
            return ()
        label, color = self.outlined
        lines = outline_segments(cut.labels == label, cut.plane)
        return (Lines(lines, color, 2.2),) if len(lines) else ()

    def _words(self, plane: PixelPlane, labels: npt.NDArray[Any]) -> list[Dot]:
        found = []
        for label, word in self.look.words:
            rows, columns = np.nonzero(labels == label)
            if len(rows) < LEAST_PIXELS:
                continue
            # Of the part's own pixels the one nearest to its middle: the middle may lie outside.
            n = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
            found.append(Dot(as_point(plane.points_lps_mm[rows[n], columns[n]]), "#ffffff", 1.5, label=word))
        return found


def nearest(labels: npt.NDArray[Any], grid: Grid, plane: PixelPlane) -> npt.NDArray[Any]:
    """Label of the voxel each pixel lies in; -1 outside, which is the last colour of a look."""
    ijk = np.rint(grid.to_ijk(plane.points_lps_mm)).astype(np.int64)
    inside = np.all((ijk >= 0) & (ijk < np.array(grid.shape[::-1])), axis=-1)
    found = np.full(inside.shape, -1, dtype=np.int64)
    i, j, k = ijk[inside].T
    found[inside] = labels[k, j, i]
    return found


def outline_segments(mask: npt.NDArray[np.bool_], plane: PixelPlane) -> FloatArray:
    """The border of pixels of a mask as segments (n, 2, 2) in right and down mm."""
    padded = np.pad(mask, 1)
    rows, columns = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    upright = np.stack([np.stack([columns, rows], 1), np.stack([columns, rows + 1], 1)], axis=1)
    rows, columns = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    level = np.stack([np.stack([columns, rows], 1), np.stack([columns + 1, rows], 1)], axis=1)
    return np.asarray(np.concatenate([upright, level]) * plane.pixel_mm + np.array(plane.low_mm))


def part_surface(mask: npt.NDArray[np.bool_], grid: Grid, triangles: int = TRIANGLES) -> Surface | None:
    """A smoothed surface of a mask ``[k, j, i]``, for pictures; None where it has no voxel."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    from planner.model.structures import bounding_box
    from planner.scene.surfaces import mask_surface

    box = bounding_box(mask)
    if box.is_empty:
        return None
    box = box.grown((1, 1, 1), grid.shape)
    data = mask_surface(mask[box.slices], grid.cropped(box), triangles)
    if not data.GetNumberOfPoints():
        return None
    points = np.array(vtk_to_numpy(data.GetPoints().GetData()), dtype=np.float32)
    cells = vtk_to_numpy(data.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    return Surface("part", points, np.array(cells, dtype=np.int32))
