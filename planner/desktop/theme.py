"""The window's look: one palette and one style sheet over Qt's Fusion style."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from planner.scene.palette import DARK, LIGHT, OK, WARNING, Theme

#: Two sizes for reading and one for the numbers that decide, in pixels.
TEXT_PX, SMALL_PX, HEADLINE_PX = 13, 11, 19


_shown = DARK


def shown_theme() -> Theme:
    """The theme the application has now, for what is painted by hand."""
    return _shown


def sign_color(sign: str) -> str:
    """Colour of the sign beside a judged number, dark enough for the theme's ground."""
    is_light = _shown is LIGHT
    if sign == "✓":
        return "#0072B2" if is_light else OK
    if sign == "▲":
        return "#a86400" if is_light else WARNING
    return _shown.dim


def apply_theme(app: QApplication, theme: Theme = DARK) -> None:
    """Give the application its colours, font and style sheet."""
    global _shown
    _shown = theme
    app.setStyle("Fusion")
    font = QFont()
    font.setFamilies(["Inter", "Segoe UI", "Noto Sans", "DejaVu Sans"])
    font.setPixelSize(TEXT_PX)
    app.setFont(font)
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, color in (
        (roles.Window, theme.background),
        (roles.Base, theme.panel),
        (roles.AlternateBase, theme.raised),
        (roles.Button, theme.raised),
        (roles.WindowText, theme.text),
        (roles.Text, theme.text),
        (roles.ButtonText, theme.text),
        (roles.ToolTipBase, theme.raised),
        (roles.ToolTipText, theme.text),
        (roles.PlaceholderText, theme.dim),
        (roles.Highlight, theme.focus),
        (roles.HighlightedText, "#ffffff" if theme is LIGHT else "#101216"),
        (roles.Link, theme.focus),
    ):
        palette.setColor(role, QColor(color))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.disabled))
    app.setPalette(palette)
    app.setStyleSheet(style_sheet(theme))


