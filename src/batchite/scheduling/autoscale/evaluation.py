"""What a formula comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from batchite.scheduling.autoscale import functions, limits, methods, operators, variables
from batchite.scheduling.autoscale.checking import check
from batchite.scheduling.autoscale.errors import (
    EvaluationError,
    FewSamplesError,
    FormulaError,
    Place,
    UnfitError,
)
from batchite.scheduling.autoscale.functions import FUNCTIONS, Moment
from batchite.scheduling.autoscale.grammar import read
from batchite.scheduling.autoscale.methods import METHODS, Asked
from batchite.scheduling.autoscale.samples import Samples
from batchite.scheduling.autoscale.targets import Targets
from batchite.scheduling.autoscale.tree import (
    Assignment,
    Call,
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
    within,
)
from batchite.scheduling.autoscale.values import INTERVALS, Value, field
from batchite.wire.ticks import Duration, Timestamp

KEPT: Final = 32
"""Formulas that are not read again for their next turn."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a formula finds when it is evaluated."""

    now: Timestamp
    samples: Samples
    targets: Targets
    """the pool's present ones, which stay where the formula says nothing of them"""
    slots_per_node: int
    random: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The pool is to have `targets`; `error` says why they are those that it has."""

    targets: Targets
    variables: Mapping[str, Value]
    """the formula's own"""
    error: FormulaError | None = None


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that has been read and names nothing that is not there."""

    text: str
    statements: tuple[Statement, ...]

    @classmethod
    def parse(cls, text: str) -> Formula:
        """Raises FormulaSyntaxError."""
        return _parsed(text)

    @property
    def sampled(self) -> Sequence[str]:
        """The sampled variables that it names."""
        assigned = [one for one in self.statements if isinstance(one, Assignment)]
        nodes = (node for one in assigned for node, _ in within(one.value))
        found = (variables.sampled(node.name) for node in nodes if isinstance(node, Name))
        return sorted({name for name in found if name is not None})

    def evaluate(self, surroundings: Surroundings) -> Outcome:
        """Raises nothing."""
        run = _Run(surroundings)
        try:
            run.go(self.statements)
            return Outcome(run.targets, run.own)
        except FormulaError as error:
            return Outcome(surroundings.targets.kept, {}, error)


@lru_cache(maxsize=KEPT)
def _parsed(text: str) -> Formula:
    statements = read(text)
    check(statements)
    return Formula(text, statements)


def evaluate(text: str, surroundings: Surroundings) -> Outcome:
    """A formula that may not even be readable. Raises nothing."""
    try:
        return Formula.parse(text).evaluate(surroundings)
    except FormulaError as error:
        return Outcome(surroundings.targets.kept, {}, error)


class _StopError(Exception):
    """The formula says that it is done."""


class _Run:
    """One evaluation."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.own: dict[str, Value] = {}
        self.targets = surroundings.targets.kept
        self._given = surroundings
        self._moment = Moment(surroundings.now, surroundings.random)
        self._in_full: set[str] = set()
        """targets that were assigned by the name in full, which a name of the past does not undo"""
        self._steps = 0

    def go(self, statements: Sequence[Statement]) -> None:
        """Raises FormulaError."""
        for statement in statements:
            if isinstance(statement, Call):
                return
            try:
                self._assign(statement.name, self._value(statement.value))
            except _StopError:
                return
            except UnfitError as error:
                raise error.at(statement.place) from None

    def _assign(self, name: str, value: Value) -> None:
        target = variables.writable(name)
        if target is None:
            self.own[name] = value
            return
        if variables.is_old(name):
            if target in self._in_full:
                return
        else:
            self._in_full.add(target)
        self.targets = self.targets.assigned(target, value)

    # -- values

    def _value(self, node: Node) -> Value:
        """Raises FormulaError; few frames for a node, so that the deepest formula fits on the stack."""
        self._charge(1, node.place)
        try:
            value = self._evaluated(node)
        except UnfitError as error:
            raise error.at(node.place) from None
        return self._counted(value, node.place)

    def _evaluated(self, node: Node) -> Value:
        match node:
            case Number() | Text():
                return node.value
            case Name():
                return self._named(node.name)
            case Unary():
                value = self._value(node.operand)
                for sign in reversed(node.operators):
                    value = operators.unary(sign, value)
                return value
            case Chain():
                value = self._value(node.first)
                for link in node.rest:
                    value = self._linked(value, link)
                return value
            case Conditional():
                for case in node.cases:
                    if operators.truth(self._value(case.condition), "the condition before ?"):
                        return self._value(case.value)
                return self._value(node.otherwise)
            case Call():
                return self._called(node.function.lower(), [self._value(part) for part in node.arguments])
            case Method():
                return self._asked(node, [self._value(part) for part in node.arguments])
            case Field():
                return field(self._value(node.owner), node.field.lower())

    def _linked(self, left: Value, link: Link) -> Value:
        try:
            settled = operators.settled(link.operator, left)
            if settled is not None:
                return settled
            value = operators.binary(link.operator, left, self._value(link.operand))
            return self._counted(value, link.place)
        except UnfitError as error:
            raise error.at(link.place) from None

    def _named(self, name: str) -> Value:
        """`check` has seen that there is such a name."""
        if name in self.own:
            return self.own[name]
        if name in INTERVALS:
            return Duration(INTERVALS[name])
        if name.lower() in variables.DEALLOCATIONS:
            return name.lower()
        target = variables.writable(name)
        return self._newest(name) if target is None else self.targets.read(target)

    def _newest(self, name: str) -> float:
        variable = variables.sampled(name) or name
        if variable == variables.SLOTS_PER_NODE:
            return float(self._given.slots_per_node)
        value = self._given.samples.newest(variable)
        if value is None:
            raise FewSamplesError(f"Insufficient data from data set: {variable} wanted 1 sample, received 0")
        return value

    def _called(self, name: str, arguments: Sequence[Value]) -> Value:
        if name == functions.STOP:
            raise _StopError
        return FUNCTIONS[name].call(arguments, self._moment)

    def _asked(self, call: Method, arguments: Sequence[Value]) -> Value:
        """As `_named`."""
        variable = variables.sampled(call.variable.name) or call.variable.name
        method = METHODS[methods.full(call.method) or call.method]
        return method.call(Asked(variable, self._given.samples, self._given.now), arguments)

    def _counted(self, value: Value, place: Place) -> Value:
        if isinstance(value, tuple):
            self._charge(len(value), place)
        return value

    def _charge(self, steps: int, place: Place) -> None:
        self._steps += steps
        if self._steps > limits.STEPS:
            raise EvaluationError("the formula takes too long: it looks at too many samples or values", place)
