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
    Lesion("Lesion 1", "small and central", Ellipsoid((-33.0, -33.0, 162.0), (7.5, 7.5, 7.5)), 66, 70, 88),
    Lesion(
        "Lesion 2",
        "3 cm, near the right anterior portal branch",
        Ellipsoid((-93.0, -32.0, 152.0), (16.0, 14.5, 14.5), (25.0, 20.0)),
        50,
        64,
        96,
    ),
    Lesion(
        "Lesion 3",
        "under the capsule at the dome",
        Ellipsoid((-72.0, 10.0, 205.5), (11.5, 11.0, 10.0)),
        56,
        66,
        94,
    ),
    Lesion(
        "Lesion 4",
        "next to the gallbladder",
        Ellipsoid((-77.0, -56.0, 101.0), (10.5, 10.0, 9.5), (0.0, 30.0)),
        58,
        66,
        92,
    ),
    Lesion(
        "Lesion 5",
        "5 cm, in the right posterior section",
        Ellipsoid((-86.0, 30.0, 122.0), (26.0, 24.0, 25.0), (40.0, 0.0)),
        40,
        60,
        100,
    ),
)
