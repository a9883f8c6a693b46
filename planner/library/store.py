"""The case folder's SQLite store: plan versions, case versions, the journal and the audit trail."""

from __future__ import annotations

import contextlib
import getpass
import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from planner.base.errors import InputRefused, PlannerError
from planner.io.plan_file import decode_plan, encode_plan
from planner.model.plan import Plan

FILE_NAME = "store.sqlite"
SCHEMA_VERSION = 1

_TABLES = """
CREATE TABLE plan (
  name TEXT NOT NULL, version INTEGER NOT NULL, saved TEXT NOT NULL, author TEXT NOT NULL,
  document TEXT NOT NULL, PRIMARY KEY (name, version));
CREATE TABLE case_version (
  version INTEGER PRIMARY KEY AUTOINCREMENT, saved TEXT NOT NULL, label TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE journal (
  id INTEGER PRIMARY KEY AUTOINCREMENT, changed TEXT NOT NULL, label TEXT NOT NULL,
  name TEXT NOT NULL, document TEXT NOT NULL, settled INTEGER NOT NULL DEFAULT 0);
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT, happened TEXT NOT NULL, who TEXT NOT NULL,
  action TEXT NOT NULL, detail TEXT NOT NULL);
"""


@dataclass(frozen=True)
class PlanVersion:
    """One saved version of a plan."""

    name: str
    version: int
    saved: str
    author: str


@dataclass(frozen=True)
class UnfinishedEdit:
    """The last journalled change that no save followed."""

    changed: str
    label: str
    plan: Plan


