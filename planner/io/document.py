"""Documents in JSON that say what they are and of which version: the frame readers of files share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from planner.base.errors import InputRefused


@dataclass(frozen=True)
class DocumentKind:
    """What a document must be.

    Parameters
    ----------
    schema, latest
        What it must say it is, and the latest version that is known.
    word
        What people call it.
    whole
        What to do where it is damaged.
    """

    schema: str
    latest: int
    word: str
    whole: str = "Take a copy of the file that is whole."


def checked_document(text: str | bytes, where: str, kind: DocumentKind) -> dict[str, Any]:
    """The JSON document of a kind, of a version that can be read.

    Parameters
    ----------
    text, where
        JSON, and the file it comes from, named in errors.
    kind
        What it must be.

    Raises
    ------
    InputRefused
        If it is anything else.
    """
    try:
        document = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(
            f"The {kind.word} is not valid JSON: damaged, or not written to its end.",
            f"{where}: {error}",
            kind.whole,
        ) from None
    if not isinstance(document, dict) or document.get("schema") != kind.schema:
        raise InputRefused(
            f"This file is no {kind.word}.", where, f'A document of one says "schema": "{kind.schema}".'
        )
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InputRefused(
            f"The {kind.word} does not say its version.", where, "Save it again with Liver Planner."
        )
    if version > kind.latest:
        raise InputRefused(
            f"The {kind.word} was written by a later version of Liver Planner (format {version}).",
            where,
            f"Update Liver Planner; this one reads formats up to {kind.latest}.",
        )
    return document
