"""An electric field on a slice of the report: seen where it is, and nowhere else; its lines named truly."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from phantom import custom_probe, phantom, plan_of

from planner.model.assessment import Assessment, ScalarField
from planner.model.electrode_array import Electrode, ElectrodeArray, PulsePair
from planner.model.geometry import Grid
from planner.model.plan import FocusGrid, Plan
from planner.report.electrode_facts import field_legend
from planner.report.pictures import (
    SHOWN_MM,
    SLICE_PX,
    SolvedField,
    pictured_lesions,
    slice_content,
    slice_picture,
    solved_field,
)
from planner.scene.planes import Orientation

MIDDLE = (4.0, -6.0, 8.0)


def field_of_a_ball(unit: str = "V/cm") -> ScalarField:
    """1,200 V/cm at a point off the origin, 50 less each millimetre away; awkward voxels."""
    grid = Grid((15, 17, 13), (2.5, 1.7, 3.1), (-10.0, -20.0, -6.0))
    k, j, i = np.indices(grid.shape)
    away = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)) - np.array(MIDDLE), axis=-1)
    return ScalarField("electric_field_v_per_cm", grid, (1200.0 - 50.0 * away).astype(np.float32), unit)


def answer(*fields: ScalarField, **settings: float) -> Assessment:
    return Assessment("electroporation", "0", {}, settings, fields=fields)


def pixels(picture: QImage) -> np.ndarray:
    found = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.width(), 4)
    return found[..., :3].astype(int)


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("orientation", list(Orientation))
def test_a_field_changes_its_region_alone(orientation: Orientation) -> None:
    case, plan = phantom((4.0, 3.0, 5.0)), plan_of(custom_probe())
    bare = slice_content(case, plan, orientation, MIDDLE, "lesion")
    laid = slice_content(case, plan, orientation, MIDDLE, "lesion", SolvedField(field_of_a_ball(), None))
    before, after = (pixels(slice_picture(c, MIDDLE)) for c in (bare, laid))
    differs = (before != after).any(axis=-1)
    rows, columns = np.nonzero(differs)
    scale = SHOWN_MM / SLICE_PX[0]
    away = np.hypot((columns + 0.5 - SLICE_PX[0] / 2) * scale, (rows + 0.5 - SLICE_PX[1] / 2) * scale)
    # It is shown from 300 V/cm on, which are reached 18 mm from the middle; pixels are smoothed.
    assert away.max() <= 18.0 + 2.0
    assert (away <= 10.0).sum() > 0.8 * np.pi * (10.0 / scale) ** 2, "all of the middle"


@pytest.mark.usefixtures("qapp")
def test_electrodes_and_their_pairs_are_on_the_slice() -> None:
    case = phantom((4.0, 4.0, 4.0))
    needles = tuple(Electrode((x, -99.0, 0.0), (x, 10.0, 0.0), 20.0) for x in (-9.0, 9.0))
    array = ElectrodeArray("e1", "generic-ire-19g", needles, (PulsePair(0, 1, 2000.0),), lesion="lesion")
    none, some = Plan("A", case.id), Plan("A", case.id, (array,))
    pictures = [
        pixels(
            slice_picture(
                slice_content(case, p, Orientation.AXIAL, (0.0, 0.0, 0.0), "lesion"), (0.0, 0.0, 0.0)
            )
        )
        for p in (none, some)
    ]
    rows, columns = np.nonzero((pictures[0] != pictures[1]).any(axis=-1))
    scale = SHOWN_MM / SLICE_PX[0]
    right, down = (columns + 0.5 - SLICE_PX[0] / 2) * scale, (rows + 0.5 - SLICE_PX[1] / 2) * scale
    for x in (-9.0, 9.0):
        bare = (abs(right - x) < 1.0) & (down > -8.0) & (down < 8.0)
        assert bare.sum() > 100, "its bare part"
    pair = (abs(down) < 1.0) & (abs(right) < 7.0)
    assert pair.sum() > 10, "the line of the pair"


def test_a_temperature_is_not_taken_for_an_electric_field() -> None:
    warm = ScalarField("temperature_degc", field_of_a_ball().grid, field_of_a_ball().values, "°C")
    assert solved_field((answer(warm),)) is None
    found = solved_field((answer(warm), answer(warm, field_of_a_ball())))
    assert found is not None
    assert found.field.unit == "V/cm"


def test_a_line_names_the_tissue_whose_threshold_it_is() -> None:
    usual = answer(field_of_a_ball(), liver_threshold_v_per_cm=700.0, tumor_threshold_v_per_cm=800.0)
    assert "white line 700 V/cm: liver; sand line 800 V/cm: tumour" in field_legend((usual,))["lines"]
    other = answer(field_of_a_ball(), liver_threshold_v_per_cm=600.0, tumor_threshold_v_per_cm=650.0)
    lines = field_legend((other,))["lines"]
    assert "blue line 600 V/cm: liver" in lines
    assert "white line 700 V/cm;" in lines
    assert "tumour" not in lines


def test_lesions_are_pictured_in_the_plans_order_each_once() -> None:
    case = phantom((6.0, 6.0, 6.0))
    needle = Electrode((0.0, -99.0, 0.0), (0.0, 10.0, 0.0), 20.0)
    foci = FocusGrid("h1", "generic-hifu", ((0.0, 0.0, 0.0),), lesion="c")
    arrays = [
        ElectrodeArray(f"e{n}", "generic-ire-19g", (needle,), lesion=word) for n, word in enumerate("bab")
    ]
    assert pictured_lesions(case, Plan("A", case.id, (foci, *arrays, custom_probe())), ()) == (
        "c",
        "b",
        "a",
        "lesion",
    )
    assert pictured_lesions(case, Plan("A", case.id), ()) == ("lesion",)
