"""Where the certificate of the services comes from, and the bundle by which clients trust it.

The certificate is one that is given, or one of the data directory's own authority, which
`batchite tls init` makes. Clients that must learn to trust it are told one file, the bundle: the
system's authorities and ours, since programs take such a file instead of the system's.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from batchite.configuration.endpoints import ANY_ADDRESS
from batchite.configuration.settings import Settings
from batchite.machine import private_file
from batchite.tls import authority
from batchite.tls.authority import AUTHORITY
from batchite.tls.identity import Identity, TlsError

CERTIFICATE = "certificate.pem"
KEY = "key.pem"
BUNDLE = "bundle.pem"
CLOUD_BUNDLE = "cloud-bundle.pem"
_PLACES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
_ROUNDS = 6


def identity(settings: Settings) -> Identity | None:
    """What the settings say, with the bundle written anew; None for plain HTTP. Raises TlsError."""
    if settings.tls_certificate:
        return _given(settings)
    if settings.tls_key or settings.tls_ca:
        raise TlsError("--tls-key and --tls-ca belong to --tls-certificate, which is not given.")
    return _own(settings.data_dir) if settings.tls else None


def _given(settings: Settings) -> Identity:
    certificate = settings.tls_certificate
    trusted = write_bundle(settings.data_dir, settings.tls_ca) if settings.tls_ca else ""
    return Identity(certificate, settings.tls_key or certificate, trusted)


def _own(data_dir: Path) -> Identity:
    place = authority.place(data_dir)
    if not (place / CERTIFICATE).exists():
        raise TlsError(
            f"There is no certificate in {place}. Make one with: batchite tls init --data-dir {data_dir} "
            "(or give --tls-certificate)."
        )
    trusted = write_bundle(data_dir, str(place / AUTHORITY))
    return Identity(str(place / CERTIFICATE), str(place / KEY), trusted)


def check(identity: Identity, host: str) -> None:
    """Whether our own clients, such as nodes, will accept the certificate at `host`. Raises TlsError."""
    try:
        client = ssl.create_default_context(cafile=identity.bundle or None)
        _shake_hands(identity.context(), client, host)
    except ssl.SSLCertVerificationError as error:
        raise TlsError(
            f"The certificate {identity.certificate} is not accepted at {host!r}: {error.verify_message}. "
            "Name the host it is made for with --public-host, and whoever signed it, if programs do not "
            "know them, with --tls-ca. One of your own is renewed by: batchite tls init"
        ) from None


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> None:
    """A handshake in memory. Raises SSLCertVerificationError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for side in sides * _ROUNDS:
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()


def init(data_dir: Path, names: Sequence[str]) -> Identity:
    """Make a certificate for `names`, and an authority that signs it unless there is one already.

    Raises ValueError (a name that no certificate can have) and what `authority.own` does.
    """
    signer = authority.own(data_dir)
    key, certificate = signer.issue(names)
    place = authority.make_place(data_dir)
    private_file.replace(place / KEY, key)
    private_file.replace(place / CERTIFICATE, certificate)
    return _own(data_dir)


def names(settings: Settings, more: Sequence[str]) -> list[str]:
    """The names under which this machine's clients reach the services, and `more`."""
    suffixes = [settings.batch_host_suffix, *settings.blob_host_suffixes, *settings.web_host_suffixes]
    found = ["localhost", "127.0.0.1", "::1", settings.public_host, *more]
    if settings.host not in ANY_ADDRESS:
        found.append(settings.host)
    found += [f"*.{suffix}" for suffix in suffixes if suffix]
    found += settings.allowed_hosts
    return list(dict.fromkeys(filter(None, found)))


def write_bundle(data_dir: Path, signer: str) -> str:
    """The system's authorities and this one in one file; its path. Raises TlsError."""
    try:
        place = authority.make_place(data_dir)
        _publish(place / BUNDLE, bundle([signer]))
    except OSError as error:
        raise TlsError(f"{error.filename or signer}: {error.strerror}.") from None
    return str(place / BUNDLE)


def write_cloud_bundle(data_dir: Path, more: Iterable[str]) -> str:
    """By which tasks trust the cloud's names: the system's authorities, those of the files `more` that can be
    read, and our own, which is made if there is none; its path. Raises OSError and as `authority.own`."""
    signer = authority.own(data_dir)
    there = authority.place(data_dir) / CLOUD_BUNDLE
    readable = [file for file in more if os.path.isfile(file) and os.access(file, os.R_OK)]
    _publish(there, bundle([*readable, signer.file]))
    return str(there)


def _publish(path: Path, content: bytes) -> None:
    """What nodes may be shown whose tasks are of other users. Raises OSError."""
    private_file.replace(path, content)
    path.chmod(0o644)


def bundle(files: Iterable[str]) -> bytes:
    """The system's authorities and those of PEM files. Raises OSError."""
    return b"\n".join([_system_authorities(), *(Path(file).read_bytes() for file in dict.fromkeys(files))])


def _system_authorities() -> bytes:
    """Not by SSL_CERT_FILE, which may already name a bundle of ours. A system without any may still have
    Python's package of them."""
    places = (ssl.get_default_verify_paths().openssl_cafile, *_PLACES, *_of_python())
    return next((Path(place).read_bytes() for place in places if Path(place).is_file()), b"")


def _of_python() -> Iterator[str]:
    found = find_spec("certifi")
    for directory in (found.submodule_search_locations or []) if found else []:
        yield os.path.join(directory, "cacert.pem")
