"""Names of the three hepatic veins from where they run as seen from the vena cava.

Patient coordinates: +x is the patient's left, +y posterior, +z superior.
"""

from __future__ import annotations

import itertools
import math

from planner.model.vessel_tree import Branch
from planner.planning.branch_extent import BranchExtents

RIGHT, MIDDLE, LEFT = "right hepatic vein", "middle hepatic vein", "left hepatic vein"
VEINS = (LEFT, MIDDLE, RIGHT)
CAVA = "inferior vena cava"

#: Share of the vessel in the liver a vein must have to be one of the three; our rule.
VEIN_SHARE = 0.08
#: Two veins run farther apart than this as seen from above; branches of one do not.  Our rule.
APART_DEG = 25.0
#: Where the three are not three: from the patient's left over the front to the right, ends of left and middle.
LEFT_TO_DEG, MIDDLE_TO_DEG = 75.0, 150.0
#: Veins fork from each other, or from the vena cava, at most this far from where the first begins; our rule.
CONFLUENCE_MM = 45.0

#: A vein keeps its name along its heaviest branch while this share of it lies ahead; our rule.
NAMED_SHARE = 0.35

#: What runs on so far outside the liver is the vena cava, outlined with the veins; our rule.
BEYOND_MM = 60.0


def hepatic_names(extents: BranchExtents) -> tuple[dict[int, str], list[str]]:
    """Names by number of branch, and where they are unsure."""
    veins = _veins(extents)
    notes: list[str] = []
    by_azimuth = sorted(veins, key=lambda b: azimuth_deg(extents, b))
    if len(veins) == 3:
        chosen = dict(zip(VEINS, by_azimuth, strict=True))
    else:
        notes.append(
            f"{len(veins)} main hepatic vein(s) were found where three are usual: look at their names."
        )
        chosen = {}
        for vein in sorted(veins, key=lambda b: -extents.length_mm(b)):
            chosen.setdefault(_usual(azimuth_deg(extents, vein)), vein)
    angles = [azimuth_deg(extents, b) for b in by_azimuth]
    if any(b - a < APART_DEG for a, b in itertools.pairwise(angles)):
        notes.append("Two hepatic veins run close to each other: look at their names.")
    names: dict[int, str] = {}
    for name, vein in chosen.items():
        cava, start = _past_cava(extents, vein)
        names.update({b.number: CAVA for b in cava})
        path, _ = extents.trunk(start, 0.25)
        least = NAMED_SHARE * extents.length_mm(start)
        names.update({b.number: name for b in path if extents.length_mm(b) >= least or b is start})
    return names, notes


def azimuth_deg(extents: BranchExtents, branch: Branch) -> float:
    """Where a vein runs as seen from above: 0 to the patient's left, 90 forward, 180 to the right."""
    x, y, _ = extents.way(branch)
    angle = math.degrees(math.atan2(-y, x))
    return angle if angle > -90.0 else angle + 360.0


def _usual(angle_deg: float) -> str:
    if angle_deg < LEFT_TO_DEG:
        return LEFT
    return MIDDLE if angle_deg < MIDDLE_TO_DEG else RIGHT


def _veins(extents: BranchExtents) -> list[Branch]:
    """The main veins: roots parted at forks near the vena cava whose branches run apart."""
    total = sum(extents.length_mm(b) for b in extents.tree.roots)
    found: list[Branch] = []
    waiting = [b for b in extents.tree.roots if extents.length_mm(b) >= VEIN_SHARE * total]
    while waiting:
        branch = waiting.pop(0)
        heads = _parted(extents, branch, VEIN_SHARE * total)
        if heads:
            waiting += heads
        else:
            found.append(branch)
    return found


def _parted(extents: BranchExtents, branch: Branch, least_mm: float) -> list[Branch]:
    """The branches of the first true fork of a trunk, where they are veins of their own; else none."""
    path, heads = extents.trunk(branch, least_mm / max(extents.length_mm(branch), 1e-9))
    if not heads:
        return []
    if any(_is_cava(extents, b) for b in heads):
        return []
    run_mm = sum(extents.length_mm(b) - sum(map(extents.length_mm, extents.children(b))) for b in path)
    angles = sorted(azimuth_deg(extents, b) for b in heads)
    widest = max(b - a for a, b in itertools.pairwise(angles))
    is_one = len({_usual(a) for a in angles}) == 1
    return heads if run_mm <= CONFLUENCE_MM and widest >= APART_DEG and not is_one else []


def _past_cava(extents: BranchExtents, vein: Branch) -> tuple[list[Branch], Branch]:
    """Branches of the vena cava on the way into a vein and on from there, and where the vein begins."""
    cava: list[Branch] = []
    start, way = vein, [vein]
    while True:
        leaving = [b for b in extents.tree.children(way[-1].number) if _is_cava(extents, b)]
        others = [b for b in extents.children(way[-1]) if b not in leaving]
        if not others:
            return cava, start
        if leaving:
            cava, start = [*way, *_widest_way(extents, leaving[0])], others[0]
        way.append(others[0])


def _is_cava(extents: BranchExtents, branch: Branch) -> bool:
    """Whether a branch runs on far outside the liver, and more there than within."""
    inner_mm = extents.length_mm(branch)
    beyond_mm = sum(b.length_mm for b in extents.tree.subtree(branch.number)) - inner_mm
    return beyond_mm >= max(BEYOND_MM, inner_mm)


def _widest_way(extents: BranchExtents, start: Branch) -> list[Branch]:
    way = [start]
    while children := extents.tree.children(way[-1].number):
        way.append(max(children, key=lambda b: (b.mean_diameter_mm, -b.number)))
    return way
