"""Plans side by side: pictures that turn together, and a table with what differs marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from planner.base.errors import PlannerError
from planner.desktop.messages import show_error
from planner.desktop.pieces import dim_label, show
from planner.desktop.theme import SMALL_PX, shown_theme, sign_color
from planner.scene.drawn_cuts import CutLayer
from planner.scene.drawn_electrodes import drawn_arrays
from planner.scene.instruments import drawn_foci, drawn_probes
from planner.scene.slice_painter import paint_scale_bar, shadowed_text
from planner.scene.space_looks import SurfaceStyle
from planner.session.comparing import MOST, ComparedPlan, ComparedRow, PlanChoice
from planner.session.resecting import CUT_SURFACE

if TYPE_CHECKING:
    from planner.desktop.window import MainWindow
    from planner.scene.space import SpaceScene

#: Words of a place where no plan is chosen.
NONE = "–"


class PlanPicture(QWidget):
    """One plan in space; it is looked at from where the others are."""

    turned = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 180)
        self.setAccessibleName("Plan in 3D")
        self._scene: SpaceScene | None = None
        self._picture: QImage | None = None
        self._last: QPointF | None = None
        self._plan: object = None
        self._title = ""

    @property
    def scene(self) -> SpaceScene:
        """The scene, made when it is first needed."""
        if self._scene is None:
            from planner.scene.space import SpaceScene

            self._scene = SpaceScene()
        return self._scene

    def sizeHint(self) -> QSize:
        """A third of a window."""
        return QSize(380, 320)

    def close_scene(self) -> None:
        """Give the graphics back."""
        if self._scene is not None:
            self._scene.close()
            self._scene = None

    def show_plan(self, compared: ComparedPlan, surfaces: dict[str, tuple[Any, SurfaceStyle]]) -> None:
        """Show a plan over a case's surfaces."""
        scene = self.scene
        for name in set(scene.surface_names) - set(surfaces):
            scene.remove_surface(name)
        for name in set(surfaces) - set(scene.surface_names):
            scene.set_surface(name, *surfaces[name])
        plan = compared.plan
        scene.set_probes(drawn_probes(plan), "", drawn_foci(plan), drawn_arrays(plan))
        painted = tuple(s for a in compared.answers.values() for s in a.surfaces)
        scene.set_margins(tuple(s for s in painted if s.name == "lesion_margin"))
        layer = CutLayer(tuple, tuple)
        cuts = {s.subject: s for s in painted if s.name == CUT_SURFACE}
        layer.show(plan.resections, cuts, None, 0.0, "")
        scene.set_layer("cuts", layer.in_space())
        self._title = compared.choice.words
        self.refresh()

    def look_like(self, other: PlanPicture) -> None:
        """Look from where another picture is looked at."""
        theirs, camera = other.scene.renderer.GetActiveCamera(), self.scene.renderer.GetActiveCamera()
        camera.SetPosition(*theirs.GetPosition())
        camera.SetFocalPoint(*theirs.GetFocalPoint())
        camera.SetViewUp(*theirs.GetViewUp())
        camera.SetViewAngle(theirs.GetViewAngle())
        self.refresh()

    def refresh(self) -> None:
        """Render anew at the next paint."""
        self._picture = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the scene with its name."""
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        size = QSize(round(self.width() * ratio), round(self.height() * ratio))
        if self._picture is None or self._picture.size() != size:
            self._picture = self.scene.image(size.width(), size.height())
        painter.drawImage(QRectF(0, 0, self.width(), self.height()), self._picture)
        font = QFont(self.font())
        font.setPixelSize(SMALL_PX)
        painter.setFont(font)
        shadowed_text(painter, QRectF(10, 6, self.width() - 20, 18), Qt.AlignmentFlag.AlignLeft, self._title)
        paint_scale_bar(painter, self.scene.mm_per_px * ratio, self.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to turn."""
        self._last = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn with the left button, zoom with the right one."""
        if self._last is None:
            return
        moved, self._last = event.position() - self._last, event.position()
        camera = self.scene.renderer.GetActiveCamera()
        if event.buttons() & Qt.MouseButton.LeftButton:
            camera.Azimuth(-0.45 * moved.x())
            camera.Elevation(0.45 * moved.y())
            camera.OrthogonalizeViewUp()
        else:
            camera.Dolly(1.008 ** -moved.y())
        self.refresh()
        self.turned.emit(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom."""
        self.scene.renderer.GetActiveCamera().Dolly(1.12 ** (event.angleDelta().y() / 120.0))
        self.refresh()
        self.turned.emit(self)
        event.accept()

    def changeEvent(self, event: QEvent) -> None:
        """Render anew where the pixel ratio changes."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.refresh()
        super().changeEvent(event)


class CompareWindow(QDialog):
    """Two or three plans of the open case side by side.

    Parameters
    ----------
    window
        The main window: its surfaces are shown here too.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setObjectName("compareWindow")
        self.setWindowTitle("Compare plans")
        self.resize(min(1400, window.width() - 40), min(900, window.height() - 40))
        self._window = window
        self._comparing = window.bench.comparing
        self._is_framed = self._is_done = False
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        split = QSplitter(Qt.Orientation.Vertical)
        top = QWidget()
        columns = QHBoxLayout(top)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(6)
        self.boxes: list[QComboBox] = []
        self.pictures: list[PlanPicture] = []
        for n in range(MOST):
            column = QVBoxLayout()
            box = QComboBox()
            box.setObjectName(f"comparedPlan{n + 1}")
            box.setAccessibleName(f"Plan {n + 1}")
            box.activated.connect(lambda _n: self._ask())
            picture = PlanPicture()
            picture.turned.connect(self._turn_others)
            column.addWidget(box)
            column.addWidget(picture, 1)
            columns.addLayout(column, 1)
            self.boxes.append(box)
            self.pictures.append(picture)
        split.addWidget(top)
        self.table = QTableWidget()
        self.table.setObjectName("compareTable")
        self.table.verticalHeader().setVisible(False)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setShowGrid(False)
        split.addWidget(self.table)
        split.setSizes([430, 360])
        outer.addWidget(split, 1)
        line = QHBoxLayout()
        self.state = dim_label("")
        self.state.setObjectName("compareState")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.stop = QPushButton("Cancel")
        self.stop.setObjectName("cancelCompare")
        self.stop.clicked.connect(lambda _checked: self._comparing.cancel())
        close = QPushButton("Close")
        close.clicked.connect(self.close)
        line.addWidget(self.state)
        line.addWidget(self.bar, 1)
        line.addStretch(1)
        line.addWidget(self.stop)
        line.addWidget(close)
        outer.addLayout(line)
        self._comparing.changed.connect(self._refresh)
        self._offer()

    def _offer(self) -> None:
        """The open plan first, then the two latest other plans."""
        choices = self._comparing.choices
        wanted = [c for c in choices if c.version is None or (c.is_latest and c.name != choices[0].name)]
        wanted += [c for c in choices if c not in wanted]
        for n, box in enumerate(self.boxes):
            box.clear()
            if n > 0:
                box.addItem(NONE, None)
            for choice in choices:
                box.addItem(choice.words, choice)
            if n < len(wanted) and (n < 2 or wanted[n].is_latest):
                box.setCurrentIndex(box.findText(wanted[n].words))
        self._ask()

    def _chosen(self) -> tuple[PlanChoice, ...]:
        return tuple(box.currentData() for box in self.boxes if box.currentData() is not None)

    def _ask(self) -> None:
        try:
            self._comparing.compare(self._chosen())
        except PlannerError as error:
            show_error(self, error)
        self._refresh()

    def _refresh(self) -> None:
        comparing = self._comparing
        show(self.bar, comparing.is_running)
        show(self.stop, comparing.is_running)
        if comparing.is_running:
            share, words = comparing.progress
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * share))
            self.state.setText(words)
        else:
            failed = [e for p in comparing.plans for e in p.errors.values()]
            words = f"Not all could be assessed: {failed[0].what}" if failed else ""
            self.state.setText(words or "What differs stands in bold.")
        surfaces = self._window.views.space.styled_surfaces
        plans = iter(comparing.plans)
        for box, picture in zip(self.boxes, self.pictures, strict=True):
            is_used = box.currentData() is not None
            show(picture, is_used)
            plan = next(plans, None) if is_used else None
            if plan is not None:
                picture.show_plan(plan, surfaces)
        if not self._is_framed and comparing.plans:
            self._is_framed = True
            self.pictures[0].scene.look_from("anterior")
            self._turn_others(self.pictures[0])
        self._fill(comparing.rows())

    def _turn_others(self, turned: PlanPicture) -> None:
        for picture in self.pictures:
            if picture is not turned and not picture.isHidden():
                picture.look_like(turned)

    def _fill(self, rows: tuple[ComparedRow, ...]) -> None:
        plans, table, theme = self._comparing.plans, self.table, shown_theme()
        table.setColumnCount(3 + len(plans))
        table.setHorizontalHeaderLabels(["", "Number", "Of", *(p.choice.words for p in plans)])
        table.setRowCount(len(rows))
        before = ""
        for n, row in enumerate(rows):
            words = f"{row.title} [{row.unit}]" if row.unit else row.title
            texts = ["" if row.module == before else row.module, words, row.subject]
            texts += [f"{m} {v}".strip() for v, m in zip(row.values, row.marks, strict=True)]
            before = row.module
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column > 2:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                    sign = row.marks[column - 3]
                    if sign:
                        item.setForeground(QBrush(QColor(sign_color(sign))))
                if row.differs and column > 0:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                    item.setBackground(QBrush(QColor(theme.raised)))
                table.setItem(n, column, item)
        header = table.horizontalHeader()
        for column in range(table.columnCount()):
            mode = QHeaderView.ResizeMode.Stretch if column > 2 else QHeaderView.ResizeMode.ResizeToContents
            header.setSectionResizeMode(column, mode)

    def done(self, result: int) -> None:
        """Stop asking, and give the graphics back: however it is closed, Escape too."""
        if not self._is_done:
            self._is_done = True
            self._comparing.changed.disconnect(self._refresh)
            self._comparing.cancel()
            for picture in self.pictures:
                picture.close_scene()
        super().done(result)
