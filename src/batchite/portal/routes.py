"""What a resource of the portal brings: its pages and changes, each a path with a view."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from batchite.portal.answers import Answer
from batchite.portal.visit import ROOT, Visit

View: TypeAlias = Callable[[Visit], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    verb: str
    path: str
    view: View
    for_operator: bool = False
    """only who came by a link of the data directory may ask for it"""
    is_form: bool = False
    """the page is a form for a change, and not there where nothing can be changed"""
    is_question: bool = False
    """it changes nothing, so it is there where nothing can be changed, and leaves no line in the log"""
    takes_stream: bool = False
    """the view reads the body itself, and the token comes in a header"""


def show(path: str, view: View, *, for_operator: bool = False) -> Route:
    """A page. `path` lies below the portal's: `/batch/{account}/pools`."""
    return Route("GET", f"{ROOT}{path}", view, for_operator)


def form(path: str, view: View) -> Route:
    """The form of a change, as a page of its own."""
    return Route("GET", f"{ROOT}{path}", view, is_form=True)


def change(path: str, view: View, *, for_operator: bool = False) -> Route:
    """Something that changes; not there where the portal is for reading only."""
    return Route("POST", f"{ROOT}{path}", view, for_operator)


def ask(path: str, view: View) -> Route:
    """A question that is too long for a URL, and changes nothing."""
    return Route("POST", f"{ROOT}{path}", view, is_question=True)


def take(path: str, view: View) -> Route:
    """Content of any length that a script sends."""
    return Route("PUT", f"{ROOT}{path}", view, takes_stream=True)
