"""Starts, watches and stops the child process of an import."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.base.errors import InputRefused
from planner.base.task import Task

_BOOT = "import sys; sys.path.append(sys.argv[1]); from planner.io.child import main; main()"
_WAIT_S = 0.05


@dataclass(frozen=True)
class Limits:
    """What an import may take."""

    memory_bytes: int = 4 << 30
    seconds: int = 900


def child_command() -> list[str]:
    """The command that starts the child.

    It runs isolated (``-I``): neither the current folder, nor the environment, nor what stands in
    an opened folder can be imported.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, "--reader-child"]
    return [sys.executable, "-I", "-c", _BOOT, str(Path(__file__).resolve().parents[2])]


def run_in_child(job: dict[str, Any], task: Task, limits: Limits | None = None) -> dict[str, Any]:
    """Do a job of `planner.io.reading` in a child process; its answer.

    Raises
    ------
    InputRefused
        If the input is refused, or its reader crashed, hung or asked for too much memory.
    Cancelled
        If the task was cancelled; the child is gone then.
    """
    limits = limits or Limits()
    line = json.dumps({**job, "memory_bytes": limits.memory_bytes, "seconds": limits.seconds})
    with tempfile.TemporaryFile() as trouble, tempfile.TemporaryDirectory(prefix="liver-planner-") as home:
        process = subprocess.Popen(
            child_command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=trouble,
            cwd=home,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        try:
            return _watched(process, line, task, limits, job)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _watched(
    process: subprocess.Popen[bytes], line: str, task: Task, limits: Limits, job: dict[str, Any]
) -> dict[str, Any]:
    """Follow the child's lines until its answer."""
    answers: queue.Queue[bytes | None] = queue.Queue()

    def listen() -> None:
        assert process.stdout is not None
        for answer in process.stdout:
            answers.put(answer)
        answers.put(None)

    threading.Thread(target=listen, name="reader-process", daemon=True).start()
    assert process.stdin is not None
    try:
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass  # it died at once; told below
    deadline = time.monotonic() + limits.seconds
    while True:
        task.check()
        if time.monotonic() > deadline:
            raise _failed(job, f"it did not end within {limits.seconds} s")
        try:
            answer = answers.get(timeout=_WAIT_S)
        except queue.Empty:
            continue
        if answer is None:
            raise _failed(job, f"it ended without an answer (code {process.wait()})")
        message = json.loads(answer)
        if "fraction" in message:
            task.report(message["fraction"], message["text"])
        elif "refused" in message:
            raise InputRefused(*message["refused"])
        elif "exhausted" in message:
            raise _failed(job, f"it asks for more than {limits.memory_bytes >> 20} MB of memory")
        elif "result" in message:
            result: dict[str, Any] = message["result"]
            return result


def _failed(job: dict[str, Any], reason: str) -> InputRefused:
    paths = job.get("paths") or job["job"]["paths"]
    return InputRefused(
        f"Reading was stopped: {reason}.",
        ", ".join(Path(p).name for p in paths),
        "The files may be damaged, or built to harm their reader; copy them again from their source.",
    )
