"""The caudate lobe by a rule of geometry, where no branch to it is named: an estimate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.model.geometry import FloatArray
from planner.planning.couinaud_landmarks import CouinaudLandmarks

BoolArray = npt.NDArray[np.bool_]

#: The caudate lies within this of the vena cava's middle; our rule.
REACH_MM = 35.0
#: It reaches this far below the portal fork; our rule.
BELOW_MM = 15.0
NEEDED = ("vena_cava_upper", "vena_cava_lower", "portal_fork", "left_portal_end")
NOTE = (
    "Segment 1 is an estimate: liver within 35 mm of the vena cava's middle, behind the plane through the left "
    "portal vein and the mouth of the hepatic veins, left of the plane from the vena cava to the portal fork, "
    "down to 15 mm below the fork."
)
MISSING = "Segment 1 is not parted from the others: the vena cava or the left portal vein is not known."


def caudate(points_lps_mm: FloatArray, landmarks: CouinaudLandmarks) -> BoolArray:
    """Which places (..., 3) lie in the caudate, between the vena cava and the plane of the ligament.

    The ligamentum venosum runs from the left portal vein to the mouth of the hepatic veins, so the plane
    through the portal fork, the left portal vein's end and that mouth stands for it.  On the right the
    caudate ends at the plane through the vena cava's axis and the portal fork.  Below the fork it ends in
    front at the left portal vein; its process to the right is not told from segments 6 and 7.

    Raises
    ------
    InvalidValue
        If one of `NEEDED` is missing.
    """
    fork, end = landmarks.at("portal_fork"), landmarks.at("left_portal_end")
    lower, mouth = landmarks.at("vena_cava_lower"), landmarks.at("vena_cava_upper")
    axis = landmarks.cava_axis
    level = lower + axis * float((fork - lower) @ axis)  # the vena cava's middle as high as the fork
    ligament = _towards(np.cross(end - fork, mouth - fork), level - fork)
    hilum = _towards(np.cross(axis, end - fork), level - fork)
    right = _towards(np.cross(axis, fork - level), end - fork)
    away = points_lps_mm - lower
    along = away @ axis
    squared = (away**2).sum(axis=-1) - along**2
    return np.asarray(
        ((points_lps_mm - fork) @ ligament > 0)
        & ((points_lps_mm - fork) @ hilum > 0)
        & ((points_lps_mm - fork) @ axis > -BELOW_MM)
        & ((points_lps_mm - level) @ right > 0)
        & (squared < REACH_MM**2)
    )


def _towards(normal: FloatArray, way: FloatArray) -> FloatArray:
    """A normal turned to the side a way points to."""
    return normal if float(normal @ way) >= 0 else -normal
