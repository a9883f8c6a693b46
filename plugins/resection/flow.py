"""Which of the remnant loses inflow or outflow: what hangs on vessels beyond the places where they are cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.compute.kept_flow import LEFT_OUT, SPARED, kept_by_marks_ml
from planner.planning.flow_numbers import FlowNumbers, LiverVessels
from planner.planning.resected_liver import ABLATED, ResectedLiver

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LostFlow:
    """What of the remnant hangs on cut vessels; ablated liver is left out.

    Parameters
    ----------
    kept_ml, inflow_ml, outflow_ml, both_ml
        Volumes that lose nothing, inflow only, outflow only, or both; they sum to the remnant.
    has_inflow, has_outflow
        Whether a vessel runs from its root into the remnant uncut; None where none is known.
    """

    kept_ml: float
    inflow_ml: float
    outflow_ml: float
    both_ml: float
    has_inflow: bool | None
    has_outflow: bool | None

    @classmethod
    def of(cls, resected: ResectedLiver, vessels: LiverVessels) -> LostFlow:
        """Of a liver under its resections."""
        flows = (vessels.inflow, vessels.outflow)
        one, two = (np.zeros(1, dtype=np.uint8) if f is None else lost_points(f, resected) for f in flows)
        runs, taken = resected.last_rows
        volumes = kept_by_marks_ml(runs, taken, _states(resected), vessels.pairs, one, two)
        kept, first, second, both = (float(v) for v in volumes)
        reached = (
            None if f is None else bool((f.is_inside & (marks == 0)).any())
            for f, marks in zip(flows, (one, two), strict=True)
        )
        return cls(kept, first, second, both, *reached)


def _states(resected: ResectedLiver) -> npt.NDArray[np.uint8]:
    states = np.zeros(resected.liver.classes, dtype=np.uint8)
    if resected.spared is not None:
        states[resected.spared.taken] = SPARED
    if ABLATED in resected.liver.columns:
        states[resected.liver.chosen(ABLATED)] = LEFT_OUT
    return states


def lost_points(flow: FlowNumbers, resected: ResectedLiver) -> npt.NDArray[np.uint8]:
    """Marks of points beyond a cut within the liver.

    A root that begins in what is taken brings nothing to the remnant: it counts as cut at its start.
    """
    return flow.beyond(taken_points(flow, resected))


def taken_points(flow: FlowNumbers, resected: ResectedLiver) -> BoolArray:
    """Which points of vessels in the liver are taken; the middle hepatic vein goes where it is given."""
    taken = np.zeros(len(flow.points_lps_mm), dtype=bool)
    taken[flow.is_inside] = resected.is_taken(flow.points_lps_mm[flow.is_inside])
    given = flow.points_of(resected.given_branches(flow.tree)) & flow.is_inside
    taken[given] = resected.middle_vein_to == "specimen"
    return taken
