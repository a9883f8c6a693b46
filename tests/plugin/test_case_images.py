"""Images a module's setting may name: by what they say they are, else by what they do not say."""

from __future__ import annotations

import numpy as np
import pytest

from planner.model.case import Case
from planner.model.geometry import Grid
from planner.model.image import DicomIdentity, Image
from planner.plugin.case_images import offer_words, offered_images
from planner.plugin.registry import find_modules
from planner.plugin.settings import make_settings, options_of

GRID = Grid((3, 4, 5), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0))
WANTED = ("NM", "PT")


def image(id: str, modality: str, unit: str = "", series: str = "2.25.7") -> Image:
    values = np.zeros(GRID.shape, np.int16)
    return Image(id, id.upper(), GRID, values, modality, unit, DicomIdentity(series_uid=series), "2026-01-02")


CT, LATER = image("ct", "CT", "HU"), image("later", "CT", "HU")
SPECT, PET, MR = image("spect", "NM", "Bq/ml"), image("pet", "PT"), image("mr", "MR")
NIFTI, BODY = image("nifti", "MR", series=""), image("body", "CT", "HU", series="")


@pytest.mark.parametrize(
    ("images", "offered"),
    [
        ((CT, LATER, MR, PET, SPECT), ("pet", "spect")),
        ((CT, NIFTI, SPECT, BODY), ("spect", "nifti")),
        ((CT, NIFTI, MR), ("nifti",)),
        ((CT, LATER, MR), ("mr",)),
        ((CT, LATER), ()),
        ((SPECT,), ()),  # plans are made on it
    ],
)
def test_what_is_offered(images: tuple[Image, ...], offered: tuple[str, ...]) -> None:
    assert tuple(i.id for i in offered_images(Case("c", "c", images), WANTED)) == offered


def test_what_does_not_say_what_it_is_is_told_so() -> None:
    assert offer_words(SPECT, WANTED) == "NM · 2026-01-02 · SPECT"
    assert offer_words(NIFTI, WANTED) == "NIFTI · does not say what it is"
    assert offer_words(image("silent", "NM", series=""), WANTED) == "NM · 2026-01-02 · SILENT"


def test_the_setting_names_an_image_by_its_id_from_the_command_line_too() -> None:
    settings = find_modules().module("radioembolization").settings_class
    (option,) = (o for o in options_of(settings) if o.modalities)
    assert (option.name, option.modalities, option.default) == ("activity_image", WANTED, "")
    assert make_settings(settings, {"activity_image": "any-id"}).activity_image == "any-id"
