"""Packages and their directory, read again by other means."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile

from batchite.images.packages import Content, package, repository

CONTENTS = {
    "usr/bin/pip": Content(b"#!/bin/sh\n", 0o755),
    "usr/lib/x/y.pth": Content(b"odd"),
    "usr/bin/python": Content(link="python3"),
}


def members(deb: bytes) -> dict[str, bytes]:
    """As ar(5) describes them."""
    assert deb.startswith(b"!<arch>\n")
    found, at = {}, 8
    while at < len(deb):
        header = deb[at : at + 60]
        assert header[58:] == b"`\n"
        size = int(header[48:58])
        found[header[:16].decode().strip()] = deb[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    assert at == len(deb)
    return found


def test_a_package_is_what_dpkg_reads() -> None:
    found = members(package("python-pip", "1:9", "python3-pip (>= 99:1)", CONTENTS))
    assert list(found) == ["debian-binary", "control.tar.gz", "data.tar.gz"]
    assert found["debian-binary"] == b"2.0\n"
    with tarfile.open(fileobj=io.BytesIO(found["control.tar.gz"])) as archive:
        control = archive.extractfile("./control")
        assert control is not None
        lines = dict(line.split(": ", 1) for line in control.read().decode().splitlines())
    assert lines["Package"] == "python-pip"
    assert lines["Version"] == "1:9"
    assert lines["Depends"] == "python3-pip (>= 99:1)"
    with tarfile.open(fileobj=io.BytesIO(found["data.tar.gz"])) as archive:
        entries = {member.name: member for member in archive}
    assert list(entries)[:3] == [".", "./usr", "./usr/bin"]
    assert (entries["./usr/bin/pip"].mode, entries["./usr/lib/x/y.pth"].mode) == (0o755, 0o644)
    assert entries["./usr/bin/python"].linkname == "python3"
    assert {(member.uid, member.gid) for member in entries.values()} == {(0, 0)}


def test_what_depends_on_nothing_says_nothing() -> None:
    found = members(package("libssl1.0.0", "1:9", "", {}))
    assert b"Depends" not in gzip.decompress(found["control.tar.gz"])


def test_the_same_content_has_the_same_bytes() -> None:
    assert package("a", "1", "b", CONTENTS) == package("a", "1", "b", dict(CONTENTS))


def test_lists_name_what_lies_beside_them() -> None:
    files = repository({"a": ("1", "", {}), "b": ("2", "a", CONTENTS)})
    assert sorted(files) == ["Packages", "Release", "a.deb", "b.deb"]
    entries = files["Packages"].decode().strip().split("\n\n")
    for name, entry in zip("ab", entries, strict=True):
        fields = dict(line.split(": ", 1) for line in entry.splitlines())
        data = files[f"{name}.deb"]
        assert fields["Filename"] == f"./{name}.deb"
        assert fields["Size"] == str(len(data))
        assert fields["SHA256"] == hashlib.sha256(data).hexdigest()
    digest = hashlib.sha256(files["Packages"]).hexdigest()
    assert f" {digest} {len(files['Packages'])} Packages\n" in files["Release"].decode()
