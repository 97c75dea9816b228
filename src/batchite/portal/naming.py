"""Texts of strangers, made to be looked at: no character does anything but be seen."""

from __future__ import annotations

import unicodedata

_KEPT = "\n\t"


def visible(text: str) -> str:
    """The text with every character that controls something (line ends and tabs apart), or changes the
    direction of its neighbours, replaced by one that names it."""
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable() or character in _KEPT:
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return f"⟨{ord(character):04X}⟩"
