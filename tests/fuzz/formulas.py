"""`python -m tests.fuzz.formulas N [SEED [FIRST]]`: N autoscale formulas of a seed, from number FIRST on.

Half of them are made by the grammar, and are as sensible or as mad as chance has it; the others are such
formulas with parts of them lost, doubled, exchanged or strange. Whatever they are, they come to a result or
to an error that says where, in a short time.
"""

from __future__ import annotations

import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from tests.fuzz.values import NUMBERS, TEXTS, TIMES

from batchite.scheduling.autoscale import limits, variables
from batchite.scheduling.autoscale.errors import FormulaError, underlined
from batchite.scheduling.autoscale.evaluation import Outcome, Surroundings, evaluate
from batchite.scheduling.autoscale.grammar import PRECEDENCE
from batchite.scheduling.autoscale.results import run
from batchite.scheduling.autoscale.samples import Samples, Series
from batchite.scheduling.autoscale.targets import Targets
from batchite.scheduling.autoscale.values import FIELDS, INTERVALS
from batchite.wire.ticks import Duration, Timestamp

FREEZE_SECONDS: Final = 5.0
"""Of processor time, which no formula may take."""
NOW: Final = Timestamp.parse("2026-01-30T12:00:05Z")
PERIOD: Final = Duration.of(seconds=30)
WORDS: Final = (
    *PRECEDENCE, *"=!?:;,.()$%&|'\"\\[]{}#@\n\t", "//", "/*", "0x1f", "1e5", "1..2", ".", "stop()", "true",
)  # fmt: skip
LONG: Final = (
    "(", "max(", "-", "!", "1+", "1?", "0?1:", "1||", "x=1;", "//\n", "v=vec(v,v);", "'", "\\", "$", ".",
)  # fmt: skip
TARGETS: Final = (variables.TARGET_DEDICATED, variables.TARGET_LOW_PRIORITY)
OF_NUMBERS: Final = ("ceil", "floor", "round", "lg", "ln", "log")
OF_LISTS: Final = ("avg", "len", "max", "min", "norm", "range", "std", "sum")


def samples() -> Samples:
    """Of a day, with a gap in it; of some variables none."""
    dice = random.Random(1)  # noqa: S311
    times = [NOW.ticks - PERIOD.ticks * back for back in range(2880, 0, -1) if not 40 < back < 200]
    names = variables.SAMPLED[:-1]
    return Samples(
        PERIOD, {name: Series(times, [float(dice.randrange(100)) for _ in times]) for name in names}
    )


SURROUNDINGS: Final = Surroundings(NOW, samples(), Targets(4, 2), 4, lambda: 0.5)


