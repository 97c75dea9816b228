"""Why somebody is not led where they want to go."""

from __future__ import annotations

import http

_LONGEST = 400


class RefusedError(Exception):
    """The text is a sentence for whoever wrote the program; it also is what the status line says, since many
    clients show nothing else."""

    def __init__(self, status: http.HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status

    def answer(self) -> bytes:
        """As a response, after which the connection is closed."""
        said = "".join(letter if letter.isprintable() else "?" for letter in str(self)[:_LONGEST])
        line = said.encode("ascii", "replace")
        headers = [b"Content-Type: text/plain", b"Content-Length: %d" % (len(line) + 1), b"Connection: close"]
        if self.status == http.HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            headers.append(b'Proxy-Authenticate: Basic realm="batchite"')
        return b"HTTP/1.1 %d %b\r\n%b\r\n\r\n%b\n" % (self.status, line, b"\r\n".join(headers), line)
