"""The project's docs as pages: Markdown in, HTML out, with links that lead within the service.

They lie in `docs/` of the project, and in the package beside this module once that is built. Raw HTML is
never taken over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from batchite.portal.visit import DOCS

HERE: Final = Path(__file__).resolve().parent
FIRST: tuple[str, ...] = (
    "tutorial",
    "portal",
    "command-line",
    "batch",
    "blob",
    "sdk",
    "explain",
    "events",
    "settings",
)
"""what most people look for; the rest follows by name"""
_COMMENT = re.compile(r"^<!--.*?-->\n?", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?P<name>[a-z0-9-]+)\.md(?P<anchor>#[^\s]*)?")
_IMAGE = re.compile(r"images/(?P<name>[a-z0-9-]+\.(?:png|svg))")


@dataclass(frozen=True, slots=True)
class Section:
    """What stands below a heading; `text` is plain, `anchor` is empty for what stands at the top."""

    title: str
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class DocPage:
    name: str
    title: str
    html: str
    sections: Sequence[Section]

    @property
    def url(self) -> str:
        return f"{DOCS}/{self.name}"


def directory() -> Path:
    """Where they lie."""
    packed = HERE / "pages"
    return packed if packed.is_dir() else HERE.parents[3] / "docs"


@cache
def all_pages() -> Mapping[str, DocPage]:
    """By name, in the order in which they are listed. Read once: they belong to the program."""
    names = sorted(path.stem for path in directory().glob("*.md"))
    ordered = [name for name in FIRST if name in names]
    ordered += [name for name in names if name not in FIRST]
    return {
        name: rendered(name, (directory() / f"{name}.md").read_text(encoding="utf-8")) for name in ordered
    }


@cache
def examples(name: str, language: str) -> Sequence[tuple[str, str]]:
    """The blocks of a page that are in the language, each after the paragraph that says what it is."""
    text = (directory() / f"{name}.md").read_text(encoding="utf-8")
    tokens = MarkdownIt("commonmark", {"html": False}).parse(_COMMENT.sub("", text))
    return [
        (_plain(tokens[place - 2]).rstrip(":"), token.content)
        for place, token in enumerate(tokens)
        if token.type == "fence" and token.info == language
        if place > 1 and tokens[place - 1].type == "paragraph_close"
    ]


def image(name: str) -> Path | None:
    """The file of a picture or a drawing; None if no page could mean it."""
    path = directory() / "images" / name
    return path if _IMAGE.fullmatch(f"images/{name}") and path.is_file() else None


def rendered(name: str, text: str) -> DocPage:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(_COMMENT.sub("", text))
    anchors = dict(_anchored(tokens))
    for token in tokens:
        for inner in token.children or ():
            _lead_within(inner)
    sections = list(_sections(tokens, anchors))
    title = sections[0].title if sections else name
    html: str = parser.renderer.render(tokens, parser.options, {})
    return DocPage(name, title, html, sections)


def _anchored(tokens: Sequence[Token]) -> Iterator[tuple[int, str]]:
    """Gives every heading an anchor of its own; by the place of its token."""
    taken: set[str] = set()
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            slug = anchor(_plain(tokens[place + 1]))
            while slug in taken:
                slug += "-"
            taken.add(slug)
            token.attrSet("id", slug)
            yield place, slug


def anchor(title: str) -> str:
    """As the hosts of Markdown make it of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


def _lead_within(token: Token) -> None:
    """Other pages are found below this one's path; what is not served here keeps its words only."""
    if token.type == "link_open":
        target = str(token.attrGet("href") or "")
        if page := _LINK.fullmatch(target):
            token.attrSet("href", f"{DOCS}/{page['name']}{page['anchor'] or ''}")
        elif not target.startswith(("#", "https://", "http://")):
            token.attrs.pop("href", None)
        elif not target.startswith("#"):
            token.attrSet("rel", "noreferrer")
    elif token.type == "image" and (found := _IMAGE.fullmatch(str(token.attrGet("src") or ""))):
        token.attrSet("src", f"{DOCS}/images/{found['name']}")


def _sections(tokens: Sequence[Token], anchors: Mapping[int, str]) -> Iterator[Section]:
    title, mark, words = "", "", list[str]()
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            if title or words:
                yield Section(title, mark, " ".join(words))
            title, mark, words = _plain(tokens[place + 1]), anchors[place], []
            mark = "" if token.tag == "h1" else mark
        elif token.type in ("inline", "fence", "code_block") and tokens[place - 1].type != "heading_open":
            words.append(_plain(token))
    if title or words:
        yield Section(title, mark, " ".join(words))


def _plain(token: Token) -> str:
    """The text as it is read."""
    if token.children is None:
        return token.content
    return "".join(
        " " if child.type in ("softbreak", "hardbreak") else child.content for child in token.children
    )
