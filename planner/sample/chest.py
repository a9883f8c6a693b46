"""Lungs, heart, oesophagus: what stands above the diaphragm."""

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
from planner.sample.torso import cavity, diaphragm_height
from planner.sample.tubes import curve, segments, tube_field
from planner.sample.vessel_growth import Tree, scattered

OESOPHAGUS = [(6, 22, 270, 8), (8, 16, 235, 8), (14, 6, 210, 8), (26, -2, 190, 9)]


def heart_implicit(lattice: Lattice) -> Float32:
    """Heart with its sac, lying on the diaphragm."""
    main = ellipsoid_like(lattice, (28.0, -38.0, 246.0), (56.0, 40.0, 44.0), -28.0)
    right = ellipsoid_like(lattice, (-16.0, -22.0, 254.0), (26.0, 27.0, 40.0))
    body = smooth_min(main, right, 14.0)
    bottom = diaphragm_height(lattice.x, lattice.y) + np.float32(3.5) - lattice.z
    return smooth_max(body, bottom, 8.0)


def heart() -> Field:
    """Distance to the heart's surface."""
    lattice = Lattice.over((-56.0, -84.0, 196.0), (92.0, 24.0, 266.0), 2.0)
    return distance_like(lattice, heart_implicit(lattice) + 0.8 * lattice_waves(lattice, 26.0, 41))


def heart_chambers() -> Field:
    """Blood within the heart."""
    lattice = Lattice.over((-56.0, -84.0, 206.0), (92.0, 24.0, 266.0), 2.0)
    left = ellipsoid_like(lattice, (40.0, -34.0, 258.0), (27.0, 16.0, 24.0), -30.0)
    right = ellipsoid_like(lattice, (8.0, -55.0, 252.0), (34.0, 13.0, 24.0), -20.0)
    atrium = ellipsoid_like(lattice, (-18.0, -20.0, 256.0), (21.0, 21.0, 28.0))
    rough = lattice_waves(lattice, 18.0, 42)
    joined = smooth_min(smooth_min(left, right, 3.0), atrium, 4.0) + 1.4 * rough
    return distance_like(lattice, joined.astype(np.float32))


def mediastinum(lattice: Lattice) -> Float32:
    """What parts the lungs."""
    heart_ = heart_implicit(lattice) - 3.5
    x, y = lattice.x, lattice.y
    back = np.sqrt((x - 6) ** 2 * 0.8 + (y - 12) ** 2 * 0.55) - 17
    front = np.sqrt((x - 2) ** 2 * 0.55 + (y + 84) ** 2) - 17
    middle = np.maximum(np.abs(x - 2) - 6, np.abs(y + 20) - 70)
    pad = ellipsoid_like(lattice, (52.0, -64.0, 206.0), (36.0, 19.0, 15.0), 20.0)
    pad_right = ellipsoid_like(lattice, (-22.0, -68.0, 205.0), (27.0, 14.0, 14.0), -20.0)
    total = smooth_min(smooth_min(heart_, back + 0 * lattice.z, 8.0), front + 0 * lattice.z, 8.0)
    total = smooth_min(smooth_min(total, pad, 16.0), pad_right, 14.0)
    return smooth_min(total, (middle + 0 * lattice.z).astype(np.float32), 6.0)


def lungs() -> tuple[Field, Field]:
    """Right and left lung."""
    fields = []
    for side in (-1.0, 1.0):
        low, high = sorted((side * 134.0, side * -2.0))
        lattice = Lattice.over((low, -94.0, 108.0), (high, 90.0, 264.0), 2.0)
        air = smooth_max(
            cavity(lattice.x, lattice.y, lattice.z) + np.float32(1.6),
            diaphragm_height(lattice.x, lattice.y) + np.float32(0.6) - lattice.z,
            3.0,
        )
        air = smooth_max(air, -mediastinum(lattice), 5.0)
        fields.append(distance_like(lattice, air))
    return fields[0], fields[1]


def lung_vessels(lung: Field, side: float) -> Points:
    """Vessels of one lung as round cones, grown from above the scan."""
    tree = Tree(0.4, 4.2)
    tree.add_trunk(curve([(side * 34, 2, 284, 1), (side * 44, 12, 262, 1), (side * 58, 22, 244, 1)], 3.0))
    tree.add_trunk(curve([(side * 44, 12, 262, 1), (side * 64, -12, 254, 1), (side * 84, -34, 246, 1)], 3.0))
    low, high = np.array([-130.0, -90.0, 120.0]), np.array([130.0, 88.0, 266.0])
    low[0], high[0] = sorted((side * 20.0, side * 130.0))

    def free(points: Points) -> Points:
        return np.asarray(np.where(points[:, 2] > 262, 1.0, -lung.at(points) - 1.5))

    tree.grow(scattered(lambda p: free(p) > 1.5, low, high, 240, 51), free, [], 0.0)
    return tree.cones()


def oesophagus() -> Field:
    """Oesophagus down to the stomach."""
    return tube_field(segments(curve([tuple(map(float, k)) for k in OESOPHAGUS])), 2.0)  # type: ignore[misc]
