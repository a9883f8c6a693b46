"""Two scans of one patient laid over each other: registered, looked at, corrected by hand, measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from psygnal import Signal

from planner.base.errors import PlannerError
from planner.model.geometry import FloatArray
from planner.model.image import Image
from planner.model.landmarks import Landmarks
from planner.model.plan import Point
from planner.model.registration import FitError, Registration
from planner.model.roles import Role
from planner.session.landmarking import error_words, judged, lying_words
from planner.session.scan_pairs import (
    BY_HAND,
    LaidOver,
    Moves,
    NextClick,
    ScanPair,
    is_forward,
    movement,
    names_of,
)
from planner.session.session import Session

#: A slice's corner has room for so much of a title.
TITLE_LETTERS = 16
NO_MOVES: Moves = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class _Made:
    """How a registration came about.

    Parameters
    ----------
    registration
        As it is kept.
    base, moves
        What the hand corrects, and by how much.
    """

    registration: Registration
    base: Registration
    moves: Moves = NO_MOVES


class FollowingUp:
    """Lays another scan of the case over the planning scan.

    Parameters
    ----------
    session
        Whose case keeps the registration.
    """

    changed = Signal()
    look_changed = Signal()
    pointed = Signal(object, object)

    def __init__(self, session: Session) -> None:
        self.session = session
        self.is_on = False
        self.laid: LaidOver | None = None
        self.share = 0.5
        self.is_checkered = False
        self.next_click = NextClick.NOTHING
        self._other = ""
        self._made: list[_Made] = []
        self._identity: Registration | None = None

    def switch(self, is_on: bool) -> None:
        """Begin or end the mode; with it go the overlay and what waited for a click."""
        self.is_on = is_on
        if is_on and self.session.is_open and self.planning is not None:
            self.session.selection.choose(image=self.planning.id)
        if not is_on:
            self.laid = None
        self.wait_for(NextClick.NOTHING)

    def clear(self) -> None:
        """Forget all, as when another case is opened."""
        self.laid, self._other, self._made, self._identity = None, "", [], None
        self.wait_for(NextClick.NOTHING)

    # the two scans -------------------------------------------------------------------------

    @property
    def planning(self) -> Image | None:
        """The scan plans are made on."""
        return self.session.case.planning_image

    @property
    def others(self) -> tuple[Image, ...]:
        """The case's scans but the planning one."""
        planning = self.planning
        return tuple(i for i in self.session.case.images if i is not planning)

    @property
    def pair(self) -> ScanPair | None:
        """The planning scan and the chosen other one (the newest by default); None without either."""
        planning, others = self.planning, self.others
        if planning is None or not others:
            return None
        chosen = next((i for i in others if i.id == self._other), others[-1])
        return ScanPair(self.session.case, planning, chosen)

    def choose_other(self, id: str) -> None:
        """Look at another of the scans."""
        if id != self._other:
            self._other, self.laid = id, None
            self.wait_for(NextClick.NOTHING)

    @property
    def registration(self) -> Registration | None:
        """How the two scans lie to each other, where that was found out."""
        pair = self.pair
        return None if pair is None else pair.case.registration(pair.planning.id, pair.other.id)

    @property
    def lying(self) -> Registration | None:
        """The registration, or the scans as the scanners placed them; None without another scan."""
        pair = self.pair
        if pair is None:
            return None
        found = pair.case.registration(pair.planning.id, pair.other.id)
        if found is not None:
            return found
        known = self._identity
        if known is None or (known.from_image, known.to_image) != (pair.planning.id, pair.other.id):
            self._identity = Registration.identity(pair.planning, pair.other)
        return self._identity

    # registering ---------------------------------------------------------------------------

    def why_not_register(self, is_local: bool) -> str:
        """Why the two scans cannot be registered, or empty."""
        pair = self.pair
        if pair is None:
            return "Add another scan of this patient first."
        if is_local and not names_of(pair.case, Role.LIVER):
            return "Outline the liver first: only it is deformed."
        if is_local and pair.planning.modality != pair.other.modality:
            return f"{pair.planning.modality} and {pair.other.modality}: deformation is found in scans of one kind."
        return ""

    def show_registration(self, registration: Registration, label: str = "") -> None:
        """Keep a registration with the case; can be undone. Landmarks that are there judge it."""
        label = label or ("Register locally" if registration.field is not None else "Register")
        if registration.estimate is None and registration.error_mm is not None:
            basis = registration.error_basis or "as it was given"
            registration = registration.estimated(FitError.of_rms(registration.error_mm, basis))
        self._keep(label, registration, registration, NO_MOVES)

    def keep_landmarks(self, label: str, landmarks: Landmarks) -> None:
        """Keep landmarks of the two scans with the case, and the registration as they judge it."""
        lying = self.lying
        assert lying is not None
        made = self._made_of(lying)
        self._keep(label, lying, made.base, made.moves, landmarks)

    def show_laid_over(self, laid: LaidOver) -> None:
        """Show the other scan over the slices; one that was laid by an older registration is not shown."""
        if self.is_on and self._is_of_now(laid):
            self.laid = laid
            self.changed.emit()
            self.look_changed.emit()

    @property
    def is_laid_old(self) -> bool:
        """Whether the overlay is missing, or of another scan or registration than what is there now."""
        if self.pair is None or self.lying is None:
            return False
        return self.laid is None or not self._is_of_now(self.laid)

    def _is_of_now(self, laid: LaidOver) -> bool:
        """Whether an overlay is of the two scans as they lie to each other now."""
        pair = self.pair
        if pair is None or laid.registration is not self.lying:
            return False
        return (laid.planning, laid.other) == (pair.planning.id, pair.other.id)

    # looking -------------------------------------------------------------------------------

    def look(self, share: float | None = None, is_checkered: bool | None = None) -> None:
        """How much of the other scan is seen (0..1), and whether as a checkerboard."""
        self.share = self.share if share is None else min(max(share, 0.0), 1.0)
        self.is_checkered = self.is_checkered if is_checkered is None else is_checkered
        self.look_changed.emit()

    @property
    def shown_share(self) -> float:
        """How much of the other scan is seen now: all of it while a click is to be made on it."""
        waits = (NextClick.LANDMARK_THERE, NextClick.ZONE, NextClick.NEEDLE_ENTRY, NextClick.NEEDLE_TIP)
        return 1.0 if self.next_click in waits else self.share

    def look_key(self, image: Image) -> tuple[Any, ...]:
        """What the picture of an image depends on here; empty where nothing is laid over it."""
        if not self.is_on or self.laid is None or self.laid.planning != image.id:
            return ()
        is_checkered = self.is_checkered and self.next_click == NextClick.NOTHING
        return (self.laid, self.shown_share, is_checkered)

    @property
    def look_words(self) -> str:
        """What is laid over the planning scan and how, for a slice's corner."""
        if not self.is_on or self.laid is None or self.pair is None or self.shown_share <= 0.0:
            return ""
        title = self.pair.other.title
        title = title if len(title) <= TITLE_LETTERS else f"{title[: TITLE_LETTERS - 1]}…"
        if self.shown_share >= 1.0:
            return title
        if self.is_checkered and self.next_click == NextClick.NOTHING:
            return f"{title} in squares"
        return f"{title} {100 * self.shown_share:.0f} %"

    # clicking ------------------------------------------------------------------------------

    def wait_for(self, click: NextClick) -> None:
        """Say what the next click in a slice means."""
        self.next_click = click
        self.changed.emit()
        self.look_changed.emit()

    def click(self, lps_mm: Point) -> None:
        """Take a click; points lie in the planning scan, whatever is laid over it.

        Raises
        ------
        PlannerError
            If another scan than the planning one is shown.
        """
        asked = self.next_click
        shown, planning = self.session.case.image(self.session.selection.image), self.planning
        if planning is None or shown is not planning:
            raise PlannerError(
                "This place is clicked on the planning scan; the other one is laid over it.",
                shown.title,
                "Choose the planning scan in the list of series.",
            )
        if asked != NextClick.NOTHING:
            self.pointed.emit(asked, lps_mm)

    # correcting ----------------------------------------------------------------------------

    @property
    def moves(self) -> Moves:
        """By what the registration was corrected by hand: left, back, head mm; turns about these axes deg."""
        return self._made_of(self.lying).moves if self.lying is not None else NO_MOVES

    def correct(self, moves: Moves) -> None:
        """Move the other scan's picture by hand, against how it was registered; can be undone."""
        pair, lying = self.pair, self.lying
        if pair is None or lying is None or moves == self.moves:
            return
        made = self._made_of(lying)
        base = made.base
        matrix = movement(moves, self.center_lps_mm)
        corrected = base
        if any(moves):
            if is_forward(base, pair):
                back = np.linalg.inv(matrix)
                corrected = base.with_correction(base.rigid @ back @ np.linalg.inv(base.rigid), BY_HAND)
            else:
                corrected = base.with_correction(matrix, BY_HAND)
        self._keep("Correct registration", corrected, base, moves)

    @property
    def center_lps_mm(self) -> FloatArray:
        """The middle of the liver's box, or of the planning scan: turns are made about it."""
        pair = self.pair
        assert pair is not None
        livers = names_of(pair.case, Role.LIVER)
        if livers:
            structures = pair.case.structures
            return structures.grid.cropped(structures.box(livers[0])).center_lps_mm
        return pair.planning.grid.center_lps_mm

    # words ---------------------------------------------------------------------------------

    @property
    def lying_words(self) -> str:
        """How the other scan lies to the planning one, in words."""
        pair = self.pair
        if pair is None:
            return "There is no other scan in this case yet."
        return lying_words(self.registration, self.center_lps_mm, pair.planning.id)

    @property
    def error_words(self) -> str:
        """How well they fit, and by what that is known."""
        pair = self.pair
        if pair is None:
            return ""
        return error_words(
            self.registration, len(pair.case.landmarks_of(pair.planning.id, pair.other.id).pairs)
        )

    # keeping -------------------------------------------------------------------------------

    def _keep(
        self,
        label: str,
        registration: Registration,
        base: Registration,
        moves: Moves,
        landmarks: Landmarks | None = None,
    ) -> None:
        pair = self.pair
        assert pair is not None
        marks = landmarks or pair.case.landmarks_of(pair.planning.id, pair.other.id)
        # Always another object, by which this step is found again after an undo.
        found = judged(registration, marks.starting(registration.from_image))
        self._made.append(_Made(found, base, moves))
        self.session.change_case(label, pair.case.with_landmarks(marks).with_registration(found))
        self.changed.emit()

    def _made_of(self, registration: Registration | None) -> _Made:
        assert registration is not None
        for made in reversed(self._made):
            if made.registration is registration:
                return made
        return _Made(registration, registration)
