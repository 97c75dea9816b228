"""Entity tags and conditional requests.

An entity tag is made from the moment of the last change, so a condition on it is one on that moment
and can be part of the statement that makes a change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

import sqlalchemy as sa

from batchite.resources import etags
from batchite.wire import http_dates
from batchite.wire.batch.errors import BatchError, invalid_header
from batchite.wire.ticks import TICKS_PER_SECOND, Timestamp

DATES = frozenset({"if-modified-since", "if-unmodified-since"})
ALL = frozenset({"if-match", "if-none-match"}) | DATES

MAX_TAGS = 100
"""Entity tags of one header; each becomes a parameter of a statement, and databases take only so many."""


def http_date(ticks: int) -> str:
    """The moment in the form of HTTP headers, in whole seconds."""
    return format_datetime(datetime.fromtimestamp(ticks // TICKS_PER_SECOND, UTC), usegmt=True)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold of a resource's last change; empty conditions always hold.

    `match` and `none_match` are the ticks behind the tags given (a tag that is none of ours stands for
    no moment), None where the header is absent or `*`. Times are in whole seconds.
    """

    match: tuple[int, ...] | None = None
    none_match: tuple[int, ...] | None = None
    never: bool = False
    since: int | None = None
    unmodified: int | None = None

    def clause(self, modified: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """The conditions as part of a statement."""
        parts: list[sa.ColumnElement[bool]] = [sa.false() if self.never else sa.true()]
        if self.match is not None:
            parts.append(modified.in_(self.match))
        if self.none_match is not None:
            parts.append(modified.not_in(self.none_match))
        if self.since is not None:
            parts.append(modified >= (self.since + 1) * TICKS_PER_SECOND)
        if self.unmodified is not None:
            parts.append(modified < (self.unmodified + 1) * TICKS_PER_SECOND)
        return sa.and_(*parts)

    def hold(self, modified: int) -> bool:
        """Whether they do, of what was changed last at `modified`."""
        second = modified // TICKS_PER_SECOND
        return not (
            self.never
            or (self.match is not None and modified not in self.match)
            or (self.none_match is not None and modified in self.none_match)
            or (self.since is not None and second <= self.since)
            or (self.unmodified is not None and second > self.unmodified)
        )

    def check_read(self, modified: int) -> None:
        """Raises ConditionNotMet for a GET or HEAD: 304 if the client has it already, else 412."""
        second = modified // TICKS_PER_SECOND
        unchanged = self.never or (self.none_match is not None and modified in self.none_match)
        if unchanged or (self.since is not None and second <= self.since):
            raise BatchError("ConditionNotMet", status=304)
        changed = self.match is not None and modified not in self.match
        if changed or (self.unmodified is not None and second > self.unmodified):
            raise BatchError("ConditionNotMet")


def parse(headers: Mapping[str, str], supported: frozenset[str]) -> Conditions:
    """Read the conditional headers. Raises BatchError for those which the operation or we do not take.

    Of several, If-Match decides over If-Unmodified-Since and If-None-Match over If-Modified-Since;
    other mixtures are refused.
    """
    given = {name for name in ALL if name in headers}
    if unsupported := sorted(given - supported):
        detail = f"This operation does not take {unsupported[0]}; leave it out."
        raise BatchError("UnsupportedHeader", detail, (("HeaderName", unsupported[0]),))
    allowed = ({"if-match", "if-unmodified-since"}, {"if-none-match", "if-modified-since"})
    if len(given) > 1 and given not in allowed:
        detail = f"Send only one of {', '.join(sorted(given))}."
        raise BatchError("MultipleConditionHeadersNotSupported", detail)
    if "if-match" in given:
        return Conditions(match=_tags(headers, "if-match"))
    if "if-none-match" in given:
        tags = _tags(headers, "if-none-match")
        return Conditions(none_match=tags, never=tags is None)
    return Conditions(
        since=_date(headers, "if-modified-since"), unmodified=_date(headers, "if-unmodified-since")
    )


def _tags(headers: Mapping[str, str], name: str) -> tuple[int, ...] | None:
    text = headers[name]
    if text.strip() == "*":
        return None
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in text.split(",")}
    if len(tags) > MAX_TAGS:
        raise invalid_header(name, text, f"has more than {MAX_TAGS} entity tags")
    return tuple(etags.moment(tag) for tag in tags)


def _date(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name)
    if text is None:
        return None
    for reader in _DATE_READERS:
        try:
            return reader(text).ticks // TICKS_PER_SECOND
        except ValueError:
            continue
    raise invalid_header(name, text, "is not a date such as Fri, 31 Jan 2025 12:00:00 GMT")


_DATE_READERS: tuple[Callable[[str], Timestamp], ...] = (http_dates.read, Timestamp.parse)
