"""Which of Couinaud's segments a remnant keeps, and which of them hang together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.model.geometry import Grid
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.liver_classes import LiverClasses

BoolArray = npt.NDArray[np.bool_]
NumberArray = npt.NDArray[np.int8]

SEGMENT_ROLES: Mapping[Role, int] = {Role(f"couinaud_{n}"): n for n in range(1, 9)}
#: A segment is kept where more than this share of its voxels stays; our rule.
MOST = 0.5
#: Segments hang together where the faces between their voxels that stay have this area at least; our rule.  Faces
#: of voxels overstate a slanting border by up to 73 %.
LEAST_BORDER_MM2 = 100.0


@dataclass(frozen=True)
class KeptSegments:
    """Segments of a remnant.

    Parameters
    ----------
    kept
        Their numbers.
    together
        Those of the largest group that hangs together.
    """

    kept: tuple[int, ...]
    together: tuple[int, ...]

    @classmethod
    def of(cls, segments: NumberArray, left: BoolArray, grid: Grid) -> KeptSegments:
        """Of a remnant.

        Parameters
        ----------
        segments
            Number of each voxel's segment [k, j, i]; 0 for none.
        left
            Voxels that stay [k, j, i].
        """
        whole = np.bincount(segments.ravel(), minlength=9)
        stays = np.bincount(segments[left], minlength=9)
        kept = tuple(n for n in range(1, 9) if stays[n] > MOST * whole[n])
        borders = _borders_mm2(np.where(left, segments, 0).astype(np.int8), grid)
        groups: list[set[int]] = []
        for number in kept:
            touching = [g for g in groups if any(borders[number, m] >= LEAST_BORDER_MM2 for m in g)]
            groups = [g for g in groups if g not in touching] + [{number}.union(*touching)]
        largest = max(groups, key=lambda g: (len(g), -min(g)), default=set())
        return cls(kept, tuple(sorted(largest)))


def segment_numbers(structures: StructureSet, liver: LiverClasses) -> NumberArray | None:
    """Segment of each voxel of the liver's box [k, j, i], 0 for none; None where none is outlined."""
    found = np.zeros(liver.codes.shape, dtype=np.int8)
    box = liver.box_of(structures)
    for role, number in SEGMENT_ROLES.items():
        names = [s.name for s in structures.with_role(role)]
        if names:
            found[structures.union_mask(names)[box]] = number
    found[liver.codes < 0] = 0
    return found if found.any() else None


def _borders_mm2(segments: NumberArray, grid: Grid) -> npt.NDArray[np.float64]:
    """Area of the faces between voxels of two segments, (9, 9)."""
    found = np.zeros((9, 9))
    x, y, z = grid.spacing_mm
    for axis, area in enumerate((x * y, x * z, y * z)):
        moved = np.moveaxis(segments, axis, 0)
        one, two = moved[1:], moved[:-1]
        differ = one != two
        pairs = np.bincount(one[differ] * np.int64(9) + two[differ], minlength=81).reshape(9, 9)
        found += area * (pairs + pairs.T)
    return found
