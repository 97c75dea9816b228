"""What the services show for HTTPS, and by what clients trust it. `tls` makes both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import ssl


TRUSTING = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Variables that name a file of authorities: OpenSSL's, those of `requests`, of curl and of Node.js."""


class TlsError(Exception):
    """HTTPS cannot be spoken; the text says why and what to do."""


class Identity(msgspec.Struct, frozen=True):
    """Paths of PEM files. `bundle` is empty if clients trust the certificate anyway."""

    certificate: str
    key: str
    bundle: str = ""

    def context(self) -> ssl.SSLContext:
        """For a server. Raises TlsError."""
        import ssl  # only here: without HTTPS nobody has to hold a library of ciphers in memory

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # an SSLError is one
            raise TlsError(
                f"The certificate {self.certificate} with the key {self.key} cannot be used: "
                f"{error.strerror or error}. Both are PEM files, and belong together."
            ) from None
        context.set_alpn_protocols(["http/1.1"])
        return context


def trusting(bundle: str) -> dict[str, str]:
    """The variables that make programs trust the bundle."""
    return dict.fromkeys(TRUSTING, bundle) if bundle else {}
