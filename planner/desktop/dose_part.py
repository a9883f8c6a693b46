"""What of the dose is shown on the views of the mode Catheter: which, its colours, and surfaces in 3D."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSignalBlocker, QSize
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from planner.desktop.pieces import dim_label, heading, show
from planner.desktop.theme import SMALL_PX, shown_theme
from planner.session.dose_showing import DOSES, DoseShowing

TIPS = {
    "predicted": "Worked out from what the tips feed and the ratio of tumour to normal liver",
    "delivered": "Worked out from the activity a SPECT or PET shows",
}
NO_SURFACE = "none"
#: Of the legend while no dose is shown.
HIDDEN_OPACITY = 0.3


class DosePart(QWidget):
    """A switch between no dose, the predicted and the delivered one, with the legend of what is shown.

    Parameters
    ----------
    showing
        What is chosen.
    """

    def __init__(self, showing: DoseShowing) -> None:
        super().__init__()
        self.setObjectName("dosePart")
        self.showing = showing
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(heading("Dose on the views"))
        column.addLayout(self._switch())
        self.legend = DoseLegend()
        column.addWidget(self.legend)
        self._surfaces = QWidget()
        column.addWidget(self._surfaces)
        self.levels = self._level_line()
        self._hint = dim_label("", wraps=True)
        self._hint.setObjectName("doseHint")
        self._hint.setContentsMargins(14, 0, 14, 2)
        column.addWidget(self._hint)

    def _switch(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(12, 0, 12, 2)
        line.setSpacing(6)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        for dose in ("", *DOSES):
            button = QPushButton((dose or "off").capitalize())
            button.setObjectName(f"dose{(dose or 'off').capitalize()}")
            button.setProperty("compact", True)
            button.setCheckable(True)
            button.clicked.connect(lambda _checked, d=dose: self.showing.choose(d))
            self._group.addButton(button)
            self.buttons[dose] = button
            line.addWidget(button)
        self.buttons[""].setChecked(True)
        line.addStretch(1)
        return line

    def _level_line(self) -> tuple[QComboBox, QComboBox]:
        line = QHBoxLayout(self._surfaces)
        line.setContentsMargins(14, 0, 12, 0)
        line.setSpacing(6)
        line.addWidget(dim_label("Surfaces in 3D"))
        found = []
        for number in range(2):
            box = QComboBox()
            box.setObjectName(f"isodose{number + 1}")
            box.setAccessibleName(f"Isodose surface {number + 1}")
            box.setToolTip("Around all that receives at least this dose")
            box.activated.connect(
                lambda _n, n=number, b=box: self.showing.set_level(n, float(b.currentData()))
            )
            line.addWidget(box, 1)
            found.append(box)
        return found[0], found[1]

    def refresh(self) -> None:
        """Show what can be chosen now, and what is."""
        show(self, self.showing.is_wanted)
        if not self.showing.is_wanted:
            return
        for dose, button in self.buttons.items():
            why = self.showing.why_not(dose) if dose else ""
            button.setEnabled(not why or dose == self.showing.choice)
            button.setToolTip(why or TIPS.get(dose, "Nothing of the dose on slices and in 3D"))
        with QSignalBlocker(self._group):
            self.buttons[self.showing.choice].setChecked(True)
        self._fill_levels()
        # They stay while the dose is hidden for a moment: what lies below would jump.
        for widget in (self.legend, self._surfaces):
            show(widget, bool(self.showing.choice))
        self.legend.setEnabled(self.showing.field is not None)
        hint = self.showing.hint
        self._hint.setText(hint)
        show(self._hint, bool(hint))

    def _fill_levels(self) -> None:
        from planner.scene.dose_overlay import DOSE_LEVELS

        for box, level in zip(self.levels, self.showing.levels_gy, strict=True):
            with QSignalBlocker(box):
                if box.count() == 0:
                    box.addItem(NO_SURFACE, 0.0)
                    for each in DOSE_LEVELS:
                        box.addItem(f"{each.value:g} {each.unit}", each.value)
                box.setCurrentIndex(max(0, box.findData(level)))


class DoseLegend(QWidget):
    """The colours of the dose and the lines that are drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("doseLegend")
        self.setAccessibleName("Colours of the dose")
        self.setContentsMargins(12, 0, 12, 0)

    def sizeHint(self) -> QSize:
        """The bar and its numbers."""
        return QSize(200, round(QFontMetrics(self._small_font()).height() + 20))

    def minimumSizeHint(self) -> QSize:
        """As high as it should be."""
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bar."""
        from planner.scene.dose_legend import dose_levels_words, paint_dose_legend

        if not self.toolTip():
            self.setToolTip(dose_levels_words())
        painter = QPainter(self)
        painter.setFont(self._small_font())
        painter.setOpacity(1.0 if self.isEnabled() else HIDDEN_OPACITY)
        paint_dose_legend(painter, QRectF(self.contentsRect()), shown_theme())

    def _small_font(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(SMALL_PX)
        return font
