"""Small XML documents of clients, read into elements."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, field
from typing import Protocol
from xml.parsers import expat

from batchite.wire.blob.errors import BlobError

MAX_DEPTH = 8
MAX_ELEMENTS = 1000
MAX_ATTRIBUTES = 100
"""Of a whole document. No document has any but those that declare a namespace."""
MAX_TAG_BYTES = 16 * 1024
"""A bound on what the parser has to read before it can tell us of anything."""


@dataclass(slots=True)
class Element:
    """`text` is what stands directly inside of it."""

    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def child(self, name: str) -> Element | None:
        """The first child of that name."""
        return next((child for child in self.children if child.name == name), None)

    def value(self, name: str) -> str | None:
        """The text of the first child of that name, without white space at the ends."""
        child = self.child(name)
        return None if child is None else child.text.strip()

    def exact(self, name: str) -> str:
        """The text of the first child of that name as it is; "" if there is none."""
        child = self.child(name)
        return "" if child is None else child.text

    def expect(self, *names: str) -> None:
        """Raises BlobError InvalidXmlDocument for a child of another name, or a second one of a name."""
        seen: set[str] = set()
        for child in self.children:
            if child.name not in names:
                raise malformed(f"{child.name!r} is not expected in {self.name}; it has {', '.join(names)}")
            if child.name in seen:
                raise malformed(f"{self.name} has {child.name} more than once")
            seen.add(child.name)


class Handler(Protocol):
    """Is told of a document's parts as they come."""

    def start(self, name: str, /) -> None: ...
    def text(self, data: str, /) -> None: ...
    def end(self, name: str, /) -> None: ...


class _Reader:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise malformed("the document has more elements than any request needs")
        element = Element(name)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def text(self, data: str) -> None:
        self._open[-1].text += data

    def end(self, _name: str) -> None:
        self._open.pop()


def parse(document: bytes, root: str) -> Element:
    """The element `root` that the document consists of. Raises BlobError as `feed`."""
    reader = _Reader()
    feed(document, reader)
    if reader.root is None or reader.root.name != root:
        raise malformed(f"the document must be <{root}>")
    return reader.root


def feed(document: bytes, handler: Handler) -> None:
    """Tell the handler what the document has in it, in order.

    Raises BlobError InvalidXmlDocument, also for any document type declaration, since entities have no
    place here, and for attributes in great number, which cost the parser more than everything else.
    """
    attributes_left = MAX_ATTRIBUTES

    def start(name: str, attributes: Sized) -> None:
        nonlocal attributes_left
        attributes_left -= len(attributes)
        if attributes_left < 0:
            raise malformed(f"a document has at most {MAX_ATTRIBUTES} attributes")
        handler.start(name)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        for begin in range(0, len(document), MAX_TAG_BYTES):
            piece = document[begin : begin + MAX_TAG_BYTES]
            parser.Parse(piece, False)
            if begin + len(piece) - parser.CurrentByteIndex > MAX_TAG_BYTES:
                raise malformed(f"a tag or a comment is longer than {MAX_TAG_BYTES} bytes")
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: unknown encodings
        raise malformed(str(error)) from None


def _refuse_doctype(*_declaration: object) -> None:
    raise malformed("a document type declaration is not allowed")


def malformed(reason: str) -> BlobError:
    return BlobError("InvalidXmlDocument", details=(("Reason", reason),))


def invalid_node(name: str, value: str, reason: str) -> BlobError:
    """The element's value breaks a rule; `reason` states the rule."""
    return BlobError(
        "InvalidXmlNodeValue", details=(("XmlNodeName", name), ("XmlNodeValue", value), ("Reason", reason))
    )
