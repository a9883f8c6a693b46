"""Portal vein, hepatic veins, hepatic artery and bile ducts of the liver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.sample.field import Field, Points
from planner.sample.lesions import LESIONS
from planner.sample.tubes import curve, segments, stacked, tube
from planner.sample.vessel_growth import Tree, scattered

#: Branches thinner than this are seen in the scan but not outlined.
OUTLINED_RADIUS_MM = 1.2
SEED = 20261103

PORTAL_TRUNKS = (
    [(-6, -13, 88), (-12, -14, 100), (-22, -18, 118), (-33, -22, 134)],
    [(-33, -22, 134), (-42, -21, 140), (-52, -20, 143)],
    [(-52, -20, 143), (-61, -25, 150), (-68, -30, 160), (-73, -32, 172)],
    [(-61, -25, 150), (-70, -40, 142), (-74, -47, 130)],
    [(-52, -20, 143), (-64, -10, 146), (-74, -5, 159), (-86, 4, 174)],
    [(-64, -10, 146), (-75, -6, 133), (-92, -6, 116), (-100, 0, 102)],
    [(-33, -22, 134), (-22, -28, 140), (-9, -34, 145), (3, -42, 149), (7, -54, 150), (7, -62, 146)],
)
HEPATIC_TRUNKS = (
    [(-24, 4, 200), (-26, 3, 199)],
    [(-26, 3, 199), (-42, 8, 194), (-62, 6, 184), (-84, 0, 168), (-101, -8, 146), (-107, -12, 128)],
    [(-26, 3, 199), (-31, -16, 191), (-40, -34, 178), (-48, -50, 160), (-54, -60, 141)],
    [(-26, 3, 199), (-14, -14, 194), (2, -28, 188), (20, -40, 182), (34, -50, 178)],
)
ARTERY = (
    [(9, 8, 113), (6, -6, 114), (0, -14, 112), (-12, -22, 108), (-20, -27, 116), (-31, -31, 130)],
    [(-31, -31, 130), (-41, -28, 136), (-52, -27, 140), (-64, -33, 147), (-72, -38, 160)],
    [(-52, -27, 140), (-64, -17, 143), (-72, -11, 156), (-82, -3, 168)],
    [(-31, -31, 130), (-20, -35, 137), (-6, -40, 142), (1, -50, 146), (2, -62, 143)],
)
BILE_DUCTS = (
    [
        (-38, -8, 72, 2.6),
        (-36, -20, 88, 2.8),
        (-35, -30, 106, 2.6),
        (-39, -31, 124, 2.4),
        (-41, -29, 134, 2.0),
    ],
    [(-41, -29, 134, 1.8), (-50, -27.5, 147, 1.5), (-57, -30, 154, 1.2)],
    [(-41, -29, 134, 1.6), (-28, -32, 145, 1.4), (-12, -39, 150, 1.2)],
    [(-38, -31, 117, 1.6), (-37, -33, 115, 1.6)],
)


@dataclass(frozen=True, eq=False)
class LiverVessels:
    """Trees as round cones (n, 8), twigs included; veins that join the portal vein outside come apart."""

    portal: Points
    hepatic: Points
    artery: Points
    bile: Points
    portal_roots: Points

    @staticmethod
    def outlined(cones: Points) -> Points:
        """The cones thick enough to be outlined."""
        return np.asarray(cones[cones[:, 7] >= OUTLINED_RADIUS_MM])


def grown_vessels(liver: Field) -> LiverVessels:
    """The liver's vessels, grown within its field and around the lesions."""

    room = _room(liver)

    def free(points: Points) -> Points:
        return -room.at(points)

    portal, hepatic = Tree(0.62, 6.4), Tree(0.62, 6.0)
    for trunk in PORTAL_TRUNKS:
        portal.add_trunk(curve([(*p, 1.0) for p in trunk], 3.0))
    for trunk in HEPATIC_TRUNKS:
        hepatic.add_trunk(curve([(*p, 1.0) for p in trunk], 3.0))
    low, high = np.array([-128.0, -92.0, 45.0]), np.array([75.0, 75.0, 225.0])
    for round_, count in enumerate((26, 60, 130)):
        for tree, other, seed in ((portal, hepatic, 1), (hepatic, portal, 2)):
            targets = scattered(lambda p: free(p) > 1.0, low, high, count, SEED + 10 * round_ + seed)
            gap = 2.2 if round_ < 2 else 1.2
            tree.grow(targets, free, [(np.array(other.points), other.radii())], gap)
    artery = Tree(0.45, 2.9)
    for trunk in ARTERY:
        artery.add_trunk(curve([(*p, 1.0) for p in trunk], 2.5))
    artery.grow(_beside(portal), free, [(np.array(t.points), t.radii()) for t in (portal, hepatic)], 0.4)
    bile = [segments(curve(list(k), 2.0)) for k in BILE_DUCTS]
    roots = [
        tube(
            (-6, -13, 90, 5.6), (4, -10, 84, 5.0), (8, -16, 60, 4.8), (12, -24, 30, 4.4), (14, -26, -10, 4.0)
        ),
        tube(
            (-6, -13, 90, 5.0), (12, -8, 98, 4.6), (38, 2, 112, 4.2), (66, 20, 128, 4.0), (88, 30, 142, 3.4)
        ),
    ]
    return LiverVessels(
        portal.cones(),
        hepatic.cones(),
        artery.cones(),
        stacked(bile),
        stacked(roots),
    )


def _room(liver: Field) -> Field:
    """Where vessels may grow, negative there: within the liver and beside the lesions."""
    lattice = liver.lattice
    values = liver.values + np.float32(2.5)
    for lesion in LESIONS:
        center, reach = np.array(lesion.shape.center_mm), lesion.shape.half_extent_mm + 8
        low, high = (np.rint(lattice.indices(center + side * reach)).astype(int) for side in (-1, 1))
        box = tuple(slice(max(0, a), b + 1) for a, b in zip(low, high, strict=True))
        axes = (lattice.x[:, :, box[2]], lattice.y[:, box[1], :], lattice.z[box[0], :, :])
        nodes = np.stack(np.broadcast_arrays(*axes), axis=-1)
        beside = np.float32(4.0) - lesion.shape.implicit(nodes).astype(np.float32)
        values[box] = np.maximum(values[box], beside)
    return Field(lattice, values)


def _beside(portal: Tree) -> Points:
    """Where arteries are to end: beside portal branches, (n, 3)."""
    points, radii = np.array(portal.points), portal.radii()
    chosen = np.flatnonzero((radii < 2.6) & (radii > 1.1))[::5]
    rng = np.random.default_rng(SEED)
    away = rng.normal(size=(len(chosen), 3))
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    return np.asarray(points[chosen] + away * (radii[chosen] + 1.6)[:, None])
