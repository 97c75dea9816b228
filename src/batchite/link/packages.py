"""How an agent asks for application packages: over HTTP, with its own credential as for the link.

Which package a reference means is asked first; its content is one of those of the node's account.
"""

from __future__ import annotations

from typing import Final

import msgspec

PACKAGES: Final = "/-/packages"
FIND: Final = f"{PACKAGES}/{{node}}/find"
"""of the parameters `application` and, unless the default one is meant, `version`; answered by `Answer`"""


def content_path(node: str, digest: str) -> str:
    """Where the content with this SHA-256 is."""
    return f"{PACKAGES}/{node}/content/{digest}"


class FoundPackage(msgspec.Struct, frozen=True):
    application: str
    """its id"""
    version: str
    digest: str
    """SHA-256 of the zip, in hexadecimal"""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the two."""

    found: FoundPackage | None = None
    why: str = ""
    """there is none: a sentence, without a full stop"""
