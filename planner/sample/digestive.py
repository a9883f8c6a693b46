"""Stomach, duodenum, colon, small bowel and pancreas: tubes with walls and content."""

from __future__ import annotations

import math

import numpy as np

from planner.sample.field import Field, Float32, Points, lattice_waves, smooth_max
from planner.sample.torso import cavity, diaphragm_height
from planner.sample.tubes import Knot, curve, segments, stacked, tube, tube_field

STOMACH: list[Knot] = [
    (52, 22, 196, 20),
    (62, 18, 190, 29),
    (64, 2, 172, 29),
    (60, -22, 150, 26),
    (50, -42, 126, 23),
    (32, -54, 108, 19),
    (10, -54, 100, 15),
    (-12, -48, 100, 11),
]
DUODENUM: list[Knot] = [
    (-12, -48, 100, 8),
    (-26, -42, 102, 12),
    (-40, -26, 99, 11),
    (-45, -8, 88, 11),
    (-44, 0, 66, 11.5),
    (-36, 0, 48, 11),
    (-12, -4, 42, 10),
    (14, -8, 46, 10),
    (30, -12, 60, 10),
]
COLON: list[Knot] = [
    (-92, 18, -20, 24),
    (-92, 14, 6, 24),
    (-92, 0, 30, 22),
    (-90, -22, 47, 20),
    (-84, -48, 53, 20),
    (-62, -62, 42, 21),
    (-34, -62, 28, 20),
    (0, -60, 20, 20),
    (34, -60, 30, 20),
    (64, -56, 48, 21),
    (84, -40, 78, 20),
    (96, -16, 108, 19),
    (98, 10, 134, 19),
    (101, 28, 128, 17),
    (102, 32, 100, 16),
    (102, 32, 60, 15),
    (100, 30, 10, 14),
    (98, 28, -20, 14),
]
PANCREAS: list[Knot] = [
    (-28, -8, 72, 12),
    (-24, -16, 84, 13),
    (-10, -24, 94, 10),
    (8, -22, 102, 9.5),
    (30, -12, 112, 10),
    (56, 6, 124, 10),
    (78, 20, 136, 8),
]


def stomach() -> Field:
    """Outer surface of the stomach."""
    field = tube_field(segments(curve(STOMACH)), 2.0, 6.0)
    lattice = field.lattice
    under = (lattice.z - diaphragm_height(lattice.x, lattice.y) + np.float32(5.5)) * np.float32(0.85)
    shape = smooth_max(field.values + 1.2 * lattice_waves(lattice, 30.0, 61), under, 8.0)
    return _in_cavity(Field(lattice, shape))


def duodenum() -> Field:
    """Outer surface of the duodenum."""
    field = tube_field(segments(curve(DUODENUM)), 2.0, 5.0)
    return Field(field.lattice, field.values + 0.9 * lattice_waves(field.lattice, 16.0, 62))


def colon() -> Field:
    """Outer surface of the colon, with haustra."""
    line = curve(COLON, 2.5)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line[:, :3], axis=0), axis=1))])
    line[:, 3] *= 1 - 0.13 * np.abs(np.sin(along * np.pi / 34)) ** 6 + 0.05 * np.sin(along / 23)
    field = tube_field(segments(line), 2.0, 5.0)
    return _in_cavity(Field(field.lattice, field.values + 1.1 * lattice_waves(field.lattice, 24.0, 63)))


def _in_cavity(shape: Field) -> Field:
    """A shape kept 3 mm off the abdominal wall."""
    lattice = shape.lattice
    wall = cavity(lattice.x, lattice.y, lattice.z) + np.float32(3.0)
    return Field(lattice, smooth_max(shape.values, wall, 6.0))


def pancreas() -> Field:
    """Lobulated pancreas."""
    field = tube_field(segments(curve(PANCREAS)), 2.0, 5.0)
    return Field(field.lattice, field.values + 1.7 * lattice_waves(field.lattice, 11.0, 64, 20))


def lumen(outer: Field, wall_mm: float, folds_mm: float, fold_length_mm: float, seed: int) -> Field:
    """What a hollow organ holds: inside its wall, with folds."""
    folds = folds_mm * np.clip(lattice_waves(outer.lattice, fold_length_mm, seed, 20), -0.3, 2.0)
    return Field(outer.lattice, (outer.values + wall_mm + folds).astype(np.float32))


def gas(content: Field, level_y_mm: Float32 | float, uneven_mm: float = 0.0, seed: int = 0) -> Field:
    """The part of a content above (in front of) a level: the patient lies on the back."""
    lattice = content.lattice
    level = lattice.y - level_y_mm
    if uneven_mm:
        level = level + uneven_mm * lattice_waves(lattice, 22.0, seed)
    flat = np.broadcast_to(level, lattice.shape).astype(np.float32)
    return Field(lattice, smooth_max(content.values, flat, 1.0))


def stool_gas(content: Field, seed: int, share: float = 1.05) -> Field:
    """Bubbles within stool."""
    rough = 0.75 * lattice_waves(content.lattice, 8.0, seed, 24) + 0.75 * lattice_waves(
        content.lattice, 21.0, seed + 100, 20
    )
    bubbles = (share - rough) * 2.2
    return Field(content.lattice, smooth_max(content.values + 2.0, bubbles.astype(np.float32), 1.0))


def small_bowel() -> Points:
    """Loops of jejunum and ileum in the lower left, as round cones."""
    rng = np.random.default_rng(65)
    loops = []
    rows = (
        (-44, 60),
        (-22, 48),
        (-42, 22),
        (-16, 10),
        (4, 30),
        (-34, -2),
        (2, 2),
        (-16, 84),
        (0, 62),
        (-32, 40),
    )
    for row, (y, z0) in enumerate(rows):
        xs = np.linspace(24 if z0 > 20 and z0 != 40 else -46, 84 if z0 < 80 else 78, 7)
        if row % 2:
            xs = xs[::-1]
        knots = [
            (
                float(x),
                float(y + rng.uniform(-5, 5)),
                float(z0 + 11 * (-1) ** n + rng.uniform(-4, 4)),
                float(rng.uniform(9, 11.5)),
            )
            for n, x in enumerate(xs)
        ]
        loops.append(segments(curve(knots)))
    return stacked(loops)


def small_bowel_field() -> Field:
    """Outer surface of the small bowel."""
    field = tube_field(small_bowel(), 2.0, 4.0)
    return _in_cavity(Field(field.lattice, field.values + 0.9 * lattice_waves(field.lattice, 13.0, 66)))


def mesenteric_vessels() -> Points:
    """Small vessels in the fat of the mesentery, as round cones."""
    rng = np.random.default_rng(67)
    pieces = []
    for number in range(190):
        is_root = number < 60
        if is_root:
            start = np.array([rng.uniform(2, 22), rng.uniform(-28, -14), rng.uniform(-6, 80)])
            way = np.array([rng.normal(0.2, 0.8), rng.normal(-0.5, 0.5), rng.normal(-0.3, 0.6)])
        else:
            start = np.array([rng.uniform(-70, 84), rng.uniform(-72, -22), rng.uniform(-6, 104)])
            way = rng.normal(size=3) * (1, 0.35, 1)
        way /= math.hypot(*way)
        bend = rng.normal(size=3) * 7
        length = rng.uniform(30, 65) if is_root else rng.uniform(18, 50)
        r = rng.uniform(1.0, 2.3) if is_root else rng.uniform(0.5, 1.2)
        middle, stop = start + way * length / 2 + bend, start + way * length
        pieces.append(tube((*start, r), (*middle, r * 0.8), (*stop, r * 0.55)))
    return stacked(pieces)
