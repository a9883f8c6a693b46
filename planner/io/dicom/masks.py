"""Masks kept as DICOM image series: one series a structure, as in 3D-IRCADb."""

from __future__ import annotations

import numpy as np

from planner.base.errors import InputRefused
from planner.io.dicom.pixels import read_pixels
from planner.io.dicom.segmentation import refuse_other_frame
from planner.io.dicom.series import Series
from planner.io.dicom.slices import FRAME_OF_REFERENCE
from planner.io.labels import Label, LabelLayer
from planner.io.placement import place, placement_of
from planner.model.geometry import Grid


def mask_name(series: Series) -> str:
    """What a mask series is called: the folder it stands in, else its description."""
    folders = {s.entry.folder for s in series.slices}
    return folders.pop() if len(folders) == 1 else series.description or series.slices[0].entry.stem


def looks_like_mask(series: Series) -> bool:
    """Whether a series has 8-bit pixels without a rescale, as masks have and no scan does."""
    first = series.slices[0]
    return first.bits_allocated == 8 and first.slope in (None, 1.0) and first.intercept in (None, 0.0)


def read_mask(series: Series, target: Grid, frame_of_reference_uid: str) -> LabelLayer:
    """The voxels a mask series marks, on the target lattice; no label where it marks none.

    Raises
    ------
    InputRefused
        If it is no mask, lies in another frame of reference, or reaches beyond the image.
    """
    name = mask_name(series)
    refuse_other_frame(name, series.first.text(FRAME_OF_REFERENCE), frame_of_reference_uid)
    stack = series.stack
    pixels = read_pixels(stack, np.empty)
    low, high = int(pixels.values.min()), int(pixels.values.max())
    mask = pixels.values != 0
    if low < 0 or (high > 0 and int(pixels.values.min(initial=high, where=mask)) != high):
        raise InputRefused(
            "A series given as a mask holds more than two values.",
            f"{name}: {low} to {high}",
            "Give the scan as an image, and masks as structures.",
        )
    placement = placement_of(stack.grid, target)
    notes = (f"{name} {placement.note}.",) if placement.note else ()
    placed = place(mask, placement, name)
    return LabelLayer(name, placed, (Label(1, name),) if high else (), notes)
