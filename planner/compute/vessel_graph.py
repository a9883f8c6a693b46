"""Vessels as stretches between forks and tips, without loops and without what is no branch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from planner.compute.vessel_skeleton import VesselSkeleton
from planner.compute.voxel_thinning import NEIGHBOURS
from planner.model.geometry import FloatArray

Kji = tuple[int, int, int]

#: Voxels along a stretch over which their roughness is taken out (standard deviation).
EVEN_VOXELS = 2.0


@dataclass(frozen=True, eq=False)
class Stretch:
    """A vessel between two nodes.

    Parameters
    ----------
    start, stop
        Numbers of its nodes.
    points_mm
        From node to node along k, j, i of the lattice times its spacing, (n, 3).
    depth_mm
        Distance to the wall at each point, (n,).
    """

    start: int
    stop: int
    points_mm: FloatArray
    depth_mm: FloatArray

    @cached_property
    def length_mm(self) -> float:
        """Along the points, without the voxels' staircase."""
        ends = self.points_mm[:1], self.points_mm[-1:]
        smooth = np.concatenate([ends[0], _along(self.points_mm)[1:-1], ends[1]])
        return float(np.linalg.norm(np.diff(smooth, axis=0), axis=1).sum())

    @cached_property
    def even_depth_mm(self) -> FloatArray:
        """Distance to the wall without the roughness of voxels, (n,)."""
        return _along(self.depth_mm)

    @property
    def turned(self) -> Stretch:
        """The same, run through the other way."""
        return Stretch(self.stop, self.start, self.points_mm[::-1], self.depth_mm[::-1])

    def seen_from(self, node: int) -> Stretch:
        """The same, starting at one of its nodes."""
        return self if self.start == node else self.turned

    def other(self, node: int) -> int:
        """The node at its other end."""
        return self.stop if self.start == node else self.start


