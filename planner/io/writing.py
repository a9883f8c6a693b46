"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from planner.base.errors import PlannerError


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path``; synced and renamed to it where the block succeeds.

    Raises
    ------
    PlannerError
        If the folder cannot be written or the disk is full; nothing is left behind then.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".writing-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            _sync(temporary)
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise PlannerError(
            "The file could not be written.",
            f"{path}: {error.strerror or error}",
            "Check that the folder can be written to and that the disk has room, or choose another folder.",
        ) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a whole file at once; raises `PlannerError` where it cannot be."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _sync(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
