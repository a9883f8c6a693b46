"""Registrations as values: there and back, corrected, judged, kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from planner.base.errors import InvalidValue
from planner.model.displacement import DisplacementField
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.model.registration import Registration

AXES = Rotation.from_euler("xyz", (10, -20, 30), degrees=True).as_matrix()
GRID = Grid((21, 25, 31), (5.0, 6.0, 7.0), (-90.0, -70.0, -50.0), tuple(AXES.ravel()))


def bump(height_mm: float, grid: Grid = GRID, reach_mm: float = 45.0) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    away = np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)) - grid.center_lps_mm, axis=-1)
    shape = np.cos(0.5 * np.pi * np.minimum(away / reach_mm, 1.0)) ** 2
    return np.asarray(height_mm * shape[..., None] * np.array([0.6, -0.48, 0.64]))


def matrix(turn_deg: tuple[float, ...] = (5, -8, 12), shift: tuple[float, ...] = (3, -20, 40)) -> np.ndarray:
    made = np.eye(4)
    made[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    made[:3, 3] = shift
    return made


def points(count: int = 200) -> np.ndarray:
    return np.random.default_rng(1).uniform(-60, 60, (count, 3)) + GRID.center_lps_mm


def test_a_rigid_movement_is_its_matrix_and_back() -> None:
    made = Registration("a", "b", matrix())
    expected = (matrix() @ np.c_[points(), np.ones(200)].T).T[:, :3]
    assert np.allclose(made.map_points(points()), expected)
    assert np.allclose(made.inverse_points(expected), points())


def test_a_deformation_comes_first_and_is_turned_round() -> None:
    made = Registration("a", "b", matrix(), DisplacementField(GRID, bump(8.0)))
    middle = GRID.center_lps_mm[None]
    peak = made.map_points(middle)
    assert np.allclose(
        peak, Registration("a", "b", matrix()).map_points(middle + [[4.8, -3.84, 5.12]]), atol=1e-4
    )
    back = made.inverse_points(made.map_points(points()))
    assert np.abs(back - points()).max() < 0.002
    far = np.array([[1000.0, 0.0, 0.0]])
    assert np.allclose(made.map_points(far), Registration("a", "b", matrix()).map_points(far))


def test_a_field_is_linear_between_its_voxels_on_an_oblique_grid() -> None:
    field = DisplacementField(GRID, bump(8.0))
    ijk = np.array([[15.25, 12.5, 9.75]])
    low = np.floor(ijk[0]).astype(int)
    share = ijk[0] - low
    expected = np.zeros(3)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(np.array(corner) == 1, share, 1 - share))
        i, j, k = low + corner
        expected += weight * field.vectors_mm[k, j, i]
    assert np.allclose(field.at(GRID.to_lps(ijk))[0], expected, atol=1e-5)


def test_the_inverse_field_undoes_it() -> None:
    field = DisplacementField(GRID, bump(6.0))
    k, j, i = np.indices(GRID.shape)
    nodes = GRID.to_lps(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    back = nodes + field.inverse.at(nodes)
    assert np.abs(back + field.at(back) - nodes).max() < 0.01


def test_the_least_volume_change_of_a_uniform_squeeze() -> None:
    # Between two planes tissue is squeezed to 1 - 6/10 of its depth: the determinant is 0.4 there.
    grid = Grid((5, 9, 5), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))
    vectors = np.zeros((5, 9, 5, 3))
    vectors[2, 4, 2, 1] = 6.0
    assert DisplacementField(grid, vectors).least_jacobian == pytest.approx(0.4, abs=1e-6)
    vectors[2, 4, 2, 1] = 10.5
    with pytest.raises(InvalidValue, match="folds"):
        DisplacementField(grid, vectors)


def test_folding_shows_on_an_oblique_grid_too() -> None:
    DisplacementField(GRID, bump(20.0))  # slope pi / 2 * 20 / 45 = 0.70
    with pytest.raises(InvalidValue, match="folds"):
        DisplacementField(GRID, bump(40.0))  # 1.4


def test_a_hand_corrects_in_the_second_scan() -> None:
    made = Registration("a", "b", matrix(), DisplacementField(GRID, bump(5.0)), error_mm=1.0, error_basis="x")
    shift = matrix((0, 0, 0), (1.0, 2.0, -3.0))
    corrected = made.with_correction(shift)
    assert np.allclose(corrected.map_points(points()), made.map_points(points()) + [1.0, 2.0, -3.0])
    assert (corrected.error_mm, corrected.error_basis) == (None, "")
    assert corrected.notes == ("corrected by hand",)


def test_landmarks_judge_it() -> None:
    made = Registration("a", "b", matrix())
    start = points(3)
    stop = made.map_points(start) + np.array([[3.0, 0, 0], [0, 4.0, 0], [0, 0, 0]])
    assert np.allclose(made.landmark_errors_mm(start, stop), [3.0, 4.0, 0.0])
    judged = made.judged_by(start, stop)
    assert judged.error_mm == pytest.approx(np.sqrt(25 / 3))
    assert judged.error_basis == "3 landmarks"
    with pytest.raises(InvalidValue, match="pairs"):
        made.landmark_errors_mm(start, stop[:2])


def test_identity_of_one_scan_is_exact_and_of_two_unknown() -> None:
    grid = Grid((2, 2, 2), (1.0, 1.0, 1.0), (0, 0, 0))
    one = Image("a", "A", grid, np.zeros(grid.shape), identity=DicomIdentity(frame_of_reference_uid="1.2"))
    two = Image("b", "B", grid, np.zeros(grid.shape))
    same = Registration.identity(one)
    assert (same.error_mm, same.from_frame_uid, same.to_frame_uid) == (0.0, "1.2", "1.2")
    assert np.allclose(same.map_points(points()), points())
    assert Registration.identity(one, two).error_mm is None


@pytest.mark.parametrize("field", [None, DisplacementField(GRID, bump(5.0))])
def test_it_is_kept_to_the_last_bit(field: DisplacementField | None) -> None:
    made = Registration("a", "b", matrix(), field, "1.2", "1.3", "by hand", 0.7, "4 landmarks", ("a note",))
    document = json.loads(json.dumps(made.document()))
    again = Registration.of_document(document, made.components)
    assert np.array_equal(again.map_points(points()), made.map_points(points()))
    assert again.document() == made.document()


def test_a_damaged_document_is_refused_by_name() -> None:
    document = Registration("a", "b", matrix()).document()
    with pytest.raises(InvalidValue, match="missing or unknown"):
        Registration.of_document({k: v for k, v in document.items() if k != "rigid"})
    with pytest.raises(InvalidValue, match="missing or unknown"):
        Registration.of_document({**document, "scale": 2.0})
    with pytest.raises(InvalidValue, match="is wrong"):
        Registration.of_document({**document, "rigid": [["x"]]})
    held = Registration("a", "b", matrix(), DisplacementField(GRID, bump(5.0)))
    with pytest.raises(InvalidValue):
        Registration.of_document(held.document(), held.components[:2])


def test_impossible_registrations_are_refused() -> None:
    mirror, sheared = np.diag([1.0, 1.0, -1.0, 1.0]), matrix()
    sheared[0, 1] += 0.01
    for wrong in (mirror, sheared, 1.1 * np.eye(4), np.full((4, 4), np.nan), np.eye(3)):
        with pytest.raises(InvalidValue):
            Registration("a", "b", wrong)
    with pytest.raises(InvalidValue, match="ids"):
        Registration("", "b", matrix())
    with pytest.raises(InvalidValue, match="not negative"):
        Registration("a", "b", matrix(), error_mm=-1.0)
    with pytest.raises(InvalidValue, match="shape"):
        Registration("a", "b", matrix()).map_points([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="read-only"):
        Registration("a", "b", matrix()).rigid[0, 0] = 2.0


def test_impossible_fields_are_refused() -> None:
    with pytest.raises(InvalidValue, match="vector at each voxel"):
        DisplacementField(GRID, np.zeros((*GRID.shape, 2)))
    wrong = bump(5.0)
    wrong[3, 3, 3, 0] = np.nan
    with pytest.raises(InvalidValue, match="finite"):
        DisplacementField(GRID, wrong)
    wrong = bump(5.0)
    wrong[0, 3, 3, 0] = 1.0
    with pytest.raises(InvalidValue, match="border"):
        DisplacementField(GRID, wrong)


def test_registrations_that_map_alike_have_one_fingerprint() -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = (1.0, 2.0, 3.0)
    one = Registration("a", "b", matrix, method="one way", error_mm=1.0, error_basis="3 landmarks")
    again = Registration("a", "b", matrix + 1e-9 * np.eye(4), method="another")
    assert one.fingerprint == again.fingerprint, "how it was found and judged moves nothing"
    moved = matrix.copy()
    moved[0, 3] += 0.01
    assert Registration("a", "b", moved).fingerprint != one.fingerprint
    assert Registration("a", "c", matrix).fingerprint != one.fingerprint
    grid = Grid((5, 5, 5), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    vectors = np.zeros((5, 5, 5, 3), dtype=np.float32)
    vectors[2, 2, 2] = (0.2, 0.0, 0.0)
    local = Registration("a", "b", matrix, DisplacementField(grid, vectors))
    assert local.fingerprint != one.fingerprint
    assert (
        local.fingerprint
        == Registration("a", "b", matrix, DisplacementField(grid, vectors.copy())).fingerprint
    )
