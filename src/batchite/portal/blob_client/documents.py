"""XML documents of Blob services, ours or others, read into elements with their attributes."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

LARGEST = 16 * 1024 * 1024
"""bytes of a document"""
MAX_DEPTH = 10
MAX_ELEMENTS = 200_000


class Malformed(Exception):  # noqa: N818 - a state of another service's answer
    """It is no document that a Blob service would send; the text says why."""


@dataclass(slots=True)
class Element:
    """`text` is what stands directly inside of it."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def child(self, name: str) -> Element:
        """The first child of that name; an empty one if there is none."""
        return next((child for child in self.children if child.name == name), Element(name, {}))

    def value(self, name: str) -> str:
        return self.child(name).text


class _Reader:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise Malformed("it has more elements than any list")
        element = Element(name, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def text(self, data: str) -> None:
        self._open[-1].text += data

    def end(self, _name: str) -> None:
        self._open.pop()


def read(document: bytes, root: str) -> Element:
    """The element `root` that it consists of. Raises Malformed."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: unknown encodings
        raise Malformed(str(error)) from None
    if reader.root is None or reader.root.name != root:
        raise Malformed(f"it is no {root}")
    return reader.root


def _refuse(*_declaration: object) -> None:
    raise Malformed("it declares a document type")
