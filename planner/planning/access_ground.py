"""A case made ready for access maps: clearances on a coarse lattice, and the skin as triangles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.clearance_lattice import CoarseLattice
from planner.compute.near_voxels import near_voxels
from planner.compute.ray_march import FAR, MarchLattice, march_error_mm
from planner.compute.skin_mesh import SkinMesh, SmoothMask
from planner.model.geometry import Box
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.access_rules import HAZARD_ROLES, Hazard
from planner.planning.anatomy import THICK_VESSEL_MM, Anatomy
from planner.planning.needle_path import CAPSULE_SMOOTHING_MM

#: Voxels of the lattice; finer ones buy little beside the half voxel the scan itself leaves open.
LATTICE_MM = 1.5
#: Samples along a ray are so far apart.
STEP_MM = LATTICE_MM / 2
#: The skin is smoothed by this, so that the scan's slices do not show in its mesh.
SKIN_SMOOTHING_MM = 2.0
#: Where the smoothed body is below this, a point lies 1.3 mm or more outside the skin.
OUTSIDE_SHARE = 0.25

BODY_CLASS, LIVER_CLASS, OUTSIDE_CLASS, FIRST_LESION_CLASS = 0, 1, 2, 3
_MOST_LESIONS = 256 - FIRST_LESION_CLASS
#: Gas a threshold may have left out of the body.
_GAS = (Role.LUNG, Role.STOMACH, Role.DUODENUM, Role.BOWEL)

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class AccessGround:
    """What every access map of a case stands on; made once.

    Parameters
    ----------
    anatomy
        The exact structures, for the judgement of a chosen path.
    lattice
        Clearances in the order of `Hazard`, and classes: body, liver, outside, then the lesions.
    skin
        Where a needle may enter.
    liver
        Liver with lesions, smoothed, for the capsule's direction; None where no liver is segmented.
    lesions
        Names of the lesions in the order of their classes.
    segmented
        The hazards of which something is segmented.
    """

    anatomy: Anatomy
    lattice: MarchLattice
    skin: SkinMesh
    liver: SmoothMask | None
    lesions: tuple[str, ...]
    segmented: frozenset[Hazard]

    @classmethod
    def of(cls, anatomy: Anatomy, task: Task | None = None) -> AccessGround:
        """Prepare a case; seconds for a whole CT.

        Raises
        ------
        InvalidValue
            If no skin is segmented, or none of it lies within the scan.
        """
        return cls.made(anatomy.structures, lambda: anatomy, task)

    @classmethod
    def made(
        cls, structures: StructureSet, anatomy: Callable[[], Anatomy], task: Task | None = None
    ) -> AccessGround:
        """As `of`, while the anatomy is still being made: it is asked for last, for the wide vessels."""
        task = task or Task()
        task.report(0.0, "Skin")
        coarse = CoarseLattice.over(structures.grid, _skin_box(structures), LATTICE_MM)
        body = SmoothMask.of(_body(structures, coarse), coarse.grid, SKIN_SMOOTHING_MM)
        skin = SkinMesh.of(body)
        quarters: dict[Hazard, npt.NDArray[np.uint8]] = {}
        for n, hazard in enumerate((Hazard.BONE, Hazard.ORGAN, Hazard.LUNG)):
            task.report(0.2 + 0.15 * n, f"Clearance of {_TITLES[hazard]}")
            names = _present(structures, *HAZARD_ROLES[hazard])
            if names:
                quarters[hazard] = coarse.quarter_clearance(structures.union_mask(names, coarse.box))
        task.report(0.65, "Liver and lesions")
        lesions = _present(structures, Role.LESION)
        classes = _classes(structures, coarse, body, lesions)
        liver = None
        livers = _present(structures, Role.LIVER)
        if livers:
            mask = structures.union_mask([*livers, *lesions], coarse.box)
            liver = SmoothMask.of(coarse.shares(mask), coarse.grid, CAPSULE_SMOOTHING_MM)
        task.report(0.8, f"Clearance of {_TITLES[Hazard.VESSEL]}")
        known = anatomy()
        wide = _wide_vessels(known, coarse.box)
        if wide is not None:
            quarters[Hazard.VESSEL] = coarse.quarter_clearance(wide)
        nothing = np.full(coarse.grid.shape, FAR, dtype=np.uint8)
        lattice = MarchLattice.of_channels(coarse.grid, [quarters.get(h, nothing) for h in Hazard], classes)
        task.report(1.0, "Ready for access maps")
        return cls(known, lattice, skin, liver, lesions, frozenset(quarters))

    def thinned(self, cell_mm: float) -> AccessGround:
        """The same ground with one entry a cell of the skin: for maps of many targets."""
        return replace(self, skin=self.skin.thinned(cell_mm))

    @property
    def error_mm(self) -> float:
        """The most by which a clearance of a map is off: half a voxel's diagonal, half a step, rounding."""
        return march_error_mm(self.lattice.grid, STEP_MM)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """What is not segmented and therefore not checked, in words."""
        return self.anatomy.missing()


