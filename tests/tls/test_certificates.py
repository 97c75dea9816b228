"""Certificates of one's own and given ones, and what programs are told to trust."""

from pathlib import Path

import pytest

from batchite.configuration.settings import Settings, load
from batchite.tls import certificates
from batchite.tls.identity import TlsError, trusting


def settings(data_dir: Path, **flags: object) -> Settings:
    return load({"data_dir": str(data_dir), **flags}, {})


def test_plain_http_unless_asked_for(tmp_path: Path) -> None:
    assert certificates.identity(settings(tmp_path)) is None
    assert trusting("") == {}


def test_names_are_those_by_which_clients_come(tmp_path: Path) -> None:
    given = settings(
        tmp_path,
        host="0.0.0.0",
        public_host="Big.example.org",
        allowed_hosts="*.c.example",
        blob_host_suffixes="blob.localhost, b.example",
        web_host_suffixes="w.example",
    )
    names = certificates.names(given, ["more.example"])
    assert {"localhost", "127.0.0.1", "big.example.org", "more.example"} <= set(names)
    assert {"*.b.example", "*.c.example", "*.w.example"} <= set(names)
    assert "0.0.0.0" not in names


def test_a_renewed_certificate_is_of_the_same_authority(tmp_path: Path) -> None:
    certificates.init(tmp_path, ["localhost"])
    place = tmp_path / "tls"
    authority, certificate = (place / "ca.pem").read_bytes(), (place / "certificate.pem").read_bytes()
    certificates.init(tmp_path, ["localhost", "new.example"])
    assert (place / "ca.pem").read_bytes() == authority
    assert (place / "certificate.pem").read_bytes() != certificate
    found = certificates.identity(settings(tmp_path, tls="yes"))
    assert found is not None
    certificates.check(found, "new.example")
    with pytest.raises(TlsError, match=r"'other\.example'"):
        certificates.check(found, "other.example")


def test_the_bundle_has_the_systems_authorities_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "system.pem"
    system.write_bytes(b"of the system\n")
    monkeypatch.setattr(certificates, "_system_authorities", system.read_bytes)
    made = certificates.init(tmp_path, ["localhost"])
    bundle = Path(made.bundle).read_bytes()
    assert bundle.startswith(b"of the system\n")
    assert bundle.endswith((tmp_path / "tls" / "ca.pem").read_bytes())
    assert Path(made.bundle).stat().st_mode & 0o777 == 0o644  # there are nodes with users of their own


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    one, other = (
        certificates.init(tmp_path / "one", ["localhost"]),
        certificates.init(tmp_path / "other", ["localhost"]),
    )
    given = settings(tmp_path, tls_certificate=one.certificate, tls_key=other.key)
    found = certificates.identity(given)
    assert found is not None
    with pytest.raises(TlsError, match="belong together"):
        found.context()


@pytest.mark.parametrize("name", ["tls_key", "tls_ca"])
def test_what_belongs_to_a_certificate_needs_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(TlsError, match="--tls-certificate"):
        certificates.identity(settings(tmp_path, **{name: "x.pem"}))


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    missing = settings(tmp_path, tls_certificate="/none/c.pem", tls_ca="/none/ca.pem")
    with pytest.raises(TlsError, match=r"/none/ca\.pem: No such file"):
        certificates.identity(missing)
    found = certificates.identity(settings(tmp_path, tls_certificate="/none/c.pem"))
    assert found is not None
    with pytest.raises(TlsError, match=r"/none/c\.pem .*No such file"):
        found.context()
