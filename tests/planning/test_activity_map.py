"""Activity laid on another lattice: conserved on lattices of any kind, and refused where nobody knows its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.model.case import Case
from planner.model.displacement import DisplacementField
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.registration import Registration
from planner.model.structures import StructureSet
from planner.planning.activity_map import Lying, amounts_on, seen_share
from planner.planning.activity_unit import ActivityUnit

from ..verification.dose_shapes import OBLIQUE, STRAIGHT, grid_around, radii, voxel_points

PLANNING, SPECT = "planning", "spect"
#: FWHM of 15 mm: what a SPECT makes of a point.
SIGMA = 15.0 / 2.3548
TURNED = np.array([[0.8, -0.6, 0.0, 12.0], [0.6, 0.8, 0.0, -7.0], [0.0, 0.0, 1.0, 3.0], [0.0, 0.0, 0.0, 1.0]])


def blob(grid: Grid, middle: tuple[float, float, float], sigma: float = SIGMA) -> np.ndarray:
    return np.exp(-0.5 * (radii(grid, middle) / sigma) ** 2)


def image(grid: Grid, values: np.ndarray, id: str = SPECT, uid: str = "", **more: object) -> Image:
    return Image(id, id, grid, values, "NM", "Bq/ml", DicomIdentity(frame_of_reference_uid=uid), **more)  # type: ignore[arg-type]


def itself(of: Image) -> Registration:
    return Registration.identity(of)


#: Spacing and direction of the image; of the lattice it is laid on.
PAIRS = [
    ((4.4, 4.4, 4.4), STRAIGHT, (2.3, 2.3, 1.6), STRAIGHT),
    ((4.4, 4.4, 4.4), OBLIQUE, (2.3, 2.3, 1.6), STRAIGHT),
    ((2.7, 2.7, 5.0), STRAIGHT, (2.0, 1.9, 2.5), OBLIQUE),
    ((4.1, 4.1, 3.0), OBLIQUE, (6.0, 5.0, 9.0), STRAIGHT),  # onto coarser voxels
    ((0.9, 0.8, 1.5), OBLIQUE, (2.3, 2.3, 1.6), STRAIGHT),  # from finer ones
]


@pytest.mark.parametrize(("spacing", "direction", "onto", "onto_direction"), PAIRS)
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (1.1, -1.6, 0.7)])
def test_a_blob_well_inside_keeps_its_total_and_its_place(
    spacing, direction, onto, onto_direction, shift
) -> None:
    """Total within 1e-3 (measured 5e-4 at most), middle within 0.01 mm (measured 0.003 mm)."""
    middle = (3.1, -2.2, 1.7)
    source = grid_around(34.0, spacing, direction, middle)
    of = image(source, blob(source, tuple(np.add(middle, shift))).astype(np.float32))
    target = grid_around(42.0, onto, onto_direction)
    found = amounts_on(of, itself(of), target)
    total = float(of.values.sum(dtype=float))
    assert found.sum() == pytest.approx(total * source.voxel_volume_ml, rel=1e-3)
    known = np.tensordot(of.values.astype(float), voxel_points(source), 3) / total
    assert np.tensordot(found, voxel_points(target), 3) / found.sum() == pytest.approx(known, abs=0.01)
    assert found.min() >= 0


@pytest.mark.parametrize("sigma", [9.0, 14.0])
def test_concentration_is_what_it_was(sigma: float) -> None:
    """Each voxel's amount over its volume, against the blob itself: linear in between, so to second order."""
    source = grid_around(40.0, (4.4, 4.4, 4.4), OBLIQUE)
    of = image(source, blob(source, (0.0, 0.0, 0.0), sigma))
    target = grid_around(12.0, (2.3, 2.0, 1.6))
    found = amounts_on(of, itself(of), target) / target.voxel_volume_ml
    bound = 3 * (4.4**2 / 8 + 2.3**2 / 24) / sigma**2  # along three axes between two values, and of a mean
    assert np.abs(found - blob(target, (0.0, 0.0, 0.0), sigma)).max() < bound


