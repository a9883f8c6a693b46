"""Slices to a lattice: our own sorting and geometry check, with the reasons a stack is refused."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.base.errors import InputRefused
from planner.io.dicom.elements import PIXEL_DATA, UNDEFINED
from planner.io.dicom.slices import (
    BIRTH_DATE,
    FRAME_OF_REFERENCE,
    MODALITY,
    MODALITY_LUT,
    PATIENT_ID,
    PATIENT_NAME,
    PHOTOMETRIC,
    SAMPLES,
    STUDY_UID,
    Slice,
)
from planner.model.geometry import FloatArray, Grid

#: Positions nearer than this are the same position.
SAME_POSITION_MM = 0.01
#: Pixel spacings this near are the same.
SAME_SPACING_MM = 1e-4
#: Components of direction cosines this near are the same.
SAME_DIRECTION = 1e-3
#: Rounded positions of sound scanners stay below this.
ROUNDING_MM = 0.1
#: Sideways drift from slice to slice above this is a tilt.
DRIFT_MM = 0.05
LARGEST_TILT_DEG = 45.0


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in the order of the lattice, checked.

    Parameters
    ----------
    slices
        Along k.
    grid
        The lattice of the volume read from them.
    shift_px
        How far each slice's pixels stand along i and j from the lattice's corner, shape (n, 2);
        zero unless the gantry was tilted.
    notes
        What was corrected, in words.
    """

    slices: tuple[Slice, ...]
    grid: Grid
    shift_px: FloatArray
    notes: tuple[str, ...]

    @property
    def is_tilted(self) -> bool:
        """Whether slices are shifted against each other."""
        return bool(self.shift_px.any())


def stack_of(slices: Sequence[Slice]) -> Stack:
    """Sort slices by position and check that they form one lattice.

    Raises
    ------
    InputRefused
        Naming the files that do not fit, and why.
    """
    _check_pixels(slices)
    _check_one_source(slices)
    _check_geometry_present(slices)
    orientation, spacing = _common_plane(slices)
    if slices[0].elements.text(MODALITY) != "PT":  # each slice of a PET has a rescale of its own
        _refuse_odd(
            slices, lambda s: (s.slope, s.intercept), "Slices differ in their rescale to modality values."
        )
    row, column = orientation[:3], orientation[3:]
    normal = np.cross(row, column)
    positions = np.array([s.position_lps_mm for s in slices], dtype=float)
    order = np.argsort(positions @ normal, kind="stable")
    ordered = [slices[n] for n in order]
    positions = positions[order]
    gap_mm, start_mm, notes = _slice_gap(ordered, positions @ normal)
    shift_mm, tilt_notes = _tilt(ordered, positions, row, column, normal)
    pixel_mm = np.array([spacing[1], spacing[0]])
    shift_px = shift_mm / pixel_mm
    grown = np.ceil(shift_px.max(axis=0) - 1e-6).astype(int)
    origin = positions[0] + normal * start_mm - row * shift_mm[0, 0] - column * shift_mm[0, 1]
    grid = Grid(
        (len(ordered), ordered[0].rows + int(grown[1]), ordered[0].columns + int(grown[0])),
        (float(pixel_mm[0]), float(pixel_mm[1]), gap_mm),
        (float(origin[0]), float(origin[1]), float(origin[2])),
        tuple(np.column_stack([row, column, normal]).ravel()),
    )
    if tilt_notes:
        notes.append(f"{tilt_notes}; the volume grew to {grid.shape[2]} x {grid.shape[1]} pixels a slice.")
    return Stack(tuple(ordered), grid, shift_px, (*_order_notes(slices, order), *notes))