@dataclass(eq=False)
class VesselGraph:
    """Nodes and the stretches between them; it is changed in place while it is made.

    Parameters
    ----------
    places_mm, depths_mm, components
        Of each node by its number: where, how deep, and of which piece of the mask.
    stretches
        By a number of their own, in which everything is done.
    opened
        Nodes where a loop was cut open: no real ends.
    kept
        Nodes whose stretch is never pruned, however short.
    """

    places_mm: dict[int, FloatArray] = field(default_factory=dict)
    depths_mm: dict[int, float] = field(default_factory=dict)
    components: dict[int, int] = field(default_factory=dict)
    stretches: dict[int, Stretch] = field(default_factory=dict)
    opened: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, skeleton: VesselSkeleton, spacing_mm: tuple[float, float, float]) -> VesselGraph:
        """The graph of a middle line: neighbouring voxels with three ways or more are one fork."""
        return _Tracing(skeleton, np.array(spacing_mm[::-1])).graph

    def keep(self, place_mm: FloatArray, within_mm: float) -> int | None:
        """Keep the tip nearest to a place and give its node; None where there is none so near."""
        tips = [n for n in self.places_mm if len(self.at(n)) == 1 and n not in self.opened]
        away = [(float(np.linalg.norm(self.places_mm[n] - place_mm)), n) for n in tips]
        if not away or min(away)[0] > within_mm:
            return None
        self.kept.add(min(away)[1])
        return min(away)[1]

    def at(self, node: int) -> list[int]:
        """Numbers of the stretches at a node; one that comes back to it stands twice."""
        return [n for n, s in self.stretches.items() for end in (s.start, s.stop) if end == node]

    def tips(self, component: int) -> list[int]:
        """Nodes of a component where just one stretch ends, and which are real ends."""
        ends = [n for n, c in self.components.items() if c == component and n not in self.opened]
        return [n for n in ends if len(self.at(n)) == 1]

    def add_node(self, place_mm: FloatArray, depth_mm: float, component: int) -> int:
        """A new node."""
        number = max(self.places_mm, default=-1) + 1
        self.places_mm[number], self.depths_mm[number] = place_mm, depth_mm
        self.components[number] = component
        return number

    def add(self, stretch: Stretch) -> int:
        """A new stretch."""
        number = max(self.stretches, default=-1) + 1
        self.stretches[number] = stretch
        return number

    def open_loops(self) -> list[float]:
        """Cut each loop at its thinnest place; returns the loops' lengths in mm.

        What holds together by the widest ways is kept (a spanning tree of the widest stretches); each
        stretch left over closes one loop in which no stretch is thinner.
        """
        group = {node: node for node in self.places_mm}

        def top(node: int) -> int:
            while group[node] != node:
                group[node] = group[group[node]]
                node = group[node]
            return node

        widest = sorted(self.stretches, key=lambda n: (-float(self.stretches[n].even_depth_mm.min()), n))
        left_over = []
        for number in widest:
            one, two = top(self.stretches[number].start), top(self.stretches[number].stop)
            if one == two:
                left_over.append(number)
            group[one] = two
        closing = {number: self.stretches.pop(number) for number in left_over}
        lengths = [s.length_mm + self.way_mm(s.start, s.stop) for s in closing.values()]
        for stretch in closing.values():
            self._cut(stretch)
        for node in sorted(self.places_mm):
            self._heal(node)
        return lengths

    def way_mm(self, start: int, stop: int) -> float:
        """Length of the way between two nodes of a graph without loops."""
        waiting = [(start, 0.0, -1)]
        while waiting:
            node, so_far, came = waiting.pop()
            if node == stop:
                return so_far
            waiting += [
                (self.stretches[n].other(node), so_far + self.stretches[n].length_mm, n)
                for n in self.at(node)
                if n != came
            ]
        return float("inf")

    def _cut(self, stretch: Stretch) -> None:
        """Put a stretch back in two parts with a gap at its thinnest point; in the middle if all alike."""
        count = len(stretch.points_mm)
        inner = np.arange(1, count - 1)
        if not len(inner):
            return
        near = stretch.even_depth_mm[inner] + 1e-6 * np.abs(inner - (count - 1) / 2)
        at = int(inner[int(near.argmin())])
        component = self.components[stretch.start]
        for part in (
            Stretch(stretch.start, -1, stretch.points_mm[: at + 1], stretch.depth_mm[: at + 1]),
            Stretch(stretch.stop, -1, stretch.points_mm[: at - 1 : -1], stretch.depth_mm[: at - 1 : -1]),
        ):
            node = self.add_node(part.points_mm[-1], float(part.depth_mm[-1]), component)
            self.opened.add(node)
            self.add(Stretch(part.start, node, part.points_mm, part.depth_mm))

    def prune(self, voxel_mm: float) -> int:
        """Take away side branches that reach less than a voxel out of the vessel they leave; how many."""
        count = 0
        while True:
            meeting = Counter(end for s in self.stretches.values() for end in (s.start, s.stop))
            reaches = [(self._reach_mm(s, meeting) - voxel_mm, n) for n, s in self.stretches.items()]
            if not reaches or min(reaches)[0] >= 0:
                return count
            self._drop(min(reaches)[1])
            count += 1

    def _reach_mm(self, stretch: Stretch, meeting: Mapping[int, int]) -> float:
        """How far a side branch reaches beyond the wall of the vessel it leaves; no end for others."""
        degrees = meeting[stretch.start], meeting[stretch.stop]
        if min(degrees) != 1 or max(degrees) < 3:
            return float("inf")
        tip, fork = (stretch.start, stretch.stop) if degrees[0] == 1 else (stretch.stop, stretch.start)
        if tip in self.kept:
            return float("inf")
        reach = float(np.linalg.norm(self.places_mm[tip] - self.places_mm[fork]))
        cap = 0.0 if tip in self.opened else self.depths_mm[tip]
        return reach + cap - self.depths_mm[fork]

    def rooted(self, root: int) -> list[tuple[int | None, Stretch]]:
        """Stretches of a piece without loops, outwards from a node, each with the place of its parent in the list.

        Nearest to the root first; of those that leave one place the widest first.
        """
        found: list[tuple[int | None, Stretch]] = []
        waiting: list[tuple[int | None, int, int]] = [(None, root, -1)]
        while waiting:
            parent, node, came = waiting.pop(0)
            leaving = [(n, self.stretches[n].seen_from(node)) for n in self.at(node) if n != came]
            leaving.sort(key=lambda each: (-float(np.median(each[1].depth_mm)), *each[1].points_mm[-1]))
            for number, stretch in leaving:
                waiting.append((len(found), stretch.stop, number))
                found.append((parent, stretch))
        return found

    def _drop(self, number: int) -> None:
        stretch = self.stretches.pop(number)
        for node in (stretch.start, stretch.stop):
            self._heal(node)

    def _heal(self, node: int) -> None:
        """Make the two stretches that meet at a node one; forget a node nothing meets at."""
        met = self.at(node)
        if not met:
            self._forget(node)
        if len(met) == 2 and met[0] != met[1]:
            before, after = self.stretches.pop(met[0]), self.stretches.pop(met[1])
            before, after = before.seen_from(node).turned, after.seen_from(node)
            points = np.concatenate([before.points_mm, after.points_mm[1:]])
            depths = np.concatenate([before.depth_mm, after.depth_mm[1:]])
            self.stretches[met[0]] = Stretch(before.start, after.stop, points, depths)
            self._forget(node)

    def _forget(self, node: int) -> None:
        for facts in (self.places_mm, self.depths_mm, self.components):
            facts.pop(node)
        self.opened.discard(node)
        self.kept.discard(node)

    def join_near_forks(self, voxel_mm: float) -> None:
        """Make forks one that lie less than a voxel apart."""
        while True:
            near = [
                (s.length_mm, n)
                for n, s in self.stretches.items()
                if s.length_mm < voxel_mm and s.start != s.stop
                if min(len(self.at(s.start)), len(self.at(s.stop))) > 2
            ]
            if not near:
                return
            gone = self.stretches.pop(min(near)[1])
            for number in self.at(gone.stop):
                stretch = self.stretches[number].seen_from(gone.stop)
                points = np.concatenate([gone.points_mm, stretch.points_mm[1:]])
                depths = np.concatenate([gone.depth_mm, stretch.depth_mm[1:]])
                self.stretches[number] = Stretch(gone.start, stretch.stop, points, depths)
            self._forget(gone.stop)


