"""What an import finds, takes, corrects and refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from planner.base.errors import InputRefused


class Verdict(StrEnum):
    """Whether a volume can be taken."""

    OK = "ok"
    CORRECTED = "corrected"
    REFUSED = "refused"


@dataclass(frozen=True)
class VolumeOffer:
    """A volume found in some files, with the verdict on it.

    Parameters
    ----------
    key
        Chooses it: the series instance UID (with what tells two volumes of a series apart), or
        the file's name.
    title
        Series description or file name.
    modality
        ``CT``, ``MR`` ...; empty where the file does not say.
    date
        ``YYYY-MM-DD``, or empty.
    shape
        Voxels along k, j, i; zeros where refused before that was known.
    spacing_mm
        Along i, j, k.
    file_count
        Number of files.
    verdict, notes
        Whether it can be taken, and what is corrected then.
    reason
        Why it is refused: what, which thing, what to do.
    """

    key: str
    title: str
    modality: str
    date: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    file_count: int
    verdict: Verdict
    notes: tuple[str, ...] = ()
    reason: tuple[str, str, str] = ("", "", "")

    @property
    def line(self) -> str:
        """The offer in one line."""
        k, j, i = self.shape
        size = (
            f"{i} x {j} x {k}, " + "/".join(f"{s:.3g}" for s in self.spacing_mm) + " mm" if k else "no volume"
        )
        text = f"{self.key}: {self.title or 'no description'}, {self.modality or '?'}, {size}"
        text += f", {self.file_count} file{'s' if self.file_count != 1 else ''}, {self.verdict.value}"
        return f"{text} ({self.reason[0]})" if self.verdict is Verdict.REFUSED else text

    @property
    def error(self) -> InputRefused:
        """The reason as an error."""
        return InputRefused(*self.reason)


@dataclass
class Findings:
    """Collects what happens in an import, in words."""

    taken: list[str] = field(default_factory=list)
    corrected: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ImportReport:
    """What an import took, corrected, and refused, in words."""

    taken: tuple[str, ...] = ()
    corrected: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def in_words(error: InputRefused) -> str:
    """An error in one line."""
    return " ".join(
        part for part in (error.what, f"[{error.thing}]" if error.thing else "", error.todo) if part
    )
