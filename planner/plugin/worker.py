"""The worker: asks treatment modules in a process of its own (``python -m planner.plugin.worker``).

Requests come as JSON lines on standard input, answers go as JSON lines to standard output.
Whatever a module prints goes to standard error and cannot disturb the answers.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from planner.base.errors import Cancelled, PlannerError
from planner.base.task import Task
from planner.model.assessment import ScalarField
from planner.model.case import Case
from planner.plugin.judging import advise, judge, propose, simulate
from planner.plugin.message import answer_document, case_of_message, picture_document, plan_of_message
from planner.plugin.registry import Registry, find_modules

Document = dict[str, Any]


class Worker:
    """Answers requests one after the other; a cancel request reaches the running one."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._requests: queue.Queue[Document | None] = queue.Queue()
        self._tasks: dict[int, Task] = {}
        self._registry: Registry | None = None
        self._case: tuple[Document, Case] | None = None

    def listen(self, lines: TextIO) -> None:
        """Take requests until the input ends."""
        for line in lines:
            request = json.loads(line)
            if request["do"] == "cancel":
                task = self._tasks.get(request["id"])
                if task is not None:
                    task.cancel()
            else:
                self._tasks[request["id"]] = self._task(request)
                self._requests.put(request)
        self._requests.put(None)

    def run(self) -> None:
        """Answer requests until there are no more."""
        while (request := self._requests.get()) is not None:
            number = request["id"]
            try:
                answer: Document = {"result": self._answer(request, self._tasks[number])}
            except Cancelled:
                answer = {"cancelled": True}
            except PlannerError as error:
                answer = {"error": [error.what, error.thing, error.todo]}
            self._say({"id": number, **answer})
            del self._tasks[number]

    def _answer(self, request: Document, task: Task) -> Document:
        if self._registry is None:
            self._registry = find_modules()
        module = self._registry.module(request["module"])
        if request["do"] == "warm":
            return {"settings": list(module.settings_class.__dataclass_fields__)}
        task.check()
        if self._case is None or self._case[0] != request["case"]:
            self._case = (request["case"], case_of_message(request["case"]))
        plan = plan_of_message(request["plan"])
        case, settings = self._case[1], request["settings"]
        if request["do"] == "suggest":
            found: Any = propose(module, case, plan, settings, request["goal"], task)
        elif request["do"] == "advise":
            found = advise(module, case, plan, settings, request["goal"], task)
        elif request["do"] == "simulate":
            found = simulate(module, case, plan, settings, task)
        else:
            found = judge(module, case, plan, settings, task)
        return answer_document(found, Path(request["folder"]))

    def _task(self, request: Document) -> Task:
        number = request["id"]

        def show(picture: ScalarField) -> None:
            self._say({"id": number, "shown": picture_document(picture, Path(request["folder"]))})

        return Task(lambda fraction, text: self._say({"id": number, "progress": [fraction, text]}), show)

    def _say(self, answer: Document) -> None:
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()


def main() -> None:
    """Run the worker on this process's standard input and output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(answers)
    listener = threading.Thread(target=worker.listen, args=(sys.stdin,), daemon=True)
    listener.start()
    worker.run()


if __name__ == "__main__":
    main()
