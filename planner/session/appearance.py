"""How the case is shown: what is visible, how opaque, and the window of gray values."""

from __future__ import annotations

from dataclasses import dataclass, replace

from psygnal import Signal

from planner.model.image import Image
from planner.model.roles import Role
from planner.model.structures import Structure

#: Opacity in 3D and visibility a structure starts with, by role.
_OPACITY = {
    Role.LIVER: 0.32,
    Role.SKIN: 0.12,
    Role.LUNG: 0.15,
    Role.BONE: 1.0,
    Role.LESION: 1.0,
    Role.PERFUSED_VOLUME: 0.4,
}
_HIDDEN = {Role.SKIN, Role.OTHER, Role.ABLATION_ZONE}
_HIDDEN_SPACE = {
    Role.BONE,
    Role.LUNG,
    Role.SPLEEN,
    Role.KIDNEY,
    Role.BOWEL,
    Role.STOMACH,
    Role.DUODENUM,
    Role.HEART,
    *(role for role in Role if role.value.startswith("couinaud_")),
}


@dataclass(frozen=True)
class Look:
    """How one structure is shown."""

    is_visible: bool
    is_visible_3d: bool
    opacity: float


@dataclass(frozen=True)
class GrayWindow:
    """Window width and level of gray values."""

    width: float
    level: float


#: Presets on the number keys, for CT in HU.
CT_PRESETS: tuple[tuple[str, GrayWindow], ...] = (
    ("Abdomen", GrayWindow(400, 50)),
    ("Liver", GrayWindow(150, 90)),
    ("Lung", GrayWindow(1500, -600)),
    ("Bone", GrayWindow(2000, 400)),
    ("Soft tissue, wide", GrayWindow(700, 40)),
    ("Vessels", GrayWindow(600, 180)),
)


class Appearance:
    """Visibility, opacity and gray window; not part of the plan, so not undone with it."""

    changed = Signal(str)
    window_changed = Signal()

    def __init__(self) -> None:
        self._looks: dict[str, Look] = {}
        self.window = CT_PRESETS[0][1]

    def look(self, structure: Structure) -> Look:
        """How a structure is shown."""
        held = self._looks.get(structure.name)
        if held is None:
            role = structure.role
            is_visible = role not in _HIDDEN
            held = Look(is_visible, is_visible and role not in _HIDDEN_SPACE, _OPACITY.get(role, 1.0))
        return held

    def set_visible(self, structure: Structure, is_visible: bool) -> None:
        """Show or hide a structure everywhere."""
        self._set(structure, replace(self.look(structure), is_visible=is_visible, is_visible_3d=is_visible))

    def set_visible_3d(self, structure: Structure, is_visible: bool) -> None:
        """Show or hide a structure in 3D alone."""
        self._set(structure, replace(self.look(structure), is_visible_3d=is_visible))

    def set_opacity(self, structure: Structure, opacity: float) -> None:
        """How opaque a structure is, 0..1."""
        self._set(structure, replace(self.look(structure), opacity=min(max(opacity, 0.0), 1.0)))

    def set_window(self, window: GrayWindow) -> None:
        """Change contrast and brightness."""
        self.window = GrayWindow(max(1.0, window.width), window.level)
        self.window_changed.emit()

    def suit(self, image: Image) -> None:
        """Start with a window that fits an image: the abdomen's for CT, else its middle 98 %."""
        import numpy as np

        if image.modality == "CT":
            self.set_window(CT_PRESETS[0][1])
            return
        low, high = np.percentile(np.asarray(image.values)[::2, ::4, ::4], (1, 99))
        self.set_window(GrayWindow(float(high - low), float(high + low) / 2))

    def clear(self) -> None:
        """Forget all looks."""
        self._looks.clear()

    def _set(self, structure: Structure, look: Look) -> None:
        self._looks[structure.name] = look
        self.changed.emit(structure.name)
