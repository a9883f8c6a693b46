"""Focused ultrasound: where foci go, what they treat together, and what the beam meets on its way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from planner.base.errors import InvalidValue
from planner.compute.foci_union import beam_frame
from planner.compute.lesion_outline import LesionOutline
from planner.compute.lesion_surface import nearest_points
from planner.compute.spheroid import Spheroid
from planner.model.assessment import Confidence
from planner.model.geometry import FloatArray
from planner.model.plan import FocusGrid, Point
from planner.model.roles import Role
from planner.model.structures import StructureSet
from planner.planning.acoustic_window import inside_any
from planner.planning.constants import Constant
from planner.planning.devices import Device, DeviceZone
from planner.planning.tissues import SOUND_ATTENUATION

#: Edge of the body-centred cubic lattice whose unit balls just cover space: 4 / sqrt 5.  No lattice
#: covers space with fewer (Bambah, On lattice coverings by spheres, 1954).
COVERING_EDGE = 4.0 / math.sqrt(5.0)
#: How much nearer foci lie than they must to cover.
OVERLAP = Constant(0.1, "1", "neighbouring foci overlap a tenth more than they must", Confidence.OUR_RULE)
#: More foci than this take hours.
MOST_FOCI = 1500
#: The goal is sampled so often along each axis of a focus's zone.
GOAL_SAMPLES = 8
MOST_GOAL_POINTS = 4_000_000
_D = Confidence.OUR_RULE
#: What a transducer's file does not say.
TRANSDUCER: Mapping[str, Constant] = {
    name: Constant(value, unit, "generic transducer, no published value", _D)
    for name, value, unit in (
        ("focus_width", 1.5, "mm"), ("focus_length", 9.0, "mm"), ("frequency", 1.2, "MHz"),
        ("steering_across", 20.0, "mm"), ("steering_along", 30.0, "mm"), ("window_radius", 50.0, "mm"),
        ("max_power", 300.0, "W"), ("pause", 30.0, "s"),
    )
}  # fmt: skip


def transducer_value(device: Device, name: str) -> Constant:
    """What a transducer says of itself, else the generic value; raises `InvalidValue` for a needle."""
    if device.is_needle:
        raise InvalidValue(
            "This device is a needle and focuses no sound.",
            device.title,
            "Choose a focused ultrasound device.",
        )
    return device.emitter.get(name, TRANSDUCER[name])


def grid_zones(grid: FocusGrid, zone: DeviceZone) -> tuple[Spheroid, ...]:
    """The zone of each focus: equal ellipsoids of revolution along the beam, in the grid's order."""
    return _zones(grid.foci_lps_mm, _point(grid.direction), zone.long_axis_mm, zone.short_axis_mm)


@lru_cache(maxsize=8)
def _zones(foci: tuple[Point, ...], axis: Point, long_mm: float, short_mm: float) -> tuple[Spheroid, ...]:
    return tuple(Spheroid(p, axis, long_mm, short_mm) for p in foci)


# filling ---------------------------------------------------------------------------------------


