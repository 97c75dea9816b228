from __future__ import annotations

import os
import socket

from batchite.machine import counters, proc

SENT = 100_000


def test_what_passes_the_network_is_counted_loopback_too() -> None:
    before = counters.network_bytes()
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as one,
        server.accept()[0] as other,
    ):
        one.sendall(b"x" * SENT)
        left = SENT
        while left:
            left -= len(other.recv(left))
    after = counters.network_bytes()
    assert before is not None
    assert after is not None
    assert after.received - before.received >= SENT
    assert after.sent - before.sent >= SENT


def test_what_is_on_no_disk_has_no_operations() -> None:
    assert counters.disk_operations("/proc") is None
    assert counters.disk_operations("/nowhere") is None


def test_what_a_process_moved_is_known_while_it_is_there() -> None:
    moved = proc.transferred(os.getpid())
    assert moved is None or min(moved) >= 0, "some kernels count nothing"
    gone = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(gone, 0)
    assert proc.transferred(gone) is None
