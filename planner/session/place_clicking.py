"""Places of the liver that Couinaud's planes go through, clicked in the slices one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from psygnal import Signal

from planner.model.points import Point
from planner.session.segmenting import Segmenting
from planner.session.session import Session


@dataclass(frozen=True)
class KnownPlace:
    """One of the places.

    Parameters
    ----------
    word, title
        Its word, and what a person is asked for.
    is_needed
        Whether the planes cannot do without it.
    is_clicked
        Whether a person clicked it; else it was read from named vessels, or is not known.
    lps_mm
        Where; None where it is not known.
    """

    word: str
    title: str
    is_needed: bool
    is_clicked: bool
    lps_mm: Point | None


class PlaceClicking:
    """Waits for the click on one place after the other; each is a change of the case that can be undone.

    Parameters
    ----------
    session
        Whose case keeps them.
    segmenting
        Knows the places that are read from vessels.
    """

    changed = Signal()

    def __init__(self, session: Session, segmenting: Segmenting) -> None:
        self._session, self._segmenting = session, segmenting
        self.word = ""

    @property
    def places(self) -> tuple[KnownPlace, ...]:
        """All of them, in the order they are asked for."""
        from planner.planning.couinaud_landmarks import LANDMARKS, NEEDED

        session = self._session
        if not session.is_open or not session.case.structure_sets:
            return ()
        known, clicked = self._segmenting.places.places, session.case.liver_places
        return tuple(
            KnownPlace(word, title, word in NEEDED, word in clicked, known.get(word))
            for word, title in LANDMARKS.items()
        )

    def start(self, word: str) -> None:
        """Wait for the click on a place; asking again for the same stops waiting.

        Raises
        ------
        PlannerError
            If the shown scan has another frame of reference than the structures.
        """
        self._session.check_frame(self._session.selection.image)
        self.word = "" if word == self.word else word
        self.changed.emit()

    def stop(self) -> None:
        """Wait no more."""
        if self.word:
            self.word = ""
            self.changed.emit()

    def click(self, lps_mm: Point) -> None:
        """Take the place that is waited for, and wait for the next one that is not known.

        Raises
        ------
        PlannerError
            If the shown scan has another frame of reference than the structures.
        """
        self._session.check_frame(self._session.selection.image)
        word = self.word
        self._session.change_case(
            f"Click {word.replace('_', ' ')}", self._session.case.with_liver_place(word, lps_mm)
        )
        self.word = next((p.word for p in self.places if p.lps_mm is None), "")
        self.changed.emit()

    def forget(self, word: str) -> None:
        """Take a clicked place back; what is read from vessels stands in its stead."""
        self._session.change_case(
            f"Forget {word.replace('_', ' ')}", self._session.case.with_liver_place(word, None)
        )
        self.changed.emit()