def _check_pixels(slices: Sequence[Slice]) -> None:
    for single in slices:
        e = single.elements
        colour = e.text(PHOTOMETRIC)
        if e.pixel_tag != PIXEL_DATA or e.short(SAMPLES) not in (None, 1) or colour != "MONOCHROME2":
            raise InputRefused(
                "This is no grey image that a scan could be made of.",
                f"{single.name}: {colour or 'no photometric interpretation'}",
                "Choose the original CT or MR series.",
            )
        if single.bits_allocated not in (8, 16, 32) or not 0 < single.bits_stored <= single.bits_allocated:
            raise InputRefused(
                "The pixels are stored in a form that is not supported.",
                f"{single.name}: {single.bits_allocated} bits",
                "Export the series again.",
            )
        _check_length(single)
        if MODALITY_LUT in e.sequences:
            raise InputRefused(
                "The slice's values are defined by a lookup table, which is not supported.",
                single.name,
                "Export the series with a rescale slope and intercept.",
            )
    _refuse_odd(
        slices, lambda s: (s.columns, s.rows), "Slices differ in their number of pixels.", "{0[0]} x {0[1]}"
    )
    _refuse_odd(slices, lambda s: s.form, "Slices differ in how their pixels are stored.", "")
    if slices[0].rows < 2 or slices[0].columns < 2:
        raise InputRefused("The slices have no pixels.", slices[0].name, "Choose the original series.")


def _check_length(single: Slice) -> None:
    """Refuse a slice whose file cannot hold its pixels, before anything is allocated for them."""
    e = single.elements
    if e.pixel_length == UNDEFINED:
        return
    wanted = (single.frame + 1) * single.rows * single.columns * (single.bits_allocated // 8)
    found = e.pixel_length
    if not e.is_inflated:
        found = min(found, single.entry.size - e.pixel_offset)
    if found < wanted:
        raise cut_short(single, found, wanted)


def cut_short(single: Slice, found: int, wanted: int) -> InputRefused:
    """The error of a slice that holds fewer bytes of pixels than it should."""
    return InputRefused(
        "The slice is cut short.",
        f"{single.name}: {found} of {wanted} bytes of pixels",
        "Copy the file again from its source.",
    )


def _check_one_source(slices: Sequence[Slice]) -> None:
    e = "Separate the patients' files and import again."
    person = (PATIENT_ID, PATIENT_NAME, BIRTH_DATE)
    _refuse_odd(
        slices,
        lambda s: tuple(s.elements.text(tag) for tag in person),
        "One series holds slices of different patients.",
        "",
        e,
    )
    _refuse_odd(
        slices, lambda s: s.elements.text(STUDY_UID), "One series holds slices of different studies.", "", e
    )
    _refuse_odd(
        slices,
        lambda s: s.elements.text(FRAME_OF_REFERENCE),
        "Slices of one series have different frames of reference.",
        "",
        "Their positions cannot be compared; export the series again.",
    )


def _check_geometry_present(slices: Sequence[Slice]) -> None:
    checks: tuple[tuple[str, Callable[[Slice], bool]], ...] = (
        ("position", lambda s: _are_finite(s.position_lps_mm, 3)),
        ("orientation", lambda s: _are_finite(s.orientation, 6)),
        ("pixel spacing", lambda s: _are_positive(s.pixel_spacing_mm)),
    )
    for what, sound in checks:
        without = [s.name for s in slices if not sound(s)]
        if without:
            raise InputRefused(
                f"Slices have no {what} in the patient.",
                named(without),
                "Choose the original CT or MR series; secondary captures cannot be planned on.",
            )


def _common_plane(slices: Sequence[Slice]) -> tuple[FloatArray, FloatArray]:
    """The directions and the spacing all slices share; directions made exactly orthonormal."""
    directions = np.array([s.orientation for s in slices], dtype=float)
    spacings = np.array([s.pixel_spacing_mm for s in slices], dtype=float)
    direction, spacing = _most_common(directions), _most_common(spacings)
    _refuse_where(
        slices,
        np.abs(directions - direction).max(axis=1) > SAME_DIRECTION,
        "Slices have different orientations.",
    )
    _refuse_where(
        slices,
        np.abs(spacings - spacing).max(axis=1) > SAME_SPACING_MM,
        "Slices have different pixel spacings.",
    )
    row, column = direction[:3], direction[3:]
    lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(float(row @ column))) > SAME_DIRECTION:
        raise InputRefused(
            "The slices' orientation is not a right angle of unit vectors.",
            f"{slices[0].name}: {np.round(direction, 4).tolist()}",
            "Export the series again.",
        )
    row = row / lengths[0]
    column = column - row * (row @ column)
    return np.concatenate([row, column / np.linalg.norm(column)]), spacing


