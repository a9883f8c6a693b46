"""truth.json against the voxels, and the exact distances against brute force."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from planner.model.case import Case
from planner.sample.case import write_truth
from planner.sample.ellipsoid import Ellipsoid
from planner.sample.tubes import tube

#: Distances longer than this judge nothing a planner would.
NEAR_MM = 30.0


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, object]]]:
    folder: Path = tmp_path_factory.mktemp("truth")
    write_truth(folder)
    document: dict[str, list[dict[str, object]]] = json.loads((folder / "truth.json").read_text("utf-8"))
    return document


def test_volumes_agree_with_the_voxels(sample: Case, truth: dict[str, list[dict[str, float]]]) -> None:
    assert len(truth["lesions"]) == 5
    for lesion in truth["lesions"]:
        found = sample.structures.volume_ml(str(lesion["name"]))
        assert found == pytest.approx(lesion["volume_ml"], rel=lesion["volume_tolerance_percent"] / 100)


def test_centres_agree_with_the_voxels(sample: Case, truth: dict[str, list[dict[str, object]]]) -> None:
    for lesion in truth["lesions"]:
        found = _points(sample, str(lesion["name"])).mean(axis=0)
        assert found == pytest.approx(lesion["center_lps_mm"], abs=0.3)


def test_near_distances_agree_with_the_voxels(
    sample: Case, truth: dict[str, list[dict[str, object]]]
) -> None:
    structures = sample.structures
    near = [d for d in truth["distances"] if float(str(d["distance_mm"])) <= NEAR_MM]
    assert len(near) > 10
    for line in near:
        first, second = (_points(sample, str(line[end])) for end in ("from", "to"))
        around = (second > first.min(axis=0) - 2 * NEAR_MM) & (second < first.max(axis=0) + 2 * NEAR_MM)
        found = _gap(first, second[around.all(axis=1)])
        away = found - float(str(line["distance_mm"]))
        # Centres of voxels inside lie up to one voxel's diagonal further apart than the surfaces.
        assert -0.4 <= away <= float(np.linalg.norm(structures.grid.spacing_mm)), line


def test_what_the_five_lesions_are_there_for(truth: dict[str, list[dict[str, object]]]) -> None:
    far = {(str(d["from"]), str(d["to"])): float(str(d["distance_mm"])) for d in truth["distances"]}
    assert 3 <= far["Lesion 2", "Portal vein"] <= 5
    assert 4 <= far["Lesion 4", "Gallbladder"] <= 6
    sizes = {str(x["name"]): 2 * max(x["half_axes_mm"]) for x in truth["lesions"]}  # type: ignore[call-overload]
    assert sizes["Lesion 1"] == 15
    assert 29 <= sizes["Lesion 2"] <= 33
    assert 48 <= sizes["Lesion 5"] <= 52


def test_the_dome_lesion_touches_the_capsule(sample: Case) -> None:
    structures = sample.structures
    box = structures.box("Lesion 3").grown((4, 8, 8), structures.grid.shape)
    outside = np.stack(np.nonzero(~structures.mask("Liver", box)), axis=1) + box.start
    gap = _gap(structures.grid.to_lps(outside[:, ::-1]), _points(sample, "Lesion 3"))
    assert gap <= 4.0


def test_distance_of_ellipsoid_and_tube_is_that_of_dense_points() -> None:
    shape = Ellipsoid((3.0, -2.0, 5.0), (12.0, 9.0, 7.0), (35.0, 20.0))
    cone = tube((30.0, 4.0, -10.0, 4.0), (22.0, 10.0, 25.0, 2.0), step_mm=100.0)
    spheres = cone[0, :4] + np.linspace(0, 1, 4001)[:, None] * (cone[0, 4:] - cone[0, :4])
    surface = _surface(shape, 60000)
    brute = (cKDTree(surface).query(spheres[:, :3])[0] - spheres[:, 3]).min()
    assert shape.distance_to_cones_mm(cone) == pytest.approx(brute, abs=0.02)


def test_distance_of_two_ellipsoids_is_that_of_dense_points() -> None:
    first = Ellipsoid((0.0, 0.0, 0.0), (12.0, 9.0, 7.0), (35.0, 20.0))
    second = Ellipsoid((22.0, 18.0, -9.0), (8.0, 14.0, 6.0), (-10.0, 50.0))
    brute = _gap(_surface(first, 60000), _surface(second, 60000))
    assert first.distance_to_mm(second) == pytest.approx(brute, abs=0.05)


def _gap(first: np.ndarray, second: np.ndarray) -> float:
    """The least distance between two sets of points (n, 3)."""
    return float(np.min(cKDTree(first).query(second)[0]))


def _surface(shape: Ellipsoid, count: int) -> np.ndarray:
    n = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * n / count), np.pi * (1 + 5**0.5) * n
    ball = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=1)
    return np.asarray((ball * np.array(shape.half_axes_mm)) @ shape.axes + np.array(shape.center_mm))


def _points(sample: Case, name: str) -> np.ndarray:
    box = sample.structures.box(name)
    kji = np.stack(np.nonzero(sample.structures.mask(name, box)), axis=1) + box.start
    return sample.structures.grid.to_lps(kji[:, ::-1])
