"""Spine, ribs with their cartilages, sternum."""

from __future__ import annotations

import numpy as np

from planner.sample.field import Field, Lattice, Points, distance_like, lattice_waves, smooth_max
from planner.sample.torso import CAVITY, spine_y
from planner.sample.tubes import curve, mirrored, segments, stacked, tube, tube_field

#: Middle of each vertebral body, L4 to T5 (mm above the lowest slice).
VERTEBRAE = {
    "L4": -16.0,
    "L3": 21.0,
    "L2": 57.0,
    "L1": 92.0,
    "T12": 125.0,
    "T11": 156.0,
    "T10": 185.0,
    "T9": 212.0,
    "T8": 238.0,
    "T7": 263.0,
    "T6": 287.0,
    "T5": 310.0,
}
#: Vertebra, how far round the rib's bone goes, and how far its front end lies below its back end.
RIBS = (
    ("T5", 160.0, 92.0),
    ("T6", 157.0, 100.0),
    ("T7", 152.0, 108.0),
    ("T8", 145.0, 112.0),
    ("T9", 136.0, 108.0),
    ("T10", 122.0, 98.0),
    ("T11", 98.0, 72.0),
    ("T12", 66.0, 42.0),
)


def vertebral_bodies() -> tuple[Field, Field]:
    """Vertebral bodies, and the column of bodies and discs that they are cut from."""
    lattice = Lattice.over((-34.0, 10.0, -6.0), (34.0, 92.0, 264.0), 1.5)
    x, y, z = lattice.x, lattice.y, lattice.z
    gap = np.full(lattice.shape, 99.0, dtype=np.float32)
    middle = spine_y(z)
    for height in VERTEBRAE.values():
        half = 14.2 if height < 110 else 12.3 - 0.006 * height + 0.6
        gap = np.minimum(gap, np.abs(z - height) - half)
    waist = 1.8 * np.clip(-gap / 9, 0, 1)
    scale = np.interp(z, [0, 120, 255], [1.0, 0.93, 0.82]).astype(np.float32)
    round_ = ((np.abs(x) / (24 * scale)) ** 2.3 + (np.abs(y - middle) / (17.5 * scale)) ** 2.3) ** np.float32(
        1 / 2.3
    )
    column = (round_ - 1) * 20 * scale + waist
    hollow = np.sqrt(x**2 + (y - middle - 30 * scale) ** 2) - 14.5 * scale
    column = smooth_max(column.astype(np.float32), -hollow.astype(np.float32), 3.0)
    rough = 0.35 * lattice_waves(lattice, 14.0, 21)
    bodies = smooth_max(column + rough, gap, 2.5)
    return distance_like(lattice, bodies), distance_like(lattice, column + np.float32(0.8))


def vertebral_arches() -> Field:
    """Pedicles, laminae, spinous and transverse processes, joints."""
    cones: list[Points] = []
    for name, height in VERTEBRAE.items():
        y = float(spine_y(height))
        lumbar = name.startswith("L")
        side = [
            tube(
                (11, y + 10, height + lift, 3.4),
                (14, y + 20, height + lift, 3.0),
                (17, y + 28, height + lift - 1, 4.2),
            )
            for lift in (2, 6, 9)
        ]
        side += [
            tube(
                (16, y + 29, height - lift + 3, 3.8),
                (9, y + 36, height - 3 - lift, 2.9),
                (1, y + 41, height - 6 - lift, 2.8),
            )
            for lift in (0, 5, 10)
        ]
        side.append(
            tube(
                (18, y + 28, height + 16, 3.8),
                (18, y + 30, height + 8, 5.2),
                (17, y + 31, height - 4, 4.6),
                (15, y + 32, height - 17, 4.2),
            )
        )
        if lumbar:
            for lift in (0, 4):
                knots = (
                    (17, y + 26, height + 2 + lift, 3.4),
                    (30, y + 26, height + 2 + lift, 2.4),
                    (44, y + 24, height + 4 + lift, 2.6),
                )
                side.append(tube(*knots))
        else:
            side.append(
                tube(
                    (17, y + 28, height + 4, 4.4),
                    (25, y + 34, height + 5, 3.6),
                    (32, y + 38, height + 6, 3.9),
                )
            )
        drop, reach = (6, 21) if lumbar else (24, 11)
        for rise in (-4.0, -0.5, 3.0, 6.5, 10.0, 13.0) if lumbar else (-3.0, 0.5, 4.0):
            cones.append(
                tube(
                    (0, y + 39, height - 12 + rise, 2.6),
                    (0, y + 40 + 0.6 * reach, height - 9 - 0.5 * drop + rise, 2.4),
                    (0, y + 40 + reach, height - 6 - drop + rise, 2.9),
                )
            )
        cones += side + [mirrored(c) for c in side]
    lattice = Lattice.over((-52.0, 30.0, -6.0), (52.0, 118.0, 264.0), 1.25)
    field = tube_field(stacked(cones), 1.25, 3.0, lattice)
    return Field(field.lattice, field.values + 0.4 * lattice_waves(field.lattice, 9.0, 22, 8))


