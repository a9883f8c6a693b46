"""What a user can set about the judgement of a resection."""

from __future__ import annotations

from dataclasses import dataclass

from planner.planning.liver_volumes import BODY_SURFACES, FORMULAS, LiverState
from planner.planning.territories import WAYS
from planner.plugin.settings import option

VOLUMES = "Volumes (expert)"


@dataclass(frozen=True)
class Settings:
    """Rules and limits; the defaults are the planner's."""

    liver_state: str = option(
        LiverState.UNKNOWN.value,
        "What the liver has been through: decides which published least remnant is shown.",
        choices=tuple(s.value for s in LiverState),
        is_of_case=True,
    )
    margin_mm: float = option(10.0, "Margin aimed at where there is room.", "mm", 0.0, 40.0)
    standard_formula: str = option(
        "vauthey", "Formula of the standard liver volume.", choices=tuple(FORMULAS), drawer=VOLUMES
    )
    body_surface: str = option(
        "mosteller", "Formula of the body surface.", choices=tuple(BODY_SURFACES), drawer=VOLUMES
    )
    territories: str = option(
        "euclidean", "How the nearest branch of a vessel is measured.", choices=tuple(WAYS), drawer=VOLUMES
    )
    least_piece_ml: float = option(
        1.0, "Smaller pieces of the remnant are not counted.", "ml", 0.0, 100.0, drawer=VOLUMES
    )
    allow_ex_vivo: bool = option(
        False, "Take ablation zones measured ex vivo for probes of the plan.", drawer=VOLUMES
    )
