"""What resources are found by: their ids without regard to case."""

from __future__ import annotations


def folded(text: str) -> str:
    """The id as it is stored and compared. Ids are ASCII; a letter outside of it, such as the Kelvin sign
    whose lower case is `k`, must not become one of theirs."""
    return text.lower() if text.isascii() else text
