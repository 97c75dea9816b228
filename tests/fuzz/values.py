"""Values that are likely to be handled wrongly."""

from __future__ import annotations

import random

MARK = "fuzzed"
MARKS = (f"\"'><b id={MARK}>", f"a\r\n{MARK}: b", f"a\n{MARK}: b")
"""None of these may begin an element of a page, a header of an answer, or a line of the log."""
TEXTS = (
    "", " ", "a", "0", "\0", "\n", "a\r\nb", "\t", "\x7f", "\x85", "\xa0", "é", "ß", "İ", "ﬁ", "日本", "😀",
    "\u202e", "\ud800", "\ufeff", "０１", "Ⅷ", "a" * 64, "a" * 65, "a" * 1024, "a" * 1025, "é" * 3000, ".",
    "..", "../..", "/", "//", "\\", "a/../b", "..%2f..", "%", "%0", "%00", "%zz", "%ff", "+", "?", "#", "&",
    ";", ",", "=", "*", "$", "~", "'", "''", '"', '""', "`", "<", "&lt;", "]]>", "<!--", "{", "}", "{0}",
    "%s%n", "null", "true", "True", "NaN", "Infinity", "1e999", "-0", "0x10", "1_000", " 1", "\u0661",
    "$root", "$logs", "con", "__proto__", "x` - at `$.a[0]`",
    f"[{'9' * 5000}]", *MARKS,
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 2, 7, 63, 64, 65, 100, 255, 256, 257, 1000, 1001, 32767, 65536, 2**31 - 1, 2**31, -(2**31),
    2**32, 2**53, 2**63 - 1, 2**63, -(2**63), 2**64, 10**19, 10**30, 10**400, 0.5, -0.0, 1e308, 5e-324,
    float("inf"), float("nan"),
)  # fmt: skip
DURATIONS = (
    "PT0S", "PT1S", "PT1M", "PT90S", "P1D", "P7D", "P8D", "PT0.0000001S", "-PT1S", "P1Y", "P1M", "PT", "P",
    "PT1", "P99999999999999999999D", "P10675199DT2H48M5.4775807S", "PT9223372036854775807S", "00:01:00",
    "1",
)  # fmt: skip
TIMES = (
    "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1234567Z", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9999999Z", "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00+99:99",
    "Thu, 01 Jan 2026 00:00:00 GMT", "Thu, 01 Jan 0000 00:00:00 GMT", "Thu, 01 Jan 99999 00:00:00 GMT",
    "Thu, 32 Foo 2026 25:61:61 XXX", "now", "253402300800", "8000000000000000", "-1",
)  # fmt: skip
CALM = 0.4
"""How many requests are in order; without them there would be little for the others to meet."""
ALL = (*TEXTS, *(str(number) for number in NUMBERS), *DURATIONS, *TIMES)


class Dice(random.Random):
    """`is_calm`: for a request that is in order, as so many are."""

    def __init__(self, seed: str, calm: float = CALM) -> None:
        super().__init__(seed)
        self.is_calm = self.random() < calm

    def seldom(self, rate: float) -> bool:
        """Whether to do now what is out of order."""
        return self.random() < rate and not self.is_calm


def text(dice: Dice) -> str:
    """Mostly one of the above, or a few of them joined."""
    return "".join(dice.choices(ALL, k=dice.choice((1, 1, 1, 2, 3))))


def scalar(dice: Dice) -> object:
    """A JSON value of any type."""
    return dice.choice((text(dice), dice.choice(NUMBERS), None, True, False, [], {}, [None], {"": 0}))


def damaged(dice: Dice, content: bytes) -> bytes:
    """The same with some bytes changed, moved or missing."""
    at, end = sorted(dice.choices(range(len(content) + 1), k=2))
    match dice.randrange(7):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + content[end:]
        case 2:
            return content[:end] + content[at:]
        case 3:
            return content[:at] + dice.randbytes(dice.randrange(1, 9)) + content[at:]
        case 4:
            return content[:at] + text(dice).encode("utf-8", "surrogatepass") + content[end:]
        case 5:
            return b"\xef\xbb\xbf" + content
        case _:
            return dice.choice((b"[", b'{"a":', b"<a>", b"(", b"0", b"\xff\xfe", b"\0")) * dice.choice(
                (1, 99, 50_000)
            )
