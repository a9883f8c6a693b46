"""Coded terms (SNOMED CT, DICOM) that name a structure for other software."""

from __future__ import annotations

from dataclasses import dataclass

from planner.base.errors import InvalidValue


@dataclass(frozen=True)
class Code:
    """One coded concept.

    Parameters
    ----------
    value
        Code value, such as ``10200004``.
    scheme
        Coding scheme designator, such as ``SCT``.
    meaning
        Code meaning, such as ``Liver``.
    """

    value: str
    scheme: str
    meaning: str

    def __post_init__(self) -> None:
        if not (self.value and self.scheme and self.meaning):
            raise InvalidValue("A code needs a value, a scheme and a meaning.", repr(self))
