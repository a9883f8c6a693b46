"""The treatment modules that are installed, bundled or anybody's."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from planner.base.errors import InvalidValue, PlannerError
from planner.base.log import log
from planner.model.catheter import CatheterTarget
from planner.model.plan import Instrument, Plan
from planner.plugin.manifest import Manifest, read_manifest
from planner.plugin.settings import make_settings

GROUP = "liver_planner.modules"


@dataclass(frozen=True)
class NoSettings:
    """Settings of a module that has none."""


@dataclass(frozen=True)
class TreatmentModule:
    """An installed module, its logic loaded when first asked for."""

    manifest: Manifest

    @property
    def logic(self) -> Any:
        """The module's logic; raises `PlannerError` where it cannot be imported."""
        try:
            return importlib.import_module(self.manifest.entry)
        except Exception as error:  # the plugin border: anybody's code may fail in any way
            log().exception("module %s failed to load", self.manifest.id)
            raise PlannerError(
                f"The module '{self.manifest.title}' failed to load.",
                f"{type(error).__name__}: {error}",
                "Reinstall or remove the package that brings it.",
            ) from error

    def judges(self, instrument: Instrument) -> bool:
        """Whether it judges an instrument: by its kind, or by its kind and what is given, as ``catheter_target/tace``."""
        words = {instrument.kind}
        if isinstance(instrument, CatheterTarget):
            words.add(f"{instrument.kind}/{instrument.agent.type.value}")
        return bool(words & set(self.manifest.instruments))

    def settings(self, values: Mapping[str, Any] | None = None) -> Any:
        """The module's settings with some values given; raises `InvalidValue`."""
        return make_settings(self.settings_class, values or {})

    @property
    def settings_class(self) -> type[Any]:
        """The module's Settings dataclass."""
        found: type[Any] = getattr(self.logic, "Settings", NoSettings)
        return found

    def function(self, name: str) -> Callable[..., Any] | None:
        """An optional function of the contract, such as ``suggest``."""
        found: Callable[..., Any] | None = getattr(self.logic, name, None)
        return found


@dataclass(frozen=True)
class Registry:
    """What is installed, and what failed with its reason."""

    modules: Mapping[str, TreatmentModule]
    failures: Mapping[str, PlannerError]

    def module(self, id: str) -> TreatmentModule:
        """The module of an id; raises `InvalidValue` where there is none."""
        if id in self.modules:
            return self.modules[id]
        if id in self.failures:
            raise self.failures[id]
        raise InvalidValue(
            "There is no such module.", id, f"Installed are: {', '.join(sorted(self.modules)) or 'none'}."
        )

    def judging(self, plan: Plan) -> tuple[TreatmentModule, ...]:
        """The modules that judge an instrument of a plan."""
        return tuple(m for m in self.modules.values() if any(m.judges(i) for i in plan.instruments))


def find_modules() -> Registry:
    """Look up all installed modules; a broken one does not hide the others."""
    modules: dict[str, TreatmentModule] = {}
    failures: dict[str, PlannerError] = {}
    for entry_point in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        try:
            modules[entry_point.name] = TreatmentModule(read_manifest(entry_point))
        except PlannerError as error:
            failures[entry_point.name] = error
    return Registry(modules, failures)
