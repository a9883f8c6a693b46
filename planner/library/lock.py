"""One writer a case folder: a lock file with host, process and heartbeat.

SQLite's own locks cannot be relied on over network shares, so the folder carries its own.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from planner.base.errors import PlannerError
from planner.io.writing import write_atomically

FILE_NAME = "lock.json"
HEARTBEAT_S = 5.0
#: A lock whose heart has not beaten for so long belongs to a process that is gone or hangs.
STALE_AFTER_S = 60.0


@dataclass(frozen=True)
class LockHolder:
    """Who holds a lock."""

    host: str
    process: int
    token: str
    heartbeat: float

    @property
    def is_stale(self) -> bool:
        """Whether the holder is gone, as far as can be told from here."""
        if self.host == socket.gethostname() and not _is_running(self.process):
            return True
        return time.time() - self.heartbeat > STALE_AFTER_S


class CaseIsOpen(PlannerError):
    """The case is open for writing elsewhere."""

    def __init__(self, folder: Path, holder: LockHolder) -> None:
        super().__init__(
            "The case is open elsewhere.",
            f"{folder.name}: on {holder.host}, process {holder.process}",
            "Close it there, or go on here without saving into it.",
        )
        self.holder = holder


class FolderNotWritable(PlannerError):
    """The case folder cannot be written to; it can be read."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            "The case folder cannot be written to.",
            f"{folder}: {reason}",
            "Open it read-only, or copy it to a folder of your own.",
        )


class CaseLock:
    """Holds a case folder for writing until `release`.

    Parameters
    ----------
    folder
        The case folder.
    take_over
        Take a stale lock; a living one is never taken.

    Raises
    ------
    CaseIsOpen
        If somebody holds it; its ``holder`` says who, and whether the lock is stale.
    """

    def __init__(self, folder: Path, take_over: bool = False) -> None:
        self._path = folder / FILE_NAME
        self._token = uuid.uuid4().hex
        self._stop = threading.Event()
        if not self._create():
            holder = read_holder(folder)
            if holder is not None and not (holder.is_stale and take_over):
                raise CaseIsOpen(folder, holder)
            self._path.unlink(missing_ok=True)
            if not self._create():
                raise CaseIsOpen(folder, read_holder(folder) or self._holder())
        self._thread = threading.Thread(target=self._beat, name="case-lock", daemon=True)
        self._thread.start()

    @property
    def is_held(self) -> bool:
        """Whether the folder still carries this lock (nobody took it over)."""
        holder = read_holder(self._path.parent)
        return holder is not None and holder.token == self._token

    def release(self) -> None:
        """Give the folder free; safe to call twice."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        if self.is_held:
            self._path.unlink(missing_ok=True)

    def _holder(self) -> LockHolder:
        return LockHolder(socket.gethostname(), os.getpid(), self._token, time.time())

    def _create(self) -> bool:
        try:
            handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        except OSError as error:
            raise FolderNotWritable(self._path.parent, error.strerror or str(error)) from error
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(asdict(self._holder()), stream)
            stream.flush()
            os.fsync(stream.fileno())
        return True

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            if not self.is_held:
                return
            try:
                write_atomically(self._path, json.dumps(asdict(self._holder())).encode())
            except PlannerError:
                # A full disk must not end the session; the next beat tries again.
                continue


def read_holder(folder: Path) -> LockHolder | None:
    """Who holds a case folder, or None; a damaged lock file reads as a stale holder."""
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return LockHolder(**json.loads(text))
    except (ValueError, TypeError):
        return LockHolder("unknown", 0, "", path.stat().st_mtime - STALE_AFTER_S)


def _is_running(process: int) -> bool:
    if process <= 0:
        return False
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