_TITLES = {
    Hazard.BONE: "bones",
    Hazard.VESSEL: "wide vessels",
    Hazard.ORGAN: "bowel, stomach and other organs",
    Hazard.LUNG: "lungs and pleura",
}


def _present(structures: StructureSet, *roles: Role) -> tuple[str, ...]:
    return tuple(s.name for s in structures.with_role(*roles) if not structures.box(s.name).is_empty)


def _skin_box(structures: StructureSet) -> Box:
    names = _present(structures, Role.SKIN)
    if not names:
        raise InvalidValue(
            "Without a skin there are no entries to test.",
            f"structures '{structures.id}'",
            "Segment the skin, or give a structure the role 'skin'.",
        )
    boxes = [structures.box(name) for name in names]
    low = np.min([b.start for b in boxes], axis=0)
    high = np.max([b.stop for b in boxes], axis=0)
    box = Box((int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2])))
    return box.grown(structures.voxels_for(3 * SKIN_SMOOTHING_MM), structures.grid.shape)


def _body(structures: StructureSet, coarse: CoarseLattice) -> npt.NDArray[np.float32]:
    """The body on the lattice, 0 to 1, without holes: gas within it is no outside."""
    import scipy.ndimage as ndi

    names = _present(structures, Role.SKIN, *_GAS)
    body = coarse.shares(structures.union_mask(names, coarse.box))
    outside, count = ndi.label(body < 0.5)
    is_open = np.zeros(count + 1, dtype=bool)
    for axis in range(3):
        for end in (0, -1):
            is_open[np.take(outside, end, axis=axis)] = True
    is_open[0] = True
    body[~is_open[outside]] = 1.0
    return body


def _wide_vessels(anatomy: Anatomy, box: Box) -> BoolArray | None:
    """Voxels [k, j, i] of the wide parts of vessels over a box; None where no vessel is segmented."""
    names = _present(anatomy.structures, *HAZARD_ROLES[Hazard.VESSEL])
    if not names:
        return None
    mask = np.zeros(box.shape, dtype=bool)
    for name in names:
        # Here everywhere, not only around the liver: a path may meet the aorta far from it.
        own, part = _thick_part(anatomy, name)
        low = np.maximum(own.start, box.start)
        high = np.maximum(low, np.minimum(own.stop, box.stop))
        here = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, box.start, strict=True))
        there = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, own.start, strict=True))
        mask[here] |= part[there]
    return mask


def _thick_part(anatomy: Anatomy, name: str) -> tuple[Box, BoolArray]:
    """The part of a vessel that `vessel_caliber.thick_part` gives, from the calibers known already."""
    box, radius = anatomy.calibers[name]
    grid = anatomy.structures.grid
    within_mm = THICK_VESSEL_MM / 2 + 0.5 * min(grid.spacing_mm)
    cores = radius >= THICK_VESSEL_MM / 2
    return box, near_voxels(anatomy.structures.mask(name, box), cores, grid.spacing_mm, within_mm)


def _classes(
    structures: StructureSet, coarse: CoarseLattice, body: SmoothMask, lesions: tuple[str, ...]
) -> npt.NDArray[np.uint8]:
    if len(lesions) > _MOST_LESIONS:
        raise InvalidValue(
            f"An access map tells {_MOST_LESIONS} lesions apart.",
            f"{len(lesions)} lesions",
            "Give small ones another role.",
        )
    classes = np.where(body.values < OUTSIDE_SHARE, OUTSIDE_CLASS, BODY_CLASS).astype(np.uint8)
    liver = structures.union_mask(_present(structures, Role.LIVER), coarse.box)
    classes[coarse.sampled(liver)] = LIVER_CLASS
    for number, name in enumerate(lesions):
        classes[coarse.sampled(structures.mask(name, coarse.box))] = FIRST_LESION_CLASS + number
    return classes
