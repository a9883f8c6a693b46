"""Plans of an attempt, kept small: each instrument stands once, and a plan is a list of numbers of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from planner.base.errors import InputRefused
from planner.io.plan_file import SCHEMA, VERSION, decode_plan, plan_document
from planner.model.plan import Instrument, Plan


@dataclass
class InstrumentTable:
    """Instruments as a plan file writes them, while a document is made.

    A step of an attempt moves one needle; the others would stand in every step again.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    _numbers: dict[bytes, int] = field(default_factory=dict)

    def numbers_of(self, plan: Plan) -> list[int]:
        """The rows of a plan's instruments, in its order; rows that are new are added."""
        return [self._number_of(row) for row in plan_document(plan)["instruments"]]

    def _number_of(self, row: dict[str, Any]) -> int:
        number = self._numbers.setdefault(msgspec.json.encode(row), len(self.rows))
        if number == len(self.rows):
            self.rows.append(row)
        return number


@dataclass(frozen=True)
class KeptInstruments:
    """Instruments of a document that was read.

    Parameters
    ----------
    instruments
        In the order of its rows.
    where
        The document, named in errors.
    """

    instruments: tuple[Instrument, ...]
    where: str

    @classmethod
    def of_rows(cls, rows: Sequence[Any], where: str) -> KeptInstruments:
        """Read rows; raises `InputRefused` naming the row that is no instrument of a plan file."""
        return cls(tuple(_instrument(row, f"{where}, instrument {n}") for n, row in enumerate(rows)), where)

    def plan(self, name: str, case_id: str, numbers: Sequence[int]) -> Plan:
        """The plan of some rows; raises `InputRefused` where one is not there."""
        if any(not 0 <= n < len(self.instruments) for n in numbers):
            raise InputRefused(
                "A plan names an instrument that the file does not hold.",
                f"{self.where}: {list(numbers)}, it holds {len(self.instruments)}",
                "Take a copy of the file that is whole.",
            )
        return Plan(name, case_id, tuple(self.instruments[n] for n in numbers))


def _instrument(row: Any, where: str) -> Instrument:
    document = {"schema": SCHEMA, "version": VERSION, "name": "row", "case_id": "", "instruments": [row]}
    return decode_plan(msgspec.json.encode(document), where).instruments[0]
