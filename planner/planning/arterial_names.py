"""Arteries of the liver and beside it: their names, the organs the others feed, and Michels' type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner.base.errors import InvalidValue
from planner.model.assessment import Confidence, Source
from planner.model.vessel_tree import Branch, VesselTree

CELIAC, MESENTERIC = "celiac trunk", "superior mesenteric artery"
COMMON, PROPER = "common hepatic artery", "proper hepatic artery"
RIGHT, LEFT, MIDDLE = "right hepatic artery", "left hepatic artery", "middle hepatic artery"
RIGHT_ANTERIOR, RIGHT_POSTERIOR = "right anterior hepatic artery", "right posterior hepatic artery"
REPLACED_RIGHT, REPLACED_LEFT = "replaced right hepatic artery", "replaced left hepatic artery"
ACCESSORY_RIGHT, ACCESSORY_LEFT = "accessory right hepatic artery", "accessory left hepatic artery"
GASTRODUODENAL, LEFT_GASTRIC = "gastroduodenal artery", "left gastric artery"

#: Arteries that feed the liver, in the order a list shows them.
HEPATIC = (
    COMMON, PROPER, RIGHT, LEFT, MIDDLE, RIGHT_ANTERIOR, RIGHT_POSTERIOR,
    REPLACED_RIGHT, REPLACED_LEFT, ACCESSORY_RIGHT, ACCESSORY_LEFT,
)  # fmt: skip
#: Arteries on the way there.
TRUNKS = (CELIAC, MESENTERIC)
#: Arteries that feed something else, and what.
EXTRAHEPATIC: Mapping[str, str] = {
    GASTRODUODENAL: "duodenum and pancreas",
    "right gastric artery": "stomach",
    LEFT_GASTRIC: "stomach",
    "cystic artery": "gallbladder",
    "falciform artery": "skin and muscle of the abdominal wall",
    "supraduodenal artery": "duodenum",
    "right inferior phrenic artery": "diaphragm",
    "left inferior phrenic artery": "diaphragm",
    "splenic artery": "spleen and pancreas",
    "dorsal pancreatic artery": "pancreas",
}

MICHELS = Source("Michels 1966, Am J Surg 112:337", Confidence.ESTABLISHED)
#: What each of Michels' types is.
TYPES: Mapping[str, str] = {
    "I": "normal",
    "II": "left hepatic artery replaced, from the left gastric artery",
    "III": "right hepatic artery replaced, from the superior mesenteric artery",
    "IV": "right and left hepatic arteries replaced",
    "V": "accessory left hepatic artery",
    "VI": "accessory right hepatic artery",
    "VII": "accessory right and left hepatic arteries",
    "VIII": "one of right and left replaced, the other with an accessory artery",
    "IX": "common hepatic artery from the superior mesenteric artery",
    "X": "common hepatic artery from the left gastric artery",
}
BY_PROPOSED = "by proposed names of the branches"
#: The fact of the patient that corrects a proposed type.
MICHELS_FACT = "michels_type"


@dataclass(frozen=True)
class Variant:
    """Michels' type.

    Parameters
    ----------
    type
        A key of `TYPES`; empty where it is not known.
    is_told
        Whether a person said so; else it follows from the branches' names.
    why
        What it follows from, or what is missing, in words.
    """

    type: str
    is_told: bool
    why: str

    @property
    def words(self) -> str:
        """For people."""
        return f"Michels type {self.type}: {TYPES[self.type]}" if self.type else "Michels type unknown"


def variant(trees: Sequence[VesselTree], told: str = "") -> Variant:
    """Michels' type by the names of the arteries' branches, or as it was told.

    Parameters
    ----------
    trees
        Of the arteries.
    told
        The type a person chose; empty where none did.

    Raises
    ------
    InvalidValue
        If the told type is none of Michels'.
    """
    if told:
        if told not in TYPES:
            raise InvalidValue("Michels has no such type.", f"'{told}'", f"Use one of: {', '.join(TYPES)}.")
        return Variant(told, True, "entered")
    named = [b for t in trees for b in t.branches if b.name]
    names = {b.name for b in named}
    by = "by the names of the branches" if all(b.is_name_confirmed for b in named) else BY_PROPOSED
    origin = {
        MESENTERIC: "IX",
        LEFT_GASTRIC: "X",
    }
    for trunk, found in origin.items():
        if _leaves(trees, COMMON, trunk):
            return Variant(found, False, f"the {COMMON} leaves the {trunk}")
    accessory = (ACCESSORY_RIGHT in names, ACCESSORY_LEFT in names)
    replaced = (REPLACED_RIGHT in names, REPLACED_LEFT in names)
    sides = (RIGHT in names or replaced[0], LEFT in names or replaced[1])
    if not all(sides):
        lacking = " and ".join(n for n, known in zip((RIGHT, LEFT), sides, strict=True) if not known)
        return Variant("", False, f"no branch is named {lacking}")
    if any(accessory) and any(replaced):
        if (accessory[0] and replaced[0]) or (accessory[1] and replaced[1]):
            return Variant("", False, "one side is named replaced and accessory")
        return Variant("VIII", False, by)
    by_names = {
        (False, False, False, False): "I",
        (False, True, False, False): "II",
        (True, False, False, False): "III",
        (True, True, False, False): "IV",
        (False, False, False, True): "V",
        (False, False, True, False): "VI",
        (False, False, True, True): "VII",
    }
    return Variant(by_names[(*replaced, *accessory)], False, by)


def organ_of(name: str) -> str:
    """What an artery outside the liver feeds; empty where it is none."""
    return EXTRAHEPATIC.get(name, "")


def vessel_name(tree: VesselTree, number: int) -> str:
    """The name of a branch, or of the nearest named one it hangs on; empty where none is named."""
    return next((b.name for b in reversed(tree.way_to(number)) if b.name), "")


def extrahepatic_beyond(tree: VesselTree, numbers: Sequence[int]) -> tuple[Branch, ...]:
    """Branches among some that are named as arteries of another organ; the first of each such vessel."""
    chosen = set(numbers)
    return tuple(
        b
        for b in tree.branches
        if b.number in chosen
        and organ_of(b.name)
        and not (b.parent in chosen and b.parent is not None and tree.branch(b.parent).name == b.name)
    )


def _leaves(trees: Sequence[VesselTree], name: str, trunk: str) -> bool:
    """Whether a named artery hangs on a branch of another name, with none named in between."""
    for tree in trees:
        for branch in tree.named(name):
            above = [b.name for b in tree.way_to(branch.number)[:-1] if b.name and b.name != name]
            if above and above[-1] == trunk:
                return True
    return False
