"""Plans of focused ultrasound made by the planner: which windows of the skin see a lesion, filled with foci."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.foci_union import together
from planner.compute.margin import MarginReport, PreparedMargin, evaluate_margin
from planner.model.plan import FocusGrid
from planner.planning.access import access_map
from planner.planning.access_ground import AccessGround
from planner.planning.access_rules import AccessRules
from planner.planning.acoustic_window import BeamReport, judge_beam, usable_windows
from planner.planning.devices import Device
from planner.planning.focusing import filled_grid, goal_points, grid_zones, transducer_value
from planner.planning.suggesting import SHORT_MM, judged_margin_mm

#: So many windows are filled at most.
WINDOWS = 3
#: A goal is sampled: where the exact margin falls short it is filled anew, so often at most.
FILLINGS = 3


@dataclass(frozen=True)
class SuggestedFoci:
    """A grid of foci that fills a goal, with what it is worth.

    Parameters
    ----------
    grid
        Foci and window.
    report
        The exact margin of the union of the foci's zones.
    beam
        What the rays from the window to the foci meet.
    duration_s
        All sonications with the pauses between them.
    """

    grid: FocusGrid
    report: MarginReport
    beam: BeamReport
    duration_s: float


def suggest_foci(
    ground: AccessGround,
    prepared: PreparedMargin,
    device: Device,
    settings: Mapping[str, float],
    lesion: str,
    margin_mm: float,
    *,
    rules: AccessRules | None = None,
    allow_ex_vivo: bool = False,
    task: Task | None = None,
) -> tuple[SuggestedFoci, ...]:
    """Grids of foci that fill a lesion and its margin through different windows, the freest beam first.

    Deterministic.  Foci keep the steering range of the device out of account: the transducer is moved
    where they need it, which the assessment says.

    Parameters
    ----------
    ground, prepared
        The case as beams meet it, and the lesion.
    device, settings
        A focused ultrasound device, and the power and time of a focus.

    Raises
    ------
    InvalidValue
        If no part of the skin sees the lesion, the device has no zone for the settings, or the goal
        needs too many foci.
    """
    task = task or Task()
    structures = ground.anatomy.structures
    zone = device.zone(settings, allow_ex_vivo)
    samples = prepared.outline.samples.points_lps_mm
    x, y, z = (float(v) for v in 0.5 * (samples.min(axis=0) + samples.max(axis=0)))
    task.report(0.0, f"Windows of the skin that see {lesion}")
    access = access_map(ground, (x, y, z), lesion, device.length.value, 0.0, rules)
    radius = transducer_value(device, "window_radius").value
    pause = transducer_value(device, "pause").value
    found = []
    windows = usable_windows(access, radius, device.length.value, WINDOWS)
    for n, window in enumerate(windows):
        task.report(0.2 + 0.8 * n / len(windows), f"Foci through window {n + 1} of {len(windows)}")
        draft = FocusGrid("h1", device.name, ((x, y, z),), window, settings, lesion)
        filled_mm = margin_mm
        for _ in range(FILLINGS):
            goal = goal_points(prepared.outline, filled_mm, draft.direction, zone, structures)
            grid = filled_grid("h1", device, settings, goal, window, lesion, allow_ex_vivo=allow_ex_vivo)
            report = evaluate_margin(prepared, together([], [grid_zones(grid, zone)]))
            short_mm = margin_mm - judged_margin_mm(report)
            if short_mm <= SHORT_MM:
                break
            filled_mm += short_mm
        count = len(grid.foci_lps_mm)
        duration = count * settings.get("time_s", 0.0) + (count - 1) * pause
        found.append(SuggestedFoci(grid, report, judge_beam(structures, grid), duration))
    if not found:
        raise InvalidValue("No part of the skin sees the lesion past bone and gas.", lesion)
    order = np.lexsort((range(len(found)), [f.beam.blocked_percent for f in found]))
    return tuple(found[n] for n in order)
