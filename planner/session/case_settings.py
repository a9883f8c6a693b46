"""Settings that speak of one patient: they are the case's, kept with it and undone with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from planner.base.errors import InvalidValue
from planner.model.assessment import SettingValue

if TYPE_CHECKING:
    from planner.session.session import Session


class CaseSettings:
    """What treatment modules are told of the open case.

    Parameters
    ----------
    session
        Whose case.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, module: str) -> Mapping[str, SettingValue]:
        """What a module is told; empty where no case is open."""
        return self._session.case.settings_of(module) if self._session.is_open else {}

    def keep(self, module: str, values: Mapping[str, SettingValue]) -> None:
        """Tell a module these values and no others: one change of the case, nothing where nothing is new.

        Raises
        ------
        InvalidValue
            If no case is open.
        """
        held = dict(self.of(module))
        if held == dict(values):
            return
        if not self._session.is_open:
            raise InvalidValue("These settings speak of a patient.", ", ".join(values), "Open a case first.")
        names = [n for n in (*values, *held) if values.get(n) != held.get(n)]
        words = ", ".join(n.replace("_", " ") for n in dict.fromkeys(names))
        self._session.change_case(f"Set {words}", self._session.case.with_settings_of(module, values))
