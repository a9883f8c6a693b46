"""Dialogs of opening: which series, what was corrected, and the start page."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from planner.desktop.messages import plain
from planner.desktop.pieces import dim_label
from planner.io.offers import Verdict, VolumeOffer
from planner.library.index import IndexEntry


class SeriesDialog(QDialog):
    """Lists the series of a folder with a verdict on each; one that can be read is chosen."""

    def __init__(self, offers: tuple[VolumeOffer, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("seriesDialog")
        self.setWindowTitle("Which series?")
        self.resize(820, 360)
        self._offers = offers
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("The folder holds several series. Choose the one to plan on."))
        self.table = QTableWidget(len(offers), 6)
        self.table.setHorizontalHeaderLabels(["Series", "Modality", "Size", "Spacing mm", "Files", "Verdict"])
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        for row, offer in enumerate(offers):
            self._fill(row, offer)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(5, QHeaderView.ResizeMode.Stretch)
        layout.addWidget(self.table)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        plain(buttons)
        self._open = buttons.button(QDialogButtonBox.StandardButton.Open)
        layout.addWidget(buttons)
        self.table.itemSelectionChanged.connect(self._check)
        self.table.doubleClicked.connect(self._accept_if_readable)
        readable = [n for n, o in enumerate(offers) if o.verdict != Verdict.REFUSED]
        self.table.selectRow(readable[0] if readable else 0)
        self._check()

    @property
    def chosen(self) -> str:
        """Key of the chosen series."""
        return self._offers[max(0, self.table.currentRow())].key

    def _fill(self, row: int, offer: VolumeOffer) -> None:
        slices, rows, columns = offer.shape
        verdict = offer.verdict.value
        if offer.verdict == Verdict.REFUSED:
            verdict = "refused: " + " ".join(offer.reason[:2])
        elif offer.notes:
            verdict += ": " + "; ".join(offer.notes)
        spacing = " × ".join(f"{s:.2f}" for s in offer.spacing_mm)
        words = (
            offer.title,
            offer.modality,
            f"{columns} × {rows} × {slices}",
            spacing,
            str(offer.file_count),
            verdict,
        )
        for column, text in enumerate(words):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            if offer.verdict == Verdict.REFUSED:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(row, column, item)

    def _accept_if_readable(self) -> None:
        if self._open.isEnabled():
            self.accept()

    def _check(self) -> None:
        offer = self._offers[max(0, self.table.currentRow())]
        is_readable = offer.verdict != Verdict.REFUSED
        self._open.setEnabled(is_readable)
        self._open.setToolTip("" if is_readable else "This series cannot be read.")


class StartPage(QWidget):
    """What is there before a case is open: recent cases, and the ways in."""

    open_asked = Signal(str)
    folder_asked = Signal()
    files_asked = Signal()
    sample_asked = Signal()
    practice_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("startPage")
        outer = QHBoxLayout(self)
        column = QVBoxLayout()
        column.setSpacing(10)
        title = QLabel("Liver Planner")
        title.setStyleSheet("font-size: 26px; font-weight: 600;")
        column.addStretch(2)
        column.addWidget(title)
        column.addWidget(QLabel("Open a CT or MR with its segmentation, or drop files here."))
        line = QHBoxLayout()
        for text, signal, is_primary in (
            ("Open folder…", self.folder_asked, True),
            ("Open files…", self.files_asked, False),
            ("Open the sample case", self.sample_asked, False),
            ("Practise…", self.practice_asked, False),
        ):
            button = QPushButton(text)
            button.setProperty("primary", is_primary)
            if signal is self.practice_asked:
                button.setToolTip(
                    "Exercises on the sample case: place needles without help, commit, and learn"
                )
            button.clicked.connect(lambda _checked, s=signal: s.emit())
            line.addWidget(button)
        line.addStretch(1)
        column.addLayout(line)
        self._title = dim_label("RECENT")
        column.addSpacing(14)
        column.addWidget(self._title)
        self.recent = QListWidget()
        self.recent.setObjectName("recentList")
        self.recent.setMinimumHeight(180)
        self.recent.itemActivated.connect(
            lambda item: self.open_asked.emit(item.data(Qt.ItemDataRole.UserRole))
        )
        self.recent.itemClicked.connect(
            lambda item: self.open_asked.emit(item.data(Qt.ItemDataRole.UserRole))
        )
        column.addWidget(self.recent)
        note = dim_label(
            "For research and training. Liver Planner is not a cleared medical device and must not be used"
            " to decide about a patient.",
            wraps=True,
        )
        column.addWidget(note)
        column.addStretch(3)
        outer.addStretch(1)
        holder = QWidget()
        holder.setLayout(column)
        holder.setMaximumWidth(620)
        holder.setMinimumWidth(480)
        outer.addWidget(holder, 3)
        outer.addStretch(1)

    def show_recent(self, entries: tuple[IndexEntry, ...]) -> None:
        """List recent cases."""
        self.recent.clear()
        for entry in entries:
            facts = " · ".join(t for t in (entry.patient, entry.modality, entry.acquired) if t)
            item = QListWidgetItem(f"{entry.title}    {facts}")
            item.setData(Qt.ItemDataRole.UserRole, str(entry.path))
            item.setToolTip(str(Path(entry.path)))
            self.recent.addItem(item)
        self.recent.setVisible(bool(entries))
        self._title.setVisible(bool(entries))


class TextDialog(QDialog):
    """A page of text, such as the shortcut sheet."""

    def __init__(self, title: str, html: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from PySide6.QtWidgets import QTextBrowser

        self.setWindowTitle(title)
        self.setObjectName("textDialog")
        self.resize(620, 560)
        layout = QVBoxLayout(self)
        page = QTextBrowser()
        page.setHtml(html)
        layout.addWidget(page)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        plain(buttons)
        layout.addWidget(buttons)
