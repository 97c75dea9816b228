"""What can be wrong with a formula.

    FormulaError                  says where, and what
    ├── FormulaSyntaxError        it cannot be read, or names what there is not
    │   └── FormulaTooLongError   it has more characters than a formula may have
    ├── EvaluationError           it can be read, and comes to no result
    └── ShortageError             there are fewer samples than it asks for

Nothing else is raised by what reads and evaluates formulas, whatever they are.
"""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """In a formula, both from 1 on."""

    line: int
    column: int

    @classmethod
    def of(cls, text: str, offset: int) -> Place:
        line_start = text.rfind("\n", 0, offset) + 1
        return cls(text.count("\n", 0, offset) + 1, offset - line_start + 1)

    def __str__(self) -> str:
        return f"Line {self.line}, Col {self.column}"


class FormulaError(Exception):
    """Its text begins with the place, as the service's messages do."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(f"{place}: {message}")
        self.message = message
        self.place = place


class FormulaSyntaxError(FormulaError):
    """The formula cannot be read, or names a variable, function or method that there is not."""


class FormulaTooLongError(FormulaSyntaxError):
    """The formula has more characters than a formula may have."""


class EvaluationError(FormulaError):
    """The formula comes to no result, for the values that it has met."""


class ShortageError(FormulaError):
    """Fewer samples have been taken than the formula asks for."""


class UnfitError(Exception):
    """What a value is not fit for; whoever knows the place says it by `at`. Never leaves this package."""

    def at(self, place: Place) -> FormulaError:
        return EvaluationError(str(self), place)


class FewSamplesError(UnfitError):
    """As `UnfitError`, for want of samples."""

    def at(self, place: Place) -> FormulaError:
        return ShortageError(str(self), place)


def underlined(text: str, place: Place) -> str:
    """The line of the formula that the place is in, and below it a mark."""
    lines = text.split("\n")
    line = lines[place.line - 1].rstrip("\r") if place.line <= len(lines) else ""
    return f"{line}\n" + "".join("\t" if char == "\t" else " " for char in line[: place.column - 1]) + "^"
