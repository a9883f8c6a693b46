"""Values are valid from birth and cannot change."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from planner.base.errors import InvalidValue
from planner.model.assessment import Metric, Target
from planner.model.case import Case, Patient
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.plan import Applicator, Plan
from planner.model.roles import Role
from planner.model.structures import Structure, StructureSet
from planner.model.wording import value_text

GRID = Grid((4, 5, 6), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0))


def box_mask(k: int, j: int, i: int) -> np.ndarray:
    mask = np.zeros(GRID.shape, dtype=bool)
    mask[:k, :j, :i] = True
    return mask


def test_an_image_needs_its_grids_shape_and_is_read_only() -> None:
    with pytest.raises(InvalidValue):
        Image("a", "A", GRID, np.zeros((4, 5, 5), np.int16))
    image = Image("a", "A", GRID, np.arange(120, dtype=np.int16).reshape(GRID.shape))
    with pytest.raises(ValueError, match="read-only"):
        image.values[0, 0, 0] = 1
    assert image.value_at((5, 4, 6)) == 119
    assert image.value_at((50, 4, 6)) is None


def test_overlapping_structures_keep_their_own_voxels() -> None:
    masks = [
        (Structure("a"), box_mask(2, 2, 2)),
        (Structure("b"), box_mask(3, 3, 3)),
        (Structure("c"), box_mask(4, 5, 6) & ~box_mask(3, 3, 3)),
    ]
    found = StructureSet.from_masks("s", GRID, masks)
    for structure, mask in masks:
        assert np.array_equal(found.mask(structure.name), mask)
        assert found.volume_ml(structure.name) == pytest.approx(mask.sum() * 0.002)
    assert len(found.layers) == 2, "b and c do not overlap and share a layer"


def test_adding_and_removing_leaves_the_others_untouched() -> None:
    found = StructureSet.from_masks("s", GRID, [(Structure("a"), box_mask(2, 2, 2))])
    more = found.with_mask(Structure("b", Role.LESION), box_mask(3, 3, 3))
    assert np.array_equal(more.mask("a"), box_mask(2, 2, 2))
    assert np.array_equal(more.mask("b"), box_mask(3, 3, 3))
    assert np.array_equal(more.without("a").mask("b"), box_mask(3, 3, 3))
    assert "b" not in found
    with pytest.raises(InvalidValue, match="no structure"):
        more.without("a").mask("a")


def test_two_structures_cannot_share_a_name() -> None:
    with pytest.raises(InvalidValue, match="share a name"):
        StructureSet.from_masks(
            "s", GRID, [(Structure("a"), box_mask(1, 1, 1)), (Structure("a"), box_mask(2, 2, 2))]
        )


@pytest.mark.parametrize(
    ("entry", "tip"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((0, 0, 0), (0, 0, math.nan)),
        ((0, 0), (1, 2, 3)),
        ((0, 0, math.inf), (1, 2, 3)),
    ],
)
def test_impossible_probes_are_refused_in_words(entry: tuple[float, ...], tip: tuple[float, ...]) -> None:
    with pytest.raises(InvalidValue) as caught:
        Applicator("p1", "any", entry, tip)  # type: ignore[arg-type]
    assert "p1" in caught.value.thing


def test_the_zone_lies_behind_the_tip_towards_the_entry() -> None:
    probe = Applicator("p1", "any", (0, -100, 0), (0, 0, 0))
    assert np.allclose(probe.point_behind_tip(15), (0, -15, 0))
    assert pickle.loads(pickle.dumps(probe)) == probe


def test_settings_must_be_finite() -> None:
    with pytest.raises(InvalidValue, match="finite"):
        Applicator("p1", "any", (0, 0, 0), (0, 0, 9), {"power_w": math.nan})


def test_plans_refuse_double_ids_and_odd_names() -> None:
    probe = Applicator("p1", "any", (0, 0, 0), (0, 0, 9))
    with pytest.raises(InvalidValue, match="share an id"):
        Plan("A", "c", (probe, probe))
    with pytest.raises(InvalidValue, match="'@'"):
        Plan("A@3", "c")
    plan = Plan("A", "c", (probe,))
    assert plan.free_id() == "p2"
    assert plan.without_instrument("p1").instruments == ()


def test_a_case_refuses_double_ids_and_impossible_facts() -> None:
    image = Image("a", "A", GRID, np.zeros(GRID.shape, np.int16))
    with pytest.raises(InvalidValue):
        Case("c", "C", (image, image))
    with pytest.raises(InvalidValue):
        Patient(weight_kg=-3)


def test_plans_are_judged_on_the_set_a_person_chooses() -> None:
    masks = [(Structure("liver", Role.LIVER), box_mask(2, 2, 2))]
    sets = tuple(StructureSet.from_masks(id, GRID, masks) for id in ("a", "b", "c"))
    case = Case("c", "C", structure_sets=sets)
    chosen = case.judged_on("b")
    assert chosen.structures.id == "b"
    assert [s.id for s in chosen.structure_sets] == ["b", "a", "c"]
    with pytest.raises(InvalidValue, match="no such structure set"):
        case.judged_on("d")


@pytest.mark.parametrize(
    ("of_structures", "of_image", "is_in"),
    [("1.2", "1.2", True), ("1.2", "1.3", False), ("", "1.3", False), ("1.2", "", True)],
)
def test_an_image_of_another_frame_is_not_the_plans(of_structures: str, of_image: str, is_in: bool) -> None:
    masks = [(Structure("liver", Role.LIVER), box_mask(2, 2, 2))]
    values = np.zeros(GRID.shape, np.int16)
    first = Image("a", "A", GRID, values, identity=DicomIdentity(frame_of_reference_uid="1.2"))
    other = Image("b", "B", GRID, values, identity=DicomIdentity(frame_of_reference_uid=of_image))
    case = Case("c", "C", (first, other), (StructureSet.from_masks("s", GRID, masks, of_structures),))
    assert case.is_in_frame(first)
    assert case.is_in_frame(other) is is_in


def test_a_metric_is_never_nan() -> None:
    with pytest.raises(InvalidValue, match="NaN"):
        Metric("x_mm", math.nan, "mm")


@pytest.mark.parametrize(
    ("value", "words"), [(99.97, "99.9"), (100.0, "100"), (0.04, "0.1"), (0.0, "0"), (68.4, "68")]
)
def test_a_share_is_never_rounded_up_to_the_whole(value: float, words: str) -> None:
    assert value_text(Metric("x_percent", value, "%")) == words


def test_targets_may_be_open_on_either_side() -> None:
    assert Target(low=205.0).is_met(204.99999999999994), "a sum's rounding"
    assert not Target(high=5).is_met(5.000001)
    assert Target(low=5).is_met(5)
    assert not Target(low=5).is_met(4.99)
    assert Target(high=5).is_met(-100)
