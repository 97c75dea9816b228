"""Two connections joined: what comes on one goes out on the other, no faster than it is taken there."""

from __future__ import annotations

import asyncio
from typing import cast


class Pipe(asyncio.Protocol):
    """One of two connections. It reads nothing before it is joined with the other one."""

    transport: asyncio.Transport
    other: Pipe | None = None
    _is_read = False
    """to its end"""

    def join(self, other: Pipe) -> None:
        """From now on they are one. Reading has still to begin, by `flow`."""
        self.other, other.other = other, self

    def flow(self) -> None:
        """Begin to read on both. If one has gone meanwhile, the other goes, too."""
        for pipe in (self, self.other):
            if pipe is not None:
                pipe.read(True)
                if pipe.transport.is_closing():
                    self._end()

    def read(self, on: bool) -> None:
        """Go on reading, or pause. A transport that is closing takes neither."""
        if not self.transport.is_closing():
            (self.transport.resume_reading if on else self.transport.pause_reading)()

    def write(self, data: bytes) -> None:
        """Nobody gets what comes for one who has gone."""
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.write(data)

    def eof_received(self) -> bool:
        """Whoever sends no more may still wait for an answer; TLS knows no such half."""
        self._is_read = True
        other = self.other
        if other is None or other._is_read or not _has_halves(self) or not _has_halves(other):
            self._end()
            return False
        if not other.transport.is_closing():
            other.transport.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._end()

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.read(False)

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.read(True)

    def _end(self) -> None:
        """What has come is still written."""
        self.transport.close()
        if self.other is not None:
            self.other.transport.close()


def _has_halves(pipe: Pipe) -> bool:
    return pipe.transport.can_write_eof()
