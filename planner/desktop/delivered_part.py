"""The part of the mode Catheter with the image that shows what was delivered: which, how it lies, its unit and time."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from planner.base.errors import InvalidValue
from planner.desktop.image_choice import ImageChoice
from planner.desktop.pieces import dim_label, heading, link_button, show
from planner.model.case import Case
from planner.model.image import Image
from planner.plugin.case_images import offered_images
from planner.plugin.settings import Option, options_of
from planner.session.actions import Workbench

NO_IMAGE = (
    "A SPECT or PET made after the treatment shows what was delivered. Add it to the case as a further scan."
)
NOT_CHOSEN = "Choose the SPECT or PET made after the treatment: its dose is put beside the predicted one."
GONE = "The image that was chosen is no longer in this case. Choose another one, or none."


class DeliveredPart(QWidget):
    """Chooses the image of activity of a module that takes one; hidden for others.

    Parameters
    ----------
    bench
        The session with its tools.
    """

    drawer_asked = Signal(str, str)
    scans_asked = Signal(str)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("deliveredPart")
        self.bench = bench
        self._module = ""
        self._options: dict[str, Option | None] = {}
        self._choice: ImageChoice | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(heading("Delivered dose"))
        self._line = QHBoxLayout()
        self._line.setContentsMargins(14, 0, 14, 0)
        column.addLayout(self._line)
        self._words = dim_label(wraps=True)
        self._words.setObjectName("deliveredWords")
        self._words.setContentsMargins(14, 0, 14, 0)
        column.addWidget(self._words)
        links = QHBoxLayout()
        links.setContentsMargins(12, 0, 12, 2)
        links.setSpacing(10)
        self.scans = link_button("Add a scan…", "Go to the mode Afterwards, where scans are added")
        self.scans.setObjectName("deliveredScans")
        self.scans.clicked.connect(lambda _checked: self.scans_asked.emit(self._chosen))
        self.units = link_button(
            "Unit and time…", "Unit of the image's values, the time they are true of, scale"
        )
        self.units.setObjectName("deliveredUnits")
        self.units.clicked.connect(lambda _checked: self._ask_units())
        links.addWidget(self.scans)
        links.addWidget(self.units)
        links.addStretch(1)
        column.addLayout(links)

    def refresh(self, module: str) -> None:
        """Show what is chosen for a module, and how it lies."""
        option = self._option(module)
        show(self, option is not None)
        if option is None:
            self._module = ""
            return
        if module != self._module:
            self._module = module
            self._make_choice(option)
        assert self._choice is not None
        case, id = self.bench.session.case, self._chosen
        self._choice.show_choice(case, id)
        image = next((i for i in case.images if i.id == id), None)
        self._words.setText(self._status(case, id, image, option, self._told(option)))
        self.scans.setText("Registration…" if image is not None else "Add a scan…")
        self.scans.setToolTip(
            "Go to the mode Afterwards, where scans are laid over each other"
            if image is not None
            else "Go to the mode Afterwards, where scans are added"
        )
        show(self.units, image is not None)

    @property
    def _chosen(self) -> str:
        option = self._option(self._module)
        held = self.bench.session.judgements.settings(self._module) if self._module else {}
        return "" if option is None else str(held.get(option.name, option.default))

    def _option(self, module: str) -> Option | None:
        """The setting of a module that names an image; None where it has none, or is not there yet.

        Loading a module takes a while: that is left to the thread that prepares it.
        """
        judgements = self.bench.session.judgements
        if module not in self._options and judgements.is_ready(module):
            options = options_of(judgements.registry.module(module).settings_class)
            self._options[module] = next((o for o in options if o.modalities), None)
        return self._options.get(module)

    def _make_choice(self, option: Option) -> None:
        if self._choice is not None:
            self._line.removeWidget(self._choice)
            self._choice.deleteLater()
        self._choice = ImageChoice(option.modalities)
        self._choice.setObjectName("deliveredImage")
        self._choice.setAccessibleName("SPECT or PET that shows what was delivered")
        self._choice.chosen.connect(self._choose)
        self._line.addWidget(self._choice)

    def _choose(self, id: str) -> None:
        judgements, option = self.bench.session.judgements, self._option(self._module)
        assert option is not None
        values = {n: v for n, v in judgements.settings(self._module).items() if n != option.name}
        judgements.set_settings(self._module, {**values, option.name: id} if id else values)

    def _ask_units(self) -> None:
        option = self._option(self._module)
        assert option is not None
        self.drawer_asked.emit(self._module, option.drawer)

    @staticmethod
    def _status(case: Case, id: str, image: Image | None, option: Option, told: tuple[str, ...]) -> str:
        """What is to be done, or how the chosen image lies and what its values are."""
        from planner.planning.activity_map import Lying

        if image is None:
            if id:
                return GONE
            return NOT_CHOSEN if offered_images(case, option.modalities) else NO_IMAGE
        try:
            words = Lying.of(case, image).words
        except InvalidValue as error:
            words = f"{error.what} {error.todo}"
        text = f"{words[:1].upper()}{words[1:].rstrip('.')}. Its file says: {image.unit or 'no unit and no time'}."
        return f"{text} Set: {', '.join(told)}." if told else text

    def _told(self, image: Option) -> tuple[str, ...]:
        """What was set beside the image, in the same drawer."""
        held = self.bench.session.judgements.settings(self._module)
        module = self.bench.session.judgements.registry.module(self._module)
        options = (o for o in options_of(module.settings_class) if o.drawer == image.drawer and o != image)
        return tuple(f"{held[o.name]} {o.unit}".strip() for o in options if o.name in held)
