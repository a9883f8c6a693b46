"""The vessels of a real case as trees: one portal system, rooted outside the liver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from planner.compute.vessel_route import route
from planner.io.importing import read_case
from planner.model.case import Case
from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.planning.vessel_finding import find_tree, liver_part

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def case(shared_data: Callable[[str], Path]) -> Case:
    folder = shared_data("ircadb01_p01")
    return read_case([folder / "PATIENT_DICOM"], structure_paths=[folder / "MASKS_DICOM.zip"]).case


@pytest.fixture(scope="module")
def portal(case: Case) -> VesselTree:
    return find_tree(case.structures, "portalvein", id="portal")


def test_the_portal_tree_has_one_root_outside_the_liver(case: Case, portal: VesselTree) -> None:
    part = liver_part(portal, case.structures)
    (root,) = portal.roots
    assert part.shares[root.number] == 0.0
    assert 30 < part.percent < 55
    assert 100 < len(portal.branches) < 250
    assert 2000 < portal.length_mm < 3200
    assert any("outside the liver" in note for note in portal.notes)
    assert any("cut by the edge of the scan" in note for note in portal.notes)


def test_middle_lines_lie_within_the_outline_and_radii_give_its_volume(
    case: Case, portal: VesselTree
) -> None:
    mask = case.structures.mask("portalvein")
    points = np.concatenate([b.points_lps_mm for b in portal.branches])
    i, j, k = np.clip(np.rint(case.structures.grid.to_ijk(points)).astype(int).T, 0, None)
    inside = mask[np.minimum(k, mask.shape[0] - 1), j, i]
    assert inside.mean() > 0.98
    volume_ml = (
        sum(
            float((np.pi * (0.5 * (b.radii_mm[1:] + b.radii_mm[:-1])) ** 2 * b.steps_mm).sum())
            for b in portal.branches
        )
        / 1000
    )
    # Stretches within a wider vessel count twice, flat ones and rounded ends too little.
    assert volume_ml == pytest.approx(case.structures.volume_ml("portalvein"), rel=0.25)


def test_hepatic_veins_with_the_vena_cava_are_one_tree(case: Case) -> None:
    tree = find_tree(case.structures, "venoussystem", id="hepatic")
    assert tree.role is Role.HEPATIC_VEIN
    assert len(tree.roots) == 1
    assert tree.roots[0].radii_mm.mean() > 5


def test_a_portal_branch_is_found_by_two_clicks_in_the_scan(case: Case, portal: VesselTree) -> None:
    wide = [b for b in portal.branches if b.length_mm > 25 and b.mean_diameter_mm > 5]
    branch = max(wide, key=lambda b: b.length_mm)
    line = branch.points_lps_mm
    points, radii = route(case.images[0], tuple(line[3]), tuple(line[-4]))
    away = np.linalg.norm(points[:, None] - line[None], axis=2).min(axis=1)
    assert away.max() < 2.0
    assert 2 * radii.mean() == pytest.approx(branch.mean_diameter_mm, rel=0.25)
