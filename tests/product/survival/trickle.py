"""A web server that gives a file in small pieces, so that a node is often caught with half of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECES = 12


class Trickle:
    """Gives `content` at `url`; each request takes about PIECES x `pause` seconds."""

    def __init__(self, content: bytes, pause: float) -> None:
        self.content = content
        self.pause = pause
        self.url = ""
        self.half_way: set[int] = set()
        """threads that have sent a part and not all"""
        self.closing = threading.Event()


@contextmanager
def trickling(content: bytes, pause: float) -> Iterator[Trickle]:
    trickle = Trickle(content, pause)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(trickle.content)))
            self.end_headers()
            size = -(-len(trickle.content) // PIECES)
            try:
                for start in range(0, len(trickle.content), size):
                    self.wfile.write(trickle.content[start : start + size])
                    trickle.half_way.add(threading.get_ident())
                    trickle.closing.wait(trickle.pause)
            except ConnectionError:
                pass  # the node was killed
            finally:
                trickle.half_way.discard(threading.get_ident())

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        trickle.url = f"http://127.0.0.1:{server.server_port}/staged.bin"
        thread = threading.Thread(target=server.serve_forever, name="trickle", daemon=True)
        thread.start()
        try:
            yield trickle
        finally:
            trickle.closing.set()
            server.shutdown()
            thread.join()
