"""What all models are made of.

A model has the wire's names through `rename="camel"`, refuses names it does not know, and tells
absent (`UNSET`) from null (`None`). In a request an optional property is `Maybe`, in an answer
`Given`: the service leaves out what it does not know and never writes null.
"""

from __future__ import annotations

import re
from typing import Annotated, NoReturn, Self, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")

Given: TypeAlias = T | msgspec.UnsetType
Maybe: TypeAlias = T | msgspec.UnsetType | None

Int32: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


_WHOLE = re.compile(r"\s*[+-]?\d{1,100}\s*", re.ASCII)


class Model(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """Base of all models. `gc=False`: values without cycles need no tracking, and there are many."""


def whole(text: str) -> int:
    """The whole number that the text says in decimal digits. Raises ValueError."""
    if _WHOLE.fullmatch(text) is None:
        raise ValueError("not a whole number")
    return int(text)


class Int64:
    """A 64-bit integer, which JSON carries as a string because many readers hold numbers as doubles."""

    __slots__ = ("value",)

    value: int

    def __init__(self, value: int) -> None:
        object.__setattr__(self, "value", value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("Int64 is immutable")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the decimal form. Raises ValueError."""
        value = whole(text)
        if not -(2**63) <= value < 2**63:
            raise ValueError("beyond what 64 bits hold")
        return cls(value)

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return f"Int64({self.value})"

    def __eq__(self, other: object) -> bool:
        return self.value == other.value if isinstance(other, Int64) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.value)
