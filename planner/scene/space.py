"""The 3D scene: surfaces, probes, zones and the lesion painted by its margin, rendered off screen."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import vtkmodules.vtkRenderingOpenGL2
from PySide6.QtGui import QImage
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkSMPTools, vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkRenderWindow,
)

from planner.model.assessment import Surface
from planner.model.plan import Point
from planner.scene.actors import ball, fractions, painted, part_actor, plain, rod, zone_ball
from planner.scene.drawn_electrodes import DrawnArray
from planner.scene.instruments import DrawnFoci, DrawnProbe
from planner.scene.layers import SpacePart
from planner.scene.palette import PROBE, SELECTED, SHAFT, SIMULATED, ZONE, rgb
from planner.scene.space_looks import VIEW_DIRECTIONS, SurfaceStyle

#: Liver and probes show through the painted skin.
SKIN_OPACITY = 0.55

assert vtkmodules.vtkRenderingOpenGL2  # imported for the factories it registers


def use_headless_rendering_where_needed() -> None:
    """Let VTK render through EGL where there is no X display; call before the first window."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")


class SpaceScene:
    """A render window off screen with the anatomy and the instruments of a plan."""

    def __init__(self) -> None:
        use_headless_rendering_where_needed()
        vtkSMPTools.SetBackend("STDThread")
        self.window = vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.renderer = vtkRenderer()
        self.renderer.SetBackground(*fractions(rgb("#0c0f12")))
        self.renderer.SetBackground2(*fractions(rgb("#1b2128")))
        self.renderer.GradientBackgroundOn()
        # Blending in the order of the actors costs a third of order-independent translucency.
        self.renderer.SetUseOIT(False)
        self.window.AddRenderer(self.renderer)
        self._structures: dict[str, vtkActor] = {}
        self._instruments: list[vtkActor] = []
        self._margins: dict[str, vtkActor] = {}
        self._skin: vtkActor | None = None
        self._simulated: vtkActor | None = None
        self._layers: dict[str, dict[SpacePart, vtkActor]] = {}
        self._is_closed = False

    def close(self) -> None:
        """Give the graphics back; safe to call twice, and rendering after it gives black."""
        if self._is_closed:
            return
        self._is_closed = True
        self.renderer.RemoveAllViewProps()
        self.window.Finalize()

    # anatomy -------------------------------------------------------------------------------

    def set_surface(self, name: str, surface: Any, style: SurfaceStyle) -> None:
        """Show a structure's surface (vtkPolyData), replacing an earlier one of the name."""
        self.remove_surface(name)
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(surface)
        mapper.ScalarVisibilityOff()
        actor = vtkActor()
        actor.SetMapper(mapper)
        self._structures[name] = actor
        self.renderer.AddActor(actor)
        self.style_surface(name, style)

    def style_surface(self, name: str, style: SurfaceStyle) -> None:
        """Colour, fade or hide a structure."""
        actor = self._structures.get(name)
        if actor is None:
            return
        look = actor.GetProperty()
        look.SetColor(*fractions(style.color))
        look.SetOpacity(style.opacity)
        look.SetSpecular(0.15)
        look.SetSpecularPower(20)
        actor.SetVisibility(style.opacity > 0.01)

    def shift_surface(self, name: str, by_lps_mm: Point) -> None:
        """Move a structure's surface from where it is."""
        if name in self._structures:
            self._structures[name].SetPosition(*by_lps_mm)

    def remove_surface(self, name: str) -> None:
        """Take a structure out."""
        actor = self._structures.pop(name, None)
        if actor is not None:
            self.renderer.RemoveActor(actor)

    def clear(self) -> None:
        """Take everything out."""
        for name in list(self._structures):
            self.remove_surface(name)
        self.set_probes((), "")
        self.set_margins(())
        self.set_skin(None)
        self.set_simulated(None)
        for name in list(self._layers):
            self.set_layer(name, ())

    @property
    def surface_names(self) -> tuple[str, ...]:
        """The structures that have a surface here."""
        return tuple(self._structures)

    # plan ----------------------------------------------------------------------------------

    def set_probes(
        self,
        probes: tuple[DrawnProbe, ...],
        selected: str,
        foci: tuple[DrawnFoci, ...] = (),
        arrays: tuple[DrawnArray, ...] = (),
    ) -> None:
        """Show probes with their zones, grids of foci with their windows, and electrodes."""
        for actor in self._instruments:
            self.renderer.RemoveActor(actor)
        self._instruments = []
        for probe in probes:
            is_selected = probe.needle.id == selected
            for start, stop in probe.shafts_lps_mm or ((probe.needle.entry_lps_mm, probe.needle.tip_lps_mm),):
                self._instruments.append(rod(start, stop, 1.2 if is_selected else 0.9))
            for point, radius in ((probe.needle.entry_lps_mm, 2.6), (probe.needle.tip_lps_mm, 1.6)):
                self._instruments.append(ball(point, radius, SELECTED if is_selected else PROBE))
            if probe.zone is not None:
                self._instruments.append(zone_ball(probe.zone))
        for grid in foci:
            points, triangles = grid.mesh()
            mesh = Surface("foci", points.astype(np.float32), triangles)
            self._instruments.append(plain(mesh, ZONE, 0.5))
            ring = grid.window_lps_mm
            for start, stop in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                self._instruments.append(rod(start, stop, 0.9))
        for array in arrays:
            for electrode in (e for e in array.electrodes if not e.is_later):
                bare, tip = electrode.bare_end_lps_mm, electrode.tip_lps_mm
                self._instruments.append(rod(electrode.entry_lps_mm, bare, 0.7, SHAFT))
                self._instruments.append(rod(bare, tip, 1.3))
                color = SELECTED if array.id == selected else PROBE
                self._instruments.append(ball(electrode.entry_lps_mm, 2.2, color))
        for actor in self._instruments:
            self.renderer.AddActor(actor)

    def set_margins(self, surfaces: tuple[Surface, ...]) -> None:
        """Show lesions painted by margin or chance; the plain surface of such a lesion is hidden."""
        for name, actor in self._margins.items():
            self.renderer.RemoveActor(actor)
            if name in self._structures:
                self._structures[name].SetVisibility(self._structures[name].GetProperty().GetOpacity() > 0.01)
        self._margins = {}
        for surface in surfaces:
            if surface.values is None:
                continue
            actor = painted(surface)
            self._margins[surface.subject] = actor
            self.renderer.AddActor(actor)
            if surface.subject in self._structures:
                self._structures[surface.subject].SetVisibility(False)

    def set_skin(self, surface: Surface | None) -> None:
        """Show the painted skin, seen through from within; None takes it away."""
        if self._skin is not None:
            self.renderer.RemoveActor(self._skin)
            self._skin = None
        if surface is None:
            return
        self._skin = painted(surface)
        look = self._skin.GetProperty()
        look.SetOpacity(SKIN_OPACITY)
        look.SetBackfaceCulling(True)
        # Added last: it is blended over what lies within.
        self.renderer.AddActor(self._skin)

    def set_simulated(self, surface: Surface | None) -> None:
        """Show a simulated zone; None takes it away."""
        if self._simulated is not None:
            self.renderer.RemoveActor(self._simulated)
            self._simulated = None
        if surface is not None:
            self._simulated = plain(surface, SIMULATED, 0.45)
            self.renderer.AddActor(self._simulated)

    def set_layer(self, name: str, parts: tuple[SpacePart, ...]) -> None:
        """Show what a mode lays over the scene; parts that were there already are kept as they are."""
        before = self._layers.get(name, {})
        kept = {part: before[part] if part in before else part_actor(part) for part in parts}
        for part, actor in before.items():
            if part not in kept:
                self.renderer.RemoveActor(actor)
        for part, actor in kept.items():
            if part not in before:
                self.renderer.AddActor(actor)
        self._layers[name] = kept

    # camera --------------------------------------------------------------------------------

    def look_from(self, direction: str) -> None:
        """Look at everything from one of `VIEW_DIRECTIONS`."""
        away, up = VIEW_DIRECTIONS[direction]
        self.look_along(tuple(-v for v in away), up)  # type: ignore[arg-type]

    def look_along(self, towards: Point, up: Point) -> None:
        """Look at everything along a direction."""
        camera = self.renderer.GetActiveCamera()
        camera.SetFocalPoint(0, 0, 0)
        camera.SetPosition(*(-v for v in towards))
        camera.SetViewUp(*up)
        self.frame_all()

    def frame_all(self) -> None:
        """Bring liver and instruments (or all, where there is no other) into the picture."""
        bounds = self._framed_bounds()
        if bounds is not None:
            self.renderer.ResetCamera(*bounds)
            self.renderer.GetActiveCamera().Zoom(1.25)
            self.renderer.ResetCameraClippingRange()

    def _framed_bounds(self) -> tuple[float, ...] | None:
        wide = ("skin", "body", "bone")
        actors = [
            a
            for n, a in self._structures.items()
            if a.GetVisibility() and not any(w in n.lower() for w in wide)
        ]
        actors += [*self._margins.values()]
        boxes = [a.GetBounds() for a in actors or list(self._structures.values()) + self._instruments]
        boxes = [b for b in boxes if b[0] <= b[1]]
        if not boxes:
            return None
        table = np.array(boxes)
        low, high = table[:, ::2].min(axis=0), table[:, 1::2].max(axis=0)
        return low[0], high[0], low[1], high[1], low[2], high[2]

    @property
    def mm_per_px(self) -> float:
        """Size of a pixel at the focal point."""
        camera = self.renderer.GetActiveCamera()
        height = max(1, self.window.GetSize()[1])
        return float(2.0 * camera.GetDistance() * np.tan(np.radians(camera.GetViewAngle()) / 2) / height)

    def display_of(self, lps_mm: Point) -> tuple[float, float]:
        """The pixel (from the upper left) a point is seen at."""
        self.renderer.SetWorldPoint(*lps_mm, 1.0)
        self.renderer.WorldToDisplay()
        x, y, _ = self.renderer.GetDisplayPoint()
        return float(x), self.window.GetSize()[1] - 1.0 - float(y)

    def under_at_depth(self, x: float, y: float, depth_of_lps_mm: Point) -> Point:
        """The point under a pixel that lies as deep in the picture as another one."""
        self.renderer.SetWorldPoint(*depth_of_lps_mm, 1.0)
        self.renderer.WorldToDisplay()
        depth = self.renderer.GetDisplayPoint()[2]
        self.renderer.SetDisplayPoint(x, self.window.GetSize()[1] - 1.0 - y, depth)
        self.renderer.DisplayToWorld()
        px, py, pz, scale = self.renderer.GetWorldPoint()
        return float(px / scale), float(py / scale), float(pz / scale)

    @property
    def towards_lps(self) -> Point:
        """The direction the viewer looks in."""
        x, y, z = self.renderer.GetActiveCamera().GetDirectionOfProjection()
        return float(x), float(y), float(z)

    # pictures ------------------------------------------------------------------------------

    def pixels(self, width: int, height: int) -> npt.NDArray[np.uint8]:
        """The rendered picture ``[row, column, red-green-blue]``."""
        width, height = max(width, 2), max(height, 2)
        if self._is_closed:
            return np.zeros((height, width, 3), dtype=np.uint8)
        self.window.SetSize(width, height)
        self.renderer.ResetCameraClippingRange()
        self.window.Render()
        data = vtkUnsignedCharArray()
        self.window.GetPixelData(0, 0, width - 1, height - 1, 0, data, 0)
        flat: npt.NDArray[np.uint8] = vtk_to_numpy(data)
        return np.ascontiguousarray(flat.reshape(height, width, 3)[::-1])

    def image(self, width: int, height: int) -> QImage:
        """The rendered picture as a QImage of its own."""
        pixels = self.pixels(width, height)
        rows, columns, _ = pixels.shape
        return QImage(pixels.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()

    def point_under(self, x: float, y: float) -> Point | None:
        """The LPS point on the first surface under a pixel (from the upper left), or None."""
        from vtkmodules.vtkRenderingCore import vtkPropPicker

        picker = vtkPropPicker()
        height = self.window.GetSize()[1]
        if not picker.Pick(x, height - 1 - y, 0, self.renderer):
            return None
        px, py, pz = picker.GetPickPosition()
        return float(px), float(py), float(pz)
