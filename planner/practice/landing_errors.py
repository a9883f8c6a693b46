"""How far needles land from their plan in published trials, as mean and spread; the table of practice draws from these.

Robustness (`placements.PLACEMENTS`) varies needles by one standard deviation a direction, as a rule; a trainee
meets what was measured: the distance of the tip from the planned line, in and out of the axial plane.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray
from planner.planning.constants import Constant
from planner.planning.placements import PLACEMENTS
from planner.planning.robustness import across_shaft

_READ = Confidence.SOURCE_READ
_TRIAL = "randomised trial, first placement (Heerink 2019, Radiology)"
_LASER = "laser navigation, phantom (10.3348/kjr.2015.16.4.729)"
#: A shaft no steeper to the axial plane than this is placed in plane.
IN_PLANE = Constant(10.0, "deg", "no angulation towards head or feet, as one sees it", Confidence.OUR_RULE)


@dataclass(frozen=True)
class LateralError:
    """Distance of a tip from the planned line, as mean and standard deviation."""

    mean: Constant
    spread: Constant


def _lateral(mean_mm: float, spread_mm: float, source: str) -> LateralError:
    return LateralError(Constant(mean_mm, "mm", source, _READ), Constant(spread_mm, "mm", source, _READ))


#: By word of `PLACEMENTS`: in the axial plane, and out of it.
LATERAL_ERRORS: Mapping[str, tuple[LateralError, LateralError]] = MappingProxyType(
    {
        "freehand": (_lateral(6.2, 2.7, _TRIAL), _lateral(10.1, 4.0, _TRIAL)),
        "navigated": (_lateral(4.0, 2.7, _LASER), _lateral(4.0, 2.7, _LASER)),
        "robotic": (_lateral(7.7, 5.9, f"robot, {_TRIAL}"), _lateral(5.9, 2.9, f"robot, {_TRIAL}")),
    }
)


def lateral_error(placement: str, along: FloatArray) -> LateralError:
    """Of a way of placing and a direction from entry to tip, LPS (3,)."""
    steep_deg = math.degrees(math.asin(min(1.0, abs(float(along[2])) / float(np.linalg.norm(along)))))
    in_plane, out_of_plane = LATERAL_ERRORS[placement]
    return in_plane if steep_deg <= IN_PLANE.value else out_of_plane


def drawn_offset(along: FloatArray, placement: str, random: np.random.Generator) -> FloatArray:
    """How far from its planned place a tip comes to lie, in LPS mm, shape (3,).

    Across the shaft the distance has the gamma distribution of the published mean and spread (positive, as a
    distance is; ``shape = (mean / spread)^2, scale = spread^2 / mean``), in a direction that none is preferred
    to.  Along it the depth is normal, as in `PLACEMENTS`.

    Parameters
    ----------
    along
        Unit vector from entry to tip.
    placement
        A word of `PLACEMENTS`; nothing is off for one without errors.
    random
        Where numbers are drawn from.
    """
    if placement not in LATERAL_ERRORS:
        return np.zeros(3)
    error = lateral_error(placement, along)
    mean, spread = error.mean.value, error.spread.value
    away_mm = random.gamma((mean / spread) ** 2, spread**2 / mean)
    turn = random.uniform(0.0, 2.0 * math.pi)
    depth_mm = PLACEMENTS[placement].depth.value * random.standard_normal()
    side, other = across_shaft(along)
    return np.asarray(away_mm * (math.cos(turn) * side + math.sin(turn) * other) + depth_mm * along)


def error_words(placement: str) -> str:
    """The published distances, such as ``6.2 ± 2.7 mm in the axial plane, 10.1 ± 4.0 mm out of it``."""
    one, two = LATERAL_ERRORS[placement]
    words = [f"{e.mean.value:.1f} ± {e.spread.value:.1f} mm" for e in (one, two)]
    return words[0] if one == two else f"{words[0]} in the axial plane, {words[1]} out of it"
