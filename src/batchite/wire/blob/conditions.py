"""Conditional headers, decided as the Blob service documents them.

Reading goes on if If-Match and If-Unmodified-Since hold, and one of If-None-Match and If-Modified-Since,
of those that are given. For changes If-None-Match goes before If-Modified-Since and If-Match before
If-Unmodified-Since; any other pair is refused, and so are several ETags. Weak ETags count for
If-None-Match only. Times compare in whole seconds, as `Last-Modified` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchite.wire.blob import dates
from batchite.wire.blob.errors import BlobError, invalid_header

NAMES = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"})
OF_TAGS, OF_TIER, OF_SOURCE = "x-ms-blob-", "x-ms-access-tier-", "x-ms-source-"
"""What the names of conditions begin with in Get and Set Blob Tags, in Delete Blob where they are about
the change of its tier, and in copies where they are about the source."""
FORMS: Mapping[str, frozenset[str]] = {
    prefix: frozenset(prefix + name for name in NAMES) for prefix in ("", OF_TAGS, OF_TIER, OF_SOURCE)
}
_ALLOWED_PAIRS = (
    frozenset({"if-none-match", "if-modified-since"}),
    frozenset({"if-match", "if-unmodified-since"}),
)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold for the request to go on; times are whole seconds since 1970."""

    match: frozenset[str] | None = None
    none_match: frozenset[str] | None = None
    modified_since: int | None = None
    unmodified_since: int | None = None

    def check_read(self, modified: int) -> None:
        """For reading what was last changed at this tick. Raises BlobError: 304, 412 or 400."""
        if self is NONE:
            return
        if self.wants_nothing:
            raise BlobError("UnsatisfiableCondition")
        seconds = dates.whole_seconds(modified)
        late = self.unmodified_since is not None and seconds > self.unmodified_since
        if late or not self._matches(dates.etag(modified)):
            raise BlobError("ConditionNotMet")
        new = [] if self.none_match is None else [dates.etag(modified) not in self.none_match]
        if self.modified_since is not None:
            new.append(seconds > self.modified_since)
        if new and not any(new):
            shown = (("ETag", dates.etag(modified)), ("Last-Modified", dates.http_date(modified)))
            raise BlobError("NotModified", headers=shown)

    @property
    def wants_nothing(self) -> bool:
        """Whether there must be nothing yet: `If-None-Match: *`."""
        return self.none_match is not None and "*" in self.none_match

    def check_change(self, modified: int, *, star: bool = False) -> None:
        """For changing or deleting what exists. Raises BlobError: 412 or 400.

        `star`: whether the operation passes over `If-None-Match: *`; others refuse what cannot hold.
        """
        if self.wants_nothing and not star:
            raise BlobError("UnsatisfiableCondition")
        self._check(modified)

    def check_put(self, modified: int | None) -> None:
        """For creating or replacing; `modified` is None if nothing is there yet.

        Raises BlobError: 412, or 409 BlobAlreadyExists for `If-None-Match: *`.
        """
        if modified is None:
            if self.match is not None:
                raise BlobError("ConditionNotMet")
            return
        if self.wants_nothing:
            raise BlobError("BlobAlreadyExists")
        self._check(modified)

    def _check(self, modified: int) -> None:
        """As changes have it: an ETag goes before a time."""
        if self is NONE:
            return
        etag, seconds = dates.etag(modified), dates.whole_seconds(modified)
        late = self.unmodified_since is not None and seconds > self.unmodified_since
        if not self._matches(etag) or (self.match is None and late):
            raise BlobError("ConditionNotMet")
        if self.none_match is not None:
            failed = etag in self.none_match
        else:
            failed = self.modified_since is not None and seconds <= self.modified_since
        if failed:
            raise BlobError("ConditionNotMet")

    def _matches(self, etag: str) -> bool:
        return self.match is None or not self.match.isdisjoint({"*", etag})


NONE = Conditions()


def parse(headers: Mapping[str, str], prefix: str = "") -> Conditions:
    """From headers with lower-case names which begin so. Raises BlobError for a bad date."""
    if headers.keys().isdisjoint(FORMS[prefix]):
        return NONE
    return Conditions(
        _etags(headers.get(f"{prefix}if-match")),
        _etags(headers.get(f"{prefix}if-none-match"), weakly=True),
        _seconds(headers, f"{prefix}if-modified-since"),
        _seconds(headers, f"{prefix}if-unmodified-since"),
    )


def check_combination(headers: Mapping[str, str], prefix: str = "") -> None:
    """For changes; any combination is for reading. Raises BlobError: 400."""
    given = FORMS[prefix].intersection(headers)
    several = any(
        len(_etags(headers.get(f"{prefix}{name}")) or ()) > 1 for name in ("if-match", "if-none-match")
    )
    if several or (len(given) > 1 and {name.removeprefix(prefix) for name in given} not in _ALLOWED_PAIRS):
        raise BlobError("MultipleConditionHeadersNotSupported")


def _etags(text: str | None, *, weakly: bool = False) -> frozenset[str] | None:
    """ETags with their quotes; some clients send them without."""
    if text is None:
        return None
    tags = (tag.strip() for tag in text.split(","))
    if weakly:
        tags = (tag.removeprefix("W/") for tag in tags)
    return frozenset(tag if tag == "*" or tag.startswith('"') else f'"{tag}"' for tag in tags if tag)


def _seconds(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name)
    if text is None:
        return None
    try:
        return dates.whole_seconds(dates.parse_http_date(text).ticks)
    except ValueError:
        raise invalid_header(name, text, "a time such as Sat, 31 Jan 2026 12:00:00 GMT") from None
