"""A turn and a shift fitted to landmarks, and how far it is off where no landmark was fitted.

What is left at the landmarks themselves flatters a fit, the more the fewer they are (Fitzpatrick, West
and Maurer, IEEE Trans Med Imaging 1998;17:694).  Each pair is therefore left out once, and the fit to
all others judged there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.base.errors import InvalidValue
from planner.compute.registration import rigid_of_landmarks
from planner.model.geometry import FloatArray
from planner.model.landmarks import Landmarks
from planner.model.registration import Registration

#: How such a registration came about, as it is kept.
BY_LANDMARKS = "rigid, fitted to landmarks"
#: A turn and a shift need so many pairs; to leave one out takes one more.
FEWEST_PAIRS = 3


def fitted_to_landmarks(start: Registration, landmarks: Landmarks) -> Registration:
    """The rigid registration that brings landmarks nearest to their partners, with its honest error.

    Parameters
    ----------
    start
        Says which scans, and in which order; its own movement does not count.
    landmarks
        Of the same scans in the same order, three pairs or more.

    Raises
    ------
    InvalidValue
        If there are fewer pairs, or they lie on one line.
    """
    rigid = rigid_of_landmarks(landmarks.from_lps_mm, landmarks.to_lps_mm)
    found = replace(
        start,
        rigid=rigid,
        field=None,
        method=BY_LANDMARKS,
        error_mm=None,
        error_basis="",
        notes=(),
        estimate=None,
    )
    return with_left_out_error(found, landmarks)


def with_left_out_error(registration: Registration, landmarks: Landmarks) -> Registration:
    """A copy of a fit to landmarks with the error found by leaving each out; unknown with three pairs."""
    errors = left_out_errors_mm(landmarks)
    known = errors[np.isfinite(errors)]
    if len(known) <= FEWEST_PAIRS:
        return replace(registration, error_mm=None, error_basis="")
    left = rms(landmark_errors_mm(registration, landmarks))
    count = (
        f"{len(known)} landmarks" if len(known) == len(errors) else f"{len(known)} of {len(errors)} landmarks"
    )
    basis = f"each of {count} left out once; {left:.1f} mm at the fitted landmarks"
    return replace(registration, error_mm=rms(known), error_basis=basis)


def landmark_errors_mm(registration: Registration, landmarks: Landmarks) -> FloatArray:
    """How far each landmark is mapped from its partner, shape (n,)."""
    return registration.landmark_errors_mm(landmarks.from_lps_mm, landmarks.to_lps_mm)


def left_out_errors_mm(landmarks: Landmarks) -> FloatArray:
    """How far each landmark is mapped from its partner by the fit to all others, shape (n,).

    Not a number where the others are fewer than three, or lie on one line.
    """
    start, stop = landmarks.from_lps_mm, landmarks.to_lps_mm
    errors = np.full(len(start), np.nan)
    for n in range(len(start)):
        others = np.arange(len(start)) != n
        try:
            rigid = rigid_of_landmarks(start[others], stop[others])
        except InvalidValue:
            continue  # without this pair no fit is determined: nothing can be said there
        errors[n] = np.linalg.norm(rigid[:3, :3] @ start[n] + rigid[:3, 3] - stop[n])
    return errors


def rms(distances_mm: FloatArray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.asarray(distances_mm, dtype=float) ** 2)))
