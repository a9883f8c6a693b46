"""What an exercise allows and how needles are placed in it, in words for a trainee."""

from __future__ import annotations

from planner.planning.device_library import device_library
from planner.planning.placements import PLACEMENTS
from planner.practice.exercise import SKILLS, Exercise
from planner.practice.landing_errors import error_words


def condition_words(exercise: Exercise) -> tuple[str, ...]:
    """One short sentence each, such as ``The liver moves 6 mm with the breath before you place.``"""
    conditions = exercise.conditions
    library = device_library()
    needles = "1 needle" if exercise.most_instruments == 1 else f"Up to {exercise.most_instruments} needles"
    titles = ", ".join(library.title_of(name) for name in exercise.devices)
    found = [f"{needles}: {titles}.", f"At least {exercise.margin_mm:g} mm all round {exercise.lesion}."]
    if conditions.axial_only:
        found.append("Axial slices alone, as on a CT table.")
    elif conditions.slices_only:
        found.append("Slices alone, no 3D.")
    if not conditions.shows_zone:
        found.append("Zones are not drawn while you place.")
    if exercise.hidden:
        found.append(f"Not shown: {', '.join(exercise.hidden)}.")
    if conditions.breath_mm:
        found.append(f"The liver moves {conditions.breath_mm:g} mm with the breath before you place.")
    if conditions.placement != "exact":
        title = PLACEMENTS[conditions.placement].title
        words = f"{title[:1].lower()}{title[1:]}"
        found.append(
            f"Needles land beside the plan as published ({words}: {error_words(conditions.placement)});"
            " a control scan shows where."
        )
    elif not conditions.is_table:
        found.append("Needles land where you plan them.")
    if conditions.limit_s is not None:
        found.append(f"Time: {clock_words(conditions.limit_s)}.")
    return tuple(found)


def skill_words(exercise: Exercise) -> str:
    """What an exercise trains, such as ``hard · find a path that hurts nothing``."""
    return " · ".join((exercise.level, *(SKILLS[s] for s in exercise.skills)))


def clock_words(seconds: float) -> str:
    """Minutes and seconds, such as ``3:05 min``."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d} min"
