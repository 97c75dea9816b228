"""Tags of blobs: the header and the XML that carry them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_plus

from batchite.wire.blob.errors import BlobError, xml_text
from batchite.wire.blob.xml import Element, malformed, parse

MAX_TAGS = 10
MAX_NAME = 128
MAX_VALUE = 256
MAX_BODY_BYTES = 64 * 1024

TEXT = re.compile(r"[A-Za-z0-9 +\-./:=_]*", re.ASCII)
ALPHABET = "names and values of tags have letters, digits, spaces and + - . / : = _"


def read_header(text: str) -> dict[str, str]:
    """The header x-ms-tags: `name=value` pairs joined by `&`, percent-encoded. Raises BlobError."""
    pairs = []
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if not equals:
            raise _invalid(part, "x-ms-tags has pairs name=value, joined by & and percent-encoded")
        pairs.append((unquote_plus(name), unquote_plus(value)))
    return _checked(pairs)


def read(document: bytes) -> dict[str, str]:
    """The body of Set Blob Tags; an empty set removes all. Raises BlobError."""
    root = parse(document, "Tags")
    root.expect("TagSet")
    tag_set = root.child("TagSet")
    if tag_set is None:
        raise malformed("Tags has a TagSet")
    return _checked(map(_read_tag, tag_set.children))


def _read_tag(element: Element) -> tuple[str, str]:
    if element.name != "Tag":
        raise malformed(f"{element.name!r} is not expected in TagSet; it has Tag")
    element.expect("Key", "Value")
    return element.exact("Key"), element.exact("Value")


def _checked(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for name, value in pairs:
        _check(name, value)
        if name in tags:
            raise BlobError("DuplicateTagNames", details=(("TagName", name),))
        tags[name] = value
    if len(tags) > MAX_TAGS:
        raise BlobError("TagsTooLarge", details=(("Reason", f"a blob has at most {MAX_TAGS} tags"),))
    return tags


def _check(name: str, value: str) -> None:
    if not name:
        raise BlobError("EmptyTagName")
    if len(name) > MAX_NAME or len(value) > MAX_VALUE:
        reason = f"a tag's name has at most {MAX_NAME} characters, its value {MAX_VALUE}"
        raise BlobError("TagsTooLarge", details=(("TagName", name[:MAX_NAME]), ("Reason", reason)))
    if not (TEXT.fullmatch(name) and TEXT.fullmatch(value)):
        raise _invalid(name, ALPHABET)


def _invalid(name: str, reason: str) -> BlobError:
    return BlobError("InvalidTag", details=(("TagName", name), ("Reason", reason)))


def element(tags: Mapping[str, str]) -> str:
    """As it stands in lists and answers."""
    inner = "".join(
        f"<Tag><Key>{xml_text(name)}</Key><Value>{xml_text(value)}</Value></Tag>"
        for name, value in sorted(tags.items())
    )
    return f"<Tags><TagSet>{inner}</TagSet></Tags>"


def write(tags: Mapping[str, str]) -> bytes:
    """The body of Get Blob Tags."""
    return f'<?xml version="1.0" encoding="utf-8"?>{element(tags)}'.encode()