def spinal_canal() -> Field:
    """Canal behind the vertebral bodies."""
    knots = [(0.0, float(spine_y(z)) + 27.5, z, 8.5) for z in np.linspace(-12, 266, 12)]
    return tube_field(segments(curve(knots, 6.0)), 2.0, 4.0)


def rib_cones() -> tuple[Points, Points, Points]:
    """Ribs, costal cartilages, and sternum with xiphoid, as round cones."""
    bones: list[Points] = []
    cartilages: list[Points] = []
    for number, (name, reach, drop) in enumerate(RIBS):
        line = _rib_line(name, reach, drop)
        for lift in (-4.2, -1.4, 1.4, 4.2):
            moved = line.copy()
            moved[:, 2] += lift * np.clip(np.linspace(0.3, 4, len(line)), 0, 1)
            bones.append(segments(moved))
        if number <= 5:
            cartilages.append(_cartilage(line[-1], number))
    right = stacked(bones)
    front = stacked(cartilages)
    sternum = stacked(
        tube((dx, -95.5, 262, 5.0), (dx, -97.5, 232, 5.0), (dx * 0.8, -97.0, 210, 4.6))
        for dx in (-12, -6, 0, 6, 12)
    )
    xiphoid = stacked(tube((dx, -96.5, 208, 3.6), (dx * 0.6, -95.5, 178, 2.2)) for dx in (-5, 0, 5))
    return (
        stacked([right, mirrored(right)]),
        stacked([front, mirrored(front)]),
        stacked([sternum, xiphoid]),
    )


def ribs() -> Field:
    """Ribs on both sides, flat in section."""
    return _cage(rib_cones()[0], 1.5)


def cartilages() -> Field:
    """Costal cartilages."""
    return _cage(rib_cones()[1], 1.5)


def sternum() -> Field:
    """Sternum and xiphoid process."""
    return tube_field(rib_cones()[2], 1.5, 3.0)


def _cage(cones: Points, step_mm: float) -> Field:
    seen = cones[(np.minimum(cones[:, 2], cones[:, 6]) < 264) & (np.maximum(cones[:, 2], cones[:, 6]) > -8)]
    lattice = Lattice.over((-150.0, -110.0, -6.0), (150.0, 104.0, 264.0), step_mm)
    return tube_field(seen, step_mm, 3.0, lattice)


def _rib_line(name: str, reach_deg: float, drop_mm: float) -> Points:
    """Middle line of a right rib, x, y, z, radius (n, 4), from the spine to its front end."""
    height = VERTEBRAE[name] + 9
    y = float(spine_y(height))
    angles = np.radians(np.linspace(34, reach_deg, 22))
    share = (angles - angles[0]) / np.radians(150 - 34)
    z = height - 6 - drop_mm * (0.25 * share + 0.75 * (share / share[-1]) ** 1.15)
    x, yy = _on_wall(angles, z, 5.5)
    neck = np.array([[-19.0, y + 14, height, 3.4], [-30.0, y + 28, height - 1, 3.4]])
    shaft = np.stack([x, yy, z, np.full(len(x), 2.75)], axis=1)
    return curve([tuple(p) for p in np.vstack([neck, shaft])], 4.0)


def _on_wall(angles: Points, z: Points, outside_mm: float) -> tuple[Points, Points]:
    """Points of the right wall ``outside_mm`` outside the cavity, by angle from the back."""
    dx, dy = -np.sin(angles), np.cos(angles)
    low, high = np.full(len(angles), 20.0), np.full(len(angles), 180.0)
    for _ in range(30):
        r = (low + high) / 2
        inside = (
            CAVITY.implicit((dx * r).astype(np.float32), (dy * r).astype(np.float32), z.astype(np.float32))
            < 0
        )
        low, high = np.where(inside, r, low), np.where(inside, high, r)
    return dx * (low + outside_mm), dy * (low + outside_mm)


def _cartilage(end: Points, number: int) -> Points:
    """From a rib's front end to the sternum, or to the cartilage above."""
    x, y, z, _ = end
    to_x = (-17, -15, -13, -24, -45, -70)[number]
    to_z = (240, 222, 208, 196, 178, 158)[number]
    middle_x = 0.5 * (x + to_x)
    to_y = -96.0 if number < 4 else -93.0 + (number - 3) * 4
    low = z - (6 if number > 1 else -4)
    knots = [
        (x, y, z, 4.0),
        (middle_x, 0.45 * y + 0.55 * to_y, 0.6 * low + 0.4 * to_z, 4.2),
        (to_x, to_y, to_z, 4.0),
    ]
    return stacked(
        segments(curve([(a, b, c + lift, 3.2) for a, b, c, _ in knots], 4.0)) for lift in (-2.5, 2.5)
    )
