"""Where a reader of the feed is: opaque text for clients, two numbers for us."""

from __future__ import annotations

import hashlib
import re
from typing import Literal, NamedTuple

from batchite.wire.batch.errors import BatchError, invalid_query

BEGIN: Literal["begin"] = "begin"
NOW: Literal["now"] = "now"
_CURSOR = re.compile(r"([0-9a-f]{6})-([0-9]{1,18})-([0-9]{1,9})", re.ASCII)


class Position(NamedTuple):
    """The next event to be read: of the row with this number, or the first after it, when so many of that
    row's are left out."""

    number: int
    offset: int = 0


class ExpiredError(Exception):
    """What comes after the position has been removed in part, so nobody can say what has happened since."""


class Cursors:
    """Cursors of an account: those of another one are told apart, which is a mistake rather than a secret."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._mark = hashlib.blake2s(account.encode(), digest_size=3).hexdigest()

    def text(self, position: Position) -> str:
        return f"{self._mark}-{position.number}-{position.offset}"

    def parse(self, text: str, name: str = "cursor") -> Position:
        """Raises BatchError, in which the parameter is called `name`."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            rule = f"is none that this service has given; leave {name} out to begin with the present"
            raise invalid_query(name, text, f"{rule}, or send cursor={BEGIN} for all that is kept")
        if match[1] != self._mark:
            raise invalid_query(name, text, f"was not given to the account {self._account}")
        return Position(int(match[2]), int(match[3]))


def expired() -> BatchError:
    """The answer to who comes too late."""
    return BatchError(
        "EventsExpired",
        "What has happened since is not kept any more. Ask for a new cursor (a request without one), then "
        "read the lists of what you follow once, and go on from that cursor. The settings events_kept and "
        "events_hours say how much is kept.",
    )