@pytest.mark.parametrize("is_forward", [True, False])
def test_a_registration_carries_it(is_forward: bool) -> None:
    """A blob at a place of the SPECT turns up where the registration says, with all its activity."""
    there = (20.0, 30.0, -10.0)
    source = grid_around(35.0, (4.4, 4.4, 4.4), STRAIGHT, there)
    of = image(source, blob(source, there))
    names = (PLANNING, SPECT) if is_forward else (SPECT, PLANNING)
    matrix = TURNED if is_forward else np.linalg.inv(TURNED)
    registration = Registration(*names, matrix)
    here = np.linalg.inv(TURNED) @ [*there, 1.0]
    target = grid_around(40.0, (2.3, 2.3, 1.6), OBLIQUE, tuple(here[:3]))
    found = amounts_on(of, registration, target)
    assert found.sum() == pytest.approx(of.values.sum() * source.voxel_volume_ml, rel=1e-3)
    assert np.tensordot(found, voxel_points(target), 3) / found.sum() == pytest.approx(here[:3], abs=0.05)
    with pytest.raises(InvalidValue, match="of other scans"):
        amounts_on(of, Registration("a", "b", np.eye(4)), target)


@pytest.mark.parametrize("is_forward", [True, False])
def test_a_local_registration_squeezes_tissue_and_not_activity(is_forward: bool) -> None:
    """Volume changes by a third: the activity stays, to 2e-3 (measured 1.5e-3), at another concentration."""
    lattice = grid_around(48.0, (4.0, 4.0, 4.0))
    points = voxel_points(lattice)
    fall = np.clip(1.0 - (np.linalg.norm(points, axis=-1) / 44.0) ** 2, 0.0, None) ** 3
    field = DisplacementField(lattice, -0.1 * points * fall[..., None])
    names = (PLANNING, SPECT) if is_forward else (SPECT, PLANNING)
    source = grid_around(46.0, (3.0, 3.0, 3.0))
    of = image(source, blob(source, (0.0, 0.0, 0.0), 9.0))
    target = grid_around(46.0, (2.6, 2.6, 2.4))
    total = float(of.values.sum()) * source.voxel_volume_ml
    found = amounts_on(of, Registration(*names, np.eye(4), field), target)
    assert found.sum() == pytest.approx(total, rel=2e-3)
    rigid = amounts_on(of, Registration(*names, np.eye(4)), target)
    squeezed = 0.9**3 if is_forward else 0.9**-3
    assert found.max() / rigid.max() == pytest.approx(squeezed, rel=0.03), (
        "the blob's middle is not all alike"
    )


def test_a_single_voxel_lattice_and_the_image_border() -> None:
    """A uniform image over one voxel, and a lattice that reaches beyond the image by half its voxels."""
    source = Grid((4, 4, 4), (4.0, 4.0, 4.0), (2.0, 2.0, 2.0))  # from 0 to 16 mm
    of = image(source, np.full(source.shape, 5, dtype=np.int16))
    one = Grid((1, 1, 1), (2.0, 3.0, 4.0), (8.0, 8.0, 8.0))
    assert amounts_on(of, itself(of), one) == pytest.approx(5 * 0.024)
    whole = Grid((10, 10, 10), (2.0, 2.0, 2.0), (-1.0, -1.0, -1.0))  # from -2 to 18 mm
    found = amounts_on(of, itself(of), whole)
    assert found.sum() == pytest.approx(5 * 4.096, rel=1e-6)
    assert seen_share(of, itself(of), whole, np.ones(whole.shape)) == pytest.approx(0.512)
    assert seen_share(of, itself(of), whole, np.zeros(whole.shape)) == 1.0


def test_the_same_bits_every_time_and_a_cancel() -> None:
    source = grid_around(20.0, (4.4, 4.4, 4.4), OBLIQUE)
    of = image(source, blob(source, (0.0, 0.0, 0.0)))
    target = grid_around(20.0, (2.3, 2.3, 1.6))
    first, again = (amounts_on(of, itself(of), target) for _ in range(2))
    assert np.array_equal(first, again)
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        amounts_on(of, itself(of), target, task)


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_values_that_are_no_activity_are_refused(wrong: float) -> None:
    source = grid_around(8.0, (4.0, 4.0, 4.0))
    values = np.ones(source.shape)
    values[1, 1, 1] = wrong
    of = image(source, values)
    with pytest.raises(InvalidValue, match="none below zero") as error:
        amounts_on(of, itself(of), source)
    assert error.value.thing
    assert error.value.todo


# where an image lies ------------------------------------------------------------------------