def _slice_gap(ordered: Sequence[Slice], along: FloatArray) -> tuple[float, float, list[str]]:
    """Distance of neighbouring slices and how far the first stands off, in mm, and notes.

    Refuses duplicates, gaps and unevenness.
    """
    if len(ordered) == 1:
        thickness = ordered[0].thickness_mm
        if not thickness or not math.isfinite(thickness) or thickness <= 0:
            raise InputRefused(
                "One slice without a thickness has no volume.", ordered[0].name, "Choose the whole series."
            )
        return thickness, 0.0, [f"One slice only; its thickness is taken as {thickness:g} mm."]
    gaps = np.diff(along)
    same = np.flatnonzero(gaps < SAME_POSITION_MM)
    if same.size:
        pairs = [f"{ordered[n].name} and {ordered[n + 1].name}" for n in same.tolist()]
        raise InputRefused(
            "Slices stand at the same position, so series cannot be told apart.",
            named(pairs),
            "Choose one series, or remove the copies.",
        )
    usual = _usual_gap(gaps)
    tolerance = max(SAME_POSITION_MM, min(ROUNDING_MM, 0.05 * usual))
    odd = np.flatnonzero(np.abs(gaps - usual) > 2 * tolerance)
    if odd.size:
        _refuse_gaps(ordered, gaps, usual, odd, 2 * tolerance)
    gap, start = (float(v) for v in np.polyfit(np.arange(len(ordered)), along, 1))
    off = float(np.abs(along - start - gap * np.arange(len(ordered))).max())
    if off > tolerance:
        raise InputRefused(
            "The distance between slices varies along the series.",
            f"{ordered[0].name} to {ordered[-1].name}: up to {off:.2f} mm off even {gap:.3f} mm",
            "Reconstruct the series with even spacing.",
        )
    if off > SAME_POSITION_MM:
        note = f"Slice positions are rounded by up to {off:.2f} mm; taken as even, {gap:.3f} mm."
        return gap, start - float(along[0]), [note]
    return round(float(along[-1] - along[0]) / (len(ordered) - 1), 9), 0.0, []


def _usual_gap(gaps: FloatArray) -> float:
    """The most common gap (to a tenth of a millimetre), the smaller of two equally common."""
    values, counts = np.unique(np.round(gaps, 1), return_counts=True)
    best = values[counts.argmax()]  # the smallest, as np.unique sorts
    return float(np.median(gaps[np.round(gaps, 1) == best]))


def _refuse_gaps(
    ordered: Sequence[Slice], gaps: FloatArray, usual: float, odd: npt.NDArray[np.intp], tolerance: float
) -> None:
    ratio = gaps[odd] / usual
    odd_places = odd.tolist()
    places = [f"between {ordered[n].name} and {ordered[n + 1].name}: {gaps[n]:.2f} mm" for n in odd_places]
    if np.all(np.abs(gaps[odd] - np.round(ratio) * usual) <= tolerance) and ratio.min() > 1.5:
        count = int(np.round(ratio - 1).sum())
        raise InputRefused(
            f"{count} slice{'s are' if count > 1 else ' is'} missing.",
            f"{named(places)} (elsewhere {usual:.2f} mm)",
            "Copy the whole series from its source again.",
        )
    raise InputRefused(
        "The slices have uneven spacing.",
        f"{named(places)} (elsewhere {usual:.2f} mm)",
        "Reconstruct the series with even spacing.",
    )