def goal_points(
    outline: LesionOutline,
    margin_mm: float,
    direction_lps: npt.ArrayLike,
    zone: DeviceZone,
    structures: StructureSet | None = None,
) -> FloatArray:
    """Points of a lesion grown by a margin, within the liver where one is segmented; shape (n, 3).

    Parameters
    ----------
    outline
        The lesion's outline.
    margin_mm
        What is treated beyond it.
    direction_lps, zone
        Beam and zone of a focus, which tell how finely the goal must be sampled.
    structures
        Where the liver is looked up.

    Raises
    ------
    InvalidValue
        If the margin is negative, or the goal too large to be filled with foci.
    """
    if not (math.isfinite(margin_mm) and 0.0 <= margin_mm <= 30.0):
        raise InvalidValue("A margin lies between 0 and 30 mm.", f"{margin_mm} mm")
    frame = beam_frame(direction_lps)
    step = np.array([zone.short_axis_mm, zone.short_axis_mm, zone.long_axis_mm]) / GOAL_SAMPLES
    samples = outline.samples.points_lps_mm
    local = samples @ frame
    low, high = local.min(axis=0) - margin_mm, local.max(axis=0) + margin_mm
    counts = np.ceil((high - low) / step).astype(int) + 1
    if int(np.prod(counts)) > MOST_GOAL_POINTS:
        raise InvalidValue(
            "The lesion is too large to be filled with foci.",
            f"{' x '.join(f'{v:.0f}' for v in high - low)} mm",
            "Choose a smaller margin, or treat it with needles.",
        )
    axes = [a + s * np.arange(n) for a, s, n in zip(low, step, counts, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) @ frame.T
    ijk = np.rint(outline.lattice.to_ijk(points)).astype(int)
    on = np.all((ijk >= 0) & (ijk < np.array(outline.lattice.shape[::-1])), axis=1)
    within = np.zeros(len(points), dtype=bool)
    within[on] = outline.level[tuple(ijk[on].T[::-1])] > 0
    gap, _ = nearest_points(points, samples, margin_mm + 1e-6)
    chosen = points[within | np.isfinite(gap)]
    livers = [] if structures is None else [s.name for s in structures.with_role(Role.LIVER)]
    if structures is None or not any(not structures.box(n).is_empty for n in livers):
        return np.asarray(chosen)
    tissue = [*livers, *(s.name for s in structures.with_role(Role.LESION))]
    kept = inside_any(structures, tissue, chosen)
    return np.asarray(chosen[kept] if kept.any() else chosen)


def filled_grid(
    id: str,
    device: Device,
    settings: Mapping[str, float],
    goal_lps_mm: FloatArray,
    window_lps_mm: Sequence[Point],
    lesion: str = "",
    overlap: float = OVERLAP.value,
    allow_ex_vivo: bool = False,
) -> FocusGrid:
    """A grid of foci whose zones together hold every point of a goal, the deepest layer first.

    The foci are the sites of a body-centred cubic lattice, stretched as a focus's zone is, that are
    nearest to any point of the goal.

    Parameters
    ----------
    goal_lps_mm
        Points to be treated, shape (n, 3); see `goal_points`.
    window_lps_mm
        Where the beam enters; it gives the foci their direction.
    overlap
        How much nearer foci lie than they must, 0 to 0.5.

    Raises
    ------
    InvalidValue
        If there is no goal, the overlap is out of range, or there would be too many foci.
    """
    if not len(goal_lps_mm):
        raise InvalidValue("There is nothing to fill with foci.", lesion or id, "Choose a lesion.")
    if not 0.0 <= overlap <= 0.5:
        raise InvalidValue("Foci overlap by 0 to 50 %.", f"{100 * overlap:g} %")
    zone = device.zone(settings, allow_ex_vivo)
    middle = goal_lps_mm.mean(axis=0)
    draft = FocusGrid(id, device.name, (_point(middle),), tuple(window_lps_mm), settings, lesion)
    # The beam runs to the middle of the foci, which is known only when they are: hence twice.
    for _ in range(2):
        foci = _covering(goal_lps_mm, draft.direction, zone, overlap)
        if len(foci) > MOST_FOCI:
            raise InvalidValue(
                "There would be too many foci.",
                f"{len(foci)} foci in {lesion or id}",
                f"Choose a smaller margin or overlap, or needles; at most {MOST_FOCI} foci.",
            )
        draft = replace(draft, foci_lps_mm=tuple(_point(p) for p in foci))
    return draft


def _covering(goal_lps_mm: FloatArray, direction: FloatArray, zone: DeviceZone, overlap: float) -> FloatArray:
    """Foci along a beam that hold a goal, the deepest layer first; shape (n, 3)."""
    frame, middle = beam_frame(direction), goal_lps_mm.mean(axis=0)
    radii = 0.5 * np.array([zone.short_axis_mm, zone.short_axis_mm, zone.long_axis_mm])
    edges = (1.0 - overlap) * COVERING_EDGE * radii
    scaled = (goal_lps_mm - middle) @ frame / edges
    shifts = (np.zeros(3), np.array([0.0, 0.0, 0.5]), np.array([0.25, 0.25, 0.0]), np.array([0.5, 0.0, 0.25]))
    sites = min((_nearest_sites(scaled + s) - s for s in shifts), key=len)
    # Sound is scattered by what was heated: what lies behind goes first.
    sites = sites[np.lexsort((sites[:, 0], sites[:, 1], -np.round(sites[:, 2], 3)))]
    return np.asarray(middle + (sites * edges) @ frame.T)


def _nearest_sites(points: FloatArray) -> FloatArray:
    """Sites of the body-centred cubic lattice of edge 1 that are nearest to any point (n, 3)."""
    corner, body = np.rint(points), np.floor(points) + 0.5
    is_body = ((points - body) ** 2).sum(axis=1) < ((points - corner) ** 2).sum(axis=1)
    doubled = np.where(is_body[:, None], 2.0 * body, 2.0 * corner).astype(np.int64)
    return np.asarray(np.unique(doubled, axis=0) / 2.0)


def transducer_power_w(
    power_w: float, depth_mm: float, frequency_mhz: float, blocked_percent: float
) -> float:
    """Acoustic power a transducer must give for a power at the focus.

    I = I_water exp(-2 alpha f d) (reference sheet A5), and what is blocked does not arrive.
    """
    through = math.exp(-2.0 * SOUND_ATTENUATION.value * frequency_mhz * 1e-3 * depth_mm)
    return power_w / (through * max(1e-6, 1.0 - 0.01 * blocked_percent))


def _point(values: npt.NDArray[np.float64]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
