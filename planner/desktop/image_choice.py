"""A choice among the images of a case, by their titles."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from planner.model.case import Case
from planner.plugin.case_images import offer_words, offered_images

NONE = "none"
#: A title may be long; what is chosen is told in full by the tooltip.
LEAST_LETTERS = 26


class ImageChoice(QComboBox):
    """Offers the images of a case that may be of some modalities, and none.

    Parameters
    ----------
    modalities
        DICOM modalities that are wanted.
    """

    chosen = Signal(str)

    def __init__(self, modalities: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._modalities = modalities
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(LEAST_LETTERS)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(lambda n: self.chosen.emit(str(self.itemData(n))))

    def show_choice(self, case: Case, id: str) -> None:
        """Offer what the case has now, and show which is chosen: also one that the case has no more."""
        offered = [
            (NONE, ""),
            *((offer_words(i, self._modalities), i.id) for i in offered_images(case, self._modalities)),
        ]
        if id not in [known for _, known in offered]:
            there = next((i for i in case.images if i.id == id), None)
            words = f"'{id}' is not in this case" if there is None else offer_words(there, self._modalities)
            offered.append((words, id))
        if [(self.itemText(n), self.itemData(n)) for n in range(self.count())] != offered:
            with QSignalBlocker(self):
                self.clear()
                for n, (words, known) in enumerate(offered):
                    self.addItem(words, known)
                    self.setItemData(n, words, Qt.ItemDataRole.ToolTipRole)
        with QSignalBlocker(self):
            self.setCurrentIndex(self.findData(id))
        self.setToolTip(self.currentText())
