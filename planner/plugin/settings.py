"""Settings of treatment modules: frozen dataclasses whose fields say unit, range and help."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from planner.base.errors import InvalidValue
from planner.model.assessment import SettingValue

_S = TypeVar("_S")
#: Options by class, read once: a dragged needle asks for them again and again.
_options: dict[type[Any], tuple[Option, ...]] = {}


@dataclass(frozen=True)
class Option:
    """What a form needs to know of one setting."""

    name: str
    default: SettingValue
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    help: str
    drawer: str = ""
    is_of_case: bool = False
    modalities: tuple[str, ...] = ()


def option(
    default: Any,
    help: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    drawer: str = "",
    is_of_case: bool = False,
    modalities: tuple[str, ...] = (),
) -> Any:
    """A field of a Settings dataclass.

    Parameters
    ----------
    default
        A bool, number or word.
    help
        One sentence shown beside it.
    unit, low, high, choices
        Unit, inclusive range of a number, allowed words.
    drawer
        Title of the drawer of a form it is put away in; empty for what everybody sets.
    is_of_case
        Whether it speaks of one patient: it is kept with the case, and not for the next one.  `prepare`
        must not read it.
    modalities
        DICOM modalities of the image of the case it names by its id; a form offers these images by their
        titles.  Empty for what names no image.
    """
    metadata = {
        "help": help, "unit": unit, "low": low, "high": high, "choices": choices, "drawer": drawer,
        "is_of_case": is_of_case, "modalities": modalities,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


def options_of(settings_class: type[Any]) -> tuple[Option, ...]:
    """The options of a Settings class, in the order of its fields."""
    if settings_class not in _options:
        _options[settings_class] = tuple(_read(settings_class))
    return _options[settings_class]


def _read(settings_class: type[Any]) -> Iterator[Option]:
    for field in dataclasses.fields(settings_class):
        meta = field.metadata
        yield Option(
            field.name,
            field.default,  # type: ignore[arg-type]
            meta.get("unit", ""),
            meta.get("low"),
            meta.get("high"),
            tuple(meta.get("choices", ())),
            meta.get("help", ""),
            meta.get("drawer", ""),
            bool(meta.get("is_of_case", False)),
            tuple(meta.get("modalities", ())),
        )


def make_settings(settings_class: type[_S], values: Mapping[str, Any]) -> _S:
    """Settings with some values given, as numbers or as text from a command line.

    Raises
    ------
    InvalidValue
        If a name is unknown or a value is outside its range.
    """
    known = {o.name: o for o in options_of(settings_class)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InvalidValue(
            "There is no such setting.", ", ".join(unknown), f"Settings are: {', '.join(known) or 'none'}."
        )
    return settings_class(**{name: _parsed(known[name], value) for name, value in values.items()})


def kept_values(settings_class: type[Any], values: Mapping[str, SettingValue]) -> dict[str, SettingValue]:
    """Values that are kept for the next case: all but those that speak of one patient."""
    of_case = {o.name for o in options_of(settings_class) if o.is_of_case}
    return {name: value for name, value in values.items() if name not in of_case}


def usable_values(
    settings_class: type[Any], values: Mapping[str, Any]
) -> tuple[dict[str, SettingValue], tuple[InvalidValue, ...]]:
    """The given values a Settings class still takes, and why the others are left out.

    Values kept by an earlier version may name what is gone or lie outside a range of today.
    """
    kept: dict[str, SettingValue] = {}
    refused = []
    for name, value in values.items():
        try:
            made = make_settings(settings_class, {name: value})
        except InvalidValue as error:
            refused.append(error)
        else:
            kept[name] = getattr(made, name)
    return kept, tuple(refused)


def settings_values(settings: Any) -> dict[str, SettingValue]:
    """All values of a Settings object by name."""
    return dataclasses.asdict(settings)


def _parsed(option: Option, value: Any) -> SettingValue:
    if isinstance(option.default, bool):
        words = {
            "true": True,
            "yes": True,
            "1": True,
            "on": True,
            "false": False,
            "no": False,
            "0": False,
            "off": False,
        }
        if isinstance(value, bool):
            return value
        if str(value).lower() in words:
            return words[str(value).lower()]
        raise InvalidValue("This setting is yes or no.", f"{option.name} = {value}")
    if isinstance(option.default, int | float):
        return _number(option, value)
    if option.choices and value not in option.choices:
        raise InvalidValue(
            "This setting has no such choice.",
            f"{option.name} = {value}",
            f"Choose one of: {', '.join(option.choices)}.",
        )
    return str(value)


def _number(option: Option, value: Any) -> SettingValue:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    low = -math.inf if option.low is None else option.low
    high = math.inf if option.high is None else option.high
    if not (math.isfinite(number) and low <= number <= high):
        raise InvalidValue(
            "This setting is not a number in its range.",
            f"{option.name} = {value}",
            f"Give a number from {low:g} to {high:g} {option.unit}.".replace(" .", "."),
        )
    return int(number) if isinstance(option.default, int) and number.is_integer() else number
