"""The 3D view: paints the pixels of an off-screen scene, and turns it with the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from planner.desktop.space_mouse import SpaceMouse
from planner.desktop.theme import SMALL_PX
from planner.model.assessment import Surface
from planner.model.points import Point
from planner.scene.drawn_electrodes import drawn_arrays
from planner.scene.layers import Layer
from planner.scene.palette import PAINTED
from planner.scene.residual_cut import IN_SPACE
from planner.scene.slice_painter import paint_scale_bar, shadowed_text
from planner.scene.space_looks import SurfaceStyle
from planner.session.actions import Workbench

if TYPE_CHECKING:
    from planner.scene.set_aside import Taken
    from planner.scene.space import SpaceScene

#: Name of the surface of what was left untreated; no structure's.
RESIDUAL = "(left untreated)"
#: Added to the name of a structure whose resected part stands aside.
ASIDE = " (resected)"


class SpaceView(QWidget):
    """The case in 3D.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    maximize_asked = Signal()

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("spaceView")
        self.setAccessibleName("3D")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.bench = bench
        self._scene: SpaceScene | None = None
        self._picture: QImage | None = None
        self.mouse = SpaceMouse(self, bench)
        self._layers: dict[str, Layer] = {}
        self._aside: list[str] = []
        self.layer_legend = ""
        self._overridden: dict[str, float] = {}
        self._surfaces: dict[str, Any] = {}
        self._legend = ""
        self._skin_legend = ""
        self.paints = "lesion_margin"
        self._is_framed = False

    @property
    def scene(self) -> SpaceScene:
        """The scene, made when it is first needed."""
        if self._scene is None:
            from planner.scene.space import SpaceScene  # loads the renderer, which a start page needs not

            self._scene = SpaceScene()
        return self._scene

    def sizeHint(self) -> QSize:
        """A quarter of a small window."""
        return QSize(420, 360)

    def close_scene(self) -> None:
        """Give the graphics back."""
        if self._scene is not None:
            self._scene.close()
            self._scene = None

    # what is shown -------------------------------------------------------------------------

    def clear(self) -> None:
        """Show nothing."""
        self._surfaces = {}
        self._aside = []
        self._is_framed = False
        if self._scene is not None:
            self._scene.clear()
        self.refresh()

    def keep_surfaces(self, names: set[str]) -> None:
        """Take out the surfaces of structures that are gone."""
        for name in set(self._surfaces) - names:
            del self._surfaces[name]
            self.scene.remove_surface(name)
        self.refresh()

    def set_surface(self, name: str, surface: Any) -> None:
        """Show a structure's surface."""
        self._surfaces[name] = surface
        self.scene.set_surface(name, surface, self._style(name))
        if not self._is_framed:
            self.scene.look_from("anterior")
        self.refresh()

    @property
    def styled_surfaces(self) -> dict[str, tuple[Any, SurfaceStyle]]:
        """Every structure's whole surface and its look now."""
        return {name: (surface, self._style(name)) for name, surface in self._surfaces.items()}

    def surfaces_done(self) -> None:
        """All surfaces are there: the camera stays where it is from now on."""
        if not self._is_framed:
            self.scene.look_from("anterior")
            self._is_framed = True
        self.refresh()

    def restyle(self, name: str) -> None:
        """Take over a changed look of a structure."""
        if name in self._surfaces:
            self.scene.style_surface(name, self._style(name))
            self.scene.style_surface(name + ASIDE, self._style(name))
            self.refresh()

    def override_opacity(self, opacity: dict[str, float]) -> None:
        """Show structures as opaque as a mode wants them, whatever else is set; an empty one ends that."""
        changed = {n for n in {*opacity, *self._overridden} if opacity.get(n) != self._overridden.get(n)}
        self._overridden = opacity
        for name in changed & set(self._surfaces):
            if self.bench.session.is_open and name in self.bench.session.case.structures:
                self.restyle(name)

    def show_plan(self) -> None:
        """Show the plan's probes where they are now."""

        from planner.scene.instruments import (  # a case alone needs it
            drawn_foci,
            drawn_path,
            drawn_probes,
            without_zones,
        )

        session = self.bench.session
        if session.is_open:
            path = self.bench.accessing.path
            probes = drawn_probes(session.plan)
            if not self.bench.practising.shows_zone:
                probes = without_zones(probes)
            probes = (*probes, *((drawn_path(path),) if path is not None else ()))
            self.scene.set_probes(
                probes, session.selection.instrument, drawn_foci(session.plan), drawn_arrays(session.plan)
            )
            self.refresh()

    def show_skin(self, surface: Surface | None) -> None:
        """Paint the skin by the values of a surface; None paints it no more."""
        self._skin_legend = surface.name if surface is not None else ""
        self.scene.set_skin(surface)
        self.refresh()

    def show_margins(self, surfaces: tuple[Surface, ...]) -> None:
        """Paint lesions by what was chosen (`paints`), or by their margin where that is not there."""
        simulated = self.paints.replace("lesion_", "lesion_simulated_", 1)
        for name in (self.paints, simulated, "lesion_margin"):
            painted = tuple(s for s in surfaces if s.name == name)
            if painted:
                break
        self._legend = painted[0].name if painted else ""
        self.scene.set_margins(painted)
        self.refresh()

    def show_simulated(self, surface: Surface | None) -> None:
        """Show a simulated zone; None takes it away."""
        self.scene.set_simulated(surface)
        self.refresh()

    def show_residual(self, surface: Any | None) -> None:
        """Show what of a lesion was left untreated; None takes it away."""
        if surface is not None:
            self.scene.set_surface(RESIDUAL, surface, IN_SPACE)
        elif self._scene is not None:
            self._scene.remove_surface(RESIDUAL)
        self.refresh()

    def set_aside(self, taken: Taken, shift_lps_mm: Point, names: Sequence[str]) -> None:
        """Part surfaces by a resection, and show what is taken beside what remains."""
        from planner.scene.set_aside import parted

        self.put_back()
        for name in names:
            if name in self._surfaces:
                kept, away = parted(self._surfaces[name], taken)
                self.scene.set_surface(name, kept, self._style(name))
                self.scene.set_surface(name + ASIDE, away, self._style(name))
                self.scene.shift_surface(name + ASIDE, shift_lps_mm)
                self._aside.append(name)
        self.refresh()

    def put_back(self) -> None:
        """Show surfaces whole again."""
        for name in self._aside:
            self.scene.remove_surface(name + ASIDE)
            if name in self._surfaces:
                self.scene.set_surface(name, self._surfaces[name], self._style(name))
        self._aside = []
        self.refresh()

    def show_layer(self, name: str, layer: Layer | None) -> None:
        """Show what a mode draws, in place of an earlier one of the name; None takes it away."""
        self._layers.pop(name, None)
        if layer is not None:
            self._layers[name] = layer
        elif self._scene is not None:
            self._scene.set_layer(name, ())
        self.refresh_layers()

    def refresh_layers(self) -> None:
        """Draw what modes lay over the scene anew."""
        for name, layer in self._layers.items():
            self.scene.set_layer(name, layer.in_space())
        self.refresh()

    def look_from(self, direction: str) -> None:
        """Turn to one of the six standard directions."""
        self.scene.look_from(direction)
        self.refresh()

    def frame(self) -> None:
        """Bring all into the picture, looked at from where it is."""
        self.scene.frame_all()
        self.refresh()

    def refresh(self) -> None:
        """Render anew at the next paint; several asks make one picture."""
        self._picture = None
        self.update()

    def _style(self, name: str) -> SurfaceStyle:
        structure = self.bench.session.case.structures[name]
        look = self.bench.appearance.look(structure)
        opacity = look.opacity if look.is_visible_3d else 0.0
        return SurfaceStyle(structure.color, self._overridden.get(name, opacity))

    # painting ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the scene's picture with its legend."""
        painter = QPainter(self)
        if not self.bench.session.is_open:
            painter.fillRect(self.rect(), Qt.GlobalColor.black)
            return
        ratio = self.devicePixelRatioF()
        size = QSize(round(self.width() * ratio), round(self.height() * ratio))
        if self._picture is None or self._picture.size() != size:
            self._picture = self.scene.image(size.width(), size.height())
        painter.drawImage(QRectF(0, 0, self.width(), self.height()), self._picture)
        font = QFont(self.font())
        font.setPixelSize(SMALL_PX)
        painter.setFont(font)
        shadowed_text(painter, QRectF(10, 6, 120, 18), Qt.AlignmentFlag.AlignLeft, "3D")
        legends = [name for name in (self._legend, self._skin_legend, self.layer_legend) if name]
        paint_scale_bar(painter, self.scene.mm_per_px * ratio, self.height() - 20 * len(legends))
        for n, name in enumerate(legends):
            paint_legend(painter, name, 10.0, self.height() - 14.0 - 20 * n)

    # mouse ---------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of a handle, begin a line, or begin to turn, pan or zoom."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.mouse.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag what is held; else turn with the left, pan with the middle, zoom with the right button."""
        if self.bench.session.is_open:
            self.mouse.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag; a click without one points at a place on a surface."""
        self.mouse.release(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape puts what is dragged back."""
        if event.key() != Qt.Key.Key_Escape or not self.mouse.cancel():
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show this view alone, or all again."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.maximize_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom."""
        self.scene.renderer.GetActiveCamera().Dolly(1.12 ** (event.angleDelta().y() / 120.0))
        self.refresh()
        event.accept()

    def changeEvent(self, event: QEvent) -> None:
        """Render anew where the pixel ratio changes."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.refresh()
        super().changeEvent(event)


def paint_legend(painter: QPainter, name: str, x: float, y: float) -> None:
    """What lesions are painted by and its classes, from a lower left point on."""
    metrics = painter.fontMetrics()
    title, classes = PAINTED[name]
    length = metrics.horizontalAdvance(title)
    shadowed_text(painter, QRectF(x, y - 9, length + 8, 18), Qt.AlignmentFlag.AlignLeft, title)
    x += length + 10
    for _, color, label in classes:
        painter.fillRect(QRectF(x, y - 4, 9, 9), QColor(color))
        width = metrics.horizontalAdvance(label)
        shadowed_text(painter, QRectF(x + 13, y - 9, width + 8, 18), Qt.AlignmentFlag.AlignLeft, label)
        x += 13 + width + 12
