"""The child process of an import: limits first, then the work, then one line with the answer.

What is read may be built to harm its reader.  The child may crash, hang or ask for too much
memory; the planner goes on.  It is started by `planner.io.reader_process`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import sys
from typing import Any

from planner.base.errors import PlannerError
from planner.base.task import Task


def main() -> None:
    """Read a job from stdin, do it, and write progress and the answer to stdout, a line each."""
    job = json.loads(sys.stdin.buffer.readline())
    _set_limits(int(job["memory_bytes"]), int(job["seconds"]))
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer

    def say(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    say({"started": True})
    try:
        say({"result": _done(job, Task(lambda f, text: say({"fraction": f, "text": text})))})
    except PlannerError as error:
        say({"refused": [error.what, error.thing, error.todo]})
    except (MemoryError, RecursionError):
        say({"exhausted": True})
    except OSError as error:
        if error.errno == errno.ENOMEM:
            say({"exhausted": True})
            return
        what = "A file could not be read or written."
        say({"refused": [what, error.strerror or str(error), "Check the disk, and the files' permissions."]})


def _done(job: dict[str, Any], task: Task) -> dict[str, Any]:
    import msgspec

    from planner.io.reading import CaseJob, StructuresJob, run_case, run_offers, run_structures

    if job["do"] == "offers":
        return run_offers(job["paths"], task)
    if job["do"] == "case":
        return run_case(msgspec.convert(job["job"], CaseJob), task)
    return run_structures(msgspec.convert(job["job"], StructuresJob), task)


def _set_limits(memory_bytes: int, seconds: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # POSIX only

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
