"""The words of a formula."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from batchite.scheduling.autoscale import limits
from batchite.scheduling.autoscale.errors import FormulaSyntaxError, FormulaTooLongError, Place

Kind = Literal["number", "string", "name", "sign", "end"]

_BETWEEN: Final = re.compile(r"(?:\s|//[^\n]*|\ufeff)+")
_TOKEN: Final = re.compile(
    r"""
    (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<name>\$?[A-Za-z_][A-Za-z0-9_]*)
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<sign>&&|\|\||[=!<>]=|[-+*/()!<>=?:;,.])
    """,
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(.)")
_HINTS: Final = {
    "%": "there is no operator %",
    "^": "there is no operator ^",
    "&": "&& is the operator for both",
    "|": "|| is the operator for either",
    '"': "the string has no end on its line",
    "'": "the string has no end on its line",
    "{": "values are grouped by ( and )",
    "[": "vec(…) makes a doubleVec of numbers",
    "$": "a name follows $, such as $TargetDedicatedNodes",
}


class Token(NamedTuple):
    kind: Kind
    text: str
    place: Place

    def __str__(self) -> str:
        return "the end of the formula" if self.kind == "end" else f"'{self.text}'"


def tokens(text: str) -> list[Token]:
    """All of a formula, the last one its end. Raises FormulaSyntaxError."""
    if len(text) > limits.CHARACTERS:
        raise FormulaTooLongError(
            f"the formula has {len(text):,} characters, and may have {limits.CHARACTERS:,}", Place(1, 1)
        )
    found: list[Token] = []
    line, line_start, at = 1, 0, 0
    while True:
        between = _BETWEEN.match(text, at)
        if between is not None:
            at = between.end()
            newlines = between.group().count("\n")
            if newlines:
                line += newlines
                line_start = text.rindex("\n", 0, at) + 1
        place = Place(line, at - line_start + 1)
        if at == len(text):
            found.append(Token("end", "", place))
            return found
        match = _TOKEN.match(text, at)
        if match is None:
            raise FormulaSyntaxError(_unknown(text[at]), place)
        found.append(_token(match, place))
        at = match.end()


def _token(match: re.Match[str], place: Place) -> Token:
    text = match.group()
    if match["string"] is not None:
        return Token("string", _ESCAPE.sub(r"\1", text[1:-1]), place)
    kind: Kind = "number" if match["number"] else "name" if match["name"] else "sign"
    return Token(kind, text, place)


def _unknown(char: str) -> str:
    shown = char if char.isprintable() else f"U+{ord(char):04X}"
    hint = _HINTS.get(char)
    return f"unexpected character '{shown}'" + (f": {hint}" if hint else "")
