"""How names of files are told to whoever is not on the node: as text, whatever bytes they are.

Linux names files by bytes, and the API by text. A byte that is no UTF-8 is written as `�`, the sign for it
(U+FFFD), with the byte's two hexadecimal digits. Where a name has that very sign before such digits, its own
bytes are written so. So every name has a spelling of its own, which means that name and no other; and since
only bytes from 80 on are spelled so, no spelling hides a `/`, a `.` or a NUL.
"""

from __future__ import annotations

import os
import re
from typing import Final

_SIGN: Final = "\N{REPLACEMENT CHARACTER}"
_FIRST: Final = 0xDC00
"""How a byte stands in a name that Python reads, as the last bits of a character (PEP 383)."""
_SPELLED: Final = re.compile(f"{_SIGN}([89A-F][0-9A-F])")
_TO_SPELL: Final = re.compile(f"[\udc80-\udcff]|{_SPELLED.pattern}")


def spelled(name: str) -> str:
    """A name, or a path, as Python has it from the system."""
    if name.isascii():
        return name
    return _TO_SPELL.sub(_in_digits, os.fsencode(name).decode("utf-8", "surrogateescape"))


def meant(text: str) -> str:
    """The name that a spelling means."""
    if _SIGN not in text:
        return text
    plain = _SPELLED.sub(lambda found: chr(_FIRST + int(found[1], 16)), text)
    return os.fsdecode(plain.encode("utf-8", "surrogateescape"))


def _in_digits(found: re.Match[str]) -> str:
    content = found[0][0].encode("utf-8", "surrogateescape")
    return "".join(f"{_SIGN}{byte:02X}" for byte in content) + found[0][1:]
