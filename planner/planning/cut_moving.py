"""Cuts moved and bent by a hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.model.geometry import FloatArray, unit_vector
from planner.model.points import Point, as_point
from planner.model.resection import PatchCut, PlaneCut

#: The handles a plane is turned by stand so far from its point.
RIM_MM = 45.0


def rim_of(plane: PlaneCut) -> tuple[Point, ...]:
    """Four places of a plane to turn it by, in two directions that depend on its normal alone."""
    one, two = _across(np.array(plane.normal_lps))
    point = np.array(plane.point_lps_mm)
    return tuple(as_point(point + RIM_MM * way) for way in (one, two, -one, -two))


def tilted(plane: PlaneCut, rim: int, by_lps_mm: Point) -> PlaneCut:
    """A plane turned about its point so that one place of its rim goes with a move."""
    point, normal = np.array(plane.point_lps_mm), np.array(plane.normal_lps)
    before = np.array(rim_of(plane)[rim]) - point
    after = before + np.array(by_lps_mm)
    after_length = float(np.linalg.norm(after))
    if after_length < 1e-6:
        return plane
    # Only what the rim rises above the plane turns it; along the plane it may slide.
    axis = np.cross(before, normal)
    angle = np.arctan2(float(after @ normal), float(after @ unit_vector(before)))
    turned = _rotated(normal, unit_vector(axis), float(angle))
    return replace(plane, normal_lps=as_point(turned))


def shifted(cut: PlaneCut | PatchCut, by_lps_mm: Point) -> PlaneCut | PatchCut:
    """A cut moved as a whole."""
    by = np.array(by_lps_mm)
    if isinstance(cut, PlaneCut):
        return replace(cut, point_lps_mm=as_point(np.array(cut.point_lps_mm) + by))
    return _patch(cut.control + by)


def pushed(plane: PlaneCut, by_lps_mm: Point) -> PlaneCut:
    """A plane moved along its normal as far as a move goes that way."""
    normal = np.array(plane.normal_lps)
    along = float(np.array(by_lps_mm) @ normal) * normal
    return replace(plane, point_lps_mm=as_point(np.array(plane.point_lps_mm) + along))


def with_control_moved(patch: PatchCut, row: int, column: int, by_lps_mm: Point) -> PatchCut:
    """A patch with one control point moved; raises `InvalidValue` where it would lie on a neighbour."""
    control = patch.control
    control[row, column] += np.array(by_lps_mm)
    return _patch(control)


def bulged(patch: PatchCut, at_lps_mm: Point, by_lps_mm: Point, normal_lps: FloatArray) -> PatchCut:
    """A patch bent so that a place of it goes with a move, along its normal; farther places go less.

    Control points follow by a Gaussian of their distance, as wide as they lie apart; the surface through them
    follows that Gaussian, so that the place itself goes about all the way.
    """
    control = patch.control
    rise = float(np.array(by_lps_mm) @ normal_lps)
    spacing = [np.linalg.norm(np.diff(control, axis=a), axis=-1).mean() for a in (0, 1)]
    away = np.linalg.norm(control - np.array(at_lps_mm), axis=-1)
    weights = np.exp(-0.5 * (away / float(np.mean(spacing))) ** 2)
    return _patch(control + (rise * weights)[..., None] * np.asarray(normal_lps))


def _patch(control: FloatArray) -> PatchCut:
    return PatchCut(tuple(tuple(as_point(p) for p in row) for row in control))


def _across(normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    least = np.eye(3)[int(np.argmin(np.abs(normal)))]
    one = unit_vector(np.cross(normal, least))
    return one, np.cross(normal, one)


def _rotated(vector: FloatArray, axis: FloatArray, angle: float) -> FloatArray:
    """Rodrigues' rotation of a vector about a unit axis."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(cos * vector + sin * np.cross(axis, vector) + (1 - cos) * float(axis @ vector) * axis)
