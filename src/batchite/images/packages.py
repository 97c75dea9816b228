"""Debian packages and the directory that apt reads them from, made without Debian's tools.

A package is an `ar` archive of two compressed `tar` archives, what dpkg is told and what it unpacks. The same
content has the same bytes at any time, so a directory of them can be named after what is in it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple


class Content(NamedTuple):
    """A file of root's, a symbolic link, or the absence of what would be there."""

    data: bytes = b""
    mode: int = 0o644
    link: str = ""
    is_absence: bool = False


def package(name: str, version: str, depends: str, contents: Mapping[str, Content]) -> bytes:
    """The bytes of a `.deb`."""
    control = {"control": Content(_control(name, version, depends).encode())}
    return _ar({"debian-binary": b"2.0\n", "control.tar.gz": _tar(control), "data.tar.gz": _tar(contents)})


def repository(packages: Mapping[str, tuple[str, str, Mapping[str, Content]]]) -> dict[str, bytes]:
    """The files of a directory that apt takes as a source: packages by name, each with version, what it
    depends on and what it holds, and the two lists that name them."""
    files, index = {}, ""
    for name, (version, depends, contents) in packages.items():
        data = package(name, version, depends, contents)
        files[f"{name}.deb"] = data
        index += _control(name, version, depends)
        index += f"Filename: ./{name}.deb\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n"
    files["Packages"] = index.encode()
    # Without it apt warns at every update.
    files["Release"] = (
        "Origin: Batchite\nSuite: period\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n"
        f" {hashlib.sha256(files['Packages']).hexdigest()} {len(files['Packages'])} Packages\n"
    ).encode()
    return files


def _control(name: str, version: str, depends: str) -> str:
    lines = {
        "Package": name,
        "Version": version,
        "Architecture": "all",
        "Maintainer": "Batchite <root@localhost>",
        "Section": "oldlibs",
        "Priority": "optional",
        "Depends": depends,
        "Description": f"stands for {name}, which this system does not have",
    }
    return "".join(f"{field}: {value}\n" for field, value in lines.items() if value)


def _tar(contents: Mapping[str, Content]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        above = {parent for name in contents for parent in PurePosixPath(name).parents}
        for directory in sorted(above | {PurePosixPath(".")}):
            archive.addfile(_member(f"./{directory}" if directory.parts else "./", tarfile.DIRTYPE, 0o755))
        for name, content in contents.items():
            kind = tarfile.SYMTYPE if content.link else tarfile.REGTYPE
            member = _member(f"./{name}", kind, 0o777 if content.link else content.mode)
            member.linkname, member.size = content.link, len(content.data)
            archive.addfile(member, io.BytesIO(content.data))
    return gzip.compress(out.getvalue(), mtime=0)


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = kind, mode
    return member


def _ar(members: Mapping[str, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, data in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
        out += data + b"\n" * (len(data) % 2)
    return out
