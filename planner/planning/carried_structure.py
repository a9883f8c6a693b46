"""A structure that was drawn on another scan, brought to the scan plans are made on, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.model.assessment import Confidence, Finding, Severity, Source
from planner.model.catheter import CatheterTarget
from planner.model.geometry import Box, FloatArray, Grid
from planner.model.image import Image
from planner.model.registration import Registration
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.vocabulary import vocabulary
from planner.planning.rules import Rule

BoolArray = npt.NDArray[np.bool_]

BROUGHT = "brought over from "
_RULE = Rule(
    "perfused_volume_brought_over", Severity.INFO,
    Source("a structure of another scan has the error of the registration that brought it", Confidence.OUR_RULE),
)  # fmt: skip
#: So many voxels of a structure are asked whether they lie within the other lattice.
ASKED = 20_000
#: Less of a structure beyond the lattice is rounding.
LEAST_BEYOND = 0.002


@dataclass(frozen=True, eq=False)
class CarriedStructure:
    """A structure on another lattice than it was drawn on.

    Parameters
    ----------
    structure
        As it is kept there; its origin says where it comes from and how well that fits.
    mask
        Its voxels [k, j, i] of the whole lattice.
    there_ml, here_ml
        Its volume where it was drawn, and on the lattice.
    beyond_share
        Which share of it, 0 to 1, lies beyond the lattice.
    is_cut
        Whether it reaches the edge of the scan it was drawn on: what lies beyond was not seen.
    """

    structure: Structure
    mask: BoolArray
    there_ml: float
    here_ml: float
    beyond_share: float = 0.0
    is_cut: bool = False

    @property
    def words(self) -> str:
        """Both volumes, how well the scans fit, and what else a person must know."""
        _, _, fit = carried_from(self.structure).partition(", ")
        text = f"{self.structure.name}: {self.there_ml:.1f} ml there, {self.here_ml:.1f} ml here."
        text += f" Its border is known no better than the scans fit: {fit}."
        if self.is_cut:
            text += " It reaches the edge of the scan it was drawn on: what lies beyond was not seen."
        if self.beyond_share > LEAST_BEYOND:
            text += f" {100 * self.beyond_share:.0f} % of it lie beyond the planning scan and are left out."
        return text


def carried_structure(
    drawn: StructureSet,
    name: str,
    image: Image,
    registration: Registration,
    onto: Grid,
    role: Role,
    task: Task | None = None,
) -> CarriedStructure:
    """Bring a structure of one scan onto a lattice in another's space.

    The lattice's voxels whose middle lies in it belong to it: between voxels of its own lattice the border
    is where a linear function of them passes one half.

    Parameters
    ----------
    drawn, name
        The set it stands in, and its name.
    image
        The scan it was drawn on.
    registration
        Of that scan and the lattice's, in either direction.
    onto
        The lattice.
    role
        What it is to be there.

    Raises
    ------
    InvalidValue
        If it has no voxel, or none comes to lie on the lattice.
    """
    from planner.compute.registration import resampled_mask  # loads the registration's libraries

    task = task or Task()
    task.report(0.0, f"Bringing over {name}")
    mask, grid = drawn.cropped(name, max(drawn.grid.spacing_mm))
    box = _box(grid, image.id, registration, onto)
    near = np.zeros(box.shape, dtype=bool)
    if not box.is_empty:
        near = resampled_mask(mask, grid, image.id, registration, onto.cropped(box))
    if not near.any():
        raise InvalidValue(
            "No voxel of the structure comes to lie in the planning scan.",
            f"'{name}' of '{image.title}'",
            "Check how the two scans are registered.",
        )
    task.check()
    whole = np.zeros(onto.shape, dtype=bool)
    whole[box.slices] = near
    entry, old = vocabulary().entry(role), drawn[name]
    within = onto.contains(_to_lattice(registration, image.id, _middles(mask, grid)))
    outer = drawn.box(name)
    return CarriedStructure(
        replace(
            old, role=role, color=entry.color, code=entry.code,
            origin=f"{old.origin}, {BROUGHT}{image.title}, {fit_words(registration)}",
        ),
        whole,
        drawn.volume_ml(name),
        float(np.count_nonzero(near)) * onto.voxel_volume_ml,
        float(1.0 - within.mean()),
        any(a == 0 or b == n for a, b, n in zip(outer.start, outer.stop, drawn.grid.shape, strict=True)),
    )  # fmt: skip


def fit_words(registration: Registration) -> str:
    """How two scans were laid over each other, and how well that is known to fit."""
    method = registration.method or "registered"
    if registration.error_mm is None:
        return f"{method}, error unknown"
    basis = f" ({registration.error_basis})" if registration.error_basis else ""
    return f"{method}, error {registration.error_mm:.1f} mm{basis}"


def carried_from(structure: Structure) -> str:
    """Where a structure was brought over from, with how well it fits; empty where it was drawn in place."""
    _, found, rest = structure.origin.partition(BROUGHT)
    return f"{found}{rest}"


def carried_findings(structures: StructureSet, targets: Iterable[CatheterTarget]) -> Iterator[Finding]:
    """What was seen perfused in another scan has the error of its registration."""
    for target in targets:
        name = target.perfused_structure
        origin = carried_from(structures[name]) if name in structures else ""
        if origin:
            yield _RULE.finding(f"'{name}' was {origin}: its border is known no better than that.", target.id)


def _middles(mask: BoolArray, grid: Grid) -> FloatArray:
    """Middles of a structure's voxels, not more than about `ASKED`, evenly taken, (n, 3)."""
    ijk = np.argwhere(mask)[:, ::-1]
    return grid.to_lps(ijk[:: max(1, len(ijk) // ASKED)].astype(float))


def _to_lattice(registration: Registration, image: str, points_lps_mm: FloatArray) -> FloatArray:
    """Points of the scan a structure was drawn on in the lattice's space."""
    if registration.from_image == image:
        return registration.map_points(points_lps_mm)
    return registration.inverse_points(points_lps_mm)


def _box(grid: Grid, image: str, registration: Registration, onto: Grid) -> Box:
    """The voxels of a lattice another one may come to lie in."""
    rows = [np.linspace(0, n - 1, 9) for n in grid.shape[::-1]]
    ijk = np.stack(np.meshgrid(*rows, indexing="ij"), axis=-1).reshape(-1, 3)
    at = onto.to_ijk(_to_lattice(registration, image, grid.to_lps(ijk)))
    # A deformation between these points moves less than the margin added here.
    rim = 2 + np.ceil(8.0 / np.array(onto.spacing_mm)) * (registration.field is not None)
    size = np.array(onto.shape[::-1])
    k0, j0, i0 = (int(n) for n in np.clip(np.floor(at.min(axis=0) - rim), 0, size)[::-1])
    k1, j1, i1 = (int(n) for n in np.clip(np.ceil(at.max(axis=0) + rim) + 1, 0, size)[::-1])
    return Box((k0, j0, i0), (max(k0, k1), max(j0, j1), max(i0, i1)))
