"""Dose in the report: the curves' pictures, isodose slices with a legend, and nothing where there is no dose."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "planning"))
from arterial_case import BALLS, GRID, artery, structures

from planner.model.assessment import Assessment, ScalarField
from planner.model.case import Case, Patient
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.image import Image
from planner.model.plan import Plan
from planner.plugin.registry import Registry, find_modules
from planner.report.dose_pictures import dose_fields, isodose_picture, largest, save_dose_pictures
from planner.report.pictures import SHOWN_MM, SLICE_PX
from planner.report.writing import judge_all, write_report
from planner.scene.dose_overlay import DOSE_LEVELS
from planner.scene.planes import Orientation

TIP = CatheterTarget("c1", "artery", (20.0, 0.0, 0.0), Agent(AgentType.Y90_GLASS, 1.25), "", "left lobe")
PLAN = Plan("A", "c", (TIP,))
FACTS = {"lung_shunt_percent": "5", "tumor_to_normal_ratio": "4"}
pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return find_modules()


@pytest.fixture(scope="module")
def case() -> Case:
    image = Image("ct", "CT", GRID, np.full(GRID.shape, 60, np.int16), "CT", "HU", acquired="2026-10-06")
    trees = (replace(artery(), is_confirmed=True),)
    return Case("c", "Liver", (image,), (structures(),), Patient().with_facts(FACTS), vessel_trees=trees)


@pytest.fixture(scope="module")
def answers(case: Case, registry: Registry) -> tuple[Assessment, ...]:
    return judge_all(registry, case, PLAN, {})


def pixels(picture: QImage) -> np.ndarray:
    found = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.width(), 4)
    return found[..., 2::-1].astype(int)


def test_curves_and_slices_are_in_the_report(
    case: Case, registry: Registry, answers: tuple[Assessment, ...], tmp_path: Path
) -> None:
    written = write_report(case, PLAN, answers, registry, tmp_path, pdf=False)
    names = {p.name for p in written.figures}
    assert {"dose-volume-1.png", "dose-predicted-axial.png", "dose-predicted-coronal.png"} <= names
    assert not any("delivered" in n for n in names)
    page = (tmp_path / "report.html").read_text()
    assert "left lesion and normal liver: share of the volume that receives at least a dose" in page
    assert "Predicted dose through left lesion, axial" in page
    levels = ", ".join(f"{level.value:g}" for level in DOSE_LEVELS)
    assert f"Isodose lines at {levels} Gy" in page
    assert "our rule" in page


def test_the_dose_is_coloured_where_it_is(case: Case) -> None:
    """A ball of 110 Gy about the lesion: violet within 12 mm and nowhere else, the legend below the slice."""
    k, j, i = np.indices(GRID.shape)
    middle = np.array(BALLS["left lesion"][0])
    away = np.linalg.norm(GRID.to_lps(np.stack([i, j, k], axis=-1).astype(float)) - middle, axis=-1)
    dose = ScalarField("dose", GRID, (200.0 - 15.0 * away).clip(0).astype(np.float32), "Gy")
    nothing = ScalarField("dose", GRID, np.zeros(GRID.shape, np.float32), "Gy")
    found, bare = (
        pixels(isodose_picture(case, PLAN, (), f, "left lesion", Orientation.AXIAL)) for f in (dose, nothing)
    )
    width, height = SLICE_PX
    assert found.shape[0] > height, "the legend has room of its own"
    scale = SHOWN_MM / width
    rows, columns = np.nonzero((found != bare)[:height].any(axis=-1))
    gaps = np.hypot((columns + 0.5 - width / 2) * scale, (rows + 0.5 - height / 2) * scale)
    assert gaps.max() < 12.0 + 6.0, "20 Gy are at 12 mm; a number may stand on its line"
    violet = (found[..., 2] > found[..., 1] + 25) & (found[..., 2] > found[..., 0])
    inside = violet[:height][rows[gaps < 10.0], columns[gaps < 10.0]]
    assert inside.mean() > 0.5
    assert violet[height:].sum() > 1000, "colours of the legend"
    assert not violet[:height][: round(height / 2 - 20.0 / scale)].any()


def test_delivered_dose_stands_beside_the_predicted_one(
    case: Case, answers: tuple[Assessment, ...], tmp_path: Path
) -> None:
    (whole,) = (a for a in answers if dose_fields(a))
    dose = dose_fields(whole)["predicted"]
    curves = tuple(replace(c, name="dose_volume_delivered") for c in whole.curves)
    both = replace(
        whole,
        fields=(*whole.fields, replace(dose, name="delivered_dose")),
        curves=(*whole.curves, *curves),
    )
    found = save_dose_pictures(case, PLAN, (both,), tmp_path)
    assert found is not None
    assert all((tmp_path / name).exists() for name in found.names)
    assert [p.name for p in found.slices] == [
        f"dose-{word}-{o}.png" for word in ("predicted", "delivered") for o in ("axial", "coronal")
    ]
    assert "dashed delivered" in found.curves[0].caption


def test_without_a_dose_nothing_is_drawn(case: Case, answers: tuple[Assessment, ...], tmp_path: Path) -> None:
    bare = tuple(replace(a, fields=tuple(f for f in a.fields if f.unit != "Gy")) for a in answers)
    assert save_dose_pictures(case, PLAN, bare, tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_the_largest_lesion_is_shown(case: Case) -> None:
    small = case.structures.mask("left lesion").copy()
    small[:, :, ::2] = False
    lesion = case.structures["middle lesion"]
    changed = replace(case, structure_sets=(case.structures.with_mask(replace(lesion, name="tiny"), small),))
    assert largest(changed, ("tiny", "left lesion")) == "left lesion"
    assert largest(changed, ()) == ""
