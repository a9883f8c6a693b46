"""The field while an array is dragged: the closed form of each pair, in one tissue everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from planner_plugins.electroporation.coverage import LEAST_LEVEL, FieldAt
from planner_plugins.electroporation.placed import PlacedArray
from planner_plugins.electroporation.settings import Settings
from planner_plugins.electroporation.tissue_lattice import conductivity_law

from planner.compute.cassini import PackedElectrodes
from planner.compute.conductivity import FieldLaw, FieldRamp, FieldSigmoid
from planner.compute.cubic_lattice import cubic_lattice
from planner.compute.level_boundary import LevelBoundary
from planner.model.assessment import Surface
from planner.model.electrode_array import ElectrodeArray
from planner.model.geometry import FloatArray
from planner.model.roles import Role
from planner.planning.electrode_robustness import all_positions
from planner.planning.lesion_grounds import LesionGrounds
from planner.planning.pulsed_tissues import PulsedClass

#: Voxels of the lattice the zone is drawn on, and how far beyond the bare parts it reaches.
COARSE_MM, REACH_MM = 3.5, 12.0
MOST_COARSE_VOXELS = 100_000
#: Fields of single pairs that a frame leaves time for: on the zone's lattice, and in a lesion.
ZONE_FIELDS, LESION_FIELDS = 10_000, 10_000
#: A lesion is judged on so many points at least, and at most.
LEAST_POINTS, MOST_POINTS = 300, 2000


@dataclass(frozen=True, eq=False)
class Estimate:
    """The field by the closed form.

    Parameters
    ----------
    field_at
        The largest field over all pairs and pull-backs in V/cm at points (n, 3).
    currents
        By array and pair the highest current in A over all pull-backs, and a note.
    surfaces
        The zone, roughly.
    pairs
        How many pairs the field is of, each pull-back counted.
    """

    field_at: FieldAt | None
    currents: Mapping[str, Mapping[tuple[int, int], tuple[float, str]]]
    surfaces: tuple[Surface, ...]
    pairs: int = 0

    @property
    def points(self) -> int:
        """On how many points a lesion is judged within a frame."""
        return min(MOST_POINTS, max(LEAST_POINTS, LESION_FIELDS // max(1, self.pairs)))


def estimated(placed: Sequence[PlacedArray], grounds: LesionGrounds, settings: Settings) -> Estimate:
    """The field of all arrays by the closed form, each in the tissue its bare parts lie in."""
    currents: dict[str, Mapping[tuple[int, int], tuple[float, str]]] = {}
    packs: list[tuple[PackedElectrodes, FieldLaw | None]] = []
    bare = []
    for p in placed:
        usable = p.solvable(settings.field_voxel_mm)
        if not usable.pairs:
            currents[p.array.id] = {}
            continue
        share = share_in_lesions(p, grounds)
        law = mixed_law(share, settings)
        # A pull-back moves all electrodes alike: the current stays.
        first = PackedElectrodes.of(usable.electrodes, usable.pairs, p.radius_mm)
        amperes = first.currents_a(law)
        note = f"{100 * share:.0f} % of the bare parts in lesions"
        currents[p.array.id] = {
            (q.a, q.b): (float(a), note) for q, a in zip(usable.pairs, amperes, strict=True)
        }
        packs.append((all_positions(usable, p.radius_mm), None if isinstance(law, float) else law))
        bare.append(p.bare_ends_lps_mm.reshape(-1, 3))
    if not packs:
        return Estimate(None, currents, ())

    def field_at(points_lps_mm: FloatArray) -> FloatArray:
        points = np.ascontiguousarray(points_lps_mm, dtype=np.float64)
        return np.asarray(np.max([p.field_v_per_cm(points, law) for p, law in packs], axis=0))

    pairs = sum(len(p.index) for p, _ in packs)
    zone = _zone(field_at, np.concatenate(bare), placed[0].array, settings, ZONE_FIELDS // pairs)
    return Estimate(field_at, currents, zone, pairs)


def share_in_lesions(placed: PlacedArray, grounds: LesionGrounds) -> float:
    """Share of the bare parts that lies in lesions."""
    structures = grounds.anatomy.structures
    names = [s.name for s in structures.with_role(Role.LESION)]
    lines = [grounds.anatomy.samples(tip, back) for tip, back in placed.bare_ends_lps_mm[0]]
    return float(np.mean([line.within(names).mean() for line in lines]))


def mixed_law(share: float, settings: Settings) -> float | FieldLaw:
    """A conductivity between the liver's and the lesion's: the current starts in what the bare parts touch."""
    laws = [conductivity_law(settings, c) for c in (PulsedClass.LIVER, PulsedClass.TUMOUR)]

    def mixed(one: npt.ArrayLike, two: npt.ArrayLike) -> float:
        a, b = (float(np.ravel(v)[0]) for v in (one, two))
        return (1.0 - share) * a + share * b

    liver, tumour = laws
    if isinstance(liver, FieldRamp) and isinstance(tumour, FieldRamp):
        values = [mixed(a, b) for a, b in zip(vars(liver).values(), vars(tumour).values(), strict=True)]
        return FieldRamp(*values)
    if isinstance(liver, FieldSigmoid) and isinstance(tumour, FieldSigmoid):
        values = [mixed(a, b) for a, b in zip(vars(liver).values(), vars(tumour).values(), strict=True)]
        return FieldSigmoid(*values)
    return mixed(liver, tumour)  # type: ignore[arg-type]


def _zone(
    field_at: FieldAt, bare: FloatArray, array: ElectrodeArray, settings: Settings, voxels: int
) -> tuple[Surface, ...]:
    """Where the field passes the liver's threshold, on a coarse lattice of about so many voxels."""
    size = 2.0 * (float(np.linalg.norm(bare - bare.mean(axis=0), axis=1).max()) + REACH_MM)
    step = max(COARSE_MM, size / max(voxels, 1000) ** (1.0 / 3.0))
    tip = array.electrodes[0].tip_lps_mm
    grid = cubic_lattice(bare, tip, array.direction, step, REACH_MM, MOST_COARSE_VOXELS)
    k, j, i = np.indices(grid.shape)
    field = field_at(grid.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))).reshape(grid.shape)
    level = (1.0 - settings.liver_threshold_v_per_cm / np.maximum(field, 1.0)).astype(np.float32)
    level = np.maximum(level, np.float32(LEAST_LEVEL))
    if not (level > 0).any():
        return ()
    found = LevelBoundary.of(grid, level, LEAST_LEVEL)
    return (Surface("ire_zone", found.points_lps_mm.astype(np.float32), found.triangles, None, "", "plan"),)
