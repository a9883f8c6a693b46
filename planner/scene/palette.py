"""Colours and type sizes: anatomy, judgement and the window's greys, from one place."""

from __future__ import annotations

from dataclasses import dataclass

Color = tuple[int, int, int]


def rgb(text: str) -> Color:
    """Red, green, blue of ``#rrggbb``."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


@dataclass(frozen=True)
class Theme:
    """The greys of the window and its accent."""

    background: str
    panel: str
    raised: str
    line: str
    text: str
    dim: str
    disabled: str
    focus: str
    primary: str
    on_primary: str
    control: str
    hover: str


DARK = Theme(
    background="#16191d",
    panel="#1c2025",
    raised="#242a31",
    line="#2e353d",
    text="#dfe4e8",
    dim="#8d97a1",
    disabled="#5f6973",
    focus="#7aa2ff",
    primary="#2b6f99",
    on_primary="#ffffff",
    control="#2f3740",
    hover="#3a444f",
)
LIGHT = Theme(
    background="#e6eaee",
    panel="#f4f6f8",
    raised="#ffffff",
    line="#cfd6dc",
    text="#1c2228",
    dim="#56616b",
    disabled="#9aa4ad",
    focus="#2f5fd0",
    primary="#2b6f99",
    on_primary="#ffffff",
    control="#dde3e8",
    hover="#cbd4db",
)
THEMES = {"dark": DARK, "light": LIGHT}

#: Judgement hues; used for nothing else.
OK, WARNING, STOP = "#56B4E9", "#E69F00", "#D55E00"

#: Margin classes (Okabe-Ito): upper bound in mm, colour, label.
MARGIN_CLASSES: tuple[tuple[float, str, str], ...] = (
    (0.0, "#D55E00", "< 0"),
    (5.0, "#E69F00", "0-5"),
    (10.0, "#9ad0ec", "5-10"),
    (float("inf"), "#0072B2", "≥ 10 mm"),
)

#: Classes of how near a resection's cut comes to a lesion: upper bound in mm, colour, label.
CUT_CLASSES: tuple[tuple[float, str, str], ...] = (
    (1.0, "#D55E00", "< 1"),
    (5.0, "#E69F00", "1-5"),
    (10.0, "#9ad0ec", "5-10"),
    (float("inf"), "#0072B2", "≥ 10 mm"),
)

#: Classes of the chance of 5 mm, in the same hues: upper bound in percent, colour, label.
CHANCE_CLASSES: tuple[tuple[float, str, str], ...] = (
    (50.0, "#D55E00", "< 50"),
    (90.0, "#E69F00", "50-90"),
    (99.0, "#9ad0ec", "90-99"),
    (float("inf"), "#0072B2", "≥ 99 %"),
)

#: Classes of an entry's cost, refused last: upper bound, colour, label. Refused skin steps back in grey.
ACCESS_CLASSES: tuple[tuple[float, str, str], ...] = (
    (0.30, "#0072B2", "good"),
    (0.42, "#9ad0ec", "fair"),
    (1.5, "#E69F00", "poor"),
    (float("inf"), "#4b5158", "refused"),
)

#: How surfaces with values are painted, by name: words of the legend, and the classes.
PAINTED = {
    "lesion_margin": ("margin", MARGIN_CLASSES),
    "lesion_chance_of_5mm": ("chance of 5 mm", CHANCE_CLASSES),
    "lesion_simulated_chance_of_5mm": ("simulated chance of 5 mm", CHANCE_CLASSES),
    "cut_margin": ("cut margin", CUT_CLASSES),
    "access_cost": ("path from here", ACCESS_CLASSES),
}

#: Liver that loses its inflow, its outflow, or both.
LOSES_INFLOW, LOSES_OUTFLOW, LOSES_BOTH = "#C2649A", "#3F7FD0", "#8A63C7"

#: The treated zone: a light neutral.
ZONE = "#dfe4e8"
#: The zone a simulation gives: as neutral, warmer, so that the two can be told apart.
SIMULATED = "#f3d9b1"
PROBE = "#ffffff"
#: Plans laid beside the open one: what an attempt is measured against, what was planned before the table, and how
#: needles lie on it. No structure has one of these colours.
REFERENCE_COLOR, PLANNED_COLOR, LYING_COLOR = "#ff5fd2", "#ffb000", "#2ee6c8"
#: The bare part of an electrode and its insulated shaft; and what is selected.
ELECTRODE, SHAFT, SELECTED = "#ffffff", "#9aa7b3", "#7aa2ff"


def margin_color(margin_mm: float) -> str:
    """Colour of the class a margin belongs to."""
    return next(color for bound, color, _ in MARGIN_CLASSES if margin_mm < bound)
