"""Whom a node's system trusts, in the places of several systems."""

from __future__ import annotations

import os
from pathlib import Path

from batchite.link.spec import Authority
from batchite.nodes.sandbox import trust

OURS = Authority("-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n", "12345678")
NEW = Authority("-----BEGIN CERTIFICATE-----\nnew\n-----END CERTIFICATE-----\n", "12345679")
THEIRS = "-----BEGIN CERTIFICATE-----\ntheirs\n-----END CERTIFICATE-----\n"
SOURCE = "/usr/local/share/ca-certificates/batchite.crt"


def debian(root: Path) -> Path:
    for place in ("etc/ssl/certs", "usr/local/share"):
        (root / place).mkdir(parents=True)
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    bundle.write_text(THEIRS)
    return bundle


def test_it_is_where_debian_s_tool_would_put_it_once(tmp_path: Path) -> None:
    bundle = debian(tmp_path)
    trust.add(OURS, str(tmp_path))
    trust.add(OURS, str(tmp_path))
    assert bundle.read_text() == THEIRS + OURS.pem
    assert tmp_path.joinpath(SOURCE[1:]).read_text() == OURS.pem
    certificates = bundle.parent
    assert sorted(os.listdir(certificates)) == ["12345678.0", "batchite.pem", "ca-certificates.crt"]
    assert os.readlink(certificates / "12345678.0") == "batchite.pem"
    assert os.readlink(certificates / "batchite.pem") == SOURCE


def test_another_one_takes_its_place(tmp_path: Path) -> None:
    bundle = debian(tmp_path)
    trust.add(OURS, str(tmp_path))
    trust.add(NEW, str(tmp_path))
    assert bundle.read_text() == THEIRS + NEW.pem
    assert tmp_path.joinpath(SOURCE[1:]).read_text() == NEW.pem
    assert os.readlink(bundle.parent / "12345679.0") == "batchite.pem"


def test_a_certificate_whose_name_has_the_same_hash_stays(tmp_path: Path) -> None:
    certificates = debian(tmp_path).parent
    (certificates / "12345678.0").symlink_to("theirs.pem")
    trust.add(OURS, str(tmp_path))
    assert os.readlink(certificates / "12345678.0") == "theirs.pem"
    assert os.readlink(certificates / "12345678.1") == "batchite.pem"


def test_a_system_of_fedora_has_it_too(tmp_path: Path) -> None:
    bundle = tmp_path / "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
    bundle.parent.mkdir(parents=True)
    bundle.write_text(THEIRS)
    (tmp_path / "etc/pki/ca-trust/source").mkdir()
    trust.add(OURS, str(tmp_path))
    assert bundle.read_text() == THEIRS + OURS.pem
    assert (tmp_path / "etc/pki/ca-trust/source/anchors/batchite.crt").read_text() == OURS.pem


def test_a_system_without_such_places_stays_as_it_is_and_one_that_resists(tmp_path: Path) -> None:
    trust.add(OURS, str(tmp_path))
    assert os.listdir(tmp_path) == []
    bundle, other = debian(tmp_path), tmp_path / "other"
    other.write_text("other")
    bundle.unlink()
    bundle.symlink_to(other)
    (tmp_path / "usr/local/share/ca-certificates").mkdir()
    os.mkfifo(tmp_path / SOURCE[1:])
    trust.add(OURS, str(tmp_path))
    assert other.read_text() == "other"
    assert tmp_path.joinpath(SOURCE[1:]).read_text() == OURS.pem
