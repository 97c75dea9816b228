"""Certificates, which only older versions of the API know, that come and go."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

from tests.product.survival.insisting import send
from tests.product.survival.strands.strand import Strand

THEN: Final = "api-version=2024-07-01.20.0"
MOST: Final = 5
"""That are there at a time."""
BYTES: Final = 500


class Certificates(Strand):
    def begin(self) -> None:
        self.there: list[str] = []
        """their thumbprints"""

    def step(self) -> None:
        if len(self.there) < MOST:
            self._add(b"\x30" + self.dice.randbytes(BYTES))
        else:
            self._remove(self.there[0])

    def finish(self) -> None:
        """What is there stays."""

    def _add(self, data: bytes) -> None:
        """It looks like one at the beginning, which is all that anybody looks at."""
        thumbprint = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        body = {
            "thumbprint": thumbprint,
            "thumbprintAlgorithm": "sha1",
            "certificateFormat": "cer",
            "data": base64.b64encode(data).decode(),
        }
        self.insist_late(
            lambda: send(self.client, "POST", f"/certificates?{THEN}", body), {"CertificateExists"}
        )
        self.there.append(thumbprint)

    def _remove(self, thumbprint: str) -> None:
        path = f"/certificates(thumbprintAlgorithm=sha1,thumbprint={thumbprint})?{THEN}"
        self.insist_late(lambda: send(self.client, "DELETE", path), {"CertificateNotFound"})
        self.there.remove(thumbprint)

    def check(self) -> None:
        """Those are there that were added and not removed, and nothing else is."""
        found: Any = self.insist(lambda: send(self.client, "GET", f"/certificates?{THEN}")).json()
        shown = {one["thumbprint"]: one["state"] for one in found["value"]}
        assert shown == dict.fromkeys(self.there, "active")
