"""Places that Couinaud's planes and the caudate are found by: clicked, or read from named vessels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray, unit_vector
from planner.model.points import Point, finite_point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.model.vessel_tree import Branch, VesselTree
from planner.planning import hepatic_names, portal_names
from planner.planning.centreline_parts import with_steps

#: What each landmark is, as a person is asked for it.
LANDMARKS: dict[str, str] = {
    "vena_cava_upper": "middle of the vena cava where the hepatic veins enter",
    "vena_cava_lower": "middle of the vena cava at the liver's lower end",
    "right_hepatic_vein": "the right hepatic vein, half way out",
    "middle_hepatic_vein": "the middle hepatic vein, half way out",
    "left_hepatic_vein": "the left hepatic vein, half way out",
    "portal_fork": "where the portal vein divides into right and left",
    "left_portal_end": "where the left portal vein turns forward",
}
#: The planes need these; the last is for the left side and the caudate alone.
NEEDED = tuple(LANDMARKS)[:6]

_VEINS = {
    "right_hepatic_vein": hepatic_names.RIGHT,
    "middle_hepatic_vein": hepatic_names.MIDDLE,
    "left_hepatic_vein": hepatic_names.LEFT,
}


@dataclass(frozen=True)
class CouinaudLandmarks:
    """Places by a word of `LANDMARKS`, in LPS mm; any may be missing.

    Raises
    ------
    InvalidValue
        If a word is none of them, or a place not three finite numbers.
    """

    places: Mapping[str, Point]

    def __post_init__(self) -> None:
        wrong = sorted(set(self.places) - set(LANDMARKS))
        if wrong:
            raise InvalidValue(
                "There is no such landmark of the liver.", ", ".join(wrong), f"Use: {', '.join(LANDMARKS)}."
            )
        found = {word: finite_point(place, word.replace("_", " ")) for word, place in self.places.items()}
        object.__setattr__(self, "places", found)

    def __contains__(self, word: str) -> bool:
        return word in self.places

    def at(self, word: str) -> FloatArray:
        """A place, (3,).

        Raises
        ------
        InvalidValue
            If it is missing.
        """
        if word not in self.places:
            raise InvalidValue(
                "A landmark of the liver is missing.",
                LANDMARKS[word],
                "Click it, or name the vessel it lies on.",
            )
        return np.array(self.places[word])

    @property
    def cava_axis(self) -> FloatArray:
        """Unit vector along the vena cava, upwards."""
        upper, lower = self.at("vena_cava_upper"), self.at("vena_cava_lower")
        if not np.linalg.norm(upper - lower) > 1.0:
            raise InvalidValue(
                "The two landmarks of the vena cava lie in one place.",
                f"{np.round(upper, 1).tolist()} mm",
                "Click it at the hepatic veins and at the liver's lower end.",
            )
        return unit_vector(upper - lower)

    def filled_from(
        self, structures: StructureSet, portal: VesselTree | None = None, hepatic: VesselTree | None = None
    ) -> CouinaudLandmarks:
        """These landmarks, and those that can be read from named vessels and the vena cava's outline."""
        found: dict[str, Point] = {}
        if portal is not None:
            found |= _of_portal(portal)
        if hepatic is not None:
            found |= {**_of_cava_branches(structures, hepatic), **_of_hepatic(hepatic)}
        found |= _of_cava(structures, found)
        return CouinaudLandmarks({**found, **self.places})


def _of_portal(tree: VesselTree) -> dict[str, Point]:
    found: dict[str, Point] = {}
    left = tree.named(portal_names.LEFT)
    if left:
        found["portal_fork"] = _point(left[0].points_lps_mm[0])
        found["left_portal_end"] = _point(_trunk_end(tree, left[0]))
    return found


def _trunk_end(tree: VesselTree, start: Branch) -> FloatArray:
    """Where the left portal vein turns forward: as far to the left as the named trunk first runs."""
    points = [start.points_lps_mm]
    branch = start
    while children := [b for b in tree.children(branch.number) if b.name == start.name]:
        branch = children[0]
        points.append(branch.points_lps_mm)
    line = np.concatenate(points)
    return np.asarray(line[int(np.argmax(line[:, 0]))])


def _of_hepatic(tree: VesselTree) -> dict[str, Point]:
    found: dict[str, Point] = {}
    starts = []
    for word, name in _VEINS.items():
        branches = tree.named(name)
        if not branches:
            continue
        starts.append(branches[0].points_lps_mm[0])
        line = np.concatenate([with_steps(b.points_lps_mm) for b in branches])
        found[word] = _point(line.mean(axis=0))
    if len(starts) == len(_VEINS):
        found["vena_cava_upper"] = _point(np.mean(starts, axis=0))
    return found


def _of_cava_branches(structures: StructureSet, tree: VesselTree) -> dict[str, Point]:
    """The vena cava's middle at the liver's lower end, where it was outlined with the hepatic veins."""
    branches = tree.named(hepatic_names.CAVA)
    heights = _liver_heights(structures)
    if not branches or heights is None:
        return {}
    line = np.concatenate([with_steps(b.points_lps_mm) for b in branches])
    beside = line[line[:, 2] >= heights[0]]
    return {"vena_cava_lower": _point(beside[int(np.argmin(beside[:, 2]))])} if len(beside) else {}


def _liver_heights(structures: StructureSet) -> tuple[float, float] | None:
    """Lowest and highest z of the liver's box; None without a liver."""
    livers = [s.name for s in structures.with_role(Role.LIVER) if not structures.box(s.name).is_empty]
    if not livers:
        return None
    box = structures.box(livers[0])
    corners = structures.grid.cropped(box)
    heights = corners.to_lps(corners.corners_ijk)[:, 2]
    return float(heights.min()), float(heights.max())


def _of_cava(structures: StructureSet, known: Mapping[str, Point]) -> dict[str, Point]:
    """The vena cava's middle at the liver's lower end and at the hepatic veins, by the slices' own middles."""
    cavas = [s.name for s in structures.with_role(Role.VENA_CAVA) if not structures.box(s.name).is_empty]
    heights = _liver_heights(structures)
    if not cavas or heights is None:
        return {}
    low, high = heights
    kji = np.argwhere(structures.mask(cavas[0], structures.box(cavas[0]))) + structures.box(cavas[0]).start
    cava = structures.grid.to_lps(kji[:, ::-1])
    if "vena_cava_upper" in known:
        high = known["vena_cava_upper"][2]
    found: dict[str, Point] = {}
    slack = 2.0 * max(structures.grid.spacing_mm)
    within = cava[(cava[:, 2] >= low) & (cava[:, 2] <= high)]
    if len(within):
        for word, z in (
            ("vena_cava_lower", float(within[:, 2].min())),
            ("vena_cava_upper", float(within[:, 2].max())),
        ):
            found[word] = _point(within[np.abs(within[:, 2] - z) <= slack].mean(axis=0))
    return found


def _point(place: FloatArray) -> Point:
    x, y, z = (float(v) for v in place)
    return x, y, z
