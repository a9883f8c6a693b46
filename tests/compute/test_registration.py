"""Registrations of scans that were moved in a known way."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from two_scans import lattice, liver_mask, liver_points, movement, scan, target_errors_mm

from planner.base.errors import Cancelled, InvalidValue
from planner.base.task import Task
from planner.compute.local_deformation import register_local
from planner.compute.registration import resampled, resampled_mask, rigid_of_landmarks
from planner.compute.rigid_registration import register_rigid
from planner.model.geometry import Grid
from planner.model.image import Image
from planner.model.registration import Registration

BEFORE = lattice((70, 120, 150), (2.0, 2.0, 3.0))
AFTER = lattice((80, 130, 130), (2.2, 2.2, 2.5), (6, -4, 10), (5.0, -3.0, 4.0))


@pytest.fixture(scope="module")
def pre() -> Image:
    return scan("pre", BEFORE)


@pytest.fixture(scope="module")
def rigid_pair(pre: Image) -> tuple[Image, Image, Registration]:
    true = movement()
    return pre, scan("post", AFTER, true), true


@pytest.fixture(scope="module")
def bent_pair(pre: Image) -> tuple[Image, Image, Registration]:
    true = movement(bump_mm=6.0)
    return pre, scan("post", AFTER, true), true


def test_a_turn_of_8_degrees_and_a_shift_of_12_mm_are_found(
    rigid_pair: tuple[Image, Image, Registration],
) -> None:
    pre, post, true = rigid_pair
    found = register_rigid(pre, post)
    errors = target_errors_mm(found, true)
    print(f"rigid, whole scan: mean {errors.mean():.2f}, most {errors.max():.2f} mm")
    assert errors.max() < 0.5
    assert found.error_mm is not None
    assert errors.mean() < found.error_mm + 0.1 < 2.0
    assert "blocks" in found.error_basis


def test_the_liver_alone_is_fitted_and_the_same_scans_give_the_same_bits(
    rigid_pair: tuple[Image, Image, Registration],
) -> None:
    pre, post, true = rigid_pair
    one, two = (register_rigid(pre, post, within=liver_mask(BEFORE)) for _ in range(2))
    assert target_errors_mm(one, true).max() < 0.5
    assert one.rigid.tobytes() == two.rigid.tobytes()
    assert one.error_mm == two.error_mm


def test_scans_with_other_coordinates_are_laid_body_on_body_and_it_is_said(pre: Image) -> None:
    true = movement(away=(400.0, -250.0, 900.0))
    grid = lattice((60, 120, 120), (2.4, 2.4, 2.5), middle=(400.0, -250.0, 915.0))
    post = scan("post", grid, true)
    found = register_rigid(replace(pre), post)
    assert target_errors_mm(found, true).max() < 0.5
    assert "body on body" in found.notes[0]


def test_ct_and_mr_are_fitted_without_an_estimate(pre: Image) -> None:
    true = movement(5.0, 8.0)
    post = scan("post", AFTER, true, as_mr=True)
    found = register_rigid(pre, post)
    assert target_errors_mm(found, true).max() < 2.0
    assert found.error_mm is None
    with pytest.raises(InvalidValue, match="between CT and MR"):
        register_local(pre, post, found, liver_mask(BEFORE))


def test_a_bump_of_6_mm_is_followed(bent_pair: tuple[Image, Image, Registration]) -> None:
    pre, post, true = bent_pair
    liver = liver_mask(BEFORE)
    rigid = register_rigid(pre, post, within=liver)
    found = register_local(pre, post, rigid, liver)
    before, after = target_errors_mm(rigid, true), target_errors_mm(found, true)
    print(
        f"local: mean {before.mean():.2f} -> {after.mean():.2f}, most {before.max():.2f} -> {after.max():.2f}"
    )
    assert before.max() > 2.0
    assert after.mean() < 0.5
    assert after.max() < 1.2
    assert found.field is not None
    assert found.field.least_jacobian > 0.5
    again = register_local(pre, post, rigid, liver)
    assert again.field is not None
    assert np.array_equal(found.field.vectors_mm, again.field.vectors_mm)


def test_a_treated_place_that_is_left_out_does_not_pull(
    bent_pair: tuple[Image, Image, Registration],
) -> None:
    pre, post, true = bent_pair
    liver = liver_mask(BEFORE)
    center = np.array([-60.0, -10.0, 0.0])
    k, j, i = np.indices(AFTER.shape)
    points = AFTER.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    zone = np.linalg.norm(true.inverse_points(points) - center, axis=1).reshape(AFTER.shape) < 18
    dark = np.where(zone, 35, post.values).astype(np.int16)
    treated = replace(post, values=dark)
    k, j, i = np.indices(BEFORE.shape)
    ignored = np.linalg.norm(BEFORE.to_lps(np.stack([i, j, k], axis=-1)) - center, axis=-1) < 20
    rigid = register_rigid(pre, treated, within=liver)
    found = register_local(pre, treated, rigid, liver, ignored=ignored)
    errors = target_errors_mm(found, true)
    print(f"with a treated zone: mean {errors.mean():.2f}, most {errors.max():.2f} mm")
    assert errors.mean() < 0.5
    assert errors.max() < 1.5


def test_a_scan_without_deformation_gets_hardly_any(rigid_pair: tuple[Image, Image, Registration]) -> None:
    pre, post, true = rigid_pair
    liver = liver_mask(BEFORE)
    found = register_local(pre, post, register_rigid(pre, post, within=liver), liver)
    errors = target_errors_mm(found, true)
    print(f"without deformation: mean {errors.mean():.2f}, most {errors.max():.2f} mm")
    assert errors.mean() < 0.5
    assert errors.max() < 1.0


def test_overlays_show_the_same_place(bent_pair: tuple[Image, Image, Registration]) -> None:
    pre, post, true = bent_pair
    onto = lattice((30, 40, 40), (3.0, 3.0, 3.0), (0, 10, 5), (-45.0, -10.0, 0.0))
    k, j, i = np.indices(onto.shape)
    points = onto.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    shown = resampled(post, true, onto)
    assert (shown.grid, shown.values.dtype) == (onto, post.values.dtype)
    there = AFTER.to_ijk(true.map_points(points))
    from scipy.ndimage import map_coordinates

    expected = map_coordinates(post.values.astype(float), there[:, ::-1].T, order=1)
    assert np.abs(shown.values.ravel() - expected).max() < 1.5
    other = resampled(pre, true, onto)  # the first scan in the second's space
    there = BEFORE.to_ijk(true.inverse_points(points))
    expected = map_coordinates(pre.values.astype(float), there[:, ::-1].T, order=1)
    assert np.abs(other.values.ravel() - expected).mean() < 1.0
    beyond = lattice((4, 4, 4), (2.0, 2.0, 2.0), middle=(900.0, 0.0, 0.0))
    assert np.all(resampled(post, true, beyond).values == -1000)
    assert np.all(resampled(post, true, beyond, outside=0.0).values == 0)
    with pytest.raises(InvalidValue, match="other scans"):
        resampled(replace(post, id="else"), true, onto)


def test_a_mask_is_carried_with_its_volume() -> None:
    true = movement(bump_mm=5.0)
    grid = lattice((60, 80, 80), (2.0, 2.0, 2.0), middle=(-45.0, -10.0, 0.0))
    k, j, i = np.indices(grid.shape)
    ball = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)) - [-45.0, -10.0, 0.0], axis=-1) < 25
    onto = lattice(
        (90, 90, 90), (1.5, 1.5, 1.5), (10, 0, 0), tuple(true.map_points([[-45.0, -10.0, 0.0]])[0])
    )
    moved = resampled_mask(ball, grid, "pre", true, onto)
    k, j, i = np.nonzero(moved)
    middle = onto.to_lps(np.stack([i, j, k], axis=-1).astype(float)).mean(axis=0)
    assert np.linalg.norm(middle - true.map_points([[-45.0, -10.0, 0.0]])[0]) < 1.5
    volume = np.count_nonzero(moved) * onto.voxel_volume_ml
    assert volume == pytest.approx(np.count_nonzero(ball) * grid.voxel_volume_ml, rel=0.05)
    with pytest.raises(InvalidValue, match="shape of its grid"):
        resampled_mask(ball[1:], grid, "pre", true, onto)


def test_landmarks_give_the_turn_and_shift() -> None:
    true = movement()
    points = liver_points(60.0)
    assert np.allclose(rigid_of_landmarks(points, true.map_points(points)), true.rigid, atol=1e-9)
    flat = points * [1.0, 1.0, 0.0]  # in one plane: a mirror image would fit as well
    assert np.allclose(rigid_of_landmarks(flat, true.map_points(flat)), true.rigid, atol=1e-9)
    with pytest.raises(InvalidValue, match="three or more"):
        rigid_of_landmarks(points[:2], points[:2])
    line = np.array([[0.0, 0, 0], [10.0, 0, 0], [30.0, 0.5, 0]])
    with pytest.raises(InvalidValue, match="on one line"):
        rigid_of_landmarks(line, line)


def small(id: str, grid: Grid, uid: str = "", value: int | None = None) -> Image:
    image = scan(id, grid, uid=uid)
    return image if value is None else replace(image, values=np.full(grid.shape, value, np.int16))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda g: small("post", lattice((3, 40, 40), (6.0, 6.0, 6.0))), "too thin"),
        (lambda g: small("post", g, value=40), "no tissue"),
        (lambda g: small("post", lattice((20, 40, 40), (6.0,) * 3, middle=(2000, 0, 0)), "1.2"), "no tissue"),
    ],
)
def test_scans_that_cannot_be_fitted_are_refused(make: Callable[[Grid], Image], words: str) -> None:
    grid = lattice((20, 40, 40), (6.0, 6.0, 6.0))
    with pytest.raises(InvalidValue, match=words):
        register_rigid(small("pre", grid, "1.2"), make(grid))


def test_scans_of_one_frame_that_do_not_overlap_are_refused() -> None:
    # One frame of reference says where each lies: there is no guessing.
    one = small("pre", lattice((20, 40, 40), (4.0, 6.0, 6.0), middle=(0, 0, -200)), "1.2")
    two = small("post", lattice((20, 40, 40), (4.0, 6.0, 6.0), middle=(0, 0, 200)), "1.2")
    with pytest.raises(InvalidValue, match="do not overlap"):
        register_rigid(one, two)


def test_guards_of_regions_and_masks(rigid_pair: tuple[Image, Image, Registration]) -> None:
    pre, post, true = rigid_pair
    liver = liver_mask(BEFORE)
    with pytest.raises(InvalidValue, match="nothing to fit"):
        register_rigid(pre, post, np.array([[5000.0, 0, 0], [5010.0, 5, 5]]))
    with pytest.raises(InvalidValue, match="shape of its scan"):
        register_rigid(pre, post, within=liver[1:])
    with pytest.raises(InvalidValue, match="shape of its scan"):
        register_local(pre, post, true, liver, ignored=liver[1:])
    with pytest.raises(InvalidValue, match="no voxel"):
        register_local(pre, post, true, np.zeros_like(liver))
    with pytest.raises(InvalidValue, match="Too little tissue"):
        register_local(pre, post, true, liver, ignored=np.ones_like(liver))
    with pytest.raises(InvalidValue, match="other scans"):
        register_local(post, pre, true, liver)
    with pytest.raises(InvalidValue, match="stiffness"):
        register_local(pre, post, true, liver, stiffness=0.0)


def test_cancel_stops_within_an_iteration(rigid_pair: tuple[Image, Image, Registration]) -> None:
    pre, post, true = rigid_pair
    for words in ("Turning", "Fitting tissue"):
        with pytest.raises(Cancelled):
            register_rigid(pre, post, task=cancelled_at(words))
    with pytest.raises(Cancelled):
        register_local(pre, post, true, liver_mask(BEFORE), task=cancelled_at("Following"))


def cancelled_at(words: str) -> Task:
    """A task that is cancelled the first time it hears of a step, and fails if it hears of it often after."""
    heard = 0

    def listener(fraction: float, text: str) -> None:
        nonlocal heard
        if text.startswith(words):
            heard += 1
            task.cancel()
        assert heard <= 1

    task = Task(listener)
    return task
