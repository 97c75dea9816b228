"""The name by which OpenSSL looks for an authority."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from batchite.tls import authority
from batchite.tls.subject_hash import subject_hash

SUBJECTS = {
    "blanks and capitals": "  Authority  of /Data/Dir ",
    "letters of others": "Ärger über Straße ÀÉ",
    "long": "x" * 60,
    "empty": "-",
}


def certificate(unit: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Batchite"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        ]
    )
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "another")])
    now = datetime.datetime(2026, 1, 1)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="compares with openssl")
@pytest.mark.parametrize("unit", SUBJECTS.values(), ids=SUBJECTS)
def test_it_is_what_openssl_computes(unit: str) -> None:
    pem = certificate(unit)
    call = ["openssl", "x509", "-noout", "-subject_hash"]
    theirs = subprocess.check_output(call, input=pem.encode())
    assert subject_hash(pem) == theirs.decode().strip()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="compares with openssl")
def test_it_is_that_of_the_data_directory_s_own_authority(tmp_path: Path) -> None:
    pem = Path(authority.own(tmp_path).file).read_text()
    theirs = subprocess.check_output(["openssl", "x509", "-noout", "-subject_hash"], input=pem.encode())
    assert subject_hash(pem) == theirs.decode().strip()


EMPTY = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("text", ["", "no PEM", EMPTY])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it is no certificate"):
        subject_hash(text)
