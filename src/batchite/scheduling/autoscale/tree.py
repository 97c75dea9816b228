"""A formula that has been read.

What may be long is one node rather than a deep one, so a tree is as deep as parentheses are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from batchite.scheduling.autoscale.errors import Place


@dataclass(frozen=True, slots=True)
class Number:
    place: Place
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    place: Place
    value: str


@dataclass(frozen=True, slots=True)
class Name:
    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """Operators before a value; the last one is applied first."""

    place: Place
    operators: tuple[str, ...]
    operand: Node


class Link(NamedTuple):
    operator: str
    place: Place
    operand: Node


@dataclass(frozen=True, slots=True)
class Chain:
    """Values with operators of the same precedence between them, from left to right."""

    place: Place
    first: Node
    rest: tuple[Link, ...]


class Case(NamedTuple):
    condition: Node
    value: Node


@dataclass(frozen=True, slots=True)
class Conditional:
    """`a ? x : b ? y : z` has two cases."""

    place: Place
    cases: tuple[Case, ...]
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Call:
    place: Place
    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """Of a sampled variable."""

    place: Place
    variable: Name
    method: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """Of a timestamp."""

    place: Place
    owner: Node
    field: str


Node: TypeAlias = Number | Text | Name | Unary | Chain | Conditional | Call | Method | Field


@dataclass(frozen=True, slots=True)
class Assignment:
    place: Place
    name: str
    value: Node


Statement: TypeAlias = Assignment | Call
"""A call by itself is one of stop()."""


def within(node: Node) -> Iterator[tuple[Node, int]]:
    """The node and all in it, in the order they are written, and how deep each lies."""
    waiting = [(node, 1)]
    while waiting:
        found, depth = waiting.pop()
        yield found, depth
        waiting.extend((part, depth + 1) for part in reversed(parts(found)))


def parts(node: Node) -> tuple[Node, ...]:
    """What is directly within it, in the order it is written."""
    match node:
        case Number() | Text() | Name():
            return ()
        case Unary():
            return (node.operand,)
        case Chain():
            return (node.first, *(link.operand for link in node.rest))
        case Conditional():
            return (*(part for case in node.cases for part in case), node.otherwise)
        case Call():
            return node.arguments
        case Method():
            return (node.variable, *node.arguments)
        case Field():
            return (node.owner,)
