"""Loads the tools of all modes, so that the first case does not wait for them."""

from __future__ import annotations

import planner.session.accessing
import planner.session.achieving
import planner.session.advising
import planner.session.bringing
import planner.session.brushing
import planner.session.catheter_placing
import planner.session.comparing
import planner.session.electrode_placing
import planner.session.following_up
import planner.session.growing
import planner.session.landmarking
import planner.session.perfused_painting
import planner.session.placed_needles
import planner.session.resecting
import planner.session.simulating
import planner.session.suggesting
import planner.session.vessel_bench  # noqa: F401
