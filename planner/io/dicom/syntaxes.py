"""Transfer syntaxes: which can be decoded, by what, and what the others are called."""

from __future__ import annotations

from enum import StrEnum

from planner.base.errors import InputRefused


class Route(StrEnum):
    """What decodes the pixels of a transfer syntax."""

    RAW = "as they stand"
    PYDICOM = "pydicom"
    SIMPLEITK = "SimpleITK"


#: Name, decoder, and whether the compression may lose detail, by UID.
DECODED: dict[str, tuple[str, Route, bool]] = {
    "1.2.840.10008.1.2": ("Implicit VR Little Endian", Route.RAW, False),
    "1.2.840.10008.1.2.1": ("Explicit VR Little Endian", Route.RAW, False),
    "1.2.840.10008.1.2.1.99": ("Deflated Explicit VR Little Endian", Route.RAW, False),
    "1.2.840.10008.1.2.2": ("Explicit VR Big Endian", Route.RAW, False),
    "1.2.840.10008.1.2.5": ("RLE Lossless", Route.PYDICOM, False),
    "1.2.840.10008.1.2.4.80": ("JPEG-LS Lossless", Route.PYDICOM, False),
    "1.2.840.10008.1.2.4.81": ("JPEG-LS Near-lossless", Route.PYDICOM, True),
    "1.2.840.10008.1.2.4.90": ("JPEG 2000 Lossless", Route.PYDICOM, False),
    "1.2.840.10008.1.2.4.91": ("JPEG 2000", Route.PYDICOM, True),
    "1.2.840.10008.1.2.4.201": ("High-Throughput JPEG 2000 Lossless", Route.PYDICOM, False),
    "1.2.840.10008.1.2.4.202": ("High-Throughput JPEG 2000 RPCL Lossless", Route.PYDICOM, False),
    "1.2.840.10008.1.2.4.203": ("High-Throughput JPEG 2000", Route.PYDICOM, True),
    "1.2.840.10008.1.2.4.50": ("JPEG Baseline (Process 1)", Route.SIMPLEITK, True),
    "1.2.840.10008.1.2.4.51": ("JPEG Extended (Process 2 and 4)", Route.SIMPLEITK, True),
    "1.2.840.10008.1.2.4.53": ("JPEG Spectral Selection (Process 6 and 8)", Route.SIMPLEITK, True),
    "1.2.840.10008.1.2.4.55": ("JPEG Full Progression (Process 10 and 12)", Route.SIMPLEITK, True),
    "1.2.840.10008.1.2.4.57": ("JPEG Lossless (Process 14)", Route.SIMPLEITK, False),
    "1.2.840.10008.1.2.4.70": ("JPEG Lossless (Process 14, first-order prediction)", Route.SIMPLEITK, False),
}


def refuse_undecodable(syntax: str, name: str, frames: int = 1) -> None:
    """Raise `InputRefused` where a transfer syntax cannot be decoded, naming it."""
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    route = DECODED[syntax][1] if syntax in DECODED else None
    if route is Route.RAW or (route is Route.SIMPLEITK and frames == 1):
        return
    if route is Route.PYDICOM and get_decoder(syntax).is_available:
        return

    title = DECODED[syntax][0] if syntax in DECODED else str(UID(syntax, validation_mode=0).name)
    if route is Route.SIMPLEITK:
        title = f"several frames in {title}"
    uid = "" if title == syntax else f" ({syntax})"
    raise InputRefused(
        "The pixels are stored in a form that cannot be decoded.",
        f"{name}: transfer syntax {title}{uid}",
        "Export the series uncompressed or as JPEG 2000, JPEG-LS or RLE.",
    )