class Store:
    """Plan versions, journal and audit trail of one case folder.

    Every write is one transaction with full synchronisation, so a killed process leaves either
    the whole of it or nothing.

    Parameters
    ----------
    folder
        The case folder.
    read_only
        Never writes; a folder without a store reads as an empty one.

    Raises
    ------
    InputRefused
        If the store is damaged or was written by a later version.
    """

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.RLock()
        self.read_only = read_only
        try:
            self._connection = self._connect()
            self._check_schema()
        except sqlite3.DatabaseError as error:
            raise InputRefused(
                "The store of the case cannot be read.",
                f"{self._path}: {error}",
                "Copy the case folder from a backup; the plans are in this file.",
            ) from error

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            self._connection.close()

    # plans ---------------------------------------------------------------------------------

    def save_plan(self, plan: Plan) -> int:
        """Keep a plan as a new version; returns the version's number, from 1."""
        with self._writing("save plan") as connection:
            row = connection.execute("SELECT max(version) FROM plan WHERE name = ?", (plan.name,)).fetchone()
            version = (row[0] or 0) + 1
            connection.execute(
                "INSERT INTO plan VALUES (?, ?, ?, ?, ?)",
                (plan.name, version, _now(), plan.author, encode_plan(plan)),
            )
            connection.execute("UPDATE journal SET settled = 1 WHERE name = ?", (plan.name,))
            _audit(connection, "save plan", f"{plan.name}@{version}")
        return int(version)

    def plan_versions(self, name: str | None = None) -> tuple[PlanVersion, ...]:
        """All saved versions (of a name), oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT name, version, saved, author FROM plan WHERE ? IS NULL OR name = ? ORDER BY saved, version",
                (name, name),
            ).fetchall()
        return tuple(PlanVersion(*row) for row in rows)

    def plan(self, name: str, version: int | None = None) -> Plan:
        """A saved plan, the latest version unless one is named.

        Raises
        ------
        InputRefused
            If there is none.
        """
        with self._lock:
            row = self._connection.execute(
                "SELECT document, version FROM plan WHERE name = ? AND (? IS NULL OR version = ?)"
                " ORDER BY version DESC LIMIT 1",
                (name, version, version),
            ).fetchone()
        if row is None:
            names = sorted({v.name for v in self.plan_versions()})
            wanted = name if version is None else f"{name}@{version}"
            raise InputRefused(
                "The case has no such plan.",
                wanted,
                f"Choose one of: {', '.join(names) or 'none saved yet'}.",
            )
        return decode_plan(row[0], f"{name}@{row[1]}")

    # journal -------------------------------------------------------------------------------

    def journal(self, plan: Plan, label: str) -> None:
        """Keep an unfinished edit, so that it can be offered again after a crash."""
        with self._writing("journal") as connection:
            connection.execute(
                "INSERT INTO journal (changed, label, name, document) VALUES (?, ?, ?, ?)",
                (_now(), label, plan.name, encode_plan(plan)),
            )

    def unfinished_edits(self) -> tuple[UnfinishedEdit, ...]:
        """The newest unsaved state of each plan that has one, newest last."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT changed, label, document, name FROM journal WHERE id IN"
                " (SELECT max(id) FROM journal WHERE settled = 0 GROUP BY name) ORDER BY id"
            ).fetchall()
        return tuple(UnfinishedEdit(r[0], r[1], decode_plan(r[2], f"journal of {r[3]}")) for r in rows)

    def settle_journal(self, name: str | None = None) -> None:
        """Say that unsaved edits (of a plan) were saved or given up on purpose."""
        with self._writing("settle journal") as connection:
            connection.execute("UPDATE journal SET settled = 1 WHERE ? IS NULL OR name = ?", (name, name))

    # case ----------------------------------------------------------------------------------

    def keep_case_version(self, document: dict[str, Any], label: str) -> int:
        """Keep a case document as a new version; returns its number."""
        with self._writing("keep case") as connection:
            cursor = connection.execute(
                "INSERT INTO case_version (saved, label, document) VALUES (?, ?, ?)",
                (_now(), label, json.dumps(document)),
            )
            _audit(connection, "edit case", label)
        return int(cursor.lastrowid or 0)

    def case_documents(self) -> tuple[dict[str, Any], ...]:
        """All kept case documents, oldest first."""
        with self._lock:
            rows = self._connection.execute("SELECT document FROM case_version ORDER BY version").fetchall()
        return tuple(json.loads(row[0]) for row in rows)

    def audit(self, action: str, detail: str = "") -> None:
        """Add a line to the audit trail."""
        with self._writing("audit") as connection:
            _audit(connection, action, detail)

    def audit_trail(self) -> tuple[tuple[str, str, str, str], ...]:
        """Time, who, action and detail of all that happened, oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT happened, who, action, detail FROM audit ORDER BY id"
            ).fetchall()
        return tuple(rows)

    # the file ------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        if self.read_only:
            if not self._path.exists():
                connection = sqlite3.connect(":memory:", check_same_thread=False)
                connection.executescript(_TABLES + f"PRAGMA user_version = {SCHEMA_VERSION};")
                return connection
            uri = self._path.resolve().as_uri() + "?mode=ro"
            return sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None, timeout=10)
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=10)
        # A rollback journal, not WAL: WAL needs shared memory, which network shares do not have.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _check_schema(self) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise InputRefused(
                f"The case was written by a later version of Liver Planner (store {version}).",
                str(self._path),
                "Update Liver Planner.",
            )
        if version == 0 and not self.read_only:
            with self._writing("create") as connection:
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextlib.contextmanager
    def _writing(self, what: str) -> Iterator[sqlite3.Connection]:
        if self.read_only:
            raise PlannerError(
                "The case is open read-only.",
                f"{self._path.parent.name}: {what}",
                "Save a copy of the case instead.",
            )
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.OperationalError as error:
                raise PlannerError(
                    "The case's store could not be written; nothing was changed in it.",
                    f"{self._path}: {error}",
                    "Make room on the disk or check the folder's permissions, then save again.",
                ) from error


def _audit(connection: sqlite3.Connection, action: str, detail: str) -> None:
    connection.execute(
        "INSERT INTO audit (happened, who, action, detail) VALUES (?, ?, ?, ?)",
        (_now(), _user(), action, detail),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