def case(*images: Image, registrations: tuple[Registration, ...] = (), uid: str = "A") -> Case:
    lattice = grid_around(8.0, (4.0, 4.0, 4.0))
    ct = Image(PLANNING, PLANNING, lattice, np.zeros(lattice.shape, np.int16), "CT", "HU",
               DicomIdentity(frame_of_reference_uid=uid))  # fmt: skip
    return Case(
        "c", "c", (ct, *images), (StructureSet("s", lattice, (), (), uid),), registrations=registrations
    )


def small(id: str = SPECT, uid: str = "") -> Image:
    lattice = grid_around(8.0, (4.0, 4.0, 4.0))
    return image(lattice, np.ones(lattice.shape), id, uid)


def test_a_registration_goes_before_the_frame_of_reference() -> None:
    found = Registration(
        PLANNING, SPECT, TURNED, method="by 4 landmarks", error_mm=2.5, error_basis="4 landmarks"
    )
    for uid in ("A", "B", ""):
        lying = Lying.of(case(small(uid=uid), registrations=(found,)), small(uid=uid))
        assert lying.registration is found
        assert lying.words == "registered (by 4 landmarks), error 2.5 mm by 4 landmarks"
        assert not lying.is_assumed
    blind = replace(found, method="", error_mm=None, error_basis="")
    assert Lying.of(case(small(), registrations=(blind,)), small()).words == "registered, error unknown"


def test_the_same_frame_needs_no_registration_and_no_frame_is_an_assumption() -> None:
    lying = Lying.of(case(small(uid="A")), small(uid="A"))
    assert (lying.words, lying.is_assumed) == ("same frame of reference", False)
    assert np.array_equal(lying.registration.rigid, np.eye(4))
    for of, uid in ((small(), "A"), (small(uid="A"), ""), (small(), "")):
        assert Lying.of(case(of, uid=uid), of).is_assumed


@pytest.mark.parametrize("is_forward", [True, False])
def test_a_spect_follows_the_ct_of_its_own_frame(is_forward: bool) -> None:
    ct = small("ct of the spect", "B")
    names = (PLANNING, ct.id) if is_forward else (ct.id, PLANNING)
    found = Registration(*names, TURNED)
    lying = Lying.of(case(ct, small(uid="B"), registrations=(found,)), small(uid="B"))
    pair = {lying.registration.from_image, lying.registration.to_image}
    assert pair == {PLANNING, SPECT}
    assert (lying.registration.to_image == SPECT) == is_forward
    assert "with 'ct of the spect'" in lying.words


def test_another_frame_without_a_registration_is_refused() -> None:
    stranger = Registration("other", SPECT, np.eye(4))
    of = case(small(uid="B"), small("other", "C"), registrations=(stranger,))
    with pytest.raises(InvalidValue, match="different frames of reference") as error:
        Lying.of(of, small(uid="B"))
    assert error.value.thing == f"image '{SPECT}'"
    assert "Register it" in error.value.todo


# units --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        (ActivityUnit(""), ""),
        (ActivityUnit("counts"), "counts"),
        (ActivityUnit("Bq/ml", "Y-90", 23.5), "Bq/ml of Y-90, 23.5 h after administration"),
        (ActivityUnit("MBq/ml", "", 0.0), "MBq/ml, at administration"),
        (ActivityUnit("", "99mTechnetium"), "values of 99mTechnetium"),
        (ActivityUnit("", "", 4.0), "values, 4 h after administration"),
        (ActivityUnit("Bq/ml", "90Yttrium (half-life 1.83 h)", 0.0), None),
    ],
)
def test_a_unit_and_its_words_invert(unit: ActivityUnit, words: str | None) -> None:
    assert words is None or unit.words == words
    assert ActivityUnit.of_words(unit.words) == unit


def test_other_words_are_a_unit_of_which_nothing_is_known() -> None:
    assert ActivityUnit.of_words("HU") == ActivityUnit("HU")
    odd = ActivityUnit.of_words("a, b, c")
    assert (odd.gbq_per_ml, odd.after_h) == (None, None)
    assert ActivityUnit("kBq/ml").gbq_per_ml == 1e-6
    with pytest.raises(InvalidValue, match="after it"):
        ActivityUnit("Bq/ml", after_h=-1.0)
    with pytest.raises(InvalidValue, match="no unit"):
        ActivityUnit("Bq, ml")
