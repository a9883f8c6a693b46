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
    [
        (9, 8, 113, 3.2),
        (6, -6, 114, 2.9),
        (0, -14, 112, 2.6),
        (-12, -22, 108, 2.4),
        (-20, -27, 116, 2.2),
        (-31, -31, 130, 2.0),
    ],
    [
        (-31, -31, 130, 1.9),
        (-41, -28, 136, 1.7),
        (-52, -27, 140, 1.5),
        (-64, -33, 147, 1.3),
        (-72, -38, 160, 0.9),
    ],
    [(-52, -27, 140, 1.4), (-64, -17, 143, 1.3), (-72, -11, 156, 1.0), (-82, -3, 168, 0.8)],
    [(-31, -31, 130, 1.7), (-20, -35, 137, 1.5), (-6, -40, 142, 1.3), (1, -50, 146, 1.1), (2, -62, 143, 0.8)],
)
SPLENIC_ARTERY = [
    (6, -6, 114, 2.8),
    (22, -4, 122, 2.7),
    (45, 6, 128, 2.6),
    (68, 22, 136, 2.5),
    (88, 34, 146, 2.2),
]
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
    splenic_artery: Points

    @staticmethod
    def outlined(cones: Points) -> Points:
        """The cones thick enough to be outlined."""
        return np.asarray(cones[cones[:, 7] >= OUTLINED_RADIUS_MM])


def grown_vessels(liver: Field) -> LiverVessels:
    """The liver's vessels, grown within its field and around the lesions."""

    def free(points: Points) -> Points:
        room = -liver.at(points) - 2.5
        for lesion in LESIONS:
            room = np.minimum(room, lesion.shape.implicit(points) - 4.0)
        return np.asarray(room)

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
        stacked(segments(curve(list(k), 2.0)) for k in ARTERY),
        stacked(bile),
        stacked(roots),
        segments(curve(list(SPLENIC_ARTERY), 2.0)),
    )
