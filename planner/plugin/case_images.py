"""Images of a case that a module's setting may name."""

from __future__ import annotations

from collections.abc import Sequence

from planner.model.case import Case
from planner.model.image import Image
from planner.model.wording import scan_words


def offered_images(case: Case, modalities: Sequence[str]) -> tuple[Image, ...]:
    """The images of a case that may be of some modalities, those that say so first.

    A file such as a NIfTI does not say what it is: it is offered too, unless it is a CT by its values.  Where
    nothing fits, all images but CT and the planning scan are offered.
    """
    planning = case.planning_image
    others = [i for i in case.images if i is not planning and (i.unit != "HU" or i.modality in modalities)]
    stated = [i for i in others if i.modality in modalities]
    silent = [i for i in others if i not in stated and not i.identity.series_uid]
    return (*stated, *silent) or tuple(others)


def offer_words(image: Image, modalities: Sequence[str]) -> str:
    """A title with what tells it from others; of a file that does not say what it is, that."""
    if image.modality in modalities or image.identity.series_uid:
        return " · ".join(scan_words(image)) or image.id
    return f"{image.title or image.id} · does not say what it is"
