"""Running modules in the worker process: progress, cancel, kill, and answers that came too late."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planner.base.errors import PlannerError
from planner.base.log import log
from planner.model.assessment import ScalarField
from planner.model.case import Case
from planner.model.plan import Plan
from planner.plugin.message import (
    ArrayFiles,
    answer_of_document,
    case_message,
    picture_of_document,
    plan_message,
)

#: How long a cancelled run may take to stop by itself before its process is killed.
GRACE_S = 2.0

Document = dict[str, Any]


def worker_command() -> list[str]:
    """The command that starts a worker; in a bundle the executable itself with a hidden flag."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--module-worker"]
    return [sys.executable, "-m", "planner.plugin.worker"]


@dataclass
class Run:
    """One question to one module; exactly one of done, failed and cancelled is called, on a thread.

    Parameters
    ----------
    module
        Who is asked.
    on_progress, on_done, on_failed, on_cancelled
        Listeners; what is done is an `Assessment`, or a list of `Suggestion`.
    do
        ``assess``, ``simulate``, ``suggest`` or ``advise``.
    goal
        What a suggested plan should reach, or what advice is about.
    on_shown
        Called with pictures of unfinished work.
    """

    module: str
    on_progress: Callable[[float, str], None]
    on_done: Callable[[Any], None]
    on_failed: Callable[[PlannerError], None]
    on_cancelled: Callable[[], None]
    do: str = "assess"
    goal: Mapping[str, Any] = field(default_factory=dict)
    on_shown: Callable[[ScalarField], None] = lambda _: None
    id: int = 0
    is_over: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def end(self, call: Callable[[], None]) -> None:
        """Call a listener if none was called before."""
        with self._lock:
            if self.is_over:
                return
            self.is_over = True
        call()


class ModuleRunner:
    """Asks modules in one worker process, kept warm between questions.

    A new question of the same kind to the same module cancels and disowns the older one, so a late
    answer never overwrites a newer one.  A module that crashes or hangs takes its worker with it and nothing
    else: the next question starts another.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._folder = Path(tempfile.mkdtemp(prefix="liver-planner-"))
        self._files = ArrayFiles(self._folder)
        self._process: subprocess.Popen[str] | None = None
        self._runs: dict[int, Run] = {}
        self._requests: dict[int, Document] = {}
        self._numbers = itertools.count(1)
        self._message: tuple[Case, Document] | None = None

    def start(
        self,
        run: Run,
        case: Case,
        plan: Plan,
        settings: Mapping[str, Any],
    ) -> Run:
        """Ask a module about a plan; answers come to the run's listeners."""
        with self._lock:
            for older in [r for r in self._runs.values() if (r.module, r.do) == (run.module, run.do)]:
                self.cancel(older)
            run.id = next(self._numbers)
            if self._message is None or self._message[0] is not case:
                self._message = (case, case_message(case, self._files))
            self._runs[run.id] = run
            request = {
                "do": run.do,
                "id": run.id,
                "module": run.module,
                "case": self._message[1],
                "plan": plan_message(plan),
                "settings": dict(settings),
                "goal": dict(run.goal),
                "folder": tempfile.mkdtemp(dir=self._folder),
            }
            self._requests[run.id] = request
            self._send(request)
        return run

    def cancel(self, run: Run) -> None:
        """Stop a run and disown its answer; a worker that does not stop in time is killed."""
        with self._lock:
            if run.is_over:
                return
            run.end(run.on_cancelled)
            process = self._process
            if process is None:
                return
            with contextlib.suppress(OSError, ValueError):
                self._write(process, {"do": "cancel", "id": run.id})
        timer = threading.Timer(GRACE_S, self._kill_if_running, (process, run.id))
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """End the worker and remove what was written for it."""
        with self._lock:
            for run in list(self._runs.values()):
                run.end(run.on_cancelled)
            self._runs.clear()
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _send(self, request: Document) -> None:
        for attempt in (1, 2):
            if self._process is None or self._process.poll() is not None:
                self._process = self._spawn()
            try:
                self._write(self._process, request)
            except OSError:
                self._process = None
                if attempt == 2:
                    raise
            else:
                return

    @staticmethod
    def _write(process: subprocess.Popen[str], request: Document) -> None:
        assert process.stdin is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()

    def _spawn(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            worker_command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        threading.Thread(target=self._read, args=(process,), name="module-worker", daemon=True).start()
        return process

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                self._take(json.loads(line))
            except ValueError:
                log().warning("the worker wrote a line that is no answer")
        with self._lock:
            is_current = self._process is process
            lost = list(self._runs.values()) if is_current else []
            if is_current:
                self._runs.clear()
                self._process = None
        code = process.wait()
        for run in lost:
            error = PlannerError(
                "The module's process ended before it answered.",
                f"module '{run.module}', exit code {code}",
                "Your plan is unchanged. Try again; if it happens again, report it.",
            )
            run.end(lambda run=run, error=error: run.on_failed(error))  # type: ignore[misc]

    def _take(self, answer: Document) -> None:
        run = self._runs.get(answer["id"])
        if run is None:
            return
        if "progress" in answer:
            if not run.is_over:
                run.on_progress(*answer["progress"])
            return
        if "shown" in answer:
            if not run.is_over:
                run.on_shown(picture_of_document(answer["shown"]))
            return
        with self._lock:
            self._runs.pop(answer["id"], None)
            self._requests.pop(answer["id"], None)
        if "error" in answer:
            run.end(lambda: run.on_failed(PlannerError(*answer["error"])))
        elif "cancelled" in answer:
            run.end(run.on_cancelled)
        else:
            found = answer_of_document(answer["result"])
            run.end(lambda: run.on_done(found))

    def _kill_if_running(self, process: subprocess.Popen[str], id: int) -> None:
        """Kill a worker that did not stop in time; what waited behind is asked again of a new one."""
        with self._lock:
            if id not in self._runs or self._process is not process:
                return
            del self._runs[id]
            self._process = None
            process.kill()
            for run in list(self._runs.values()):
                if run.is_over:
                    del self._runs[run.id]
                    continue
                try:
                    self._send(self._requests[run.id])
                except OSError as error:
                    del self._runs[run.id]
                    lost = PlannerError("The module's process could not be started.", run.module, str(error))
                    run.end(lambda run=run, lost=lost: run.on_failed(lost))  # type: ignore[misc]
            self._requests = {n: r for n, r in self._requests.items() if n in self._runs}
