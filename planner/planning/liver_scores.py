"""Scores of tumours and liver that chemoembolization of hepatocellular carcinoma is judged by; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from planner.base.errors import InvalidValue
from planner.compute.extent import longest_diameter_mm
from planner.model.assessment import Confidence, Source
from planner.model.structures import StructureSet
from planner.planning.constants import Constant
from planner.planning.liver_ground import LiverGround, liver_lesions
from planner.planning.patient_facts import known_number

_K = Confidence.ESTABLISHED
_MAZZAFERRO = "Mazzaferro 2009, Lancet Oncol 10:35"
_WANG = "six-and-twelve, Wang 2019, J Hepatol 70:893"
_KADALAYIL = "HAP, Kadalayil 2013, Ann Oncol 24:2565"

UP_TO_SEVEN = Constant(7.0, "", f"largest tumour in cm and number together at most 7: {_MAZZAFERRO}", _K)
#: Low up to the first, high above the second, mid between.
SIX, TWELVE = Constant(6.0, "", _WANG, _K), Constant(12.0, "", _WANG, _K)
#: Each gives a point of the HAP score where it is passed.
HAP_ALBUMIN = Constant(36.0, "g/l", f"below 36 g/l (the abstract prints g/dl): {_KADALAYIL}", _K)
HAP_BILIRUBIN = Constant(17.0, "µmol/l", f"above 17 µmol/l: {_KADALAYIL}", _K)
HAP_AFP = Constant(400.0, "ng/ml", f"above 400 ng/ml: {_KADALAYIL}", _K)
HAP_SIZE = Constant(70.0, "mm", f"dominant tumour above 7 cm: {_KADALAYIL}", _K)
#: By points; more than two are the last.
HAP_CLASSES = ("A", "B", "C", "D")
BILIRUBIN_UMOL_PER_MG_DL = Constant(17.1, "µmol/l per mg/dl", "molar mass of bilirubin, 584.7 g/mol", _K)


@dataclass(frozen=True)
class TumorBurden:
    """How many lesions the liver has, how large they are, and what of it they take.

    Parameters
    ----------
    sizes_mm
        Longest diameter of each lesion, in space, by name.
    tumor_ml, liver_ml
        Of all lesions in the liver, and of the liver with them; both None where no liver is outlined.
    in_pieces
        Lesions outlined in more than one piece, with how many.

    Raises
    ------
    InvalidValue
        If a size is not positive, or the tumours are larger than the liver.
    """

    sizes_mm: Mapping[str, float]
    tumor_ml: float | None = None
    liver_ml: float | None = None
    in_pieces: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        if any(not size > 0 for size in self.sizes_mm.values()):
            raise InvalidValue("A lesion has a size above zero.", f"{dict(self.sizes_mm)}")
        if (self.tumor_ml is None) != (self.liver_ml is None):
            raise InvalidValue(
                "Volumes of tumour and liver are known together, or not at all.",
                f"tumour {self.tumor_ml}, liver {self.liver_ml}",
                "Give both.",
            )
        if self.tumor_ml is None or self.liver_ml is None:
            return
        if not 0 <= self.tumor_ml <= self.liver_ml * (1 + 1e-9) or not self.liver_ml > 0:
            raise InvalidValue(
                "Tumours lie in the liver and take a part of it.",
                f"tumour {self.tumor_ml:g} ml, liver {self.liver_ml:g} ml",
                "Correct the outlines.",
            )

    @classmethod
    def of(cls, structures: StructureSet) -> TumorBurden:
        """Of the lesions that lie in the liver or touch it; kept, for it is asked again with every change."""
        return _burden(structures)

    @property
    def count(self) -> int:
        """Of lesions."""
        return len(self.sizes_mm)

    @property
    def largest_mm(self) -> float | None:
        """Longest diameter of the largest lesion; None where there is none."""
        return max(self.sizes_mm.values(), default=None)

    @property
    def share_percent(self) -> float | None:
        """Of the liver that is tumour; None where no liver is outlined."""
        if self.tumor_ml is None or self.liver_ml is None:
            return None
        return 100.0 * self.tumor_ml / self.liver_ml


@lru_cache(maxsize=2)
def _burden(structures: StructureSet) -> TumorBurden:
    import scipy.ndimage as ndi

    names = liver_lesions(structures)
    sizes = {name: longest_diameter_mm(structures, name) for name in names}
    whole = {name: structures.mask(name, structures.box(name)) for name in names}
    pieces = {name: int(ndi.label(mask, np.ones((3, 3, 3)))[1]) for name, mask in whole.items()}
    apart = {name: count for name, count in pieces.items() if count > 1}
    try:
        liver_ml = LiverGround.of(structures).volume_ml
    except InvalidValue:
        return TumorBurden(sizes, None, None, apart)  # its share of the liver is told as unknown
    tumor = np.count_nonzero(structures.union_mask(names)) if names else 0
    return TumorBurden(sizes, float(tumor * structures.grid.voxel_volume_ml), liver_ml, apart)


@dataclass(frozen=True)
class Score:
    """A score, or why it is not known.

    Parameters
    ----------
    title
        For people.
    value
        The number; None where it is not known.
    group
        What patients it puts this one among, such as ``mid``; it may be known where the number is not.
    words
        What it was made of, or what is missing.
    source
        Publication.
    """

    title: str
    value: float | None
    group: str
    words: str
    source: Source

    @property
    def note(self) -> str:
        """The group and what it rests on, in a line."""
        return f"{self.group}: {self.words}" if self.group else self.words


NO_LESION = "unknown: no lesion of the liver is outlined"


def up_to_seven(burden: TumorBurden) -> Score:
    """Largest tumour in cm and number of tumours together; 7 at most is within (Mazzaferro 2009)."""
    total, words = _size_and_number(burden)
    group = "" if total is None else "within" if total <= UP_TO_SEVEN.value else "beyond"
    return Score("Up-to-seven", total, group, words, UP_TO_SEVEN.cited)


def six_and_twelve(burden: TumorBurden) -> Score:
    """The same sum: up to 6 low, above 12 high, mid between (Wang 2019)."""
    total, words = _size_and_number(burden)
    group = ""
    if total is not None:
        group = "low" if total <= SIX.value else "mid" if total <= TWELVE.value else "high"
    return Score("Six-and-twelve", total, group, words, SIX.cited)


def _size_and_number(burden: TumorBurden) -> tuple[float | None, str]:
    largest = burden.largest_mm
    if largest is None:
        return None, NO_LESION
    total = largest / 10.0 + burden.count
    return total, f"largest tumour {largest / 10.0:.1f} cm + {burden.count}"


def hap_score(burden: TumorBurden, facts: Mapping[str, str]) -> Score:
    """Points for low albumin, high bilirubin, high alpha-fetoprotein and a large tumour (Kadalayil 2013).

    Where something is not told the points are not known; the class is, where it follows anyway.
    """
    source = Source(f"albumin, bilirubin, alpha-fetoprotein, size: {_KADALAYIL}", _K)
    albumin, bilirubin = _told(facts, "albumin_g_per_l"), _told(facts, "bilirubin_mg_per_dl")
    afp, size = _told(facts, "afp_ng_per_ml"), burden.largest_mm
    umol = None if bilirubin is None else bilirubin * BILIRUBIN_UMOL_PER_MG_DL.value
    points = {
        "albumin": None if albumin is None else albumin < HAP_ALBUMIN.value,
        "bilirubin": None if umol is None else umol > HAP_BILIRUBIN.value,
        "alpha-fetoprotein": None if afp is None else afp > HAP_AFP.value,
        "size": None if size is None else size > HAP_SIZE.value,
    }
    unknown = [name for name, point in points.items() if point is None]
    counted = [name for name, point in points.items() if point]
    most = len(HAP_CLASSES) - 1
    low, high = (min(n, most) for n in (len(counted), len(counted) + len(unknown)))
    group = HAP_CLASSES[low] if low == high else ""
    words = f"points for {', '.join(counted)}" if counted else "no points"
    if unknown:
        words = f"unknown: {', '.join(unknown)}; {words} so far"
    return Score("HAP", None if unknown else float(len(counted)), group, words, source)


def _told(facts: Mapping[str, str], id: str) -> float | None:
    """A measured fact; one that was refused is unknown (whoever lists the facts says why)."""
    try:
        return known_number(facts, id)
    except InvalidValue:
        return None