class Writer:
    """Of one formula, in which types mostly fit."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._own: dict[str, list[str]] = {}
        """names that are assigned, by type"""
        self._kinds: dict[str, Callable[[int], str]] = {
            "double": self._double,
            "doubleVec": self._vector,
            "timeinterval": self._interval,
            "timestamp": self._moment,
            "string": self._text,
        }

    def formula(self) -> str:
        if self._dice.random() < 0.02:
            return self._long()
        statements = [self._statement() for _ in range(self._dice.choice((1, 1, 2, 3, 5, 12, 30)))]
        return self._dice.choice((";", "; ", ";\n", " ;// and\n")).join(statements)

    def _statement(self) -> str:
        if self._dice.random() < 0.02:
            return "stop()"
        if self._dice.random() < 0.3:
            return f"{self._dice.choice(TARGETS)} = {self._value('double', self._depth())}"
        if self._dice.random() < 0.1:
            return f"{variables.DEALLOCATION} = {self._value('string', 0)}"
        kind = self._dice.choice(("double", *self._kinds))
        value = self._value(kind, self._depth())
        name = self._dice.choice(("x", "$y", "Zwei", "$tasks", "t1"))
        for names in self._own.values():
            if name in names:
                names.remove(name)
        self._own.setdefault(kind, []).append(name)
        return f"{name} = {value}"

    def _depth(self) -> int:
        return self._dice.choice((0, 1, 1, 2, 2, 3, 4))

    def _value(self, kind: str, depth: int) -> str:
        dice = self._dice
        if dice.random() < 0.01:
            kind = dice.choice(tuple(self._kinds))
        own = self._own.get(kind)
        if own and dice.random() < 0.2:
            return dice.choice(own)
        if depth > 0 and dice.random() < 0.1:
            condition, depth = self._value("double", depth - 1), depth - 1
            return f"({condition} ? {self._value(kind, depth)} : {self._value(kind, depth)})"
        return self._kinds[kind](depth)

    def _double(self, depth: int) -> str:
        dice = self._dice
        if depth <= 0:
            number = (
                dice.choice((*NUMBERS[:20], *NUMBERS[-5:-2])) if dice.random() < 0.2 else dice.randrange(9)
            )
            return dice.choice((f"{abs(number)}", f"{abs(number)}", *variables.SAMPLED, *TARGETS, "rand()"))
        inner = depth - 1
        match dice.randrange(8):
            case 0 | 1:
                signs = dice.choices(tuple(PRECEDENCE), k=dice.choice((1, 1, 2, 5)))
                rest = (f" {sign} {self._value('double', inner)}" for sign in signs)
                return self._value("double", inner) + "".join(rest)
            case 2:
                kind = dice.choice(tuple(self._kinds))
                sign = dice.choice(("<", "<=", "==", "!=", ">", ">="))
                return f"({self._value(kind, inner)} {sign} {self._value(kind, inner)})"
            case 3:
                return dice.choice("-!") * dice.choice((1, 1, 2, 9)) + f"({self._value('double', inner)})"
            case 4:
                return f"{self._value('timestamp', -1)}.{dice.choice(FIELDS)}"
            case 5:
                return f"{dice.choice(OF_NUMBERS)}({self._value('double', inner)})"
            case 6:
                name = dice.choice(("val", "percentile"))
                return f"{name}({self._value('doubleVec', inner)}, {self._value('double', inner)})"
            case _:
                return f"{dice.choice(OF_LISTS)}({self._list(inner)})"

    def _list(self, depth: int) -> str:
        kinds = self._dice.choices(("double", "doubleVec"), k=self._dice.choice((1, 1, 2, 2, 3, 0)))
        return ", ".join(self._value(kind, depth) for kind in kinds)

    def _vector(self, depth: int) -> str:
        dice = self._dice
        inner = depth - 1
        match dice.randrange(5) if depth > 0 else 9:
            case 0:
                both = dice.choice(
                    (("doubleVec", "double"), ("doubleVec", "doubleVec"), ("double", "doubleVec"))
                )
                left, right = (self._value(kind, inner) for kind in both)
                return f"({left} {dice.choice('+-*/')} {right})"
            case 1:
                return f"{dice.choice(('vec', 'vec', 'lg', 'log'))}({self._list(inner)})"
            case _:
                return self._sample(inner)

    def _sample(self, depth: int) -> str:
        bounds = [self._value(self._dice.choice(("timeinterval", "timestamp")), depth) for _ in range(2)]
        looks = ("1", "10", bounds[0], f"{bounds[0]}, 70", ", ".join(bounds), f"{', '.join(bounds)}, 50")
        return f"{self._dice.choice(variables.SAMPLED)}.GetSample({self._dice.choice(looks)})"

    def _interval(self, depth: int) -> str:
        if depth <= 0:
            name = self._dice.choice((*INTERVALS, "TimeInterval_Minute", "TimeInterval_Hour"))
            return self._dice.choice((name, f"{name} * {self._dice.randrange(30)}"))
        inner = depth - 1
        forms = (
            f"({self._value('timeinterval', inner)} + {self._value('timeinterval', inner)})",
            f"({self._value('timestamp', inner)} - {self._value('timestamp', inner)})",
            f"{self._value('double', inner)} * {self._value('timeinterval', inner)}",
            f"({self._value('timeinterval', inner)}) / {self._value('double', 0)}",
            f"{self._dice.choice(variables.SAMPLED)}.GetSamplePeriod()",
        )
        return self._dice.choice(forms)

    def _moment(self, depth: int) -> str:
        if depth <= 0:
            begin = f"{self._dice.choice(variables.SAMPLED)}.HistoryBeginTime()"
            forms = ("time()", "time()", begin, f"time('{self._dice.choice(TIMES)}')")
            return self._dice.choice(forms if depth == 0 else forms[:2])
        sign = self._dice.choice("+-")
        return f"({self._value('timestamp', depth - 1)} {sign} {self._value('timeinterval', depth - 1)})"

    def _text(self, _depth: int) -> str:
        return self._dice.choice((*variables.DEALLOCATIONS, "'requeue'", f'"{self._dice.choice(TIMES)}"'))

    def _long(self) -> str:
        """The same over and over, as far as a formula may go and a little further."""
        part = self._dice.choice(LONG)
        beginning = self._dice.choice(("x = ", "v = vec(1, 2); ", ""))
        end = self._dice.choice(("1", ")" * 100, ""))
        return beginning + part * self._dice.choice((50, 70, 100, 2000, limits.CHARACTERS // len(part))) + end


def mutated(text: str, dice: random.Random) -> str:
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        at, until = sorted(dice.choices(range(len(text) + 1), k=2))
        until = min(until, at + dice.choice((0, 1, 1, 3, 20)))
        match dice.randrange(6):
            case 0:
                text = text[:at] + text[until:]
            case 1:
                text = text[:at] + text[at:until] * dice.choice((2, 3, 50)) + text[until:]
            case 2:
                text = text[:at] + dice.choice(WORDS) + text[until:]
            case 3:
                text = text[:at] + dice.choice(TEXTS) + text[at:]
            case 4:
                text = text[:at] + str(dice.choice(NUMBERS)) + text[until:]
            case _:
                text = text[:at].swapcase() + text[at:]
    return text


def formula(seed: int, number: int) -> str:
    dice = random.Random(f"{seed}/{number}")  # noqa: S311
    text = Writer(dice).formula()
    return mutated(text, dice) if dice.random() < 0.5 else text


@dataclass
class Campaign:
    wrong: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    slowest: int = 0

    def go(self, seed: int, numbers: Iterable[int]) -> None:
        for number in numbers:
            text = formula(seed, number)
            began = time.thread_time()
            try:
                outcome = evaluate(text, SURROUNDINGS)
                problem = _problem(text, outcome)
            except Exception as error:
                problem = f"raises {error!r}"
            else:
                self.outcomes[type(outcome.error).__name__] += 1
            taken = time.thread_time() - began
            if taken > self.longest:
                self.longest, self.slowest = taken, number
            if taken > FREEZE_SECONDS:
                problem = f"takes {taken:.1f} s"
            if problem:
                self.wrong.append(f"formula {number} {problem}: {text!r}")

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self.outcomes.most_common())
        return f"{counts}; the slowest, number {self.slowest}, took {self.longest * 1000:.0f} ms"


def _problem(text: str, outcome: Outcome) -> str:
    """What is wrong with what the formula has come to, if something is."""
    made = run(outcome, NOW)
    if not made.results or not made.results.startswith("$TargetDedicatedNodes="):
        return "has no results"
    targets = outcome.targets
    if not (0 <= targets.dedicated < 2**31 and 0 <= targets.low_priority < 2**31):
        return f"asks for {targets}"
    if outcome.error is not None:
        return _problem_of(text, outcome.error)
    strange = [
        value for value in outcome.variables.values() if isinstance(value, float) and not isfinite(value)
    ]
    return f"has come to {strange}" if strange else ""


def _problem_of(text: str, error: FormulaError) -> str:
    lines = text.split("\n")
    place = error.place
    if not (1 <= place.line <= len(lines) and 1 <= place.column <= len(lines[place.line - 1]) + 1):
        return f"has its error at {place}, where nothing is"
    return "" if underlined(text, place).endswith("^") and error.message else "has an error without words"


def main(count: int, seed: int, first: int) -> None:
    print(f"seed {seed}", flush=True)
    campaign = Campaign()
    campaign.go(seed, range(first, first + count))
    print(campaign)
    print("\n".join(campaign.wrong))
    sys.exit(1 if campaign.wrong else 0)


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*given, *[100_000, secrets.randbits(32), 0][len(given) :])
