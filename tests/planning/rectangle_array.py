"""Four electrodes at the corners of a rectangle, oblique to every axis; needles found beside them; foci."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.compute.needle_finding import FoundNeedle
from planner.model.electrode_array import Electrode, ElectrodeArray
from planner.model.geometry import unit_vector
from planner.model.plan import FocusGrid
from planner.planning.device_library import device_library
from planner.planning.electrode_arrays import standard_pairs

DEVICE = device_library().device("generic-ire-19g")
#: Oblique, so that no axis of the scan is one of the needles.
ALONG = unit_vector((0.3, 0.9, -0.2))
ACROSS = unit_vector(np.cross(ALONG, (0.0, 0.0, 1.0)))
OTHER = np.cross(ALONG, ACROSS)
LENGTH = 95.0
#: Corners of a rectangle: no two pairs' middles are alike.
CORNERS = ((0.0, 0.0), (15.0, 0.0), (15.0, 18.0), (0.0, 18.0))


def needle(across: float, other: float, depth: float = 0.0, length: float = LENGTH) -> FoundNeedle:
    """A needle along the array's own direction, in its own coordinates."""
    tip = np.array([11.0, -7.0, 23.0]) + across * ACROSS + other * OTHER + depth * ALONG
    entry = tip - length * ALONG
    return FoundNeedle(tuple(entry.tolist()), tuple(tip.tolist()))


def array(
    corners: tuple[tuple[float, float], ...] = CORNERS,
    id: str = "e1",
    pull_backs: int = 0,
    pull_back_mm: float = 0.0,
) -> ElectrodeArray:
    """All pairs at 1000 V/cm."""
    found = [needle(*c) for c in corners]
    electrodes = tuple(Electrode(f.entry_lps_mm, f.tip_lps_mm, 20.0) for f in found)
    bare = ElectrodeArray(
        id, DEVICE.name, electrodes, lesion="lesion", pull_backs=pull_backs, pull_back_mm=pull_back_mm
    )
    return replace(bare, pairs=standard_pairs(bare, DEVICE, 1000.0, 30.0)[0])


def grid() -> FocusGrid:
    """Two foci and a window of three points."""
    window = ((-20.0, -100.0, 0.0), (20.0, -100.0, 0.0), (0.0, -100.0, 30.0))
    return FocusGrid("h1", "some-transducer", ((1.0, 2.0, 3.0), (4.0, 2.0, 3.0)), window, {"power_w": 80.0})
