"""Couinaud's segments from named portal branches, or from planes through veins and landmarks.

Section F4 of the reference sheet: each voxel to the nearest branch that feeds a segment; or the classic
planes through the vena cava and each hepatic vein, and one through the portal fork.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.geodesic_branch import geodesic_branch
from planner.compute.nearest_branch import nearest_branch
from planner.model.geometry import FloatArray, unit_vector
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.planning import caudate
from planner.planning.branch_names import segment_of_branch
from planner.planning.couinaud import NUMBERS, Segments, tidied
from planner.planning.couinaud_landmarks import NEEDED, CouinaudLandmarks
from planner.planning.liver_ground import SPOKEN_OF_ML, LiverGround
from planner.planning.territories import WAYS
from planner.planning.vessels_within import parts_within

LabelArray = npt.NDArray[np.uint8]

RIGHT, LEFT = (5, 6, 7, 8), (2, 3, 4)
NO_LANDMARKS = CouinaudLandmarks({})
#: J Comput Assist Tomogr 2002, in section F4 of the reference sheet.
PLANES_NOTE = (
    "Planes are an estimate: published volumes differ from portal territories by +24 to -13 %, those of one liver "
    "may by far more; look at the left side."
)


def segments_from_portal(
    tree: VesselTree,
    structures: StructureSet,
    way: str = "euclidean",
    landmarks: CouinaudLandmarks = NO_LANDMARKS,
    hepatic: VesselTree | None = None,
    task: Task | None = None,
) -> Segments:
    """Segments by the nearest portal branch of a segment's name.

    A branch without a name is of the segment of the nearest named branch it hangs on.  Segment 1 is that of
    its own branch, or else an estimate from landmarks (`caudate`).

    Parameters
    ----------
    tree
        The portal vein, with names.
    structures
        With the liver; the vena cava helps to estimate segment 1.
    way
        A word of `WAYS`.
    landmarks, hepatic
        For segment 1 where no branch of it is named.

    Raises
    ------
    InvalidValue
        If there is no liver, the tree is not the portal vein or lies outside, or one of the two sides has no
        branch with a segment's name.
    """
    task = task or Task()
    if tree.role is not Role.PORTAL_VEIN or way not in WAYS:
        raise InvalidValue(
            "Segments are found by portal branches, by straight distance or within the liver.",
            f"'{tree.id}', {tree.role.value.replace('_', ' ')}, '{way}'",
            f"Choose the portal vein, and one of: {', '.join(WAYS)}.",
        )
    task.report(0.0, "The liver")
    ground = LiverGround.of(structures)
    of_branch = {b.number: segment_of_branch(tree, b.number) for b in tree.branches}
    parts = [(p.points_lps_mm, of_branch[p.number]) for p in parts_within(tree, ground)]
    lines, labels = [p for p, s in parts if s is not None], [s for _, s in parts if s is not None]
    _check_sides(tree, set(labels))
    notes = [*ground.notes, *_lacking(set(labels))]
    rest = task.part(0.1, 0.7)
    if way == "geodesic":
        found, lost = geodesic_branch(ground.grid, ground.mask, lines, labels, rest)
        if lost * ground.grid.voxel_volume_ml >= SPOKEN_OF_ML:
            notes.append(f"{lost * ground.grid.voxel_volume_ml:.1f} ml of liver go by straight distance.")
    else:
        found = nearest_branch(ground.grid, ground.mask, lines, labels, rest)
    segments = np.where(ground.mask, found, 0).astype(np.uint8)
    if 1 not in labels:
        places = landmarks.filled_from(structures, tree, hepatic)
        notes.append(_with_caudate(segments, ground, places))
    task.report(0.8, "Smooth borders")
    return Segments(
        ground, tidied(segments), f"nearest portal branch, {WAYS[way]}; one majority filter", tuple(notes)
    )


def segments_from_planes(
    structures: StructureSet,
    landmarks: CouinaudLandmarks = NO_LANDMARKS,
    portal: VesselTree | None = None,
    hepatic: VesselTree | None = None,
    task: Task | None = None,
) -> Segments:
    """Segments by half planes from the vena cava's axis through each hepatic vein, and a portal plane across.

    The portal plane stands at right angles to the vena cava, through the portal fork; on the left lateral side
    through the left portal vein's end where that is known.  Below that end segment 4 reaches to the half plane
    through it, for the umbilical fissure, and above to that of the left hepatic vein.

    Parameters
    ----------
    structures
        With the liver.
    landmarks
        Clicked places; they go before those read from vessels.
    portal, hepatic
        Vessels with names.

    Raises
    ------
    InvalidValue
        If there is no liver, a landmark is neither given nor found, or the veins do not run from right to left.
    """
    task = task or Task()
    task.report(0.0, "Planes through the hepatic veins")
    ground = LiverGround.of(structures)
    places = landmarks.filled_from(structures, portal, hepatic)
    for word in NEEDED:
        places.at(word)
    k, j, i = np.nonzero(ground.mask)
    points = ground.grid.to_lps(np.stack([i, j, k], axis=1))
    segments = np.zeros(ground.grid.shape, dtype=np.uint8)
    segments[ground.mask] = _by_planes(points, places)
    notes = [*ground.notes, PLANES_NOTE]
    task.report(0.5, "Smooth borders")
    notes.append(_with_caudate(segments, ground, places))
    found = tidied(segments)
    notes += _lacking(set(np.unique(found).tolist()) | {1})
    return Segments(
        ground,
        found,
        "planes through the hepatic veins and the portal fork; one majority filter",
        tuple(notes),
    )


def _by_planes(points: FloatArray, places: CouinaudLandmarks) -> LabelArray:
    """Segments 2 to 8 of places (n, 3), by their angle around the vena cava and their height."""
    axis, foot = places.cava_axis, places.at("vena_cava_upper")
    front = unit_vector(np.cross(axis, np.cross(_across(places.at("middle_hepatic_vein"), foot, axis), axis)))
    left = np.cross(axis, front)

    def angle(at: FloatArray) -> FloatArray:
        """From the middle vein's plane, positive to the patient's right; radians."""
        away = at - foot
        return np.asarray(np.arctan2(-(away @ left), away @ front))

    right_vein, left_vein = (float(angle(places.at(f"{side}_hepatic_vein"))) for side in ("right", "left"))
    if not left_vein < 0 < right_vein:
        raise InvalidValue(
            "The hepatic veins do not run from right to left around the vena cava.",
            f"right {np.degrees(right_vein):.0f}°, left {np.degrees(left_vein):.0f}° from the middle vein",
            "Look at their names or landmarks: two may be exchanged.",
        )
    if "left_portal_end" in places:  # the umbilical fissure, which parts segments 3 and 4 below
        fissure = min(0.0, float(angle(places.at("left_portal_end"))))
    else:
        fissure = left_vein
    turn = angle(points)
    height = points @ axis
    upper = height >= float(places.at("portal_fork") @ axis)
    lateral = "left_portal_end" if "left_portal_end" in places else "portal_fork"
    upper_left = height >= float(places.at(lateral) @ axis)
    return np.select(
        [turn >= right_vein, turn >= 0, turn >= np.where(upper_left, left_vein, fissure)],
        [np.where(upper, 7, 6), np.where(upper, 8, 5), np.full(len(points), 4)],
        np.where(upper_left, 2, 3),
    ).astype(np.uint8)


def _across(place: FloatArray, foot: FloatArray, axis: FloatArray) -> FloatArray:
    """The way from the vena cava's axis to a place, at right angles to the axis."""
    way = place - foot
    across = way - float(way @ axis) * axis
    if not np.linalg.norm(across) > 1.0:
        raise InvalidValue(
            "The middle hepatic vein's landmark lies on the vena cava's axis.",
            f"{np.round(place, 1).tolist()} mm",
            "Click it half way out.",
        )
    return np.asarray(across)


def _with_caudate(segments: LabelArray, ground: LiverGround, places: CouinaudLandmarks) -> str:
    """Write segment 1 into the labels where it can be estimated; says what was done."""
    if any(word not in places for word in caudate.NEEDED):
        return caudate.MISSING
    k, j, i = np.nonzero(ground.mask)
    inside = caudate.caudate(ground.grid.to_lps(np.stack([i, j, k], axis=1)), places)
    segments[k[inside], j[inside], i[inside]] = 1
    return caudate.NOTE if inside.any() else caudate.MISSING


def _check_sides(tree: VesselTree, found: set[int]) -> None:
    for side, numbers in (("right", RIGHT), ("left", LEFT)):
        if not found & set(numbers):
            words = ", ".join(str(n) for n in numbers)
            raise InvalidValue(
                f"No branch in the {side} liver has a segment's name: its liver would go to the other side.",
                f"'{tree.id}', segments {words}",
                "Have names proposed, name branches of these segments, or use the planes.",
            )


def _lacking(found: set[int]) -> list[str]:
    lacking = [n for n in NUMBERS if n not in found and n != 1]
    if not lacking:
        return []
    return [f"No voxel could be told to lie in segment {', '.join(str(n) for n in lacking)}."]
