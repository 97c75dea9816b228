"""How words make a formula.

formula    = statement (";" statement)*          empty ones count for nothing
statement  = NAME "=" value | "stop" "(" ")"
value      = operation ("?" value ":" value)?
operation  = unary (OPERATOR unary)*             by precedence, from left to right
unary      = ("-" | "!")* primary
primary    = (NUMBER | STRING | NAME | NAME "(" values ")" | "(" value ")") ("." NAME ("(" values ")")?)*
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NoReturn

from batchite.scheduling.autoscale import limits
from batchite.scheduling.autoscale.errors import FormulaSyntaxError
from batchite.scheduling.autoscale.tokens import Token, tokens
from batchite.scheduling.autoscale.tree import (
    Assignment,
    Call,
    Case,
    Chain,
    Conditional,
    Field,
    Link,
    Method,
    Name,
    Node,
    Number,
    Statement,
    Text,
    Unary,
)

PRECEDENCE: Final[Mapping[str, int]] = {
    operator: level
    for level, operators in enumerate(
        (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
    )
    for operator in operators
}
"""As in C: what is higher binds closer."""


def read(text: str) -> tuple[Statement, ...]:
    """Raises FormulaSyntaxError."""
    return _Reader(tokens(text)).formula()


class _Reader:
    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._at = 0
        self._nesting = 0

    # -- words

    @property
    def _word(self) -> Token:
        return self._words[self._at]

    def _next(self) -> Token:
        word = self._word
        self._at += 1
        return word

    def _is(self, sign: str) -> bool:
        return self._word.kind == "sign" and self._word.text == sign

    def _take(self, sign: str) -> bool:
        if self._is(sign):
            self._at += 1
            return True
        return False

    def _expect(self, sign: str, after: str) -> None:
        if not self._take(sign):
            self._fail(f"'{sign}' {after}")

    def _fail(self, expected: str, hint: str = "") -> NoReturn:
        word = self._word
        raise FormulaSyntaxError(f"expected {expected}, found {word}" + hint, word.place)

    # -- statements

    def formula(self) -> tuple[Statement, ...]:
        statements: list[Statement] = []
        self._take_empty()
        while not self._is_over():
            if len(statements) == limits.STATEMENTS:
                message = f"a formula has at most {limits.STATEMENTS} statements"
                raise FormulaSyntaxError(message, self._word.place)
            statements.append(self._statement())
            if not self._is_over():
                self._end_of_statement()
                self._take_empty()
        if not statements:
            self._fail("a statement such as $TargetDedicatedNodes = 1")
        return tuple(statements)

    def _is_over(self) -> bool:
        return self._word.kind == "end"

    def _take_empty(self) -> None:
        while self._take(";"):
            pass

    def _end_of_statement(self) -> None:
        if not self._take(";"):
            hint = "; == compares, = stands after the name that is assigned" if self._is("=") else ""
            self._fail("an operator or ';' between statements", hint)

    def _statement(self) -> Statement:
        name = self._next()
        if name.kind != "name":
            self._at -= 1
            self._fail("the name of a variable to assign")
        if name.text.lower() == "stop" and self._is("("):
            return Call(name.place, "stop", self._arguments())
        if not self._take("="):
            self._fail(f"'=' after '{name.text}'", "; a statement assigns: NAME = VALUE")
        return Assignment(name.place, name.text, self._value())

    # -- values

    def _value(self) -> Node:
        place = self._word.place
        cases: list[Case] = []
        with self._deeper():
            while True:
                value = self._operation(0)
                if not self._take("?"):
                    return Conditional(place, tuple(cases), value) if cases else value
                then = self._value()
                self._expect(":", "between the two values of ?")
                cases.append(Case(value, then))

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._nesting += 1
        if self._nesting > limits.NESTING:
            message = f"values are nested more than {limits.NESTING} deep"
            raise FormulaSyntaxError(message, self._word.place)
        yield
        self._nesting -= 1

    def _operation(self, level: int) -> Node:
        """Of operators of that precedence and higher."""
        node = self._unary()
        while (found := self._precedence) >= level:
            place = self._word.place
            rest: list[Link] = []
            while self._precedence == found:
                operator = self._next()
                with self._deeper():
                    rest.append(Link(operator.text, operator.place, self._operation(found + 1)))
            node = Chain(place, node, tuple(rest))
        return node

    @property
    def _precedence(self) -> int:
        """Of the operator that comes next, -1 if none does."""
        return PRECEDENCE.get(self._word.text, -1) if self._word.kind == "sign" else -1

    def _unary(self) -> Node:
        place = self._word.place
        operators: list[str] = []
        while self._is("-") or self._is("!"):
            operators.append(self._next().text)
        operand = self._primary()
        return Unary(place, tuple(operators), operand) if operators else operand

    def _primary(self) -> Node:
        node = self._simple()
        while self._take("."):
            name = self._next()
            if name.kind != "name" or name.text.startswith("$"):
                self._at -= 1
                self._fail("the name of a method or field after '.'")
            if not self._is("("):
                node = Field(name.place, node, name.text)
            elif isinstance(node, Name):
                node = Method(name.place, node, name.text, self._arguments())
            else:
                message = f"only a sampled variable such as $ActiveTasks has methods, so none '{name.text}'"
                raise FormulaSyntaxError(message, name.place)
        return node

    def _simple(self) -> Node:
        word = self._next()
        match word.kind:
            case "number":
                return _number(word)
            case "string":
                return Text(word.place, word.text)
            case "name" if self._is("("):
                return Call(word.place, word.text, self._arguments())
            case "name":
                return Name(word.place, word.text)
            case "sign" if word.text == "(":
                value = self._value()
                self._expect(")", "to close the one before")
                return value
            case _:
                self._at -= 1
                self._fail("a value")

    def _arguments(self) -> tuple[Node, ...]:
        self._at += 1
        if self._take(")"):
            return ()
        arguments: list[Node] = [self._value()]
        while self._take(","):
            arguments.append(self._value())
        self._expect(")", "or ',' between arguments")
        return tuple(arguments)


def _number(word: Token) -> Number:
    value = float(word.text)
    if value == float("inf"):
        raise FormulaSyntaxError("the number is too large", word.place)
    return Number(word.place, value)
