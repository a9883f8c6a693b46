"""All lesions of a plan at a glance, each with the numbers that decide; one click chooses one."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from planner.desktop.pieces import Elided, Row, clear_layout, show
from planner.desktop.theme import shown_theme, sign_color
from planner.model.assessment import Metric
from planner.model.wording import mark, unit_text, value_text
from planner.plugin.manifest import Manifest


class LesionOverview(QWidget):
    """Rows of lesions with the judged headline metrics of a module; hidden where there is one lesion alone.

    Parameters
    ----------
    manifest
        Whose headline metrics.
    """

    lesion_chosen = Signal(str)

    def __init__(self, manifest: Manifest) -> None:
        super().__init__()
        self.setObjectName(f"lesions_{manifest.id}")
        self._shown = [m for s in manifest.sections if s.of == "lesion" for m in s.metrics if m.is_headline]
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 4, 0, 4)
        self._layout.setSpacing(0)
        self._key: object = None

    def show_lesions(self, metrics: tuple[Metric, ...], chosen: str) -> None:
        """List the lesions these metrics speak of."""
        order = [m.name for m in self._shown]
        lesions: dict[str, list[Metric]] = {}
        for metric in metrics:
            if metric.name in order and metric.target is not None:
                lesions.setdefault(metric.subject, []).append(metric)
        for found in lesions.values():
            found.sort(key=lambda m: order.index(m.name))
        show(self, len(lesions) > 1)
        if len(lesions) < 2:
            return
        words = {lesion: _words(found) for lesion, found in lesions.items()}
        key = (tuple(words.items()), chosen, shown_theme())
        if key == self._key:
            return
        self._key = key
        clear_layout(self._layout)
        for lesion, text in words.items():
            row = Row(lesion)
            row.set_selected(lesion == chosen)
            row.line.addWidget(Elided(lesion), 1)
            label = QLabel(text)
            label.setTextFormat(Qt.TextFormat.RichText)
            row.line.addWidget(label)
            row.setToolTip(", ".join(self._title(m.name) for m in lesions[lesion]))
            row.clicked.connect(lambda name=lesion: self.lesion_chosen.emit(name))
            self._layout.addWidget(row)

    def _title(self, name: str) -> str:
        return next(m.title for m in self._shown if m.name == name)


def _words(metrics: list[Metric]) -> str:
    parts = []
    # A number that is not known says nothing beside one that is.
    for metric in [m for m in metrics if m.value is not None] or metrics:
        sign = mark(metric)
        shown = f"<span style='color:{sign_color(sign)}'>{sign}</span> " if sign else ""
        parts.append(f"{shown}{value_text(metric)} {unit_text(metric)}")
    return " &nbsp; ".join(parts)
