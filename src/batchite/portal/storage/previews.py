"""What can be shown of a blob's content, judged by the content itself and never by what its type claims."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

TEXT_BYTES = 64 * 1024
"""of a text, from its beginning"""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_NOT_IN_TEXT = frozenset(range(32)) - frozenset(b"\t\n\r\f\b\x1b")
"""bytes; the escape begins colours in logs"""


@dataclass(frozen=True, slots=True)
class Text:
    """`charset` is the one it was taken for."""

    content: str
    charset: str
    is_cut: bool


def image_type(head: bytes) -> str:
    """The media type of what begins like this; empty: it is none of the images that are harmless to show.

    SVG is a document that can have scripts, so it is shown as text."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((media_type for mark, media_type in _IMAGES if head.startswith(mark)), "")


def text(head: bytes, size: int) -> Text | None:
    """What the first bytes of a blob say, `size` is that of all of it; None for what is no text."""
    is_cut = size > len(head)
    for mark, charset in _MARKS:
        if head.startswith(mark):
            content = codecs.getincrementaldecoder(charset)("replace").decode(head[len(mark) :], not is_cut)
            return Text(content, charset, is_cut)
    if not _NOT_IN_TEXT.isdisjoint(head):
        return None
    try:
        return Text(codecs.getincrementaldecoder("utf-8")().decode(head, not is_cut), "utf-8", is_cut)
    except UnicodeDecodeError:
        return Text(head.decode("cp1252", "replace"), "windows-1252", is_cut)
