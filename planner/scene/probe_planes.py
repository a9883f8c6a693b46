"""Planes that follow a needle: the probe's eye across it, and two cuts along it."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from planner.model.geometry import FloatArray
from planner.model.plan import Applicator, Point
from planner.scene.planes import ObliquePlane, PlaneStack

#: Half of what a view along or across a needle shows, and how far it can be scrolled off the needle.
HALF_MM, OFF_MM = 90.0, 40.0
#: Pixels and slices of these views.
STEP_MM = 0.8
#: A needle that leans less than this from head to feet is cut by planes of the front-to-back axis.
STEEP_SINE = 0.2


class ProbeCut(StrEnum):
    """Which plane of a needle."""

    EYE = "probe's eye"
    ALONG = "along, axial"
    ACROSS = "along, upright"


def probe_plane(needle: Applicator, cut: ProbeCut) -> ObliquePlane:
    """The plane of a needle; the shaft lies in both planes along it.

    The probe's eye looks from the entry towards the tip, with the head up; the cut near the axial
    plane looks from the feet, as axial slices do; the upright one has the head up.
    """
    shaft = needle.direction
    head, back = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    # Across the shaft, towards the head; for a needle along the body, towards the front.
    upward = head - (head @ shaft) * shaft
    if float(np.linalg.norm(upward)) < STEEP_SINE:
        upward = -back + (back @ shaft) * shaft
    upward /= np.linalg.norm(upward)
    if cut == ProbeCut.EYE:
        normal, down = shaft, -upward
    elif cut == ProbeCut.ALONG:
        normal = upward
        down = back - (back @ normal) * normal
        if float(np.linalg.norm(down)) < STEEP_SINE:
            down = shaft.copy()
        down /= np.linalg.norm(down)
    else:
        normal, down = np.cross(shaft, upward), -upward
        # Looked at from the front, or for a needle from the front from the left, as usual.
        if normal @ (back - 0.5 * np.array([1.0, 0.0, 0.0])) < 0:
            normal = -normal
    right = np.cross(down, normal)
    return ObliquePlane(cut.value, _point(right), _point(down), _point(normal))


def probe_stack(needle: Applicator, cut: ProbeCut) -> PlaneStack:
    """Slices of a plane of a needle; the middle one holds the shaft, the eye's go from entry to behind the tip."""
    plane = probe_plane(needle, cut)
    middle = np.array(needle.point_behind_tip(0.0))
    right, down, normal = (float(np.array(v) @ middle) for v in (plane.right, plane.down, plane.normal))
    before = needle.length_mm if cut == ProbeCut.EYE else OFF_MM
    steps = np.ceil(before / STEP_MM)
    half = STEP_MM * np.round(HALF_MM / STEP_MM)
    return PlaneStack(
        plane,
        (right - half, down - half, normal - steps * STEP_MM),
        (right + half, down + half, normal + STEP_MM * np.round(OFF_MM / STEP_MM)),
        (STEP_MM, STEP_MM, STEP_MM),
    )


def offset_words(needle: Applicator, cut: ProbeCut, stack: PlaneStack, index: int) -> str:
    """Where a slice lies, such as ``12 mm before the tip``."""
    tip = np.array(needle.tip_lps_mm)
    assert isinstance(stack.orientation, ObliquePlane)
    off = stack.position_mm(index) - float(np.array(stack.orientation.normal) @ tip)
    if cut == ProbeCut.EYE:
        if abs(off) < STEP_MM / 2:
            return "at the tip"
        return f"{abs(off):.0f} mm {'before' if off < 0 else 'beyond'} the tip"
    return "through the shaft" if abs(off) < STEP_MM / 2 else f"{abs(off):.0f} mm beside the shaft"


def _point(values: FloatArray) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
