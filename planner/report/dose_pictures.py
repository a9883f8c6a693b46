"""Dose in the report: curves of dose over volume, and isodose lines on slices with their legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from planner.model.assessment import Assessment, Curve, ScalarField
from planner.model.case import Case
from planner.model.plan import Plan
from planner.report.catheter_pictures import catheter_layers, fed_lesions
from planner.report.pictures import (
    SLICE_PX,
    Picture,
    SolvedField,
    lesion_center,
    slice_content,
    slice_picture,
)
from planner.scene.dose_legend import paint_dose_legend
from planner.scene.dose_overlay import DOSE_LEVELS, DOSE_UNIT
from planner.scene.dose_volume_picture import DoseVolumeLine, dose_volume_lines, paint_dose_volume, table_px
from planner.scene.drawn_catheters import CatheterLayer
from planner.scene.palette import LIGHT
from planner.scene.planes import Orientation
from planner.session.dose_showing import DOSE_FIELDS

CURVES_PX, PLOT_PX, FONT_PX, LEGEND_PX = 620, 300, 16, 46
#: Slices through the lesion.
SHOWN = (Orientation.AXIAL, Orientation.CORONAL)


@dataclass(frozen=True)
class DosePictures:
    """What is drawn of the dose: curves by lesion, and slices by kind of dose."""

    curves: tuple[Picture, ...]
    slices: tuple[Picture, ...]
    words: str

    @property
    def names(self) -> tuple[str, ...]:
        """Their files, in the order shown."""
        return tuple(p.name for p in (*self.curves, *self.slices))


def save_dose_pictures(
    case: Case, plan: Plan, assessments: Sequence[Assessment], folder: Path
) -> DosePictures | None:
    """Write them as PNG into a folder; None where no answer holds a dose."""
    answer = next((a for a in assessments if dose_fields(a)), None)
    if answer is None:
        return None
    lesions = fed_lesions((answer,))
    curves = []
    for n, lesion in enumerate(lesions or ("",), start=1):
        lines = dose_volume_lines(answer.curves, lesion)
        if lines:
            curves.append(Picture(f"dose-volume-{n}.png", curve_words(lesion, lines), lesion))
            dose_volume_picture(lines).save(str(folder / curves[-1].name))
    slices = []
    lesion = largest(case, lesions)
    for word, field in dose_fields(answer).items():
        for orientation in SHOWN:
            name, title = f"dose-{word}-{orientation.value}.png", lesion or "the middle of the scan"
            picture = isodose_picture(case, plan, (answer,), field, lesion, orientation)
            picture.save(str(folder / name))
            caption = f"{word.capitalize()} dose through {title}, {orientation.value}"
            slices.append(Picture(name, caption, lesion, True))
    return DosePictures(tuple(curves), tuple(slices), level_words())


def dose_fields(answer: Assessment) -> dict[str, ScalarField]:
    """The doses an answer holds, by their words."""
    fields = {f.name: f for f in answer.fields if f.unit == DOSE_UNIT}
    return {word: fields[name] for word, name in DOSE_FIELDS.items() if name in fields}


def largest(case: Case, lesions: Sequence[str]) -> str:
    """The largest of some lesions; empty where there is none."""
    if not lesions:
        return ""
    return max(lesions, key=lambda name: (case.structures.volume_ml(name), name))


def curve_words(lesion: str, lines: Sequence[DoseVolumeLine]) -> str:
    """What the curves show."""
    of = f"{lesion} and normal liver" if lesion else "Normal liver"
    kinds: list[Curve | None] = [line.delivered for line in lines]
    delivered = "; solid predicted, dashed delivered" if any(k is not None for k in kinds) else ", predicted"
    return f"{of}: share of the volume that receives at least a dose{delivered}"


def level_words() -> str:
    """Which lines are drawn, and what they are worth."""
    levels = ", ".join(f"{level.value:g}" for level in DOSE_LEVELS)
    return (
        f"Isodose lines at {levels} {DOSE_UNIT}; coloured from {DOSE_LEVELS[0].value:g} {DOSE_UNIT} on."
        " The levels are our rule, the same for every plan: published aims and limits are means over a volume."
    )


def dose_volume_picture(lines: Sequence[DoseVolumeLine]) -> QImage:
    """Curves for print."""
    font = QFont()
    font.setPixelSize(FONT_PX)
    picture = _paper(CURVES_PX, round(PLOT_PX + table_px(lines, 1.4 * FONT_PX)))
    painter = QPainter(picture)
    painter.setFont(font)
    paint_dose_volume(painter, (picture.width(), picture.height()), lines, LIGHT)
    painter.end()
    return picture


def isodose_picture(
    case: Case,
    plan: Plan,
    assessments: tuple[Assessment, ...],
    field: ScalarField,
    lesion: str,
    orientation: Orientation,
) -> QImage:
    """A slice through a lesion with the dose, the catheters and the legend below."""
    # What tips feed is not tinted here: two tints make a colour of neither legend.
    layers = [la for la in catheter_layers(case, plan, assessments) if isinstance(la, CatheterLayer)]
    center = lesion_center(case, lesion)
    content = slice_content(case, plan, orientation, center, lesion, SolvedField(field, None), layers)
    width, height = SLICE_PX
    picture = _paper(width, height + LEGEND_PX)
    font = QFont()
    font.setPixelSize(FONT_PX)
    painter = QPainter(picture)
    painter.drawImage(0, 0, slice_picture(content, center))
    painter.setFont(font)
    paint_dose_legend(painter, QRectF(8.0, height + 4.0, width - 16.0, LEGEND_PX - 4.0), LIGHT)
    painter.end()
    return picture


def _paper(width: int, height: int) -> QImage:
    picture = QImage(width, height, QImage.Format.Format_RGB32)
    picture.fill(QColor(LIGHT.raised))
    return picture
