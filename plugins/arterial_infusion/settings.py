"""What a user can set about an infusion into the hepatic artery."""

from __future__ import annotations

from dataclasses import dataclass

from planner.model.assessment import Confidence, Source
from planner.planning.constants import Constant
from planner.planning.territories import WAYS
from planner.plugin.settings import option

LIMITS, TERRITORIES = "Limits of one's own (expert)", "Territories (expert)"
_READ, _K, _U, _D = (
    Confidence.SOURCE_READ,
    Confidence.ESTABLISHED,
    Confidence.UNVERIFIED,
    Confidence.OUR_RULE,
)

ALLEN = Source(
    "Allen, Memorial Sloan Kettering, 265 patients: 37 % variant arteries; isolated ones tied and the "
    "gastroduodenal artery used: all of the liver perfused in 56 of 56; other vessels: complications 27 against 4 %",
    _READ,
)
OUTSIDE = Source(
    "perfusion outside the liver in 24 of 327, most from beyond the proper hepatic artery: 10.1111/hpb.12208",
    _READ,
)
THIELS = Source("CT angiography before, MAA SPECT/CT after: Thiels 2020, 10.1002/jso.25913", _READ)
PRACTICE = Source("liver-only disease, open portal vein; practice", _K)

TUMOR_SHARE = Constant(70.0, "%", "tumour less than 70 % of the liver; practice", _K)
BILIRUBIN = Constant(1.5, "mg/dl", "bilirubin at most 1.5 mg/dl; no publication read", _U)
#: A tip so near to the junction lies at it.
AT_JUNCTION = Constant(
    5.0, "mm", "the catheter ends at the junction, neither in the stump nor in the stream", _D
)
#: The stretch of the gastroduodenal artery its diameter is the mean of.
CALIBRE_MM = 10.0


@dataclass(frozen=True)
class Settings:
    """Rim, limits and territories; the defaults are the published ones."""

    rim_mm: float = option(5.0, "Rim of a lesion that should be perfused too.", "mm", 0.0, 20.0)
    at_junction_mm: float = option(
        AT_JUNCTION.value, "A tip so near to the junction lies at it.", "mm", 0.5, 30.0
    )
    bilirubin_limit_mg_per_dl: float = option(
        BILIRUBIN.value, "Bilirubin at most.", "mg/dl", 0.1, 50.0, drawer=LIMITS
    )
    tumor_share_limit_percent: float = option(
        TUMOR_SHARE.value, "Tumour in the liver at most.", "%", 1.0, 100.0, drawer=LIMITS
    )
    territories: str = option(
        "euclidean", "How the nearest branch is measured.", choices=tuple(WAYS), drawer=TERRITORIES
    )
