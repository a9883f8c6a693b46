"""Places and directions in a patient as a trainee is told them: the structure there, else a side of the body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.compute.clearance import nearest_to_segment
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray
from planner.model.plan import Point
from planner.planning.anatomy import GROUPS, Anatomy
from planner.planning.constants import Constant

#: A structure is named as the way something points if it lies so near.
NEAR = Constant(15.0, "mm", "what is farther says little of a direction in the liver", Confidence.OUR_RULE)
#: It lies that way if its nearest point is seen within 60 degrees of it; nearer than this it is the place itself.
AHEAD_COSINE, AT_HAND_MM = 0.5, 1.0

_SIDES = (("left of", "right of"), ("behind", "in front of"), ("above", "below"))


@dataclass(frozen=True)
class Neighbour:
    """A structure near a place.

    Parameters
    ----------
    name
        Of the structure.
    distance_mm
        From the place to its nearest point, between voxels.
    place_lps_mm
        That point.
    """

    name: str
    distance_mm: float
    place_lps_mm: Point


def neighbour(anatomy: Anatomy, place_lps_mm: npt.ArrayLike, ahead_lps_mm: npt.ArrayLike) -> Neighbour | None:
    """The structure nearest to a place that lies ahead of it, or None where there is none within `NEAR`.

    Structures that needles or zones may hurt count; skin and liver do not.

    Parameters
    ----------
    anatomy
        The structures.
    place_lps_mm, ahead_lps_mm
        Where one looks from, and which way.
    """
    place, ahead = np.asarray(place_lps_mm, dtype=float), np.asarray(ahead_lps_mm, dtype=float)
    best: Neighbour | None = None
    for name in (n for group in GROUPS for n in anatomy.group(group)):
        nearest = nearest_to_segment(anatomy.boundaries[name], place, place)
        if nearest is None or nearest.distance_mm > NEAR.value:
            continue
        if not _is_ahead(np.array(nearest.place_lps_mm) - place, ahead):
            continue
        if best is None or nearest.distance_mm < best.distance_mm:
            best = Neighbour(name, nearest.distance_mm, nearest.place_lps_mm)
    return best


def _is_ahead(way: FloatArray, ahead: FloatArray) -> bool:
    length = float(np.linalg.norm(way))
    return length < AT_HAND_MM or float(way @ ahead) >= AHEAD_COSINE * length * float(np.linalg.norm(ahead))


def beside(way_lps_mm: npt.ArrayLike) -> str:
    """On which side of something a place lies, by the largest part of the way there: ``below``, ``left of``."""
    way = np.asarray(way_lps_mm, dtype=float)
    axis = int(np.argmax(np.abs(way)))
    return _SIDES[axis][0] if way[axis] > 0 else _SIDES[axis][1]
