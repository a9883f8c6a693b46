"""Resections over the views: the cut coloured by its margin, what is taken dimmed, handles, and the line being drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.compute.patch_surface import PatchSurface
from planner.model.assessment import Surface
from planner.model.geometry import FloatArray
from planner.model.points import Point
from planner.model.resection import PatchCut, PlaneCut, Resection
from planner.planning.cut_drawing import heights_over
from planner.planning.liver_ground import LiverGround
from planner.planning.liver_parts import Part
from planner.scene.layers import Ball, Dot, Lines, Mesh, SliceMarks, SpacePart, Tube
from planner.scene.liver_parts_overlay import PART_RGBA, LiverParts
from planner.scene.liver_pixels import LiverPixels, SlicePixels
from planner.scene.palette import PAINTED, SELECTED, ZONE
from planner.scene.pixel_plane import Patch, PixelPlane, pixel_plane
from planner.scene.planes import PlaneStack
from planner.scene.surface_cuts import SurfaceCut
from planner.session.pointing import Handle

#: Parts of the liver are laid over slices at pixels of this size.
PIXEL_MM = 1.5
#: A cut of which the module has not said where it runs in the liver is a square of this half side.
PLAIN_MM = 70.0
CUT_OPACITY, HANDLE_MM, STROKE_MM = 0.92, 2.4, 1.2


@dataclass(eq=False)
class CutLayer:
    """The resections of a plan; filled anew where something changed, and keeps what did not.

    Parameters
    ----------
    handles
        Gives the handles to draw.
    stroke
        Gives the line that is being drawn.
    shift_lps_mm
        Where the face of what is taken is drawn too, while that stands aside.
    """

    handles: Callable[[], Sequence[Handle]]
    stroke: Callable[[], Sequence[Point]]
    _resections: tuple[Resection, ...] = ()
    _surfaces: Mapping[str, Surface] = field(default_factory=dict)
    _ground: LiverGround | None = None
    _reach_mm: float = 0.0
    _chosen: str = ""
    _meshes: dict[str, Mesh] = field(default_factory=dict)
    _cuts: dict[tuple[str, object], tuple[Surface, SurfaceCut]] = field(default_factory=dict)
    _plain: dict[Resection, Surface] = field(default_factory=dict)
    _aside: dict[str, Mesh] = field(default_factory=dict)
    _parts: LiverParts | None = None
    _pixels: LiverPixels | None = None
    shift_lps_mm: Point | None = None

    def show(
        self,
        resections: tuple[Resection, ...],
        surfaces: Mapping[str, Surface],
        ground: LiverGround | None,
        reach_mm: float,
        chosen: str,
        parts: LiverParts | None = None,
    ) -> None:
        """Take over a plan's resections.

        Parameters
        ----------
        surfaces
            By resection where the cut runs in the liver, as far as the module has said it.
        ground
            The liver; None where it is not known yet.
        chosen
            Id of the selected one.
        parts
            What becomes of the liver under this very plan, where the module has said it.
        """
        self._parts = parts
        if ground is None or self._pixels is None or self._pixels.ground is not ground:
            self._pixels = None if ground is None else LiverPixels(ground, PIXEL_MM)
        self._resections, self._ground, self._reach_mm, self._chosen = resections, ground, reach_mm, chosen
        self._plain = {r: self._plain.get(r) or plain_surface(r) for r in resections if r.id not in surfaces}
        self._surfaces = {r.id: surfaces.get(r.id) or self._plain[r] for r in resections}
        kept = self._meshes
        self._meshes = {
            id: kept[id] if id in kept and kept[id].surface is surface else _mesh(surface)
            for id, surface in self._surfaces.items()
            if len(surface.triangles)
        }
        self._cuts = {key: cut for key, cut in self._cuts.items() if self._surfaces.get(key[0]) is cut[0]}

    def in_space(self) -> tuple[SpacePart, ...]:
        """The cuts, their handles and the line."""
        parts: list[SpacePart] = [*self._meshes.values(), *self._moved().values()]
        parts += [Ball(h.lps_mm, HANDLE_MM, SELECTED) for h in self.handles()]
        line = np.array(self.stroke(), dtype=float)
        if len(line) > 1:
            parts.append(Tube(line, np.full(len(line), STROKE_MM), SELECTED))
        return tuple(parts)

    def _moved(self) -> dict[str, Mesh]:
        shift, before = self.shift_lps_mm, self._aside
        self._aside = {}
        for id, mesh in self._meshes.items():
            if shift is not None:
                held = before.get(id)
                is_same = held is not None and held.surface is mesh.surface and held.shift_lps_mm == shift
                self._aside[id] = held if held is not None and is_same else replace(mesh, shift_lps_mm=shift)
        return self._aside

    def taken(self, points_lps_mm: FloatArray) -> FloatArray:
        """How far points (n, 3) lie beyond all cuts together, positive where they are taken; (n,)."""
        found = np.full(len(points_lps_mm), -1e3)
        for resection in self._resections:
            if isinstance(resection.surface, PlaneCut | PatchCut):
                own = heights_over(resection.surface, points_lps_mm, self._reach_mm)
                np.maximum(found, own, out=found)
            elif self._parts is not None:
                np.maximum(found, self._parts.taken_height(points_lps_mm), out=found)
        return found

    @property
    def can_part(self) -> bool:
        """Whether it is known what is taken."""
        over = all(isinstance(r.surface, PlaneCut | PatchCut) for r in self._resections)
        return bool(self._resections) and (self._parts is not None or (over and self._ground is not None))

    def on_slice(self, stack: PlaneStack, index: int) -> SliceMarks:
        """What is taken, dimmed; the cut by its margin; handles near the slice; the line."""
        lines = [part for id in self._surfaces for part in self._cut_lines(id, stack, index)]
        stroke = np.array(self.stroke(), dtype=float)
        if len(stroke) > 1:
            flat = stack.to_plane(stroke)[:, :2]
            lines.append(Lines(np.stack([flat[:-1], flat[1:]], axis=1), SELECTED, 2.5))
        at = stack.position_mm(index)
        dots = []
        for handle in self.handles():
            off = abs(float(stack.to_plane(np.array(handle.lps_mm))[2]) - at)
            if off <= max(handle.depth_mm, stack.step_mm[2]):
                dots.append(
                    Dot(handle.lps_mm, SELECTED, 4.5, opacity=1.0 if off <= stack.step_mm[2] else 0.55)
                )
        dimmed = self._dimmed(stack, index)
        return SliceMarks((dimmed,) if dimmed is not None else (), tuple(lines), tuple(dots))

    def _cut_lines(self, id: str, stack: PlaneStack, index: int) -> list[Lines]:
        surface = self._surfaces[id]
        if not len(surface.triangles):
            return []
        key = (id, stack)
        if key not in self._cuts:
            self._cuts[key] = (surface, SurfaceCut(surface, stack))
        segments, corners = self._cuts[key][1].of(index)
        if not len(segments):
            return []
        width = 3.4 if id == self._chosen else 2.4
        if surface.values is None:
            return [Lines(segments, ZONE, width)]
        _, classes = PAINTED[surface.name]
        bounds = [bound for bound, _, _ in classes[:-1]]
        found = np.searchsorted(bounds, surface.values[corners].mean(axis=1), side="right")
        # The nearest classes last, so that they are not painted over.
        return [Lines(segments[found == n], classes[n][1], width) for n in np.unique(found)[::-1]]

    def _dimmed(self, stack: PlaneStack, index: int) -> Patch | None:
        """What is taken, and (of a plan that is assessed) what loses its vessels; while dragging the former alone."""
        if not self._resections:
            return None
        plane, pixels = self._pixels_of(stack, index)
        if plane is None or pixels is None:
            return None
        rows, columns, _ = plane.points_lps_mm.shape
        return Patch(pixels.reshape(rows, columns, 4), plane.low_mm, plane.high_mm)

    def _pixels_of(
        self, stack: PlaneStack, index: int
    ) -> tuple[PixelPlane | None, np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None]:
        if self._parts is not None:
            plane = pixel_plane(self._parts.field.grid, stack, index, PIXEL_MM)
            return plane, None if plane is None else self._parts.pixels(plane.points_lps_mm.reshape(-1, 3))
        liver = None if self._pixels is None else self._pixels.of(stack, index)
        return (None, None) if liver is None else (liver.plane, self._taken_pixels(liver))

    def _taken_pixels(self, liver: SlicePixels) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
        taken = np.zeros(len(liver.points_lps_mm), dtype=bool)
        for resection in self._resections:
            taken |= self._taken(resection, liver.points_lps_mm)
        if not taken.any():
            return None
        pixels = np.zeros((len(liver.inside), 4), dtype=np.uint8)
        pixels[np.flatnonzero(liver.inside)[taken]] = PART_RGBA[Part.RESECTED]
        return pixels

    def _taken(
        self, resection: Resection, points: FloatArray
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        cut = resection.surface
        if not isinstance(cut, PlaneCut | PatchCut) or not len(points):
            return np.zeros(len(points), dtype=bool)
        try:
            return np.asarray(heights_over(cut, points, self._reach_mm) > 0)
        except InvalidValue:  # folded: the module says so, and nothing is dimmed
            return np.zeros(len(points), dtype=bool)


def plain_surface(resection: Resection) -> Surface:
    """A plane as a square, or a patch within its control points, while nothing is known of the liver it cuts."""
    cut = resection.surface
    if isinstance(cut, PatchCut):
        try:
            net = PatchSurface.through(cut.control, 1.0).inner_points_lps_mm
        except InvalidValue:
            net = cut.control
    elif isinstance(cut, PlaneCut):
        normal = np.array(cut.normal_lps)
        one = np.cross(normal, np.eye(3)[int(np.argmin(np.abs(normal)))])
        one /= np.linalg.norm(one)
        two = np.cross(normal, one)
        side = np.array([-PLAIN_MM, PLAIN_MM])
        net = np.array(cut.point_lps_mm) + side[:, None, None] * one + side[None, :, None] * two
    else:
        return Surface(
            "plain_cut", np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), None, "", resection.id
        )
    rows, columns, _ = net.shape
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    triangles = np.concatenate(
        [
            np.column_stack([first, first + columns, first + 1]),
            np.column_stack([first + 1, first + columns, first + columns + 1]),
        ]
    ).astype(np.int32)
    return Surface("plain_cut", net.reshape(-1, 3).astype(np.float32), triangles, None, "", resection.id)


def _mesh(surface: Surface) -> Mesh:
    return Mesh(surface, "" if surface.values is not None else ZONE, CUT_OPACITY)
