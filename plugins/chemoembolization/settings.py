"""What a user can set about chemoembolization."""

from __future__ import annotations

from dataclasses import dataclass

from planner.model.assessment import Confidence
from planner.planning.constants import Constant
from planner.planning.territories import WAYS
from planner.planning.y90_limits import Disease
from planner.plugin.settings import option

LIMITS, TERRITORIES = "Limits of one's own (expert)", "Territories (expert)"
#: Orders of the vessels on the sheet.
MOST_TUMOR, FARTHEST = "most tumour first", "farthest first"
_K = Confidence.ESTABLISHED
_PRACTICE = "practice; Reig 2022, J Hepatol 76:681; Müller 2021, J Hepatocell Carcinoma 8:403"

BILIRUBIN = Constant(3.0, "mg/dl", f"above 3 mg/dl the liver is decompensated: {_PRACTICE}", _K)
CHILD_PUGH = Constant(7.0, "points", f"Child-Pugh A to B7: {_PRACTICE}", _K)
TUMOR_SHARE = Constant(50.0, "%", f"caution where tumours take more than half of the liver: {_PRACTICE}", _K)
#: Conditions without a number.
PRACTICE = Constant(0.0, "", _PRACTICE, _K).cited
#: Shown beside what the user noted, never in its stead.
BEADS = Constant(100.0, "µm", "drug-eluting beads of 100 to 300 µm; practice", _K, 100.0, 300.0)
LIPIODOL = Constant(15.0, "ml", "lipiodol, at most 10 to 15 ml; practice", _K, 10.0, 15.0)


@dataclass(frozen=True)
class Settings:
    """What is treated, in which order, and limits; the defaults are the published ones."""

    disease: str = option(
        Disease.HCC.value,
        "Scores and stages are of hepatocellular carcinoma alone.",
        choices=tuple(d.value for d in Disease),
        is_of_case=True,
    )
    order: str = option(
        MOST_TUMOR,
        "Order of the vessels on the sheet; one beyond another always comes before it.",
        choices=(MOST_TUMOR, FARTHEST),
    )
    rim_mm: float = option(5.0, "Rim of a lesion that should be fed too; 5 to 10 mm.", "mm", 0.0, 20.0)
    bilirubin_limit_mg_per_dl: float = option(
        BILIRUBIN.value, "Bilirubin at most.", "mg/dl", 0.1, 50.0, drawer=LIMITS
    )
    tumor_share_limit_percent: float = option(
        TUMOR_SHARE.value, "Tumour in the liver at most.", "%", 1.0, 100.0, drawer=LIMITS
    )
    territories: str = option(
        "euclidean", "How the nearest branch is measured.", choices=tuple(WAYS), drawer=TERRITORIES
    )
