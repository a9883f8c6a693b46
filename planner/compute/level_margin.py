"""The margin of a lesion against a zone that is known by a level on a lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.compute.level_boundary import LevelBoundary
from planner.compute.margin import CANDIDATES, MinimalMargin, PreparedMargin
from planner.model.geometry import FloatArray

#: How far the boundary of a zone may lie from that of its field, as a share of a voxel.
LATTICE_SHARE = 0.25


@dataclass(frozen=True)
class LevelMargin:
    """A lesion under a zone.

    Parameters
    ----------
    minimal
        The least margin with its interval (voxels, outline and the zone's lattice) and place.
    margins_mm
        At each sample of the outline, shape (n,).
    """

    minimal: MinimalMargin
    margins_mm: FloatArray


def level_margin(prepared: PreparedMargin, boundary: LevelBoundary) -> LevelMargin:
    """Signed distance of a lesion's outline to the boundary, positive where treated tissue lies beyond."""
    outline = prepared.outline
    margins = boundary.signed_distance_mm(outline.samples.points_lps_mm)
    lowest = np.argsort(margins, kind="stable")[:CANDIDATES]
    closer = np.concatenate(
        (outline.around_lps_mm[lowest].reshape(-1, 3), outline.samples.points_lps_mm[lowest])
    )
    found = boundary.signed_distance_mm(closer)
    best = int(found.argmin())
    value = float(found[best])
    error = outline.error_mm + LATTICE_SHARE * max(boundary.grid.spacing_mm)
    gained = float(margins.min()) - value
    low, high = float((margins - error).min()) - gained, float((margins + error).min()) - gained
    x, y, z = (float(v) for v in closer[best])
    minimal = MinimalMargin(value, min(value, low), max(value, high), (x, y, z))
    return LevelMargin(minimal, margins)
