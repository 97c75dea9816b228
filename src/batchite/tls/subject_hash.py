"""By which name OpenSSL looks for an authority in a directory of certificates: a hash of whom it is.

That is what `openssl rehash` computes, of the subject in a canonical form: every text as UTF-8 in small
letters, without blanks at its ends and with one where there are several.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator

_SEQUENCE, _SET, _UTF8, _VERSION = 0x30, 0x31, 0x0C, 0xA0
_ENCODINGS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1A: "ascii"}
"""of texts, by tag: UTF8, Printable, T61, IA5 and Visible"""
_WIDE = {0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""Universal and BMP"""


def subject_hash(pem: str) -> str:
    """Eight digits. Raises ValueError for what is no certificate."""
    try:
        name = _subject(ssl.PEM_cert_to_DER_cert(pem))
        canonical = b"".join(_canonical(relative) for _, relative in _parts(name))
    except (IndexError, ValueError):
        raise ValueError("it is no certificate") from None
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _subject(der: bytes) -> bytes:
    """What comes after the serial number, the algorithm, the issuer and the times."""
    (_, certificate), *_ = _parts(der)
    (_, signed), *_ = _parts(certificate)
    fields = [content for tag, content in _parts(signed) if tag != _VERSION]
    return fields[4]


def _canonical(relative: bytes) -> bytes:
    """Of a set of attributes, each a kind and a value."""
    attributes = []
    for _, attribute in _parts(relative):
        (kind_tag, kind), (tag, value) = _parts(attribute)
        encoding = _ENCODINGS.get(tag) or _WIDE.get(tag)
        if encoding is not None:
            words = value.decode(encoding, "replace").split(" ")
            text = " ".join(filter(None, words)).encode()
            tag, value = _UTF8, text.lower()  # of bytes, that is of ASCII, alone
        attributes.append(_tagged(_SEQUENCE, _tagged(kind_tag, kind) + _tagged(tag, value)))
    return _tagged(_SET, b"".join(sorted(attributes)))


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and contents of what DER has put one after the other."""
    at = 0
    while at < len(content):
        tag, length = content[at], content[at + 1]
        at += 2
        if length & 0x80:
            many = length & 0x7F
            length = int.from_bytes(content[at : at + many], "big")
            at += many
        yield tag, content[at : at + length]
        at += length


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content
