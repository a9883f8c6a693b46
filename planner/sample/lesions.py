"""The five lesions: closed-form ellipsoids, known exactly."""

from __future__ import annotations

from dataclasses import dataclass

from planner.sample.ellipsoid import Ellipsoid


@dataclass(frozen=True)
class Lesion:
    """A lesion with its exact shape.

    Parameters
    ----------
    name, what
        As shown, and what a trainee is to notice.
    shape
        Closed form, in body coordinates.
    core_hu, body_hu, rim_hu
        Attenuation in the middle, further out and at the rim.
    """

    name: str
    what: str
    shape: Ellipsoid
    core_hu: float
    body_hu: float
    rim_hu: float


LESIONS = (
    Lesion("Lesion 1", "small and central", Ellipsoid((-33.0, -33.0, 162.0), (7.5, 7.5, 7.5)), 56, 62, 86),
    Lesion(
        "Lesion 2",
        "3 cm, near the right anterior portal branch",
        Ellipsoid((-89.6, -33.0, 153.0), (16.0, 14.5, 14.5), (25.0, 20.0)),
        46,
        58,
        94,
    ),
    Lesion(
        "Lesion 3",
        "under the capsule at the dome",
        Ellipsoid((-65.0, -4.5, 205.0), (11.5, 11.0, 10.0)),
        52,
        60,
        92,
    ),
    Lesion(
        "Lesion 4",
        "next to the gallbladder",
        Ellipsoid((-69.5, -50.0, 104.0), (10.5, 10.0, 9.5), (0.0, 30.0)),
        52,
        60,
        90,
    ),
    Lesion(
        "Lesion 5",
        "5 cm, in the right posterior section",
        Ellipsoid((-86.5, 22.5, 136.0), (25.5, 23.0, 25.0), (40.0, 0.0)),
        36,
        54,
        98,
    ),
)
