"""What a plan's infusion perfuses and what it leaves out, in the liver and outside it, and what is tied for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from planner_plugins.arterial_infusion.ground import InfusionGround
from planner_plugins.arterial_infusion.left_out import LeftOut, left_out
from planner_plugins.arterial_infusion.ligation import Ligation, ligations
from planner_plugins.arterial_infusion.settings import Settings

from planner.base.errors import InvalidValue
from planner.model.case import Case
from planner.model.catheter import CatheterTarget
from planner.model.roles import Role
from planner.model.vessel_tree import Branch
from planner.planning.arterial_names import extrahepatic_beyond
from planner.planning.catheter_way import CatheterWay
from planner.planning.gastroduodenal import Junction, junctions
from planner.planning.perfusion import Perfusion


@dataclass(frozen=True, eq=False)
class EndOutside:
    """A branch that gets the drug and ends outside the liver.

    Parameters
    ----------
    tip
        Of which target.
    branch
        In all arteries together.
    away_mm
        From the liver.
    organ
        A structure at its end; empty where there is none.
    """

    tip: str
    branch: Branch
    away_mm: float
    organ: str


@dataclass(frozen=True, eq=False)
class Infusion:
    """Of a plan's pumps.

    Raises
    ------
    InvalidValue
        If a tip perfuses nothing, lies on no branch, or names what is not there.
    """

    case: Case
    ground: InfusionGround
    targets: tuple[CatheterTarget, ...]
    settings: Settings

    def __post_init__(self) -> None:
        for target in self.targets:
            if not self.perfusion.by_tip[target.id].volume_ml > 0:
                if self.junctions[target.id] is not None:
                    what = "Nothing of the liver hangs on what flows on at the junction."
                    todo = "Draw the hepatic arteries beyond it as branches of the artery it leaves."
                else:
                    what = "Nothing of the liver is perfused from a tip."
                    todo = "Name the gastroduodenal artery if it lies there, or move it."
                raise InvalidValue(what, f"'{target.title}'", todo)

    @cached_property
    def perfusion(self) -> Perfusion:
        """What the tips perfuse, by the junction where they lie at one."""
        return Perfusion(self.ground, self.targets)

    @cached_property
    def junctions(self) -> Mapping[str, Junction | None]:
        """By tip the junction it lies at."""
        return {t.id: self.ground.junction(t) for t in self.targets}

    @cached_property
    def ways(self) -> Mapping[str, CatheterWay | None]:
        """By tip the way to it in all arteries together; None where only what was seen is known."""
        ways = {t.id: self.ground.way(t) for t in self.targets}
        return {id: None if way is None else self.ground.together(way) for id, way in ways.items()}

    @cached_property
    def junction(self) -> Junction | None:
        """The one a tip lies at, else the first of the arteries."""
        at = [j for j in self.junctions.values() if j is not None]
        found = at or (list(junctions(self.ground.arteries)) if self.ground.arteries is not None else [])
        return found[0] if found else None

    @property
    def liver_ml(self) -> float:
        """Of the whole liver."""
        return float(self.ground.volumes_ml.sum())

    @property
    def unperfused_ml(self) -> float:
        """Liver that no tip perfuses."""
        return self.liver_ml - self.perfusion.all.volume_ml

    # outside the liver -----------------------------------------------------------------------

    @cached_property
    def ligations(self) -> tuple[Ligation, ...]:
        """Branches to tie: of other organs beyond the junction, and all between junction and tip."""
        found: list[Ligation] = []
        for target in self.targets:
            way = self.ways[target.id]
            if way is not None and way.tree.role is Role.HEPATIC_ARTERY and not target.perfused_structure:
                found += ligations(target.id, way, self.junctions[target.id])
        return tuple(found)

    @cached_property
    def ends_outside(self) -> tuple[EndOutside, ...]:
        """Unnamed branches beyond a tip's junction that end well outside the liver."""
        found, leaving = [], self.ground.leaving
        for target in self.targets:
            junction = self.junctions[target.id]
            if junction is None:
                continue
            tree, named = junction.tree, extrahepatic_beyond(junction.tree, junction.perfused)
            told = {b.number for each in named for b in tree.subtree(each.number)}
            for number in junction.perfused:
                branch = tree.branch(number)
                if number in leaving and number not in told and not branch.name:
                    found.append(EndOutside(target.id, branch, *leaving[number]))
        return tuple(found)

    # within the liver ------------------------------------------------------------------------

    @cached_property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Liver that is not perfused, by the artery it hangs on; none where no artery is known."""
        tree = self.ground.arteries
        if tree is None:
            return ()
        passed: set[int] = set()
        reached: set[int] = set()
        for id, way in self.ways.items():
            junction = self.junctions[id]
            if junction is not None:
                passed |= set(junction.before)
                reached |= set(junction.perfused)
            elif way is not None and way.tree is tree:
                passed |= {b.number for b in tree.way_to(way.branch)}
                reached |= set(way.beyond)
        return left_out(self.ground, tree, self.perfusion.all.classes, passed, reached)
