"""The docs are pages that lead within the service, and can be searched."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from batchite.portal.docs import pages, search
from batchite.wire.batch import errors

ROOT = Path(__file__).parents[3]


def test_every_link_of_a_page_leads_somewhere() -> None:
    found = pages.all_pages()
    for page in found.values():
        anchors = set(re.findall(r' id="([^"]+)"', page.html))
        for target in re.findall(r'href="(?:/-/docs/)?([^":]*)"', page.html):
            name, _, anchor = target.partition("#")
            there = found[name] if name else page
            if anchor:
                known = set(re.findall(r' id="([^"]+)"', there.html)) if name else anchors
                assert anchor in known, f"{page.name} points to {target}"


def test_every_picture_of_a_page_is_there() -> None:
    shown = [name for page in pages.all_pages().values() for name in re.findall(r'src="([^"]+)"', page.html)]
    assert shown
    for url in shown:
        assert pages.image(url.rpartition("/")[2]) is not None, url


def test_a_package_has_all_that_is_shown() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packed = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"])
    wanted = {*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "images").iterdir()}
    assert packed == {str(path.relative_to(ROOT)) for path in wanted}


def test_html_of_a_page_stays_text() -> None:
    page = pages.rendered("p", "# T\n\n<script>alert(1)</script> [x](javascript:alert(1)) [y](../Makefile)\n")
    assert "<script" not in page.html
    assert "href" not in page.html


def test_headings_of_the_same_words_have_anchors_of_their_own() -> None:
    page = pages.rendered("p", "# T\n\nfirst\n\n## Same\n\na\n\n## Same\n\nb\n")
    assert [(section.title, section.anchor, section.text) for section in page.sections] == [
        ("T", "", "first"),
        ("Same", "same", "a"),
        ("Same", "same-", "b"),
    ]


def test_every_code_of_a_refusal_can_be_pointed_to() -> None:
    page = pages.all_pages()["batch-errors"]
    anchors = {section.anchor for section in page.sections}
    assert {code.lower() for code in errors.CODES} <= anchors


def test_a_section_is_found_by_all_of_its_words_those_of_headings_first() -> None:
    found = [
        pages.rendered("a", "# A\n\nthe quota of cores\n\n## Other\n\nnothing\n"),
        pages.rendered("b", "# B\n\n## Quota of cores\n\nwhat it is\n"),
    ]
    hits = search.find(found, "QUOTA cores")
    assert [(hit.page.name, hit.url) for hit in hits] == [
        ("b", "/-/docs/b#quota-of-cores"),
        ("a", "/-/docs/a"),
    ]
    assert hits[1].pieces == ["the ", "quota", " of ", "cores", ""]
    assert search.find(found, "quota nothing") == []
    assert search.find(found, "") == []
    assert search.find(found, "( [ \\") == []
