"""What becomes of each voxel of the liver under a plan: one word a voxel, for pictures."""

from __future__ import annotations

from enum import IntEnum

#: Name of the field with a `Part` for each voxel, uint8 [k, j, i]; 0 outside the liver.
LIVER_PARTS = "liver_parts"


class Part(IntEnum):
    """What a voxel becomes; the first that is true."""

    OUTSIDE = 0
    REMNANT = 1
    RESECTED = 2
    ABLATED = 3
    DEVASCULARISED = 4
    CONGESTED = 5