def style_sheet(theme: Theme) -> str:
    """The style sheet of a theme."""
    t = theme
    icons = Path(str(files("planner.resources").joinpath("icons"))).as_posix()
    tone = "light" if theme is LIGHT else "dark"
    amber = "#a86400" if theme is LIGHT else WARNING
    return f"""
* {{ outline: none; }}
QMainWindow, QDialog {{ background: {t.background}; }}
QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; padding: 5px; }}
QMenuBar {{ background: {t.panel}; color: {t.dim}; border: none; padding: 0 4px; }}
QMenuBar::item {{ padding: 5px 9px; background: transparent; }}
QMenuBar::item:selected {{ background: {t.raised}; color: {t.text}; }}
QMenu {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; padding: 4px 0; }}
QMenu::item {{ padding: 5px 28px 5px 16px; }}
QMenu::item:selected {{ background: {t.line}; }}
QMenu::item:disabled {{ color: {t.disabled}; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 0; }}
#topBar, #statusLine {{ background: {t.panel}; }}
#topBar {{ border-bottom: 1px solid {t.line}; }}
#statusLine {{ border-top: 1px solid {t.line}; }}
#statusLine QLabel {{ color: {t.dim}; font-size: 12px; }}
#sidePanel, #sidePanel > QWidget > QWidget, #panelBody {{ background: {t.panel}; }}
#bannerName {{ font-weight: 600; }}
#dim, QLabel[dim="true"] {{ color: {t.dim}; font-size: {SMALL_PX}px; }}
QLabel[heading="true"] {{ color: {t.dim}; font-size: {SMALL_PX}px; font-weight: 600; letter-spacing: 1px; padding: 8px 14px 3px 14px; }}
QLabel[headline="true"] {{ font-size: {HEADLINE_PX}px; font-weight: 600; }}
QFrame[card="true"] {{ background: {t.raised}; border-radius: 8px; }}
QFrame[card="true"][chosen="true"] {{ border: 1px solid {t.focus}; }}
QLabel[amber="true"] {{ color: {amber}; font-size: {SMALL_PX}px; }}
QFrame[card="true"] QLabel {{ background: transparent; }}
QPushButton, QToolButton[button="true"] {{ background: {t.control}; color: {t.text}; border: none; border-radius: 6px; padding: 6px 12px; }}
QPushButton[compact="true"] {{ padding: 6px 8px; }}
QPushButton[chip="true"] {{ padding: 4px 0; border-radius: 4px; }}
QPushButton:hover {{ background: {t.hover}; }}
QPushButton:focus {{ border: 1px solid {t.focus}; padding: 5px 11px; }}
QPushButton[compact="true"]:focus {{ padding: 5px 7px; }}
QPushButton[chip="true"]:focus {{ padding: 3px 0; }}
QPushButton:disabled {{ color: {t.disabled}; background: {t.raised}; }}
QPushButton:checked {{ background: {t.primary}; color: {t.on_primary}; }}
QPushButton[primary="true"] {{ background: {t.primary}; color: {t.on_primary}; }}
QPushButton[primary="true"]:hover {{ background: #347fae; }}
QPushButton[primary="true"]:disabled {{ background: {t.raised}; color: {t.disabled}; }}
QPushButton[mode="true"] {{ background: transparent; color: {t.dim}; padding: 7px 12px; }}
QPushButton[mode="true"]:checked {{ background: {t.raised}; color: {t.text}; border-bottom: 2px solid {t.focus}; border-radius: 5px; }}
QPushButton[mode="true"]:disabled {{ color: {t.disabled}; }}
QPushButton::menu-indicator {{ image: url({icons}/down-{tone}.svg); width: 9px; height: 9px; subcontrol-position: right center; right: 6px; }}
QPushButton#operations {{ padding-right: 20px; }}
QPushButton[link="true"] {{ background: transparent; color: {t.focus}; padding: 0; text-align: left; }}
QPushButton[link="true"]:disabled {{ color: {t.disabled}; }}
QComboBox, QLineEdit, QDoubleSpinBox, QSpinBox {{ background: {t.control}; color: {t.text}; border: 1px solid {t.line}; border-radius: 5px; padding: 3px 7px; selection-background-color: {t.focus}; }}
QComboBox:focus, QLineEdit:focus, QDoubleSpinBox:focus {{ border-color: {t.focus}; }}
QComboBox:disabled, QDoubleSpinBox:disabled {{ color: {t.disabled}; }}
QComboBox::drop-down {{ border: none; width: 20px; }}
QComboBox::down-arrow {{ image: url({icons}/down-{tone}.svg); width: 10px; height: 10px; }}
QDoubleSpinBox, QSpinBox {{ padding: 3px 18px 3px 5px; }}
QDoubleSpinBox::up-button, QSpinBox::up-button {{ subcontrol-position: top right; width: 18px; border: none; background: transparent; }}
QDoubleSpinBox::down-button, QSpinBox::down-button {{ subcontrol-position: bottom right; width: 18px; border: none; background: transparent; }}
QDoubleSpinBox::up-button:hover, QDoubleSpinBox::down-button:hover {{ background: {t.hover}; }}
QDoubleSpinBox::up-arrow, QSpinBox::up-arrow {{ image: url({icons}/up-{tone}.svg); width: 9px; height: 9px; }}
QDoubleSpinBox::down-arrow, QSpinBox::down-arrow {{ image: url({icons}/down-{tone}.svg); width: 9px; height: 9px; }}
QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {t.dim}; border-radius: 4px; background: {t.control}; }}
QCheckBox::indicator:checked {{ image: url({icons}/check-{tone}.svg); }}
QCheckBox::indicator:focus {{ border-color: {t.focus}; }}
QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {t.line}; }}
QSlider::sub-page:horizontal {{ height: 4px; border-radius: 2px; background: {t.focus}; }}
QSlider::handle:horizontal {{ width: 12px; margin: -4px 0; border-radius: 6px; background: {t.text}; }}
QComboBox QAbstractItemView {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; selection-background-color: {t.line}; }}
QScrollArea {{ border: none; background: {t.panel}; }}
QScrollBar:vertical {{ background: transparent; width: 9px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {t.line}; border-radius: 4px; min-height: 30px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
QScrollBar:horizontal {{ height: 0; }}
QProgressBar {{ background: {t.line}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }}
QProgressBar::chunk {{ background: {t.focus}; border-radius: 3px; }}
QListWidget, QTreeWidget, QTableWidget, QTextBrowser {{ background: {t.panel}; border: 1px solid {t.line}; border-radius: 6px; }}
QHeaderView::section {{ background: {t.raised}; color: {t.dim}; border: none; padding: 4px 8px; }}
QSplitter::handle {{ background: {t.background}; }}
"""
