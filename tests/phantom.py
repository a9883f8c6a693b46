"""A body of simple shapes whose distances are known in closed form."""

from __future__ import annotations

import numpy as np

from planner.model.case import Case
from planner.model.geometry import Grid
from planner.model.image import Image
from planner.model.plan import Applicator, Plan, Point
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet

#: Lesion of 10 mm radius at the origin; liver ball of 60 mm; skin ball of 100 mm.
LESION_MM, LIVER_MM, SKIN_MM = 10.0, 60.0, 100.0


def phantom(
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 2.0), **extra: tuple[Role, Point, float]
) -> Case:
    """A case of balls about the origin, and extra balls given as (role, centre, radius)."""
    shape = tuple(int(np.ceil(220.0 / s)) for s in spacing_mm[::-1])
    # Shifted off the balls' centres: a lattice that is symmetric about them is the worst case of voxels.
    shift = (0.3, 0.7, 0.2)
    origin = tuple(d - 0.5 * (n - 1) * s for n, s, d in zip(shape[::-1], spacing_mm, shift, strict=True))
    grid = Grid(shape, spacing_mm, origin)  # type: ignore[arg-type]
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))

    def ball(center: Point, radius: float) -> np.ndarray:
        return np.asarray(((points - np.array(center)) ** 2).sum(axis=-1) <= radius**2)

    masks = [
        (Structure("lesion", Role.LESION), ball((0, 0, 0), LESION_MM)),
        (Structure("liver", Role.LIVER), ball((0, 0, 0), LIVER_MM)),
        (Structure("skin", Role.SKIN), ball((0, 0, 0), SKIN_MM)),
        *((Structure(name, role), ball(center, radius)) for name, (role, center, radius) in extra.items()),
    ]
    structures = StructureSet.from_masks("structures", grid, masks)
    image = Image("ct", "CT", grid, np.where(structures.mask("skin"), 60, -1000).astype(np.int16))
    return Case("phantom", "Phantom", (image,), (structures,))


def custom_probe(
    entry: Point = (0.0, -100.0, 0.0), center: Point = (0.0, 0.0, 0.0), size_mm: float = 40.0, id: str = "p1"
) -> Applicator:
    """A probe whose ball-shaped zone of a diameter is centred on a point, 10 mm behind the tip."""
    direction = np.array(center) - np.array(entry)
    tip = np.array(center) + 10.0 * direction / np.linalg.norm(direction)
    settings = {"long_axis_mm": size_mm, "short_axis_mm": size_mm, "center_offset_mm": 10.0}
    x, y, z = (float(v) for v in tip)
    return Applicator(id, "custom-ellipsoid", entry, (x, y, z), settings, "lesion")


def plan_of(*probes: Applicator) -> Plan:
    """A plan on the phantom."""
    return Plan("A", "phantom", probes)
