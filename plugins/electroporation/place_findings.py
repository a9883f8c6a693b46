"""Where bare parts lie badly: in vessels, near bile ducts, outside body or scan."""

from __future__ import annotations

import numpy as np
from planner_plugins.electroporation.placed import PlacedArray
from planner_plugins.electroporation.settings import Settings

from planner.compute.clearance import nearest_to_segment
from planner.compute.heat_lattice import Mask
from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.model.plan import Point
from planner.model.points import as_point
from planner.model.roles import VESSEL_ROLES, Role
from planner.planning import pulsed_tissues as given
from planner.planning.anatomy import Anatomy, LineSamples
from planner.planning.rules import Rule

IN_VESSEL = Rule(
    "electrode_in_vessel", Severity.WARNING, Source("blood carries the current off", Confidence.OUR_RULE)
)
NEAR_DUCT = Rule("electrode_near_bile_duct", Severity.WARNING, given.DUCT_CLEARANCE.cited)
BARE_OUTSIDE = Rule(
    "bare_part_outside", Severity.STOP, Source("pulses must stay inside the body", Confidence.OUR_RULE)
)

#: A bare part of which more than this share lies in a vessel is swallowed by it.
SWALLOWED = 0.5
#: A shorter stretch is not worth a sentence.
WORTH_MM = 0.5


def place_findings(placed: PlacedArray, anatomy: Anatomy, settings: Settings) -> list[Finding]:
    """What the bare part of each electrode lies in or near, at the worst of its pull-backs."""
    found: list[Finding] = []
    for n in range(len(placed.array.electrodes)):
        lines = [anatomy.samples(tip, back) for tip, back in placed.bare_ends_lps_mm[:, n]]
        found += _vessel_findings(placed, n, anatomy, lines)
        found += _outside_findings(placed, n, anatomy, lines)
        found += _duct_findings(placed, n, anatomy, settings)
    return found


def _vessel_findings(
    placed: PlacedArray, number: int, anatomy: Anatomy, lines: list[LineSamples]
) -> list[Finding]:
    found = []
    subject, title = f"{placed.array.id}:{number}", placed.title(number)
    for vessel in anatomy.structures.with_role(*VESSEL_ROLES):
        length, line, hit = _longest([(line, line.within([vessel.name])) for line in lines])
        if length <= WORTH_MM:
            continue
        share = length / float(line.at_mm[-1])
        amount = f"{length:.0f} mm ({100 * share:.0f} %)"
        place = _middle_of(line, hit)
        if share > SWALLOWED:
            text = f"{vessel.name} swallows {title}: {amount} of its bare part lie in blood, which carries the current off."
            found.append(IN_VESSEL.finding(text, subject, place, Severity.STOP))
        else:
            text = (
                f"{amount} of the bare part of {title} lie in {vessel.name}; blood carries the current off."
            )
            found.append(IN_VESSEL.finding(text, subject, place))
    return found


def _outside_findings(
    placed: PlacedArray, number: int, anatomy: Anatomy, lines: list[LineSamples]
) -> list[Finding]:
    found = []
    skins = [s.name for s in anatomy.structures.with_role(Role.SKIN) if s.name in anatomy.boundaries]
    ways = {"the scan": [(line, ~line.is_scanned) for line in lines]}
    if skins:
        ways["the body"] = [(line, line.is_scanned & ~line.within(skins)) for line in lines]
    for what, hits in ways.items():
        length, line, hit = _longest(hits)
        if length > WORTH_MM:
            text = f"{length:.0f} mm of the bare part of {placed.title(number)} lie outside {what}."
            subject = f"{placed.array.id}:{number}"
            found.append(BARE_OUTSIDE.finding(text, subject, _middle_of(line, hit)))
    return found


def _duct_findings(placed: PlacedArray, number: int, anatomy: Anatomy, settings: Settings) -> list[Finding]:
    nearest: tuple[float, str, Point] | None = None
    for tip, back in placed.bare_ends_lps_mm[:, number]:
        for structure in anatomy.structures.with_role(Role.BILE_DUCT):
            boundary = anatomy.boundaries.get(structure.name)
            near = None if boundary is None else nearest_to_segment(boundary, tip, back)
            if near is not None and (nearest is None or near.distance_mm < nearest[0]):
                nearest = (near.distance_mm, structure.name, near.place_lps_mm)
    if nearest is None or nearest[0] >= settings.duct_clearance_mm:
        return []
    text = (
        f"The bare part of {placed.title(number)} passes {nearest[1]} at {nearest[0]:.1f} mm;"
        f" keep {settings.duct_clearance_mm:g} mm from the heat at electrodes."
    )
    return [NEAR_DUCT.finding(text, f"{placed.array.id}:{number}", nearest[2])]


def _longest(hits: list[tuple[LineSamples, Mask]]) -> tuple[float, LineSamples, Mask]:
    """The line that runs longest within something, how long, and where."""
    line, hit = max(hits, key=lambda pair: pair[0].length_mm(pair[1]))
    return line.length_mm(hit), line, hit


def _middle_of(line: LineSamples, hit: Mask) -> Point:
    numbers = np.flatnonzero(hit)
    return as_point(line.points_lps_mm[int(numbers[len(numbers) // 2])])
