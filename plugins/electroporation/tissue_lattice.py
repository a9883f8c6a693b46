"""The lattice the field is computed on, and what each of its voxels is to a pulse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from planner_plugins.electroporation.settings import Settings

from planner.compute.conductivity import Conductor, FieldLaw, FieldRamp, FieldSigmoid
from planner.compute.cubic_lattice import cubic_lattice
from planner.compute.heat_lattice import Mask, Single, readonly
from planner.model.geometry import Box, FloatArray, Grid
from planner.model.roles import VESSEL_ROLES, Role
from planner.model.structures import StructureSet
from planner.planning import tissues
from planner.planning.pulsed_tissues import PULSED, PulsedClass
from planner.planning.structure_lookup import StructureLookup

#: The lattice of a pair reaches so far beyond its bare parts, where its insulated sides change the
#: current of two needles 15 mm apart by 0.5 % (liver, 2250 V; 1.2 % at 30 mm).
PADDING_MM = 40.0
#: Tissue around lesions that is judged too.
AROUND_LESION_MM = 12.0
#: More voxels than this would take gigabytes.
MOST_VOXELS = 16_000_000

#: What is no tissue to treat: blood and bile.
LUMEN = (PulsedClass.VESSEL, PulsedClass.BILE_DUCT, PulsedClass.GALLBLADDER)

Classes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class TissueLattice:
    """A lattice and the tissue of each voxel; arrays ``[k, j, i]``, read-only.

    Parameters
    ----------
    grid
        Cubic voxels, k along the electrodes.
    tissue
        A `PulsedClass` each.
    is_lesion
        Voxels of lesions, vessels within them counted in.
    unscanned_percent
        Share outside the scan, taken as tissue outside the liver.
    """

    grid: Grid
    tissue: Classes
    is_lesion: Mask
    unscanned_percent: float

    def __post_init__(self) -> None:
        readonly(self.tissue)
        readonly(self.is_lesion)

    @property
    def is_outside(self) -> Mask:
        """Voxels outside the body."""
        return np.asarray(self.tissue == PulsedClass.OUTSIDE)

    @property
    def is_flowing(self) -> Mask:
        """Voxels of blood and bile outside lesions: no tissue to treat."""
        return np.isin(self.tissue, LUMEN) & ~self.is_lesion

    @property
    def is_vessel(self) -> Mask:
        """Voxels of vessels."""
        return np.asarray(self.tissue == PulsedClass.VESSEL)

    def threshold_v_per_cm(self, settings: Settings) -> Single:
        """From which field on each voxel counts as treated."""
        found = np.full(self.grid.shape, settings.liver_threshold_v_per_cm, dtype=np.float32)
        found[self.is_lesion] = settings.tumor_threshold_v_per_cm
        return found

    def heat_capacity_j_per_m3_k(self) -> Single:
        """Heat capacity of each voxel; bile and background are taken as liver."""
        by_class = np.full(len(PulsedClass), tissues.LIVER.heat_capacity_j_per_m3_k, dtype=np.float32)
        by_class[PulsedClass.TUMOUR] = tissues.TUMOUR.heat_capacity_j_per_m3_k
        by_class[PulsedClass.VESSEL] = tissues.BLOOD_DENSITY.value * tissues.BLOOD_HEAT_CAPACITY.value
        return by_class[self.tissue]

    def conductor(self, box: Box, settings: Settings, factor: Single | float = 1.0) -> Conductor:
        """The conductivity of a part of the lattice, at 37 °C times a factor."""
        grid, tissue = self.grid.cropped(box), np.ascontiguousarray(self.tissue[box.slices])
        law = conductivity_law(settings)
        if isinstance(law, FieldRamp | FieldSigmoid):
            return Conductor(grid, law, tissue, factor)
        return Conductor(grid, law[tissue], None, factor)

    def box_around(self, points_lps_mm: FloatArray, border_mm: float = PADDING_MM) -> Box:
        """The voxels around points (n, 3) and a border, kept within the lattice."""
        ijk = self.grid.to_ijk(points_lps_mm)
        reach = border_mm / np.array(self.grid.spacing_mm)
        low = np.maximum(np.floor(ijk.min(axis=0) - reach), 0).astype(int)[::-1]
        high = np.minimum(np.ceil(ijk.max(axis=0) + reach).astype(int)[::-1] + 1, self.grid.shape)
        return Box(tuple(int(n) for n in low), tuple(int(n) for n in high))  # type: ignore[arg-type]


def low_conductivities_s_per_m(settings: Settings) -> FloatArray:
    """Conductivity without a field of each class, shape (classes,)."""
    low = np.array([PULSED[c].low.value for c in PulsedClass])
    low[PulsedClass.BACKGROUND] = settings.background_conductivity_s_per_m
    low[PulsedClass.LIVER] = settings.liver_conductivity_s_per_m
    low[PulsedClass.TUMOUR] = settings.tumor_conductivity_s_per_m
    low[PulsedClass.GALLBLADDER] = settings.gallbladder_conductivity_s_per_m
    low[PulsedClass.BILE_DUCT] = settings.bile_duct_conductivity_s_per_m
    low[PulsedClass.VESSEL] = settings.vessel_conductivity_s_per_m
    return low


def conductivity_law(settings: Settings, only: PulsedClass | None = None) -> FieldLaw | FloatArray:
    """How conductivity rises with the field, by class or of one class; constants (classes,) where it does not.

    The sigmoid has the ramp's ends, and its middle and slope there.
    """
    chosen = list(PulsedClass) if only is None else [only]
    low = low_conductivities_s_per_m(settings)[chosen]
    if settings.conductivity_model == "constant":
        return low
    high = low * np.array([PULSED[c].rise for c in chosen])
    first = np.array([PULSED[c].from_field.value for c in chosen])
    last = np.array([PULSED[c].to_field.value for c in chosen])
    if settings.conductivity_model == "sigmoid":
        return FieldSigmoid(low, high, 0.5 * (first + last), 0.25 * (last - first))
    return FieldRamp(low, high, first, last)


def tissue_lattice(
    structures: StructureSet,
    bare_lps_mm: FloatArray,
    direction: FloatArray,
    lesions: Sequence[FloatArray],
    settings: Settings,
) -> TissueLattice:
    """The lattice around bare parts and lesions.

    Parameters
    ----------
    structures
        Of the case.
    bare_lps_mm
        Ends of all bare parts at all pull-backs, (n, 3); the first lies at a voxel's centre.
    direction
        Of the electrodes.
    lesions
        Points of each lesion's outline, (n, 3) each.
    settings
        Size of a voxel.

    Raises
    ------
    InvalidValue
        If it would have too many voxels.
    """
    points = np.concatenate([bare_lps_mm, *lesions])
    border = np.full(len(points), AROUND_LESION_MM)
    border[: len(bare_lps_mm)] = PADDING_MM
    voxel_mm = settings.field_voxel_mm
    return classified(
        structures, cubic_lattice(points, bare_lps_mm[0], direction, voxel_mm, border, MOST_VOXELS)
    )


def classified(structures: StructureSet, grid: Grid) -> TissueLattice:
    """What the voxels of a lattice are in a case: by the structure at their centres."""
    lookup = StructureLookup(structures, grid)

    def any_of(*roles: Role) -> Mask:
        return lookup.any_of(s.name for s in structures.with_role(*roles))

    def has(role: Role) -> bool:
        return any(not structures.box(s.name).is_empty for s in structures.with_role(role))

    tissue = np.full(grid.shape, PulsedClass.BACKGROUND, dtype=np.uint8)
    lesion = any_of(Role.LESION)
    if has(Role.SKIN):
        tissue[lookup.scanned & ~any_of(Role.SKIN)] = PulsedClass.OUTSIDE
    # Without a liver's outline all that is nothing else is taken as liver.
    liver = any_of(Role.LIVER) if has(Role.LIVER) else lookup.scanned & (tissue != PulsedClass.OUTSIDE)
    tissue[liver] = PulsedClass.LIVER
    tissue[lesion] = PulsedClass.TUMOUR
    tissue[any_of(Role.GALLBLADDER)] = PulsedClass.GALLBLADDER
    tissue[any_of(Role.BILE_DUCT)] = PulsedClass.BILE_DUCT
    tissue[any_of(*VESSEL_ROLES)] = PulsedClass.VESSEL
    return TissueLattice(grid, tissue, lesion, lookup.unscanned_percent)
