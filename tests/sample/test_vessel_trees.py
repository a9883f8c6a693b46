"""Trees found in the sample's outlines, against the lines its vessels were made along."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.case import Case
from planner.model.roles import Role
from planner.model.vessel_tree import VesselTree
from planner.planning.vessel_finding import find_tree, liver_part
from planner.sample.case import TABLE_OFFSET_MM
from planner.sample.liver_vessels import PORTAL_TRUNKS
from planner.sample.painting import vessels
from planner.sample.tubes import curve


@pytest.fixture(scope="module")
def portal(sample: Case) -> VesselTree:
    return find_tree(sample.structures, "Portal vein", id="portal")


def test_the_portal_tree_follows_its_trunks(portal: VesselTree) -> None:
    trunks = np.concatenate([curve([(*p, 1.0) for p in trunk], 3.0)[:, :3] for trunk in PORTAL_TRUNKS])
    cones = vessels().portal
    ends = np.concatenate([cones[:, :4], cones[:, 4:]])
    away = np.linalg.norm(ends[:, None, :3] - trunks[None], axis=2)
    radii = np.where(away < 0.01, ends[:, None, 3], 0.0).max(axis=0)
    wide = trunks[radii >= 2.0] + np.array(TABLE_OFFSET_MM)
    assert len(wide) > 50
    points = np.concatenate([b.points_lps_mm for b in portal.branches])
    nearest = np.linalg.norm(wide[:, None] - points[None], axis=2)
    # The first lies in the corner where the two veins from below join, which no middle line reaches.
    assert nearest[0].min() < 2.5
    assert nearest[1:].min(axis=1).max() < 1.5
    found = np.concatenate([b.radii_mm for b in portal.branches])[nearest.argmin(axis=1)]
    assert np.abs(found - radii[radii >= 2.0]).mean() < 0.75


def test_the_portal_vein_enters_from_below_the_liver(portal: VesselTree, sample: Case) -> None:
    (root,) = portal.roots
    low = sample.structures.grid.origin_lps_mm[2]
    assert root.points_lps_mm[0][2] == pytest.approx(low - 0.75, abs=0.1)
    assert "1 root is cut by the edge of the scan." in portal.notes
    part = liver_part(portal, sample.structures)
    assert root.number not in part.branches
    assert 60 < part.percent < 95


def test_the_hepatic_veins_drain_into_the_vena_cava(sample: Case) -> None:
    tree = find_tree(sample.structures, "Hepatic veins", id="hepatic")
    assert tree.role is Role.HEPATIC_VEIN
    (root,) = tree.roots
    mouth = np.array([-26.0, 3.0, 199.0]) + np.array(TABLE_OFFSET_MM)
    assert np.linalg.norm(root.points_lps_mm[0] - mouth) < 12
    assert root.radii_mm.mean() > 3
