"""How far needles land from where they were planned, by how they are placed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from planner.model.assessment import Confidence
from planner.planning.constants import Constant

_OURS = Confidence.OUR_RULE


@dataclass(frozen=True)
class PlacementError:
    """How far tips come to lie from where they were planned, as standard deviations.

    Parameters
    ----------
    id, title
        Word of settings, and words for people.
    lateral
        Across the shaft, along each of two directions.
    depth
        Along the shaft.
    """

    id: str
    title: str
    lateral: Constant
    depth: Constant


def _sigma(value: float, source: str, confidence: Confidence = _OURS) -> Constant:
    return Constant(value, "mm", source, confidence)


_DEPTH = "depth is read from the shaft's marks; no publication"

#: How needles are placed (reference sheet, placement error).
PLACEMENTS: Mapping[str, PlacementError] = {
    p.id: p
    for p in (
        PlacementError("exact", "As planned", _sigma(0.0, "none"), _sigma(0.0, "none")),
        PlacementError(
            "robotic",
            "Robot",
            _sigma(2.0, "phantom 1.6-2.0 mm (10.1007/s00330-022-08915-z), rounded up for patients"),
            _sigma(1.5, _DEPTH),
        ),
        PlacementError(
            "navigated",
            "Navigated",
            _sigma(3.0, "lateral 2.3-2.8 mm and more (10.1002/rcs.1505), rounded up"),
            _sigma(2.0, _DEPTH),
        ),
        PlacementError(
            "freehand",
            "Freehand under CT",
            _sigma(6.0, "in plane 6.2 mm (Heerink 2019, Radiology; before the needle is corrected)"),
            _sigma(3.0, _DEPTH),
        ),
    )
}
