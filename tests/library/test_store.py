"""The store: versions never overwritten, the journal, one writer, killed processes, full disks."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from planner.base.errors import InputRefused, PlannerError
from planner.library.lock import CaseIsOpen, CaseLock, FolderNotWritable, read_holder
from planner.library.store import Store
from planner.model.plan import Applicator, Plan


def plan(tip: float = 5.0, name: str = "A") -> Plan:
    return Plan(name, "c1", (Applicator("p1", "any", (0, -80, 0), (0, tip, 0), {"power_w": 100}),))


def test_each_save_is_a_new_version(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert [store.save_plan(plan(t)) for t in (1, 2, 3)] == [1, 2, 3]
    assert store.plan("A") == plan(3)
    assert store.plan("A", 1) == plan(1)
    with pytest.raises(InputRefused, match="no such plan"):
        store.plan("A", 9)
    assert [row[2] for row in store.audit_trail()] == ["save plan"] * 3
    store.close()


def test_the_journal_offers_the_newest_unsaved_edit(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save_plan(plan(1))
    store.journal(plan(2), "move")
    store.journal(plan(3), "move again")
    store.journal(plan(7, "B"), "new")
    assert [(e.label, e.plan) for e in store.unfinished_edits()] == [
        ("move again", plan(3)),
        ("new", plan(7, "B")),
    ]
    store.save_plan(plan(3))
    assert [e.plan.name for e in store.unfinished_edits()] == ["B"]
    store.settle_journal()
    assert store.unfinished_edits() == ()
    store.close()


def test_a_read_only_store_never_writes(tmp_path: Path) -> None:
    assert Store(tmp_path, read_only=True).plan_versions() == ()
    assert not (tmp_path / "store.sqlite").exists()
    Store(tmp_path).close()
    store = Store(tmp_path, read_only=True)
    with pytest.raises(PlannerError, match="read-only"):
        store.save_plan(plan())
    store.close()


def test_a_damaged_and_a_later_store_are_refused(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"garbage " * 1000)
    with pytest.raises(InputRefused, match="cannot be read"):
        Store(tmp_path)
    later = tmp_path / "later"
    later.mkdir()
    store = Store(later)
    store._connection.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(InputRefused, match="later version"):
        Store(later)


SAVER = """
import sys, itertools
from pathlib import Path
from planner.library.store import Store
from planner.model.plan import Applicator, Plan
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
for n in itertools.count(1):
    probe = Applicator("p1", "any", (0, -80, 0), (0, float(n), 0))
    version = store.save_plan(Plan("A", "c1", (probe,), notes="x" * 20000))
    print(version, flush=True)
    store.journal(Plan("B", "c1", (probe,)), "edit")
"""


def test_kill_during_save_50_times_loses_nothing(tmp_path: Path) -> None:
    """What was said to be saved is there, whole, after every one of 50 kills at varied moments."""
    said = 0
    for attempt in range(50):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdout.readline()
        time.sleep(0.0007 * attempt)
        process.send_signal(signal.SIGKILL)
        rest = [int(line) for line in process.stdout.read().split() if line.isdigit()]
        process.wait()
        process.stdout.close()
        store = Store(tmp_path)
        versions = [v.version for v in store.plan_versions("A")]
        assert versions == list(range(1, len(versions) + 1))
        assert len(versions) >= max([said, *rest])
        said = len(versions)
        for version in versions[-3:]:
            assert len(store.plan("A", version).notes) == 20000
        assert all(e.plan.name == "B" for e in store.unfinished_edits())
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        store.close()
    assert said >= 50


FULL = """
import resource, signal, sys
from pathlib import Path
from planner.base.errors import PlannerError
from planner.library.store import Store
from planner.io.plan_file import write_plan
from planner.model.plan import Plan
folder = Path(sys.argv[1])
store = Store(folder)
store.save_plan(Plan("A", "c1", notes="first"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (80000, 80000))
big = Plan("A", "c1", notes="y" * 300000)
for save in (lambda: store.save_plan(big), lambda: write_plan(big, folder / "a.plan.json")):
    try:
        save()
        print("saved")
    except PlannerError as error:
        print("refused:", error.what)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX")
def test_a_full_disk_is_said_and_keeps_what_was_there(tmp_path: Path) -> None:
    assert resource.RLIMIT_FSIZE is not None
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert [line.split(":")[0] for line in run.stdout.splitlines()] == ["refused", "refused"], (
        run.stdout + run.stderr
    )
    assert not list(tmp_path.glob("*.plan.json"))
    assert not list(tmp_path.glob(".writing*"))
    store = Store(tmp_path)
    assert store.plan("A").notes == "first"
    assert len(store.plan_versions()) == 1
    store.close()


def test_one_writer_a_folder(tmp_path: Path) -> None:
    lock = CaseLock(tmp_path)
    with pytest.raises(CaseIsOpen) as caught:
        CaseLock(tmp_path)
    assert not caught.value.holder.is_stale
    with pytest.raises(CaseIsOpen):
        CaseLock(tmp_path, take_over=True)
    lock.release()
    lock.release()
    CaseLock(tmp_path).release()
    assert read_holder(tmp_path) is None


def test_the_lock_of_a_killed_process_can_be_taken_over(tmp_path: Path) -> None:
    code = f"from planner.library.lock import CaseLock; from pathlib import Path; import os; CaseLock(Path({str(tmp_path)!r})); os._exit(9)"
    subprocess.run([sys.executable, "-c", code], check=False)
    with pytest.raises(CaseIsOpen) as caught:
        CaseLock(tmp_path)
    assert caught.value.holder.is_stale
    lock = CaseLock(tmp_path, take_over=True)
    assert lock.is_held
    lock.release()


def test_a_damaged_lock_file_reads_as_stale(tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_text("{")
    holder = read_holder(tmp_path)
    assert holder is not None
    assert holder.is_stale
    (tmp_path / "lock.json").write_text(
        json.dumps({"host": "elsewhere", "process": 1, "token": "x", "heartbeat": time.time()})
    )
    holder = read_holder(tmp_path)
    assert holder is not None
    assert not holder.is_stale


def test_a_folder_that_cannot_be_written_to_says_it_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_words: object, **_more: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(FolderNotWritable, match="cannot be written to") as error:
        CaseLock(tmp_path)
    assert "read-only" in error.value.todo
