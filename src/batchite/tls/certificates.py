"""Where the certificate of the services comes from, and the bundle by which clients trust it.

The certificate is one that is given, or one of the data directory's own authority, which
`batchite tls init` makes. Clients that must learn to trust it are told one file, the bundle: the
system's authorities and ours, since programs take such a file instead of the system's.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from batchite.configuration.endpoints import ANY_ADDRESS
from batchite.configuration.settings import Settings
from batchite.machine import extras, private_file
from batchite.tls.identity import Identity, TlsError

DIRECTORY = "tls"
"""in the data directory"""
AUTHORITY = "ca.pem"
AUTHORITY_KEY = "ca-key.pem"
CERTIFICATE = "certificate.pem"
KEY = "key.pem"
BUNDLE = "bundle.pem"
VALIDITY = timedelta(days=800)
"""Of a certificate of our own; some clients refuse those that are valid for longer than 825 days."""

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
    bundle = write_bundle(settings.data_dir, settings.tls_ca) if settings.tls_ca else ""
    return Identity(certificate, settings.tls_key or certificate, bundle)


def _own(data_dir: Path) -> Identity:
    place = _place(data_dir)
    if not (place / CERTIFICATE).exists():
        raise TlsError(
            f"There is no certificate in {place}. Make one with: batchite tls init --data-dir {data_dir} "
            "(or give --tls-certificate)."
        )
    bundle = write_bundle(data_dir, str(place / AUTHORITY))
    return Identity(str(place / CERTIFICATE), str(place / KEY), bundle)


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

    Raises OSError, ValueError (a name that no certificate can have) and MissingPackageError.
    """
    extras.require("trustme", "Making certificates")
    import trustme  # only here: it loads much

    place = _make_place(data_dir)
    authority_key, authority = place / AUTHORITY_KEY, place / AUTHORITY
    if authority_key.exists() and authority.exists():
        ca = trustme.CA.from_pem(authority.read_bytes(), authority_key.read_bytes())
    else:
        ca = trustme.CA(organization_name="Batchite", organization_unit_name=f"Authority of {data_dir}"[:64])
        private_file.replace(authority_key, ca.private_key_pem.bytes())
        private_file.replace(authority, ca.cert_pem.bytes())
    leaf = ca.issue_cert(*names, not_after=datetime.now(UTC) + VALIDITY)
    private_file.replace(place / KEY, leaf.private_key_pem.bytes())
    private_file.replace(place / CERTIFICATE, b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
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


def write_bundle(data_dir: Path, authority: str) -> str:
    """The system's authorities and this one in one file; its path. Raises TlsError."""
    try:
        place = _make_place(data_dir)
        ours = Path(authority).read_bytes()
        private_file.replace(place / BUNDLE, b"\n".join([_system_authorities(), ours]))
    except OSError as error:
        raise TlsError(f"{error.filename or authority}: {error.strerror}.") from None
    return str(place / BUNDLE)


def _system_authorities() -> bytes:
    """Not by SSL_CERT_FILE, which may already name a bundle of ours."""
    places = (ssl.get_default_verify_paths().openssl_cafile, *_PLACES)
    return next((Path(place).read_bytes() for place in places if Path(place).is_file()), b"")


def _place(data_dir: Path) -> Path:
    return data_dir.absolute() / DIRECTORY


def _make_place(data_dir: Path) -> Path:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = _place(data_dir)
    place.mkdir(mode=0o700, exist_ok=True)
    return place
