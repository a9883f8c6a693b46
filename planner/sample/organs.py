"""Kidneys, spleen, adrenals, great vessels, muscles beside the spine."""

from __future__ import annotations

import numpy as np

from planner.sample.field import (
    Field,
    Float32,
    Lattice,
    Points,
    distance_like,
    ellipsoid_like,
    lattice_waves,
    smooth_max,
    smooth_min,
)
from planner.sample.torso import cavity, diaphragm_height, spine_y
from planner.sample.tubes import curve, mirrored, stacked, tube, tube_field

AORTA = curve(
    [
        (20, 30, 275, 11.5),
        (18, 27, 230, 11.2),
        (14, 20, 180, 10.8),
        (10, 13, 130, 10.3),
        (9, 9, 85, 9.5),
        (8, 8, 40, 8.8),
        (8, 9, -10, 8.4),
    ],
    5.0,
)
#: Centre and half-axes of the kidneys: right, left.
KIDNEYS = (((-60.0, 37.0, 74.0), (26.0, 25.0, 54.0)), ((62.0, 36.0, 88.0), (26.0, 25.0, 55.0)))


def kidney(side: int) -> tuple[Field, Field]:
    """A kidney (0 right, 1 left) and its sinus."""
    (cx, cy, cz), half = KIDNEYS[side]
    sign = -1.0 if side == 0 else 1.0
    lattice = Lattice.over((cx - 40, cy - 34, cz - 62), (cx + 40, cy + 34, cz + 62), 2.0)
    x, y, z = lattice.x, lattice.y, lattice.z
    tilt = 0.16 * (z - cz)
    u, v = sign * (x - cx) + tilt, (y - cy) + 0.10 * (z - cz)
    near = np.sqrt((u / half[0]) ** 2 + (v / half[1]) ** 2 + ((z - cz) / half[2]) ** 2)
    body = (near - 1) * 25 + 0.8 * lattice_waves(lattice, 26.0, 71 + side)
    hilum = np.sqrt(((u + 25) / 1.3) ** 2 + ((v + 7) * 1.1) ** 2 + ((z - cz) / 2.1) ** 2) - 9
    body = smooth_max(body.astype(np.float32), -hilum.astype(np.float32), 5.0)
    sinus = np.sqrt(((u + 12) / 1.25) ** 2 + ((v + 3) / 0.9) ** 2 + ((z - cz) / 2.6) ** 2) - 9.5
    sinus = sinus + 3.4 * lattice_waves(lattice, 16.0, 73 + side)
    return distance_like(lattice, body), distance_like(lattice, sinus.astype(np.float32))


def medulla(body: Field, sinus: Field, seed: int) -> Field:
    """Pyramids between cortex and sinus."""
    columns = (lattice_waves(body.lattice, 15.0, seed, 20) + 0.35) * 3.5
    shell = np.maximum(body.values + 6.5, -(sinus.values - 1.0))
    return Field(body.lattice, smooth_max(shell, -columns.astype(np.float32), 2.0))


def renal_pelvis(side: int) -> Points:
    """Pelvis and calyces of a kidney as round cones."""
    (cx, cy, cz), _ = KIDNEYS[side]
    sign = -1.0 if side == 0 else 1.0
    middle = cx - sign * 14
    return stacked(
        [
            tube(
                (cx - sign * 26, cy - 10, cz - 6, 3.0),
                (middle, cy - 4, cz, 4.0),
                (cx - sign * 4, cy - 2, cz + 22, 2.4),
            ),
            tube((middle, cy - 4, cz, 4.0), (cx - sign * 1, cy - 2, cz - 20, 2.4)),
            tube(
                (cx - sign * 26, cy - 10, cz - 6, 2.6),
                (cx - sign * 29, cy - 2, cz - 40, 1.8),
                (cx - sign * 22, cy, -12, 1.8),
            ),
        ]
    )


def spleen() -> Field:
    """Spleen under the left dome."""
    lattice = Lattice.over((30.0, -44.0, 96.0), (132.0, 86.0, 222.0), 2.0)
    x, y, z = lattice.x, lattice.y, lattice.z
    outside = cavity(x, y, z) + np.float32(4.0)
    above = (z - diaphragm_height(x, y) + 4.5) * np.float32(0.8)
    shape = smooth_max(outside, above, 10.0)
    shape = smooth_max(shape, ellipsoid_like(lattice, (100.0, 34.0, 162.0), (42.0, 56.0, 56.0), -18.0), 12.0)
    hollow = ellipsoid_like(lattice, (52.0, -2.0, 166.0), (36.0, 42.0, 70.0))
    renal = ellipsoid_like(lattice, (60.0, 38.0, 94.0), (33.0, 31.0, 62.0))
    shape = smooth_max(smooth_max(shape, -hollow, 8.0), -renal, 8.0)
    return distance_like(lattice, shape + 0.9 * lattice_waves(lattice, 30.0, 75))


