"""Landmarks of two scans: clicked in both, kept with the case, judging a registration or making one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from planner.base.errors import InvalidValue
from planner.model.geometry import FloatArray
from planner.model.landmarks import LandmarkPair, Landmarks
from planner.model.plan import Point
from planner.model.registration import Registration
from planner.session.scan_pairs import BY_HAND, NextClick, to_other

if TYPE_CHECKING:
    from planner.session.following_up import FollowingUp

#: So few landmarks may raise an error that is known otherwise, and never lower it: they may sit well by chance.
FEW_LANDMARKS = 2


class Landmarking:
    """Takes the clicks of landmarks, and what follows from them.

    Parameters
    ----------
    following
        The two scans.
    """

    def __init__(self, following: FollowingUp) -> None:
        self._following = following
        self.is_shown = True
        self._here: Point | None = None
        following.pointed.connect(self._pointed)

    # clicking ------------------------------------------------------------------------------

    def start(self) -> None:
        """Wait for two clicks: a place of the planning scan, then the same on the other."""
        self._here = None
        self._following.wait_for(NextClick.LANDMARK_HERE)

    def _pointed(self, click: NextClick, lps_mm: Point) -> None:
        if click == NextClick.LANDMARK_HERE:
            self._here = lps_mm
            self._following.wait_for(NextClick.LANDMARK_THERE)
        elif click == NextClick.LANDMARK_THERE and self._here is not None:
            here, self._here = self._here, None
            self._following.wait_for(NextClick.NOTHING)
            self.add(here, lps_mm)

    def show(self, is_shown: bool) -> None:
        """Draw the landmarks on the slices, or not: they would lie over what else is looked at."""
        if is_shown != self.is_shown:
            self.is_shown = is_shown
            self._following.look_changed.emit()

    def marks_on(self, image: str) -> tuple[Point, ...]:
        """Where landmarks stand on a scan, on the planning one with that which waits for its partner."""
        following = self._following
        pair = following.pair
        if not following.is_on or pair is None:
            return ()
        places = self.landmarks.pairs if self.is_shown else ()
        if image == pair.other.id:
            return tuple(mark.to_lps_mm for mark in places)
        if image != pair.planning.id:
            return ()
        is_waiting = self._here is not None and following.next_click == NextClick.LANDMARK_THERE
        waiting = (self._here,) if is_waiting and self._here is not None else ()
        return (*(mark.from_lps_mm for mark in places), *waiting)

    # the pairs -----------------------------------------------------------------------------

    @property
    def landmarks(self) -> Landmarks:
        """The places clicked in both scans, from the planning scan to the other; kept with the case."""
        pair = self._following.pair
        if pair is None:
            return Landmarks("planning", "other")
        return pair.case.landmarks_of(pair.planning.id, pair.other.id)

    @property
    def errors_mm(self) -> tuple[float, ...]:
        """How far the registration maps each landmark from its partner."""
        lying, marks = self._following.lying, self.landmarks
        if lying is None or not marks.pairs:
            return ()
        marks = marks.starting(lying.from_image)
        return tuple(float(e) for e in lying.landmark_errors_mm(marks.from_lps_mm, marks.to_lps_mm))

    @property
    def left_out_mm(self) -> tuple[float | None, ...]:
        """How far a fit to all other landmarks is off at each; None where they determine none."""
        from planner.compute.landmark_fit import left_out_errors_mm

        return tuple(float(e) if np.isfinite(e) else None for e in left_out_errors_mm(self.landmarks))

    def add(self, here_lps_mm: Point, shown_lps_mm: Point) -> None:
        """Add a pair: a place of the planning scan, and where the same is seen in the overlay."""
        pair, lying = self._following.pair, self._following.lying
        if pair is None or lying is None:
            return
        there = to_other(lying, pair.planning.id, np.array([shown_lps_mm]))[0]
        mark = LandmarkPair(here_lps_mm, (float(there[0]), float(there[1]), float(there[2])))
        self._following.keep_landmarks("Add landmark", self.landmarks.with_pair(mark))

    def remove(self, number: int) -> None:
        """Take a pair away; without any the error is what it was before."""
        self._following.keep_landmarks("Remove landmark", self.landmarks.without(number))

    # fitting -------------------------------------------------------------------------------

    def why_not_fit(self) -> str:
        """Why the scans cannot be fitted to the landmarks, or empty."""
        if self._following.pair is None:
            return "Add another scan of this patient first."
        count = len(self.landmarks.pairs)
        if count < 3:
            return f"A turn and a shift need three or more pairs of landmarks; there are {count}."
        return ""

    def fit(self) -> None:
        """Register the scans by the landmarks alone; can be undone.

        Raises
        ------
        InvalidValue
            If there are fewer than three pairs, or they lie on one line.
        """
        from planner.compute.landmark_fit import fitted_to_landmarks

        if why := self.why_not_fit():
            raise InvalidValue("The scans cannot be fitted to landmarks yet.", "", why)
        pair = self._following.pair
        assert pair is not None
        start = Registration.identity(pair.planning, pair.other)
        # Its error is by the landmarks, and is found anew whenever they change.
        fitted = fitted_to_landmarks(start, self.landmarks).unjudged
        self._following.show_registration(fitted, "Fit to landmarks")


def judged(registration: Registration, landmarks: Landmarks) -> Registration:
    """A registration with its error by landmarks, from its first scan; a fit to them by leaving each out.

    As it was before where there is no landmark; one or two never lower an error that is known otherwise.
    """
    from planner.compute.landmark_fit import BY_LANDMARKS, with_left_out_error

    plain = registration.unjudged
    if not landmarks.pairs:
        return plain
    found = plain.judged_by(landmarks.from_lps_mm, landmarks.to_lps_mm)
    assert found.error_mm is not None
    if registration.method != BY_LANDMARKS:
        is_chance = len(landmarks.pairs) <= FEW_LANDMARKS and found.error_mm < (plain.error_mm or 0.0)
        return replace(plain) if is_chance else found
    left_out = with_left_out_error(plain, landmarks)
    if BY_HAND in registration.notes and left_out.error_mm is not None and found.error_mm > left_out.error_mm:
        return found
    return left_out


def lying_words(registration: Registration | None, center_lps_mm: FloatArray, planning: str) -> str:
    """How another scan lies to the planning one, in words; None where they are as the scanners placed them."""
    if registration is None:
        return "Not registered: shown as the scanners placed them."
    there = to_other(registration, planning, center_lps_mm[None])[0]
    cosine = (np.trace(registration.rigid[:3, :3]) - 1.0) / 2.0
    turn = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    words = f"Shift {np.linalg.norm(there - center_lps_mm):.1f} mm, turn {turn:.1f}°"
    if registration.field is not None:
        words += f", deformed by up to {registration.field.largest_mm:.1f} mm"
    return f"{words} ({registration.method})"


def error_words(registration: Registration | None, count: int) -> str:
    """How well two scans fit, and by what that is known; with so many landmarks.

    An error by blocks of tissue is said to be the least there is.
    """
    from planner.compute.landmark_fit import BY_LANDMARKS

    if registration is None:
        return ""
    error_mm, within_mm = registration.error_mm, registration.within_90_mm
    if error_mm is None or within_mm is None:
        if registration.method == BY_LANDMARKS and count:
            return "Error not known: a fit to three landmarks needs a fourth that judges it."
        return "Error not known: mark landmarks in both scans."
    by = registration.error_basis
    doubt = "; a lower bound, landmarks say more" if by.startswith("estimated") else ""
    return f"Error {error_mm:.1f} mm, 90 % within {within_mm:.1f} mm: {by}{doubt}"
