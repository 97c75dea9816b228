"""The data directory's own authority: made once, kept for its owner only, it signs our certificates."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from batchite.machine import directory_lock, extras, private_file

if TYPE_CHECKING:
    import trustme

DIRECTORY = "tls"
"""in the data directory"""
AUTHORITY = "ca.pem"
AUTHORITY_KEY = "ca-key.pem"
LOCK_FILE = "ca.lock"
LOCK_SECONDS = 10.0
VALIDITY = timedelta(days=800)
"""Of a certificate of our own; some clients refuse those that are valid for longer than 825 days."""


class Authority:
    """Certificates are for servers, with keys on the curve P-256, as the authority's own is."""

    def __init__(self, key: Path, certificate: Path) -> None:
        self._key = key
        self._certificate = certificate
        self.file = str(certificate)
        """PEM, by which clients trust what it signs"""

    def issue(self, names: Iterable[str]) -> tuple[bytes, bytes]:
        """A new key and its certificate, as PEM. Raises ValueError for what is no name of a host, or if the
        authority's files are damaged, and OSError if they cannot be read."""
        leaf = self._leaf(names)
        return leaf.private_key_pem.bytes(), b"".join(pem.bytes() for pem in leaf.cert_chain_pems)

    def context(self, names: Iterable[str]) -> ssl.SSLContext:
        """Of a server that has these names, with a certificate that is kept nowhere. Raises as `issue`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._leaf(names).configure_cert(context)
        context.set_alpn_protocols(["http/1.1"])
        return context

    @cached_property
    def _ca(self) -> trustme.CA:
        import trustme  # only here: it loads much

        return trustme.CA.from_pem(self._certificate.read_bytes(), self._key.read_bytes())

    def _leaf(self, names: Iterable[str]) -> trustme.LeafCert:
        return self._ca.issue_cert(*names, not_after=datetime.now(UTC) + VALIDITY)


def own(data_dir: Path) -> Authority:
    """The authority of the data directory, made if there is none.

    Raises OSError, MissingPackageError and LockedError (another process makes it, and is not done with it).
    """
    extras.require("trustme", "Making certificates")
    there = make_place(data_dir)
    key, certificate = there / AUTHORITY_KEY, there / AUTHORITY
    with directory_lock.held(there / LOCK_FILE, patience=LOCK_SECONDS):
        if not (key.exists() and certificate.exists()):
            _make(key, certificate, f"Authority of {data_dir}"[:64])
    return Authority(key, certificate)


def _make(key: Path, certificate: Path, name: str) -> None:
    import trustme

    ca = trustme.CA(organization_name="Batchite", organization_unit_name=name)
    private_file.replace(key, ca.private_key_pem.bytes())
    private_file.replace(certificate, ca.cert_pem.bytes())


def place(data_dir: Path) -> Path:
    """Where the data directory keeps what has to do with certificates."""
    return data_dir.absolute() / DIRECTORY


def make_place(data_dir: Path) -> Path:
    """The same, made if it is not there. Raises OSError."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    there = place(data_dir)
    there.mkdir(mode=0o700, exist_ok=True)
    return there
