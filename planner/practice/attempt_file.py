"""Files of attempts: one attempt a line, appended; what was not written to its end costs nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from planner.base.errors import InputRefused, PlannerError
from planner.io.writing import write_atomically
from planner.practice.attempt_document import decode_attempt, encode_attempt
from planner.practice.attempts import Attempt

LARGEST_FILE_BYTES = 256_000_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class AttemptFile:
    """What a file of attempts holds.

    Parameters
    ----------
    path
        The file.
    attempts
        In the order they were added.
    troubles
        Of lines that cannot be read, one each; those attempts are left out.
    """

    path: Path
    attempts: tuple[Attempt, ...]
    troubles: tuple[PlannerError, ...] = ()


class AttemptNotKept(PlannerError):
    """An attempt could not be written where it belongs.

    Parameters
    ----------
    attempt
        It, so that it can be written somewhere else.
    """

    def __init__(self, attempt: Attempt, thing: str) -> None:
        super().__init__(
            "The attempt could not be kept.",
            thing,
            "Export it to another folder, or see that this one can be written to and has room.",
        )
        self.attempt = attempt

    def __reduce__(self) -> tuple[type[AttemptNotKept], tuple[Attempt, str]]:
        return (AttemptNotKept, (self.attempt, self.thing))


def read_attempts(path: Path) -> AttemptFile:
    """The attempts of a file, and what is wrong with lines that cannot be read; the file stays as it is.

    Raises
    ------
    InputRefused
        If the file cannot be read at all.
    """
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise InputRefused("The file is too large for attempts.", str(path), "Choose a .jsonl file.")
        content = path.read_bytes()
    except OSError as error:
        raise InputRefused(
            "The file of attempts cannot be read.", f"{path}: {error.strerror}", "Check the path."
        ) from None
    attempts: list[Attempt] = []
    troubles: list[PlannerError] = []
    for number, line in enumerate(content.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            attempts.append(decode_attempt(line, f"{path.name}, line {number}"))
        except InputRefused as error:
            todo = f"It is left out; all others are there. {error.todo}"
            troubles.append(InputRefused(error.what, error.thing, todo))
    return AttemptFile(path, tuple(attempts), tuple(troubles))


def append_attempt(path: Path, attempt: Attempt) -> None:
    """Add an attempt to a file that is there, synced to the disk.

    The file only grows: a line that was cut off before is ended, so that it costs no other one.

    Raises
    ------
    AttemptNotKept
        If it cannot be written; the attempt is handed back in the error.
    """
    line = encode_attempt(attempt) + b"\n"
    try:
        with path.open("rb") as stream:
            if stream.seek(0, os.SEEK_END) > 0:
                stream.seek(-1, os.SEEK_END)
                line = line if stream.read(1) == b"\n" else b"\n" + line
        # Unbuffered: the system is given the whole line in one call, between the lines of other windows.
        with path.open("ab", buffering=0) as stream:
            rest = memoryview(line)
            while rest:
                rest = rest[stream.write(rest) :]
            os.fsync(stream.fileno())
    except OSError as error:
        raise AttemptNotKept(attempt, f"{path}: {error.strerror or error}") from None


def write_attempts(path: Path, attempts: Iterable[Attempt]) -> None:
    """Write a whole file of attempts at once; raises `PlannerError` where it cannot be."""
    write_atomically(path, b"".join(encode_attempt(a) + b"\n" for a in attempts))
