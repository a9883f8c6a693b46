"""Biologically effective dose: of the mean dose, predicted and delivered alike, and what the voxels' own mean is."""

from __future__ import annotations

import numpy as np
import pytest
from planner_plugins.radioembolization.effective import NORMAL_LIVER, TUMOR
from planner_plugins.radioembolization.voxels import LiverDose, LiverParts

from planner.compute.voxel_blocks import VoxelBlocks
from planner.planning.y90_voxel_dose import Deposition, voxel_dose

from ...verification.dose_shapes import OBLIQUE, grid_around
from .test_measured import EVEN, EVEN_GY, KERNEL, case, image, rules, value
from .test_measured import answer as answer_of

HALF_LIFE_H = 64.1


def bed(dose_gy: float, repair_h: float, alpha_beta_gy: float) -> float:
    """D (1 + D T_rep / ((T_rep + T_half) alpha/beta)) (Dale)."""
    return dose_gy * (1.0 + dose_gy * repair_h / ((repair_h + HALF_LIFE_H) * alpha_beta_gy))


@pytest.mark.parametrize(
    ("dose", "tissue", "known"), [(40.0, NORMAL_LIVER, 64.0240), (205.0, TUMOR, 301.0938)]
)
def test_worked_numbers(dose: float, tissue: object, known: float) -> None:
    assert tissue.of_mean_gy(dose) == pytest.approx(known, abs=5e-5)  # type: ignore[attr-defined]
    assert tissue.of_mean_gy(None) is None  # type: ignore[attr-defined]


def test_an_even_dose_has_its_closed_form() -> None:
    """Within 2e-4: the dose itself is within 1e-4, and BED grows with its square at most."""
    found = answer_of(case(image()))
    for lesion in ("left lesion", "middle lesion"):
        assert value(found, "delivered_lesion_bed_gy", lesion) == pytest.approx(
            bed(EVEN_GY, 1.5, 10.0), rel=2e-4
        )
    whole = found.metric("delivered_whole_normal_liver_bed_gy")
    assert whole.value == pytest.approx(bed(EVEN_GY, 2.5, 2.5), rel=2e-4)
    assert whole.unit == "Gy"
    assert "repair 2.5 h, alpha/beta 2.5 Gy; of the mean dose as the predicted one" in whole.method
    assert f"mean over voxels is {bed(EVEN_GY, 2.5, 2.5):.0f} Gy" in whole.method


def test_it_is_that_of_the_delivered_mean_as_the_predicted_is_of_the_predicted_mean() -> None:
    """An uneven dose: BED of the mean, and beside it a larger mean over voxels."""
    rng = np.random.default_rng(3)
    uneven = EVEN * rng.gamma(2.0, 0.5, image().grid.shape)
    found = answer_of(case(image(uneven)))
    for name, subject, repair, ratio in (
        ("lesion", "left lesion", 1.5, 10.0), ("whole_normal_liver", "plan", 2.5, 2.5),
    ):  # fmt: skip
        mean = value(found, f"delivered_{name}_dose_gy", subject)
        assert mean is not None
        told = found.metric(f"delivered_{name}_bed_gy", subject)
        assert told.value == pytest.approx(bed(mean, repair, ratio), rel=1e-12)
        voxels = float(told.method.split("mean over voxels is ")[1].split(" ")[0])
        assert voxels > told.value + 1.0
        before = value(found, f"{name}_dose_gy", subject)
        assert before is not None
        predicted = found.metric(f"{name}_bed_gy", subject)
        assert predicted.value == pytest.approx(bed(before, repair, ratio), rel=1e-12)
        assert "of the mean dose" in predicted.method


def test_the_mean_over_voxels_is_the_mean_of_their_effective_doses() -> None:
    """Random doses and parts of voxels on an oblique lattice: the sum over voxels itself, within 1e-9."""
    grid = grid_around((20.0, 12.0, 9.0), (3.0, 2.0, 1.5), OBLIQUE)
    rng = np.random.default_rng(5)
    dose = voxel_dose(rng.gamma(2.0, 1e-3, grid.shape), grid, Deposition.LOCAL)
    inside = rng.uniform(0.0, 1.0, grid.shape).astype(np.float32)
    held = LiverDose("dose", dose, LiverParts(VoxelBlocks(grid, (1, 1, 1)), {"part": inside}))
    for tissue, repair, ratio in ((TUMOR, 1.5, 10.0), (NORMAL_LIVER, 2.5, 2.5)):
        each = np.array([bed(float(d), repair, ratio) for d in dose.dose_gy.ravel()])
        known = float(np.average(each, weights=inside.ravel().astype(float)))
        assert tissue.mean_of_voxels_gy(held, "part") == pytest.approx(known, rel=1e-9)


def test_without_a_dose_there_is_none_and_the_reason_is_told() -> None:
    found = answer_of(case(image(unit="")), deposition=KERNEL)
    assert "not known" in rules(found)["activity_image_not_used"]
    for name, subject in (("lesion", "left lesion"), ("whole_normal_liver", "plan")):
        metric = found.metric(f"delivered_{name}_bed_gy", subject)
        assert metric.value is None
        assert "not known" in metric.note
