"""A case: the images, structures and facts of one patient that plans are made on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from planner.base.errors import InvalidValue
from planner.model.assessment import SettingValue
from planner.model.image import Image
from planner.model.landmarks import Landmarks
from planner.model.points import Point, finite_point
from planner.model.registration import Registration
from planner.model.structures import StructureSet
from planner.model.vessel_tree import VesselTree
from planner.model.volumetry import Volumetry, in_order

SEX_VALUES = ("", "F", "M", "O")


@dataclass(frozen=True)
class Patient:
    """Facts about the patient; None or empty where unknown, never assumed.

    ``facts`` are further ones a treatment asks for, by id, such as ``("cardiac_stimulator", "no")``; what is
    not there is unknown.
    """

    name: str = ""
    id: str = ""
    birth_date: str = ""
    sex: str = ""
    age_y: float | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    child_pugh: str = ""
    facts: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.sex not in SEX_VALUES:
            raise InvalidValue("The patient's sex is one of F, M, O or unknown.", repr(self.sex))
        for word, value, top in (
            ("age", self.age_y, 130.0),
            ("height", self.height_cm, 260.0),
            ("weight", self.weight_kg, 500.0),
        ):
            if value is not None and not 0 <= value <= top:
                raise InvalidValue(f"The patient's {word} must lie in 0..{top:g}.", str(value))
        facts = dict(self.facts)
        if len(facts) < len(self.facts) or not all(k and isinstance(v, str) and v for k, v in facts.items()):
            raise InvalidValue("A fact about the patient is told once, in a word.", f"{self.facts}")
        object.__setattr__(self, "facts", tuple(sorted(facts.items())))
        if self.child_pugh not in ("", "A", "B", "C"):
            raise InvalidValue("Child-Pugh class is A, B, C or unknown.", repr(self.child_pugh))

    def with_facts(self, facts: Mapping[str, str]) -> Patient:
        """The patient with other facts."""
        return replace(self, facts=tuple(facts.items()))


@dataclass(frozen=True, eq=False)
class Case:
    """What plans are made on; immutable.

    Parameters
    ----------
    id
        Unique identifier of the case.
    title
        What a person calls it.
    images
        At least none; the first is shown first.
    structure_sets
        Each over its own grid.
    patient
        Facts, where known.
    notes
        What was corrected or decided on import, in words, oldest first.
    registrations
        Where points of one of its images lie in another; at most one for two images.
    landmarks
        The same places in two of its images; at most one record for two images.
    vessel_trees
        Centrelines of its vessels, each with its own id.
    volumetry
        How large the future remnant was, by day; kept in the order of days, one a day at most.
    liver_places
        Places of the liver that were clicked, LPS mm, by what they are (`CouinaudLandmarks` knows the words).
    module_settings
        By treatment module the settings that speak of this patient, such as when a vial is calibrated.
    """

    id: str
    title: str
    images: tuple[Image, ...] = ()
    structure_sets: tuple[StructureSet, ...] = ()
    patient: Patient = field(default_factory=Patient)
    notes: tuple[str, ...] = ()
    registrations: tuple[Registration, ...] = ()
    landmarks: tuple[Landmarks, ...] = ()
    vessel_trees: tuple[VesselTree, ...] = ()
    volumetry: tuple[Volumetry, ...] = ()
    liver_places: Mapping[str, Point] = field(default_factory=dict)
    module_settings: Mapping[str, Mapping[str, SettingValue]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidValue("A case needs an id.", self.title)
        object.__setattr__(self, "volumetry", in_order(tuple(self.volumetry)))
        places = {word: finite_point(p, word.replace("_", " ")) for word, p in self.liver_places.items()}
        object.__setattr__(self, "liver_places", MappingProxyType(places))
        told = {m: MappingProxyType(dict(v)) for m, v in self.module_settings.items() if v}
        object.__setattr__(self, "module_settings", MappingProxyType(told))
        for values, word in (
            ([i.id for i in self.images], "images"),
            ([s.id for s in self.structure_sets], "structure sets"),
            ([t.id for t in self.vessel_trees], "trees of vessels"),
        ):
            if len(set(values)) != len(values):
                raise InvalidValue(f"Two {word} of a case share an id.", ", ".join(sorted(values)))
        known = {i.id for i in self.images}
        pairs = [frozenset((r.from_image, r.to_image)) for r in self.registrations]
        for registration, pair in zip(self.registrations, pairs, strict=True):
            if not pair <= known:
                raise InvalidValue("A registration names an image the case has not.", registration.words)
            if pairs.count(pair) > 1:
                raise InvalidValue("Two registrations of a case are of the same images.", registration.words)
        marked = [frozenset((m.from_image, m.to_image)) for m in self.landmarks]
        if any(not pair <= known or marked.count(pair) > 1 for pair in marked):
            raise InvalidValue(
                "A case keeps one record of landmarks for two of its images.",
                "; ".join(f"'{m.from_image}' and '{m.to_image}'" for m in self.landmarks),
            )

    def image(self, id: str = "") -> Image:
        """The image of an id, or the first; raises `InvalidValue` where there is none."""
        for image in self.images:
            if not id or image.id == id:
                return image
        raise InvalidValue("The case has no such image.", id or self.title, "Import a scan first.")

    @property
    def structures(self) -> StructureSet:
        """The structure set plans are judged on: the first one.

        Raises
        ------
        InvalidValue
            If the case has none.
        """
        if not self.structure_sets:
            raise InvalidValue(
                "The case has no segmented structures.",
                self.title,
                "Import or outline the liver and a lesion.",
            )
        return self.structure_sets[0]

    @property
    def frame_of_reference_uid(self) -> str:
        """The frame of reference plans are made in: the structures', else the first image's; or empty."""
        for known in (
            *(s.frame_of_reference_uid for s in self.structure_sets[:1]),
            *(i.identity.frame_of_reference_uid for i in self.images[:1]),
        ):
            if known:
                return known
        return ""

    def is_in_frame(self, image: Image) -> bool:
        """Whether structures and plans may be shown on an image: not where both name other frames."""
        own, other = self.frame_of_reference_uid, image.identity.frame_of_reference_uid
        return not own or not other or own == other

    @property
    def planning_image(self) -> Image | None:
        """The scan plans are made on: that of the structures' lattice, else the first in their frame."""
        in_frame = [i for i in self.images if self.is_in_frame(i)]
        grid = self.structures.grid if self.structure_sets else None
        on_grid = [i for i in in_frame if grid is not None and i.grid.same_as(grid)]
        return next(iter((*on_grid, *in_frame)), None)

    def judged_on(self, structure_set: str) -> Case:
        """A copy whose plans are judged on another of its structure sets.

        Raises
        ------
        InvalidValue
            If there is no set of this id.
        """
        chosen = [s for s in self.structure_sets if s.id == structure_set]
        if not chosen:
            known = ", ".join(s.id for s in self.structure_sets)
            raise InvalidValue(
                "The case has no such structure set.",
                structure_set,
                f"Choose one of: {known or 'none there'}.",
            )
        others = (s for s in self.structure_sets if s.id != structure_set)
        return replace(self, structure_sets=(*chosen, *others))

    def with_structures(self, structures: StructureSet) -> Case:
        """A copy with a structure set replaced (same id) or added."""
        if any(s.id == structures.id for s in self.structure_sets):
            kept = tuple(structures if s.id == structures.id else s for s in self.structure_sets)
        else:
            kept = (*self.structure_sets, structures)
        return replace(self, structure_sets=kept)

    def with_patient(self, patient: Patient) -> Case:
        """The case with other facts about the patient."""
        return replace(self, patient=patient)

    def with_image(self, image: Image) -> Case:
        """A copy with one more image; raises `InvalidValue` where its id is there already."""
        return replace(self, images=(*self.images, image))

    def with_scans(self, found: Case) -> Case:
        """A copy with the images, structure sets and notes of another case, under free ids."""
        used = {i.id for i in self.images} | {s.id for s in self.structure_sets}

        def free(id: str) -> str:
            name = next(n for n in (id, *(f"{id}-{k}" for k in range(2, 1000))) if n not in used)
            used.add(name)
            return name

        images = tuple(replace(i, id=free(i.id)) for i in found.images)
        sets = tuple(replace(s, id=free(s.id)) for s in found.structure_sets)
        return replace(
            self,
            images=(*self.images, *images),
            structure_sets=(*self.structure_sets, *sets),
            notes=(*self.notes, *found.notes),
        )

    def registration(self, one: str, other: str) -> Registration | None:
        """How two of its images lie to each other, in either direction; None where nobody found out."""
        wanted = {one, other}
        return next((r for r in self.registrations if {r.from_image, r.to_image} == wanted), None)

    def with_registration(self, registration: Registration) -> Case:
        """A copy with a registration added, or put in the place of that of the same images."""
        old = self.registration(registration.from_image, registration.to_image)
        kept = tuple(r for r in self.registrations if r is not old)
        return replace(self, registrations=(*kept, registration))

    def landmarks_of(self, one: str, other: str) -> Landmarks:
        """The landmarks of two of its images, from the first to the second; empty where there are none."""
        for marks in self.landmarks:
            if {marks.from_image, marks.to_image} == {one, other}:
                return marks.starting(one)
        return Landmarks(one, other)

    def with_landmarks(self, landmarks: Landmarks) -> Case:
        """A copy with landmarks in the place of those of the same images; without them where there is no pair."""
        images = {landmarks.from_image, landmarks.to_image}
        kept = tuple(m for m in self.landmarks if {m.from_image, m.to_image} != images)
        return replace(self, landmarks=(*kept, landmarks) if landmarks.pairs else kept)

    def vessel_tree(self, id: str) -> VesselTree:
        """The tree of an id; raises `InvalidValue` where there is none."""
        for tree in self.vessel_trees:
            if tree.id == id:
                return tree
        known = ", ".join(f"'{t.id}'" for t in self.vessel_trees)
        raise InvalidValue(
            "The case has no such tree of vessels.",
            f"'{id}'",
            f"Choose one of: {known}." if known else "Find or draw the vessels first.",
        )

    def with_vessel_tree(self, tree: VesselTree) -> Case:
        """A copy with a tree of vessels added, or in the place of that of its id."""
        if any(t.id == tree.id for t in self.vessel_trees):
            kept = tuple(tree if t.id == tree.id else t for t in self.vessel_trees)
        else:
            kept = (*self.vessel_trees, tree)
        return replace(self, vessel_trees=kept)

    def without_vessel_tree(self, id: str) -> Case:
        """A copy without a tree of vessels."""
        return replace(self, vessel_trees=tuple(t for t in self.vessel_trees if t.id != id))

    def with_liver_place(self, word: str, lps_mm: Point | None) -> Case:
        """A copy with a place of the liver set anew; None forgets it."""
        kept = {w: p for w, p in self.liver_places.items() if w != word}
        return replace(self, liver_places=kept if lps_mm is None else {**kept, word: lps_mm})

    def settings_of(self, module: str) -> Mapping[str, SettingValue]:
        """What a module is told of this patient, by the names of its settings."""
        return self.module_settings.get(module, {})

    def with_settings_of(self, module: str, values: Mapping[str, SettingValue]) -> Case:
        """A copy in which a module is told these values and no others."""
        return replace(self, module_settings={**self.module_settings, module: values})

    def with_volumetry(self, entry: Volumetry) -> Case:
        """A copy with one more volumetry; raises `InvalidValue` where there is one of its day already."""
        return replace(self, volumetry=(*self.volumetry, entry))

    def without_volumetry(self, date: str) -> Case:
        """A copy without the volumetry of a day; raises `InvalidValue` where there is none."""
        kept = tuple(e for e in self.volumetry if e.date != date)
        if len(kept) == len(self.volumetry):
            raise InvalidValue("The case has no volumetry of this day.", date)
        return replace(self, volumetry=kept)
