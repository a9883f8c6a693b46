"""What needle treatments share: lookups of structures, lesion grounds, path findings, quick paths."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import LESION_MM, LIVER_MM, phantom

from planner.base.errors import InvalidValue
from planner.base.task import Task
from planner.compute.cubic_lattice import cubic_lattice
from planner.model.assessment import Severity
from planner.model.case import Case
from planner.model.geometry import Grid
from planner.model.plan import Applicator
from planner.model.roles import Role
from planner.planning.anatomy import Anatomy
from planner.planning.device_library import device_library
from planner.planning.lesion_grounds import LesionGrounds, lesion_grounds
from planner.planning.needle_path import judge_path
from planner.planning.path_findings import PathJudgement, approach_findings, path_findings
from planner.planning.quick_path import quick_path
from planner.planning.structure_lookup import StructureLookup

DEVICE = device_library().device("generic-ire-19g")


@pytest.fixture(scope="module")
def case() -> Case:
    return phantom(
        colon=(Role.BOWEL, (0.0, -75.0, 0.0), 6.0),
        lung=(Role.LUNG, (30.0, -75.0, 0.0), 6.0),
        rib=(Role.BONE, (60.0, -60.0, 0.0), 5.0),
        vein=(Role.HEPATIC_VEIN, (0.0, -30.0, 30.0), 5.0),
        cava=(Role.VENA_CAVA, (0.0, -30.0, -30.0), 6.0),
        edge=(Role.LESION, (0.0, 52.0, 0.0), 8.0),
    )


@pytest.fixture(scope="module")
def grounds(case: Case) -> LesionGrounds:
    return lesion_grounds(case.structures, "needle-ground-test", Task())


def needle(
    entry: tuple[float, float, float], tip: tuple[float, float, float], lesion: str = "lesion"
) -> Applicator:
    return Applicator("e1:0", DEVICE.name, entry, tip, {}, lesion)


def said(case: Case, probe: Applicator, judgement: PathJudgement | None = None) -> dict[str, Severity]:
    anatomy = Anatomy.of(case.structures)
    path = judge_path(anatomy, probe)
    found = path_findings("electrode 1 of e1", probe, DEVICE, path, judgement or PathJudgement())
    assert all(f.subject == "e1:0" for f in found)
    return {f.rule: f.severity for f in found}


@pytest.mark.parametrize(
    ("entry", "tip", "rule", "severity"),
    [
        ((0.0, -99.0, 0.0), (0.0, 5.0, 0.0), "path_crosses_organ", Severity.STOP),
        ((30.0, -94.0, 0.0), (30.0, 5.0, 0.0), "path_crosses_lung", Severity.WARNING),
        ((60.0, -78.0, 0.0), (60.0, 0.0, 0.0), "path_crosses_bone", Severity.STOP),
        ((0.0, -93.0, 30.0), (0.0, 0.0, 30.0), "path_crosses_vessel", Severity.WARNING),
        ((0.0, -93.0, -30.0), (0.0, 0.0, -30.0), "path_crosses_vessel", Severity.STOP),
        ((0.0, 90.0, 60.0), (0.0, -90.0, 0.0), "path_longer_than_device", Severity.STOP),
        ((0.0, 60.0, 30.0), (0.0, 0.0, 0.0), "entry_under_skin", Severity.WARNING),
        ((0.0, 80.0, 0.0), (0.0, 105.0, 0.0), "tip_outside_body", Severity.STOP),
        ((0.0, 140.0, 0.0), (0.0, 20.0, 0.0), "path_outside_scan", Severity.WARNING),
        ((-80.0, 56.0, 0.0), (20.0, 56.0, 0.0), "capsule_angle_flat", Severity.WARNING),
    ],
)
def test_each_rule_is_tripped(
    case: Case,
    entry: tuple[float, float, float],
    tip: tuple[float, float, float],
    rule: str,
    severity: Severity,
) -> None:
    assert said(case, needle(entry, tip))[rule] == severity


def test_a_clean_path_says_nothing(case: Case) -> None:
    assert said(case, needle((-96.0, 20.0, 10.0), (0.0, 0.0, 0.0))) == {}


def test_severities_are_the_callers(case: Case) -> None:
    strict = PathJudgement(Severity.STOP, Severity.STOP)
    assert (
        said(case, needle((30.0, -94.0, 0.0), (30.0, 5.0, 0.0)), strict)["path_crosses_lung"] == Severity.STOP
    )
    assert (
        said(case, needle((0.0, -93.0, 30.0), (0.0, 0.0, 30.0)), strict)["path_crosses_vessel"]
        == Severity.STOP
    )


def test_lesion_at_the_capsule_needs_liver_before_it(case: Case, grounds: LesionGrounds) -> None:
    straight = needle((0.0, 98.0, 0.0), (0.0, 52.0, 0.0), "edge")
    through = needle((0.0, -99.0, 40.0), (0.0, 52.0, 0.0), "edge")
    for probe, count in ((straight, 1), (through, 0)):
        path = judge_path(grounds.anatomy, probe)
        found = approach_findings(
            "electrode 1 of e1", probe, path, grounds.lesions["edge"].margin, PathJudgement()
        )
        assert len(found) == count
    path = judge_path(grounds.anatomy, straight)
    assert approach_findings("electrode 1", straight, path, None, PathJudgement()) == []
    assert (
        approach_findings("electrode 1", straight, path, grounds.lesions["lesion"].margin, PathJudgement())
        == []
    )


def test_quick_path_says_what_the_whole_path_says(case: Case) -> None:
    anatomy = Anatomy.of(case.structures)
    left_out = {
        "parenchyma_before_lesion_mm",
        "capsule_angle_deg",
        "capsule_place_lps_mm",
        "entry_depth_mm",
        "nearest",
    }
    for entry, tip in (((0.0, -99.0, 3.0), (4.0, 5.0, 30.0)), ((30.0, -120.0, 0.0), (0.0, 0.0, 0.0))):
        whole, quick = (f(anatomy, needle(entry, tip)) for f in (judge_path, quick_path))
        for word in set(vars(whole)) - left_out:
            assert getattr(quick, word) == getattr(whole, word), word
        assert quick.nearest == {}


def test_lookup_finds_balls_on_an_oblique_lattice(case: Case) -> None:
    along = np.array([0.5, 0.6, -0.7]) / np.linalg.norm([0.5, 0.6, -0.7])
    grid = cubic_lattice(np.zeros((1, 3)), np.zeros(3), along, 1.0, 20.0, 200_000)
    lookup = StructureLookup(case.structures, grid)
    k, j, i = np.indices(grid.shape)
    away = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)), axis=-1)
    found = lookup.any_of(["lesion"])
    # A voxel of 2 mm reaches 1.8 mm from its centre.
    assert found[away < LESION_MM - 1.8].all()
    assert not found[away > LESION_MM + 1.8].any()
    assert found.sum() == pytest.approx(4 / 3 * np.pi * LESION_MM**3, rel=0.02)
    assert lookup.unscanned_percent == 0.0
    box = case.structures.box("lesion").grown((1, 1, 1), case.structures.grid.shape)
    assert np.array_equal(lookup.of_part(case.structures.mask("lesion", box), box), found)
    covered = lookup.box()
    assert all(a <= b for a, b in zip(covered.start, box.start, strict=True))


def test_lookup_beyond_the_scan(case: Case) -> None:
    half = Grid((10, 10, 20), (2.0, 2.0, 2.0), (90.0, 0.0, 0.0))
    lookup = StructureLookup(case.structures, half)
    assert 40.0 < lookup.unscanned_percent < 60.0
    assert not lookup.any_of(["skin"])[~lookup.scanned].any()
    away = StructureLookup(case.structures, Grid((4, 4, 4), (1.0, 1.0, 1.0), (900.0, 0.0, 0.0)))
    assert away.unscanned_percent == 100.0
    assert away.box().is_empty
    assert not away.any_of(["liver"]).any()


def test_filling_has_the_volumes_of_balls(grounds: LesionGrounds) -> None:
    ground = grounds.lesions["lesion"]
    cell_ml = ground.margin.volumes.grid.voxel_volume_ml
    filling = ground.filling
    for shares, radius in ((filling.lesion, LESION_MM), (filling.grown_5mm, LESION_MM + 5.0)):
        assert shares.sum() * cell_ml == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.03)
    # Shares are kept as running sums of whole numbers, good to a thousandth.
    assert np.all(filling.grown_5mm >= filling.lesion - 2e-3)
    assert np.linalg.norm(filling.points_lps_mm, axis=1).max() < LESION_MM + 5.0 + 3.0


def test_grounds_know_liver_and_lesions(case: Case, grounds: LesionGrounds) -> None:
    assert set(grounds.lesions) == {"lesion", "edge"}
    assert grounds.liver_volume_ml == pytest.approx(4 / 3 * np.pi * LIVER_MM**3 / 1000, rel=0.02)
    assert not grounds.is_liver_cut
    assert grounds.nearest_lesion((0.0, 40.0, 0.0)) == "edge"
    assert grounds.nearest_lesion((0.0, 5.0, 0.0)) == "lesion"
    again = lesion_grounds(case.structures, "needle-ground-test", Task(), ("edge",))
    assert list(again.lesions) == ["edge"]
    assert again.lesions["edge"] is grounds.lesions["edge"]


def test_grounds_refuse(case: Case) -> None:
    with pytest.raises(InvalidValue, match="names a lesion that is not there"):
        lesion_grounds(case.structures, "needle-ground-test", Task(), ("another",))
    none = replace(case, structure_sets=(case.structures.without("lesion").without("edge"),))
    with pytest.raises(InvalidValue, match="no lesion"):
        lesion_grounds(none.structures, "needle-ground-none", Task())
    away = phantom(far=(Role.LESION, (0.0, 80.0, 0.0), 6.0))
    with pytest.raises(InvalidValue, match="outside the liver"):
        lesion_grounds(away.structures, "needle-ground-away", Task(), ("far",))