def psoas() -> Field:
    """Psoas muscles and quadratus lumborum on both sides."""
    right = [
        tube((-25, 52, 104, 5), (-31, 48, 80, 10), (-37, 45, 45, 14.5), (-45, 42, 5, 18), (-48, 40, -12, 19)),
        tube((-36, 62, 112, 5), (-52, 62, 70, 7.5), (-60, 58, 30, 9), (-66, 56, -12, 10)),
        tube((-44, 60, 112, 5), (-64, 60, 40, 6.5), (-76, 56, -12, 7)),
    ]
    field = tube_field(stacked([c for r in right for c in (r, mirrored(r))]), 2.0, 4.0)
    return Field(field.lattice, field.values + 0.7 * lattice_waves(field.lattice, 22.0, 76))


def crura() -> Points:
    """Crura of the diaphragm beside the aorta, as round cones."""
    right = [
        tube((-4, 22, 70, 3.0), (-7, 20, 100, 3.8), (-8, 22, 130, 4.2), (-6, 18, 160, 4.4), (4, 6, 188, 3.6)),
        tube((-12, 24, 80, 2.5), (-16, 26, 120, 3.2), (-20, 34, 160, 3.0)),
        tube((22, 22, 80, 2.6), (23, 22, 120, 3.6), (28, 24, 160, 3.6), (30, 14, 186, 3.0)),
    ]
    return stacked(right)


def adrenals() -> Points:
    """Adrenals: thin limbs above the kidneys, as round cones."""
    return stacked(
        [
            tube((-32, 20, 140, 1.8), (-34, 34, 134, 1.7), (-36, 46, 130, 1.5)),
            tube((-33, 24, 134, 1.7), (-38, 36, 126, 1.6), (-42, 46, 122, 1.4)),
            tube((34, 18, 138, 2.0), (38, 32, 132, 1.9), (36, 44, 130, 1.5)),
            tube((36, 24, 130, 2.0), (46, 34, 126, 1.7), (52, 40, 122, 1.4)),
        ]
    )


def aortic_branches() -> Points:
    """Mesenteric, renal and splenic arteries, as round cones."""
    return stacked(
        [
            tube(
                (9, 4, 113, 2.8),
                (9, -5, 115, 2.8),
                (22, -4, 122, 2.7),
                (45, 6, 128, 2.6),
                (68, 22, 136, 2.5),
                (88, 34, 146, 2.2),
            ),
            tube(
                (9, 2, 104, 3.6), (9, -8, 98, 3.5), (8, -18, 80, 3.3), (6, -26, 40, 3.0), (4, -30, -10, 2.6)
            ),
            tube((4, 12, 92, 2.6), (-16, 24, 88, 2.5), (-36, 30, 80, 2.4), (-46, 32, 76, 2.0)),
            tube((16, 10, 92, 2.6), (28, 20, 92, 2.5), (42, 28, 90, 2.3), (50, 30, 90, 2.0)),
            tube((8, 1, 34, 2.0), (12, -2, 10, 1.9), (18, 0, -10, 1.7)),
        ]
    )


def renal_veins() -> Points:
    """Renal veins, as round cones."""
    return stacked(
        [
            tube((-22, 6, 82, 5.0), (-34, 16, 80, 4.8), (-46, 28, 77, 4.0)),
            tube((-18, 2, 90, 5.0), (4, -6, 94, 4.4), (20, 2, 94, 4.8), (38, 20, 92, 4.8), (50, 30, 90, 4.0)),
        ]
    )


def back_fat_planes(lattice: Lattice) -> Float32:
    """Fat septa within the muscles of the back: negative in fat."""
    x, y, z = np.abs(lattice.x), lattice.y, lattice.z
    middle = spine_y(z) + 30
    plane = np.abs((x - 22) - 0.45 * (y - middle) + 2.5 * lattice_waves(lattice, 22.0, 77)) - 0.4
    streak = 1.35 - np.abs(lattice_waves(lattice, 13.0, 78, 20))
    return smooth_min(plane.astype(np.float32), (streak * 3 + 1.5).astype(np.float32), 1.0)
