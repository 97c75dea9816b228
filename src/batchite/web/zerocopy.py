"""Sending a stretch of a file whose bytes do not pass through this process (sendfile).

It serves the ASGI extension `http.response.zerocopysend`, which connections without TLS offer.
"""

from __future__ import annotations

import asyncio
import os
import select
import time

from uvicorn.protocols.http.flow_control import FlowControl

from batchite.web.problems import BrokenOff

EXTENSION = "http.response.zerocopysend"
TURN_SECONDS = 0.05
"""How long a thread stays with one connection: many take turns on few threads."""
PATIENCE_MILLISECONDS = 5
"""How long a thread waits for a reader; the event loop waits for slower ones, as many as there are."""
CALL_BYTES = 4 * 1024 * 1024
FILLING_BYTES = 64 * 1024


async def send_file(
    transport: asyncio.Transport, flow: FlowControl, file: int, offset: int, count: int
) -> bool:
    """False if the connection ended before all was sent. Raises BrokenOff if the file does, and OSError.

    Threads do it, since reading a file may wait for the disk. Where the reader is slow, the next few
    bytes go the ordinary way: so the transport tells when there is room again, or nobody there.
    """
    if transport.is_closing():
        return False
    transport.set_write_buffer_limits(0)
    # of our own: the transport's may be closed, and mean another connection, before a thread uses it
    out = os.dup(transport.get_extra_info("socket").fileno())
    try:
        await flow.drain()
        while count and not transport.is_closing():
            sent, filling = await _in_thread(out, file, offset, count)
            offset += sent + len(filling)
            count -= sent + len(filling)
            if filling and not transport.is_closing():  # it may have been closed meanwhile
                transport.write(filling)
                await flow.drain()
    except (ConnectionError, TimeoutError):
        transport.abort()
    finally:
        os.close(out)
        if not transport.is_closing():
            transport.set_write_buffer_limits()
    return not transport.is_closing()


async def _in_thread(out: int, file: int, offset: int, count: int) -> tuple[int, bytes]:
    """Ends when the thread has, also if it is cancelled."""
    turn = asyncio.get_running_loop().run_in_executor(None, _turn, out, file, offset, count)
    try:
        return await asyncio.shield(turn)  # which alone keeps a cancelled caller from cancelling `turn` too
    finally:
        if not turn.done():
            await asyncio.wait([turn])


def _turn(out: int, file: int, offset: int, count: int) -> tuple[int, bytes]:
    """How many bytes were sent; and if the reader is slow, those that come next."""
    room = select.poll()
    room.register(out, select.POLLOUT)
    end, at = offset + count, offset
    until = time.monotonic() + TURN_SECONDS
    while at < end and time.monotonic() < until:
        try:
            sent = os.sendfile(out, file, at, min(end - at, CALL_BYTES))
        except BlockingIOError:
            if not room.poll(PATIENCE_MILLISECONDS):
                return at - offset, os.pread(file, min(end - at, FILLING_BYTES), at)
        else:
            if not sent:
                raise BrokenOff(f"The file ends {end - at} bytes before what was to be sent of it.")
            at += sent
    return at - offset, b""
