"""Structures of another scan on the planning lattice: closed forms over turned and anisotropic lattices, and what is said."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.registration import Registration
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.planning.carried_structure import (
    CarriedStructure,
    carried_findings,
    carried_from,
    carried_structure,
)

from ..verification.dose_shapes import OBLIQUE, grid_around

#: From the planning scan to the other: turned by 90 degrees and more, and far away.
TURN = np.array(
    [[0.0, -0.8, 0.6, 120.0], [1.0, 0.0, 0.0, -60.0], [0.0, 0.6, 0.8, 35.0], [0.0, 0.0, 0.0, 1.0]]
)
HERE = Registration("ct", "cone", TURN, method="by 5 landmarks", error_mm=1.3, error_basis="5 landmarks")
RADII = (31.0, 24.0, 19.0)


def there_of(points: np.ndarray) -> np.ndarray:
    return np.asarray(points @ TURN[:3, :3].T + TURN[:3, 3])


def inside(
    grid: Grid, center: tuple[float, float, float], radii: tuple[float, float, float], turn: np.ndarray
) -> np.ndarray:
    """Middles of voxels within an ellipsoid whose axes are turned with the patient."""
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1).astype(float)) - np.array(center)
    return np.asarray(np.linalg.norm((points @ turn) / np.array(radii), axis=-1) <= 1.0)


def drawn(
    spacing: tuple[float, float, float], radii: tuple[float, float, float] = RADII
) -> tuple[StructureSet, Image]:
    """An ellipsoid about the origin of the planning scan, drawn on an askew lattice of the other one."""
    middle = tuple(float(v) for v in there_of(np.zeros(3)))
    grid = grid_around(tuple(r + 12.0 for r in (max(radii),) * 3), spacing, OBLIQUE, middle_lps_mm=middle)
    mask = inside(grid, middle, radii, TURN[:3, :3])  # type: ignore[arg-type]
    image = Image("cone", "Cone beam", grid, np.zeros(grid.shape, np.int16), "CT", "HU", DicomIdentity())
    return StructureSet.from_masks("there", grid, [(Structure("perfused"), mask)]), image


def carried(
    spacing: tuple[float, float, float],
    onto: Grid,
    radii: tuple[float, float, float] = RADII,
    registration: Registration = HERE,
) -> tuple[CarriedStructure, StructureSet]:
    structures, image = drawn(spacing, radii)
    return carried_structure(
        structures, "perfused", image, registration, onto, Role.PERFUSED_VOLUME
    ), structures


def layer_ml(radii: tuple[float, float, float], spacing: tuple[float, float, float]) -> float:
    """A layer of one voxel's mean width all over the surface (Thomsen's formula, within 1.1 %)."""
    a, b, c = (r**1.6075 for r in radii)
    surface = 4.0 * math.pi * ((a * b + a * c + b * c) / 3.0) ** (1.0 / 1.6075)
    return surface * float(np.prod(spacing)) ** (1.0 / 3.0) / 1000.0


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(
    ("spacing", "onto_spacing"),
    [
        ((1.5, 1.5, 1.5), (0.7, 0.7, 1.5)),
        ((0.9, 0.9, 2.5), (1.4, 1.4, 3.0)),
        ((2.0, 1.0, 1.0), (0.8, 0.8, 5.0)),
    ],
)
def test_an_ellipsoid_keeps_its_volume_and_place(
    spacing: tuple[float, float, float], onto_spacing: tuple[float, float, float], forward: bool
) -> None:
    """Volume within 1 % of 4/3 pi a b c, its middle within a tenth of a voxel, its border within one layer."""
    onto = grid_around((60.0, 55.0, 50.0), onto_spacing)
    lying = HERE
    if not forward:
        lying = Registration("cone", "ct", np.linalg.inv(TURN), method="by 5 landmarks")
    found, structures = carried(spacing, onto, registration=lying)
    known = 4.0 / 3.0 * math.pi * math.prod(RADII) / 1000.0
    assert found.here_ml == pytest.approx(known, rel=0.01)
    assert found.there_ml == pytest.approx(structures.volume_ml("perfused"))
    assert found.here_ml == pytest.approx(np.count_nonzero(found.mask) * onto.voxel_volume_ml)
    middle = onto.to_lps(np.argwhere(found.mask)[:, ::-1].astype(float)).mean(axis=0)
    assert np.all(np.abs(middle) < 0.1 * np.array(onto_spacing))
    wrong = (
        np.count_nonzero(found.mask ^ inside(onto, (0.0, 0.0, 0.0), RADII, np.eye(3))) * onto.voxel_volume_ml
    )
    assert wrong < layer_ml(RADII, spacing)
    assert (found.beyond_share, found.is_cut) == (0.0, False)


def test_a_ball_of_a_few_voxels_is_off_by_less_than_a_layer() -> None:
    onto = grid_around((20.0, 20.0, 20.0), (0.7, 0.7, 1.5))
    radii = (4.0, 4.0, 4.0)
    found, _ = carried((1.5, 1.5, 1.5), onto, radii)
    known = 4.0 / 3.0 * math.pi * 4.0**3 / 1000.0
    assert abs(found.here_ml - known) < layer_ml(radii, (0.7, 0.7, 1.5))
    assert found.here_ml == pytest.approx(known, rel=0.08)


def test_it_says_where_it_comes_from_and_how_well_that_fits() -> None:
    onto = grid_around((60.0, 55.0, 50.0), (2.0, 2.0, 2.0))
    found, _ = carried((2.0, 2.0, 2.0), onto)
    assert found.structure.role is Role.PERFUSED_VOLUME
    assert found.structure.code is not None
    assert (
        carried_from(found.structure)
        == "brought over from Cone beam, by 5 landmarks, error 1.3 mm (5 landmarks)"
    )
    assert "no better than the scans fit: by 5 landmarks, error 1.3 mm" in found.words
    unknown, _ = carried((2.0, 2.0, 2.0), onto, registration=replace(HERE, error_mm=None, error_basis=""))
    assert carried_from(unknown.structure).endswith("error unknown")
    assert carried_from(Structure("liver")) == ""


def test_its_error_is_a_finding_of_the_tip_it_is_seen_from() -> None:
    onto = grid_around((60.0, 55.0, 50.0), (2.0, 2.0, 2.0))
    found, _ = carried((2.0, 2.0, 2.0), onto)
    own = StructureSet.from_masks(
        "here", onto, [(found.structure, found.mask), (Structure("painted"), found.mask)]
    )
    tips = [
        CatheterTarget(f"c{n}", "", (0.0, 0.0, 0.0), Agent(AgentType.Y90_GLASS), name)
        for n, name in enumerate(("perfused", "painted", "gone"))
    ]
    (finding,) = carried_findings(own, tips)
    assert (finding.rule, finding.subject) == ("perfused_volume_brought_over", "c0")
    assert "error 1.3 mm" in finding.text
    assert "no better" in finding.text


def test_what_lies_beyond_either_scan_is_said() -> None:
    half = grid_around((60.0, 55.0, 50.0), (2.0, 2.0, 2.0), middle_lps_mm=(60.0, 0.0, 0.0))
    found, _ = carried((2.0, 2.0, 2.0), half)
    # The lattice begins at x = 0, half a voxel before it: half of the ellipsoid, within a layer of its middle.
    assert found.beyond_share == pytest.approx(0.5, abs=0.04)
    assert "beyond the planning scan" in found.words
    structures, image = drawn((2.0, 2.0, 2.0))
    box = structures.box("perfused")
    mask = np.array(structures.mask("perfused"))
    mask[0, box.start[1] : box.stop[1], box.start[2] : box.stop[2]] = True
    cut = StructureSet.from_masks("there", structures.grid, [(Structure("perfused"), mask)])
    onto = grid_around((90.0, 90.0, 90.0), (3.0, 3.0, 3.0))
    words = carried_structure(cut, "perfused", image, HERE, onto, Role.PERFUSED_VOLUME).words
    assert "reaches the edge" in words


def test_what_cannot_be_carried_is_refused() -> None:
    structures, image = drawn((2.0, 2.0, 2.0))
    away = grid_around((20.0, 20.0, 20.0), (2.0, 2.0, 2.0), middle_lps_mm=(300.0, 0.0, 0.0))
    with pytest.raises(InvalidValue, match="No voxel"):
        carried_structure(structures, "perfused", image, HERE, away, Role.PERFUSED_VOLUME)
    empty = StructureSet.from_masks(
        "there", structures.grid, [(Structure("perfused"), np.zeros(structures.grid.shape, bool))]
    )
    onto = grid_around((60.0, 55.0, 50.0), (2.0, 2.0, 2.0))
    with pytest.raises(InvalidValue, match="no voxel"):
        carried_structure(empty, "perfused", image, HERE, onto, Role.PERFUSED_VOLUME)
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        carried_structure(structures, "perfused", image, HERE, onto, Role.PERFUSED_VOLUME, task)


def test_the_same_input_gives_the_same_bits() -> None:
    onto = grid_around((60.0, 55.0, 50.0), (1.4, 1.4, 3.0))
    one, two = (carried((0.9, 0.9, 2.5), onto)[0] for _ in range(2))
    assert np.array_equal(one.mask, two.mask)
