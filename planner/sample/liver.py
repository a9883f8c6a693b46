"""The liver's surface, with gallbladder fossa, fissures and porta hepatis."""

from __future__ import annotations

import numpy as np

from planner.sample.field import (
    Field,
    Float32,
    Lattice,
    distance_like,
    ellipsoid_like,
    lattice_waves,
    smooth_max,
)
from planner.sample.torso import cavity, diaphragm_height
from planner.sample.tubes import curve, segments, stacked, tube_field

LIVER_LATTICE = Lattice.over((-136.0, -98.0, 32.0), (92.0, 82.0, 232.0), 2.0)

#: Gallbladder: fundus, body, neck; x, y, z, radius.
GALLBLADDER = curve(
    [
        (-53, -70, 66, 8.5),
        (-51, -63, 76, 13.0),
        (-47, -52, 90, 11.0),
        (-42, -40, 104, 6.0),
        (-38, -33, 114, 3.0),
    ],
    4.0,
)
#: Inferior vena cava from the pelvis to the heart.
_CAVA_LINE = curve(
    [
        (-20, 9, -10, 10.5),
        (-20, 8, 40, 11),
        (-22, 7, 90, 12),
        (-26, 10, 130, 12),
        (-27, 11, 170, 12.5),
        (-24, 5, 200, 13),
        (-18, -3, 222, 13),
        (-14, -10, 245, 14),
        (-12, -12, 270, 14),
    ],
    4.0,
)
#: Oval in section: two round cones beside each other.
VENA_CAVA = stacked(
    segments(
        _CAVA_LINE
        + side * np.outer(np.clip((216 - _CAVA_LINE[:, 2]) / 40, 0, 1), (3.6, 0, 0, 0))
        - np.outer(np.clip((216 - _CAVA_LINE[:, 2]) / 40, 0, 1), (0, 0, 0, 1.8))
    )
    for side in (-1, 0, 1)
)
#: Hilum: where the portal vein divides.
HILUM = (-33.0, -22.0, 134.0)


def liver_field() -> Field:
    """Distance to the liver's surface."""
    lattice = LIVER_LATTICE
    x, y, z = lattice.x, lattice.y, lattice.z
    outside = cavity(x, y, z) + np.float32(4.2)
    above = (z - diaphragm_height(x, y) + 4.0) * np.float32(0.8)
    shape = smooth_max(outside, above, 9.0)
    rough = 1.6 * lattice_waves(lattice, 46.0, 31)
    lower = 50 + 0.60 * (x + 118) + 0.11 * (y + 40) + 0.0018 * np.clip(x + 40, 0, None) ** 2
    shape = smooth_max(shape, ((lower - z) * np.float32(0.82) + rough).astype(np.float32), 10.0)
    shape = smooth_max(
        shape,
        (x - 82 + 0.014 * (y + 50) ** 2 + 0.35 * np.clip(180 - z, 0, 60) + rough).astype(np.float32),
        24.0,
    )
    for hollow, width in _hollows(lattice):
        shape = smooth_max(shape, -hollow, width)
    return distance_like(lattice, (shape + 0.4 * lattice_waves(lattice, 17.0, 32)).astype(np.float32))


def _hollows(lattice: Lattice) -> list[tuple[Float32, float]]:
    """What is taken out of the liver, each with how far its edge is rounded."""
    x, y, z = lattice.x, lattice.y, lattice.z
    stomach = _cylinder(lattice, (52.0, 52.0), (78.0, 80.0)) + 0.06 * (z - 150)
    kidney = ellipsoid_like(lattice, (-58.0, 42.0, 70.0), (30.0, 28.0, 57.0))
    flexure = ellipsoid_like(lattice, (-84.0, -25.0, 48.0), (34.0, 34.0, 30.0))
    teres = np.maximum(
        np.abs(x - 9 - 0.05 * (y + 60))
        - 0.9
        - 0.045 * np.clip(148 - z, 0, 60)
        + 1.2 * lattice_waves(lattice, 30.0, 33),
        z - 147,
    )
    teres = np.maximum(teres, y + 36)
    falciform = np.maximum(np.abs(x - 5) - 0.6, y + 82 - 0.1 * (z - 150))
    venosum = np.maximum(
        np.abs((y + 22) + 0.75 * (x - 2)) * 0.8 + 0.9 * lattice_waves(lattice, 26.0, 34) - 0.5,
        np.abs(x + 3) - 17,
    )
    venosum = np.maximum(venosum, np.abs(z - 156) - 24)
    hilum = tube_field(
        segments(curve([(-8, -14, 100, 17), (-26, -21, 122, 11), (-34, -22, 135, 5.5), (-40, -21, 141, 4)])),
        2.0,
        20.0,
        lattice,
    ).values
    cleft = stacked(
        segments(curve(list(k)))
        for k in ([(-39, -37, 111, 7), (-29, -26, 124, 8)], [(-26, -22, 119, 8), (10, -32, 114, 9)])
    )
    hilum = np.minimum(hilum, tube_field(cleft, 2.0, 16.0, lattice).values)
    left_hilum = tube_field(
        segments(curve([(-33, -24, 135, 5), (-14, -32, 141, 4.5), (3, -41, 145, 4)])), 2.0, 12.0, lattice
    ).values
    gallbladder = tube_field(segments(GALLBLADDER), 2.0, 12.0, lattice).values - np.float32(0.8)
    cava = tube_field(VENA_CAVA, 2.0, 12.0, lattice).values
    return [
        (stomach.astype(np.float32), 14.0),
        (kidney, 10.0),
        (flexure, 16.0),
        (teres.astype(np.float32), 3.0),
        (falciform.astype(np.float32), 3.0),
        (venosum.astype(np.float32), 2.0),
        (hilum, 5.0),
        (left_hilum, 3.0),
        (gallbladder, 4.0),
        (cava, 3.0),
    ]


def _cylinder(lattice: Lattice, center: tuple[float, float], half: tuple[float, float]) -> Float32:
    u, v = (lattice.x - center[0]) / half[0], (lattice.y - center[1]) / half[1]
    return np.asarray((np.sqrt(u * u + v * v) - 1) * min(half) + 0 * lattice.z, dtype=np.float32)
