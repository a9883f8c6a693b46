"""The sample case as a case: shape, structures, attenuation, free needle paths."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest
from scipy import ndimage

from planner.base.errors import Cancelled
from planner.base.task import Task
from planner.model.case import Case
from planner.model.roles import Role
from planner.planning.anatomy import EXPECTED
from planner.sample.case import make_sample_case

LESIONS = tuple(f"Lesion {n}" for n in range(1, 6))
VESSELS = ("Portal vein", "Hepatic veins", "Hepatic artery", "Aorta", "Inferior vena cava")
#: What a needle must not go through on its way to a lesion.
CLOSED = {
    Role.BONE, Role.LUNG, Role.BOWEL, Role.STOMACH, Role.DUODENUM, Role.HEART, Role.GALLBLADDER, Role.KIDNEY,
    Role.SPLEEN, Role.AORTA, Role.VENA_CAVA, Role.PORTAL_VEIN, Role.HEPATIC_VEIN, Role.HEPATIC_ARTERY,
    Role.BILE_DUCT,
}  # fmt: skip


def test_made_twice_it_has_the_same_bits_and_says_how_far_it_is() -> None:
    heard: list[float] = []
    first = make_sample_case(Task(lambda fraction, text: heard.append(fraction)), coarser=3)
    second = make_sample_case(coarser=3)
    assert np.array_equal(first.image().values, second.image().values)
    for a, b in zip(first.structures.layers, second.structures.layers, strict=True):
        assert np.array_equal(a, b)
    assert heard == sorted(heard)
    assert len(heard) > 5


def test_it_stops_when_asked() -> None:
    task = Task(lambda fraction, text: task.cancel() if fraction > 0 else None)
    with pytest.raises(Cancelled):
        make_sample_case(task, coarser=4)


def test_its_image_is_a_ct_within_the_limits(sample: Case) -> None:
    image = sample.image("portal-venous")
    assert all(n <= most for n, most in zip(image.grid.shape, (200, 512, 512), strict=True))
    assert image.values.dtype == np.int16
    assert (image.modality, image.unit) == ("CT", "HU")
    assert all(abs(x) > 1 for x in image.grid.origin_lps_mm)
    assert image.grid.same_as(sample.structures.grid)
    assert sample.structures.frame_of_reference_uid == image.identity.frame_of_reference_uid


def test_nothing_but_the_pleura_is_left_unchecked(sample: Case) -> None:
    roles = {s.role for s in sample.structures.structures}
    assert {title for role, title in EXPECTED if role not in roles} == {"pleura"}
    assert [s.name for s in sample.structures.with_role(Role.LESION)] == list(LESIONS)


def test_every_structure_lies_within_the_skin(sample: Case) -> None:
    for structure in sample.structures.structures:
        box = sample.structures.box(structure.name)
        mask = sample.structures.mask(structure.name, box)
        assert mask.any(), structure.name
        assert not (mask & ~sample.structures.mask("Skin", box)).any(), structure.name


@pytest.mark.parametrize("name", LESIONS)
def test_a_lesion_lies_within_the_liver(sample: Case, name: str) -> None:
    box = sample.structures.box(name)
    assert not (sample.structures.mask(name, box) & ~sample.structures.mask("Liver", box)).any()


@pytest.mark.parametrize("name", ["Lesion 1", "Lesion 2", "Lesion 3", "Lesion 4", "Lesion 5"])
def test_parenchyma_surrounds_a_lesion_without_the_painter_adding_it(sample: Case, name: str) -> None:
    box = sample.structures.box(name).grown((2, 3, 3), sample.structures.grid.shape)
    lesion, liver = sample.structures.mask(name, box), sample.structures.mask("Liver", box)
    shell = ndimage.binary_dilation(lesion) & ~lesion
    assert (shell & liver).sum() > 0.99 * shell.sum()


@pytest.mark.parametrize("name", [*VESSELS, "Liver", "Spleen", "Gallbladder", "Duodenum", "Stomach"])
def test_a_vessel_or_organ_is_one_piece(sample: Case, name: str) -> None:
    box = sample.structures.box(name)
    pieces, _ = ndimage.label(sample.structures.mask(name, box), structure=np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())[1:]
    assert sizes.max() > 0.99 * sizes.sum(), sizes


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("Liver", 100, 112), ("Spleen", 110, 124), ("Portal vein", 160, 180), ("Hepatic veins", 155, 178),
        ("Aorta", 142, 160), ("Inferior vena cava", 130, 150), ("Gallbladder", 2, 16),
        ("Right lung", -880, -820), ("Left lung", -880, -820), ("Lesion 5", 35, 75),
    ],
)  # fmt: skip
def test_tissue_has_the_attenuation_of_a_portal_venous_scan(
    sample: Case, name: str, low: float, high: float
) -> None:
    box = sample.structures.box(name)
    core = ndimage.binary_erosion(sample.structures.mask(name, box), iterations=2)
    if name == "Liver":
        core &= ~sample.structures.union_mask([*LESIONS, "Portal vein", "Hepatic veins"], box)
    assert low <= float(np.median(sample.image().values[box.slices][core])) <= high


def test_the_liver_has_noise_as_a_standard_kernel_gives(sample: Case) -> None:
    box = sample.structures.box("Lesion 5")
    core = ndimage.binary_erosion(sample.structures.mask("Lesion 5", box), iterations=10)
    step = np.diff(sample.image().values[box.slices].astype(float), axis=2)
    assert 5 < step[core[:, :, 1:]].std() < 16


@pytest.mark.parametrize("name", ["Lesion 1", "Lesion 2", "Lesion 4", "Lesion 5"])
def test_a_straight_needle_reaches_a_lesion(sample: Case, name: str) -> None:
    assert _free_ways(sample, name) >= 10


def _free_ways(sample: Case, name: str) -> int:
    """Of 3000 directions from a lesion's centre, how many reach skin freely within 150 mm."""
    structures = sample.structures
    box = structures.box(name)
    start = np.array(
        [x.mean() + a for x, a in zip(np.nonzero(structures.mask(name, box)), box.start, strict=True)]
    )
    center = structures.grid.to_lps(start[::-1])
    n = np.arange(3000) + 0.5
    polar, turn = np.arccos(1 - 2 * n / 3000), np.pi * (1 + 5**0.5) * n
    ways = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=1)
    at_mm = np.arange(0, 152, 0.5)
    ijk = np.rint(structures.grid.to_ijk(center + ways[:, None] * at_mm[None, :, None])).astype(int)
    scanned = np.all((ijk >= 0) & (ijk < np.array(structures.grid.shape[::-1])), axis=-1)
    ijk[~scanned] = 0
    i, j, k = np.moveaxis(ijk, -1, 0)

    def meets(roles: Collection[Role]) -> np.ndarray:
        hit = np.zeros(scanned.shape, dtype=bool)
        for structure in structures.with_role(*roles):
            hit |= structures.layers[structure.layer][k, j, i] == structure.label
        return np.asarray(hit & scanned)

    inside = meets({Role.SKIN})
    exit_at = np.argmin(inside, axis=1)
    through_skin = ~inside.all(axis=1) & scanned[np.arange(len(ways)), exit_at]
    before_exit = np.arange(len(at_mm))[None, :] < exit_at[:, None]
    blocked = (meets(CLOSED) & before_exit).any(axis=1)
    return int(np.count_nonzero(through_skin & ~blocked & (at_mm[exit_at] <= 150)))