def _tilt(
    ordered: Sequence[Slice], positions: FloatArray, row: FloatArray, column: FloatArray, normal: FloatArray
) -> tuple[FloatArray, str]:
    """Sideways position of each slice from the lattice's corner in mm, shape (n, 2), and a note."""
    sideways = (positions - positions[0]) @ np.column_stack([row, column])
    if len(ordered) == 1 or np.abs(sideways).max() <= DRIFT_MM:
        return np.zeros_like(sideways), ""
    along = (positions - positions[0]) @ normal
    slope = along @ sideways / (along @ along)
    off = np.abs(sideways - np.outer(along, slope)).max(axis=1)
    _refuse_where(ordered, off > ROUNDING_MM, "Slices are shifted sideways against each other.")
    angle = math.degrees(math.atan(float(np.linalg.norm(slope))))
    if angle > LARGEST_TILT_DEG:
        raise InputRefused(
            f"The slices are stacked {angle:.0f} degrees off their normal.",
            named([ordered[0].name, ordered[-1].name]),
            "Reconstruct the series without tilt.",
        )
    shift = np.outer(along, slope)
    note = f"Gantry tilt of {angle:.1f} degrees corrected by shifting each slice within its plane"
    return shift - shift.min(axis=0), note


def _order_notes(slices: Sequence[Slice], order: npt.NDArray[np.intp]) -> list[str]:
    notes = []
    names = [natural(s.entry.name) for s in slices]
    by_name = sorted(range(len(slices)), key=lambda n: (names[n], slices[n].frame))
    rank = np.empty(len(slices), dtype=int)
    rank[by_name] = np.arange(len(slices))
    steps = np.diff(rank[order])
    if len(steps) > 1 and np.all(steps == -1):
        notes.append("The files stood in reverse order; sorted by position.")
    elif len(steps) > 1 and not np.all(steps == 1):
        notes.append("The files stood in no order by name; sorted by position.")
    if slices[0].frames == 1 and not any("." in s.entry.name.rsplit("/", 1)[-1] for s in slices):
        notes.append("The files have no suffix; taken as DICOM by their content.")
    return notes


def natural(name: str) -> list[tuple[int, int | str]]:
    """A key that sorts ``image_2`` before ``image_10``."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name)]


def named(names: Sequence[str], most: int = 4) -> str:
    """Some names in words, such as ``a, b and 7 more``."""
    if len(names) <= most:
        return "; ".join(names)
    return "; ".join(names[: most - 1]) + f" and {len(names) - most + 1} more"


def _refuse_odd(
    slices: Sequence[Slice],
    key: Callable[[Slice], Hashable],
    what: str,
    form: str = "{0}",
    todo: str = "Leave them out, or export the series again.",
) -> None:
    """Refuse where not all slices agree, naming those that differ from most."""
    values = [key(s) for s in slices]
    counts = Counter(values)
    if len(counts) == 1:
        return
    usual = counts.most_common(1)[0][0]
    odd = [
        f"{s.name} ({form.format(v)})" if form else s.name
        for s, v in zip(slices, values, strict=True)
        if v != usual
    ]
    most = f" (most: {form.format(usual)})" if form else f" (the other {counts[usual]} agree)"
    raise InputRefused(what, named(odd) + most, todo)


def _refuse_where(slices: Sequence[Slice], odd: npt.NDArray[np.bool_], what: str) -> None:
    if odd.any():
        names = [s.name for s, is_odd in zip(slices, odd, strict=True) if is_odd]
        raise InputRefused(what, named(names), "Leave them out, or export the series again.")


def _most_common(rows: FloatArray) -> FloatArray:
    values, counts = np.unique(np.round(rows, 6), axis=0, return_counts=True)
    near = np.abs(rows - values[counts.argmax()]).max(axis=1) < 1e-5
    return np.asarray(rows[near].mean(axis=0)) if near.sum() > 1 and np.ptp(rows[near]) else rows[near][0]


def _are_finite(values: tuple[float, ...] | None, count: int) -> bool:
    return values is not None and len(values) == count and all(math.isfinite(v) for v in values)


def _are_positive(values: tuple[float, ...] | None) -> bool:
    return values is not None and _are_finite(values, 2) and min(values) > 0
