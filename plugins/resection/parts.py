"""What becomes of each voxel of the liver, as a field for pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from planner_plugins.resection.flow import lost_points
from planner_plugins.resection.judgement import QuickJudgement

from planner.model.assessment import ScalarField
from planner.planning.flow_numbers import FlowNumbers
from planner.planning.liver_parts import LIVER_PARTS, Part
from planner.planning.resected_liver import ABLATED

BoolArray = npt.NDArray[np.bool_]


def liver_parts(quick: QuickJudgement) -> ScalarField:
    """A `Part` for each voxel of the liver's box; volumes come from runs, not from counting these."""
    resected = quick.resected
    liver = resected.liver
    inside = liver.codes >= 0
    parts = np.zeros(inside.shape, dtype=np.uint8)
    parts[inside] = Part.REMNANT
    vessels = quick.ground.vessels
    if vessels is not None:
        parts[inside & _hangs(vessels.outflow, quick, inside.shape)] = Part.CONGESTED
        parts[inside & _hangs(vessels.inflow, quick, inside.shape)] = Part.DEVASCULARISED
    if ABLATED in liver.columns:
        parts[inside & liver.chosen(ABLATED)[liver.codes]] = Part.ABLATED
    parts[inside & ~resected.left] = Part.RESECTED
    return ScalarField(LIVER_PARTS, liver.grid, parts, "")


def _hangs(flow: FlowNumbers | None, quick: QuickJudgement, shape: tuple[int, ...]) -> BoolArray:
    """Voxels that hang on a vessel beyond a cut."""
    if flow is None:
        return np.zeros(shape, dtype=bool)
    return np.asarray(lost_points(flow, quick.resected)[flow.voxels] > 0)
