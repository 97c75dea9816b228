"""Whom a node trusts beside those that its system does: the authority of the cloud's names here.

It is put where the system keeps its authorities, as its own tool would: into the file of all of them, into
the directory where OpenSSL looks one up by a hash of its name, and where the tool finds it when it makes both
anew, such as after an update of these packages. That is done within the node by its root, in what the node
has changed of the system.
"""

from __future__ import annotations

import contextlib
import os

from batchite.link.spec import Authority
from batchite.nodes.sandbox import owned

_NAME = "batchite"
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora and its relatives
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine
)
_ADDED = ("/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors", "/etc/pki/trust/anchors")
"""where the tools of systems find authorities that somebody has added"""
_HASHED = "/etc/ssl/certs"
_SAME_HASH = 10
"""names of one hash that are looked at"""
_MOST = 16 << 20
"""bytes of a file of authorities"""


def add(authority: Authority, root: str = "") -> None:
    """Where there are such places; those that resist stay as they are. `root`: where the system is."""
    added = [f"{root}{place}/{_NAME}.crt" for place in _ADDED]
    former = next(filter(None, map(_read, added)), "")
    for bundle in _BUNDLES:
        _add_to_bundle(root + bundle, authority.pem, former)
    for path in added:
        _put(path, authority.pem)
    for path in added:
        if os.path.exists(path):
            _link(root + _HASHED, path.removeprefix(root), authority.hash)


def _add_to_bundle(path: str, pem: str, former: str) -> None:
    """`former` is the authority of ours that it may have had before."""
    text = _read(path)
    if text and pem.strip() not in text:
        others = text.replace(former, "") if former else text
        with contextlib.suppress(OSError):
            owned.replace(path, f"{others.rstrip()}\n{pem.strip()}\n", 0o644)


def _put(path: str, pem: str) -> None:
    """A system without the tool may get it later; Debian's looks below a directory that is always there."""
    with contextlib.suppress(OSError):
        if os.path.isdir(os.path.dirname(os.path.dirname(path))):
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.dirname(path), 0o755)
            if _read(path) != pem:
                owned.replace(path, pem, 0o644)


def _link(directory: str, target: str, subject: str) -> None:
    """As `openssl rehash` does: a name of the certificate, and one of its hash that leads to that."""
    if not os.path.isdir(directory):
        return
    name = f"{_NAME}.pem"
    with contextlib.suppress(FileExistsError, OSError):
        os.symlink(target, f"{directory}/{name}")
    for number in range(_SAME_HASH):
        link = f"{directory}/{subject}.{number}"
        try:
            os.symlink(name, link)
            return
        except FileExistsError:
            if os.path.islink(link) and os.readlink(link) == name:
                return
        except OSError:
            return


def _read(path: str) -> str:
    with contextlib.suppress(OSError):
        return owned.read(path, _MOST)[0]
    return ""
