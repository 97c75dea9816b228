"""Header names that are sent as they are spelled."""

from __future__ import annotations


class Spelled(bytes):
    """A name for an answer that keeps its capital letters.

    The server puts every name in lower case, which to HTTP is the same, but clients show a blob's
    metadata under the names they find on the wire.
    """

    __slots__ = ()

    def lower(self) -> Spelled:
        return self
