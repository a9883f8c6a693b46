"""The outer shapes of the trunk: skin, wall of muscle, cavity, diaphragm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.sample.field import (
    Field,
    Float32,
    Lattice,
    distance_like,
    lattice_waves,
    smooth_max,
    smooth_min,
    waves,
)

#: What is scanned, in body coordinates: x to the left, y to the back, z to the head from the lowest slice.
BODY_LATTICE = Lattice.over((-174.0, -128.0, -9.0), (174.0, 128.0, 267.0), 3.0)

_HEIGHTS = np.array([0.0, 60.0, 110.0, 160.0, 210.0, 255.0])


@dataclass(frozen=True)
class Outline:
    """Half-axes of a superellipse around the body's axis at six heights, mm."""

    wide: tuple[float, ...]
    front: tuple[float, ...]
    back: tuple[float, ...]
    power: float

    def implicit(self, x: Float32, y: Float32, z: Float32) -> Float32:
        """Negative within the outline; about mm near it."""
        a, front, back = (
            np.interp(z, _HEIGHTS, v).astype(np.float32) for v in (self.wide, self.front, self.back)
        )
        b = np.where(y < 0, front, back)
        radius = (np.abs(x / a) ** self.power + np.abs(y / b) ** self.power) ** np.float32(1 / self.power)
        return np.asarray((radius - 1) * np.sqrt(a * b), dtype=np.float32)


SKIN = Outline(
    (152, 148, 147, 149, 150, 148), (104, 107, 111, 113, 112, 110), (110, 111, 112, 113, 114, 115), 2.3
)
CAVITY = Outline((122, 122, 126, 130, 128, 121), (80, 84, 89, 91, 89, 85), (65, 73, 79, 84, 86, 85), 2.2)

#: Height of the middle of vertebral bodies, L4 (partly) to T8, and how far back they lie.
SPINE_HEIGHTS = np.array([-40.0, 0.0, 60.0, 120.0, 180.0, 260.0])
SPINE_BACK = np.array([40.0, 37.0, 37.0, 41.0, 46.0, 50.0])


def spine_y(z: Float32 | float) -> Float32:
    """Middle of the vertebral bodies at a height."""
    return np.asarray(np.interp(z, SPINE_HEIGHTS, SPINE_BACK), dtype=np.float32)


def cavity(x: Float32, y: Float32, z: Float32) -> Float32:
    """Inner face of ribs and abdominal wall; the spine bulges into it."""
    outer = CAVITY.implicit(x, y, z)
    chest = np.clip((z - 110) / 60, 0, 1)
    spine = (
        np.sqrt((x / (1.15 - 0.03 * chest)) ** 2 + (y - spine_y(z) - 15 + 2 * chest) ** 2) - 33 + 4.5 * chest
    )
    return smooth_max(outer, -spine.astype(np.float32), 14.0)


def diaphragm_height(x: Float32, y: Float32) -> Float32:
    """Height of the diaphragm: two domes that fall steeply to the wall."""
    level = np.full((1, 1, 1), 175.0, dtype=np.float32)
    within = np.maximum(-cavity(x, y, level), 0)
    around = np.arctan2(y + 5, np.abs(x) + 1)
    share = (np.sin(around) + 1) / 2
    drop = 40 + 62 * share**1.3
    right = 24 * np.exp(-(((x + 62) / 52) ** 2) - ((y + 2) / 58) ** 2)
    left = 13 * np.exp(-(((x - 68) / 45) ** 2) - ((y - 5) / 52) ** 2)
    rough = 1.5 * waves(x, y, level, 60.0, 11)
    return np.asarray(202 + right + left - drop * np.exp(-within / 21) + rough, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Torso:
    """Fields over `BODY_LATTICE`.

    Parameters
    ----------
    skin, wall, cavity
        Outside of the skin, of muscles and ribs, and inside of them.
    below
        Distance below the diaphragm (negative there), not cut by the wall.
    """

    skin: Field
    wall: Field
    cavity: Field
    below: Field

    @classmethod
    def made(cls) -> Torso:
        """The trunk of the sample case."""
        lattice = BODY_LATTICE
        x, y, z = lattice.x, lattice.y, lattice.z
        skin = SKIN.implicit(x, y, z) + 1.2 * lattice_waves(lattice, 110.0, 1)
        skin = skin + np.where(y > 0, 7 * np.exp(-((x / 11) ** 2)), 0) * np.float32(1)
        inner = cavity(x, y, z)
        thoracic = np.clip((z - 95) / 60, 0, 1)
        lateral = np.clip(np.abs(x) / 120, 0, 1) ** 2 * np.clip((z + 200) / 200, 0, 1)
        front = np.clip(-y / 80, 0, 1) * np.clip(1.3 - np.abs(x) / 70, 0, 1)
        wall = 9.5 + (3.0 - 2.5 * thoracic) * lateral + 2.5 * front + 0.8 * lattice_waves(lattice, 70.0, 2)
        muscles = smooth_min(inner - wall.astype(np.float32), _back_muscles(lattice), 6.0)
        below = z - diaphragm_height(x, y)
        return cls(
            distance_like(lattice, skin.astype(np.float32)),
            distance_like(lattice, muscles),
            distance_like(lattice, inner),
            distance_like(lattice, below.astype(np.float32)),
        )


def _back_muscles(lattice: Lattice) -> Float32:
    """Erector spinae on both sides."""
    x, y, z = np.abs(lattice.x), lattice.y, lattice.z
    middle = spine_y(z) + 33
    wide = np.interp(z, [0, 120, 255], [37, 35, 31]).astype(np.float32)
    near = ((np.abs(x - 34) / wide) ** 2.5 + (np.abs(y - middle) / 22) ** 2.5) ** np.float32(1 / 2.5)
    return np.asarray((near - 1) * 22, dtype=np.float32)