def _along(values: FloatArray) -> FloatArray:
    """Values (n,) or (n, 3) averaged along a stretch."""
    from scipy.ndimage import gaussian_filter1d

    return np.asarray(gaussian_filter1d(values, EVEN_VOXELS, axis=0, mode="nearest"))


class _Tracing:
    """Reads a graph from the voxels of a middle line."""

    def __init__(self, skeleton: VesselSkeleton, step_mm: FloatArray) -> None:
        self.step_mm = step_mm
        self.voxels: list[Kji] = [(int(k), int(j), int(i)) for k, j, i in skeleton.kji]
        self.depth = dict(zip(self.voxels, skeleton.depth_mm.tolist(), strict=True))
        self.component = dict(zip(self.voxels, skeleton.component.tolist(), strict=True))
        self.beside = {v: [w for w in self._around(v) if w in self.depth] for v in self.voxels}
        self.graph = VesselGraph()
        self.node_of: dict[Kji, int] = {}
        self._place_nodes()
        self._trace()

    @staticmethod
    def _around(voxel: Kji) -> Iterator[Kji]:
        k, j, i = voxel
        for dk, dj, di in NEIGHBOURS.tolist():
            yield k + dk, j + dj, i + di

    def _place_nodes(self) -> None:
        for voxel in self.voxels:
            if voxel not in self.node_of and len(self.beside[voxel]) >= 3:
                self._place(self._cluster(voxel))
        for voxel in self.voxels:
            if len(self.beside[voxel]) < 2:
                self._place([voxel])
        with_node = {self.component[v] for v in self.node_of}
        rings: dict[int, Kji] = {}
        for voxel in self.voxels:
            piece = self.component[voxel]
            if piece not in with_node and (
                piece not in rings or self.depth[voxel] < self.depth[rings[piece]]
            ):
                rings[piece] = voxel
        for voxel in rings.values():
            self._place([voxel])

    def _cluster(self, voxel: Kji) -> list[Kji]:
        """The fork voxels that hang together with one."""
        found, waiting = {voxel}, [voxel]
        while waiting:
            fresh = [w for w in self.beside[waiting.pop()] if w not in found and len(self.beside[w]) >= 3]
            found.update(fresh)
            waiting += fresh
        return sorted(found)

    def _place(self, voxels: list[Kji]) -> None:
        place = np.mean(np.array(voxels), axis=0) * self.step_mm
        deepest = max(self.depth[v] for v in voxels)
        node = self.graph.add_node(place, deepest, self.component[voxels[0]])
        self.node_of.update(dict.fromkeys(voxels, node))

    def _trace(self) -> None:
        used: set[Kji] = set()
        joined: set[tuple[int, int]] = set()
        for voxel in self.voxels:
            if voxel not in self.node_of:
                continue
            for first in self.beside[voxel]:
                if first in self.node_of:
                    one, two = sorted((self.node_of[voxel], self.node_of[first]))
                    if one != two and (one, two) not in joined:
                        joined.add((one, two))
                        self._add(one, two, [])
                elif first not in used:
                    self._follow(voxel, first, used)

    def _follow(self, start: Kji, first: Kji, used: set[Kji]) -> None:
        chain, before = [first], start
        while True:
            used.add(chain[-1])
            ahead = [v for v in self.beside[chain[-1]] if v != before and v not in used]
            stop = next((v for v in ahead if v in self.node_of), None)
            if stop is None and not ahead:
                stop = start
            if stop is not None:
                self._add(self.node_of[start], self.node_of[stop], chain)
                return
            before = chain[-1]
            chain.append(ahead[0])

    def _add(self, start: int, stop: int, chain: list[Kji]) -> None:
        graph = self.graph
        inner = np.array(chain, dtype=float).reshape(-1, 3) * self.step_mm
        points = np.concatenate([graph.places_mm[start][None], inner, graph.places_mm[stop][None]])
        depths = [graph.depths_mm[start], *(self.depth[v] for v in chain), graph.depths_mm[stop]]
        graph.add(Stretch(start, stop, points, np.array(depths)))
