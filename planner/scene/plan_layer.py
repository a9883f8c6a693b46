"""Another plan laid over the views: its needles and zones in one colour, beside those of the plan that is open."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from planner.model.assessment import Surface
from planner.model.geometry import FloatArray
from planner.model.plan import Plan, Point
from planner.model.points import as_point
from planner.planning.plan_needles import plan_needles
from planner.scene.instruments import DrawnZone, drawn_foci, drawn_probes
from planner.scene.layers import Ball, Dot, Lines, Mesh, SliceMarks, SpacePart, Tube
from planner.scene.planes import PlaneStack

#: A shaft in 3D is drawn so thick; a zone is seen through.
SHAFT_MM, TIP_MM, ZONE_OPACITY = 0.9, 1.6, 0.22
#: The word stands on the shaft, so far outside the zones; where none are drawn, so far from the tip.
CLEAR_MM, BARE_MM = 8.0, 45.0
#: Rings and sectors of a zone's mesh.
RINGS, SECTORS = 16, 32


class PlanLayer:
    """Needles as dashed lines with a ring at the tip, zones as outlines.

    Parameters
    ----------
    plan
        What is drawn.
    color
        Of all of it, ``#rrggbb``.
    label
        A word on the first shaft, clear of the zones.
    shows_zones
        Whether zones are drawn.
    """

    def __init__(self, plan: Plan, color: str, label: str = "", shows_zones: bool = True) -> None:
        self._color, self._label = color, label
        self._needles = tuple(
            np.array((n.needle.entry_lps_mm, n.needle.tip_lps_mm)) for n in plan_needles(plan)
        )
        probes = tuple(p.zone for p in drawn_probes(plan) if p.zone is not None)
        foci = tuple(zone for group in drawn_foci(plan) for zone in group.zones)
        self._zones = (*probes, *foci) if shows_zones else ()

    def on_slice(self, stack: PlaneStack, index: int) -> SliceMarks:
        """Shafts laid onto the slice, and where it cuts the zones."""
        shafts = [stack.to_plane(ends)[:, :2] for ends in self._needles]
        lines = []
        if shafts:
            lines.append(Lines(np.array(shafts), self._color, 1.6, is_dashed=True))
        outlines = (zone.section(stack, stack.position_mm(index)) for zone in self._zones)
        rims = [_rim(outline) for outline in outlines if outline is not None]
        if rims:
            lines.append(Lines(np.concatenate(rims), self._color, 1.6))
        dots = [Dot(as_point(tip), self._color, 3.5, True) for _, tip in self._needles]
        if self._label and self._needles:
            dots.append(Dot(self._label_lps_mm, self._color, 1.0, label=self._label))
        return SliceMarks(lines=tuple(lines), dots=tuple(dots))

    @cached_property
    def _label_lps_mm(self) -> Point:
        """On the first shaft behind all zones: over the lesion a word would hide what is looked at."""
        entry, tip = self._needles[0]
        length_mm = float(np.linalg.norm(entry - tip))
        back = (entry - tip) / length_mm
        ends = [
            float((np.array(z.center_lps_mm) - tip) @ back) + max(z.along_mm, z.across_mm)
            for z in self._zones
        ]
        away_mm = max(ends) + CLEAR_MM if ends else BARE_MM
        return as_point(tip + min(away_mm, length_mm) * back)

    def in_space(self) -> tuple[SpacePart, ...]:
        """Shafts, tips, and zones one sees through."""
        return self._parts

    @cached_property
    def _parts(self) -> tuple[SpacePart, ...]:
        parts: list[SpacePart] = []
        for ends in self._needles:
            parts.append(Tube(ends, np.full(2, SHAFT_MM), self._color))
            x, y, z = (float(v) for v in ends[1])
            parts.append(Ball((x, y, z), TIP_MM, self._color))
        return (*parts, *(Mesh(zone_mesh(z), self._color, ZONE_OPACITY) for z in self._zones))


class SpaceAlone:
    """A layer that stands in the 3D view and lies on no slice.

    Parameters
    ----------
    layer
        The layer.
    """

    def __init__(self, layer: PlanLayer) -> None:
        self._layer = layer

    def on_slice(self, _stack: PlaneStack, _index: int) -> SliceMarks:
        """Nothing."""
        return SliceMarks()

    def in_space(self) -> tuple[SpacePart, ...]:
        """What the layer has there."""
        return self._layer.in_space()


def _rim(outline: FloatArray) -> FloatArray:
    """The sides of a polygon (n, 2) as segments (n, 2, 2)."""
    return np.stack([outline, np.roll(outline, -1, axis=0)], axis=1)


def zone_mesh(zone: DrawnZone) -> Surface:
    """A closed mesh of an ellipsoid of revolution; its points lie on it."""
    axis = np.array(zone.axis_lps)
    side = np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))])
    side /= np.linalg.norm(side)
    other = np.cross(axis, side)
    fall = np.linspace(0.0, np.pi, RINGS + 1)[1:-1]
    turn = np.linspace(0.0, 2.0 * np.pi, SECTORS, endpoint=False)
    along = zone.along_mm * np.cos(fall)[:, None, None] * axis
    around = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * other
    rings = along + zone.across_mm * np.sin(fall)[:, None, None] * around
    poles = zone.along_mm * np.stack([axis, -axis])
    points = np.array(zone.center_lps_mm) + np.concatenate([rings.reshape(-1, 3), poles])
    return Surface("zone", points.astype(np.float32), _triangles())


def _triangles() -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    rings = RINGS - 1
    first, second = rings * SECTORS, rings * SECTORS + 1
    found = []
    for s in range(SECTORS):
        n = (s + 1) % SECTORS
        found.append((first, s, n))
        for r in range(rings - 1):
            a, b = r * SECTORS + s, r * SECTORS + n
            c, d = a + SECTORS, b + SECTORS
            found += [(a, c, b), (b, c, d)]
        last = (rings - 1) * SECTORS
        found.append((second, last + n, last + s))
    return np.array(found, dtype=np.int32)
