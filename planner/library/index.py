"""The index of all cases: a SQLite file that can be deleted and rebuilt from the folders."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from platformdirs import user_data_path

from planner.base.errors import PlannerError
from planner.library.case_folder import is_case_folder, open_case_folder
from planner.model.case import Case

FILE_NAME = "library.sqlite"

_TABLE = """CREATE TABLE IF NOT EXISTS case_folder (
  path TEXT PRIMARY KEY, case_id TEXT NOT NULL, title TEXT NOT NULL, patient TEXT NOT NULL,
  modality TEXT NOT NULL, acquired TEXT NOT NULL, opened TEXT NOT NULL)"""


@dataclass(frozen=True)
class IndexEntry:
    """One case of the index."""

    path: Path
    case_id: str
    title: str
    patient: str
    modality: str
    acquired: str
    opened: str


class LibraryIndex:
    """Fast list, search and recent of case folders.

    Parameters
    ----------
    folder
        Where the index lies; the user's data folder by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or user_data_path("liver-planner", appauthor=False)

    @property
    def cases_folder(self) -> Path:
        """Where new cases are kept unless the user says otherwise."""
        return self._folder / "cases"

    def note(self, path: Path, case: Case) -> None:
        """Enter a case folder that was opened just now."""
        image = case.images[0] if case.images else None
        row = (
            str(path.resolve()),
            case.id,
            case.title,
            case.patient.name or case.patient.id,
            image.modality if image else "",
            image.acquired if image else "",
            datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        with self._connected() as connection:
            connection.execute("INSERT OR REPLACE INTO case_folder VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def recent(self, count: int = 12) -> tuple[IndexEntry, ...]:
        """The cases opened last, newest first; folders that are gone are left out."""
        return tuple(e for e in self.search("") if is_case_folder(e.path))[:count]

    def search(self, words: str) -> tuple[IndexEntry, ...]:
        """Cases whose title, patient or path holds all words, newest first."""
        condition, values = "1", []
        for word in words.split():
            condition += " AND (title || ' ' || patient || ' ' || path) LIKE ? ESCAPE '\\'"
            escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            values.append(f"%{escaped}%")
        query = f"SELECT * FROM case_folder WHERE {condition} ORDER BY opened DESC"
        with self._connected() as connection:
            rows = connection.execute(query, values).fetchall()
        return tuple(IndexEntry(Path(row[0]), *row[1:]) for row in rows)

    def forget(self, path: Path) -> None:
        """Take a folder from the index; the folder itself stays."""
        with self._connected() as connection:
            connection.execute("DELETE FROM case_folder WHERE path = ?", (str(path.resolve()),))

    def rebuild(self, *roots: Path) -> int:
        """Enter every case folder directly below the given folders; returns how many were found."""
        found = 0
        for root in roots or (self.cases_folder,):
            for path in sorted(root.iterdir()) if root.is_dir() else ():
                if is_case_folder(path):
                    with contextlib.suppress(PlannerError):
                        self.note(path, open_case_folder(path))
                        found += 1
        return found

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / FILE_NAME
        connection = sqlite3.connect(path, timeout=10)
        try:
            try:
                connection.execute(_TABLE)
            except sqlite3.DatabaseError:
                # A damaged index holds nothing that the case folders do not: make it anew.
                connection.close()
                path.unlink(missing_ok=True)
                connection = sqlite3.connect(path, timeout=10)
                connection.execute(_TABLE)
            with connection:
                yield connection
        finally:
            connection.close()
