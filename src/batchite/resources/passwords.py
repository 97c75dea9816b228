"""Passwords of users of nodes, as they are kept: hashed so that a Linux system can check them.

The scheme is what Linux calls SHA-512 crypt, `$6$`. Nothing in this service checks a password; the hash is
for `/etc/shadow` of nodes that are machines, and it is all that is ever stored or sent.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from typing import Final

_ROUNDS: Final = 5000
_DIGITS: Final = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SALT: Final = 16
_BYTES: Final = 64


def hashed(password: str) -> str:
    """With a salt of its own. Takes about ten milliseconds: call it in a thread."""
    return _crypt(password.encode(), "".join(secrets.choice(_DIGITS) for _ in range(_SALT)))


def _crypt(password: bytes, salt_text: str) -> str:
    salt = salt_text.encode()
    other = _sha(password, salt, password)
    first = hashlib.sha512(password + salt + _repeated(other, len(password)))
    for bit in _bits(len(password)):
        first.update(other if bit else password)
    digest = first.digest()
    of_password = _repeated(_sha(password * len(password)), len(password))
    of_salt = _repeated(_sha(salt * (16 + digest[0])), len(salt))
    for number in range(_ROUNDS):
        digest = _sha(
            of_password if number % 2 else digest,
            of_salt if number % 3 else b"",
            of_password if number % 7 else b"",
            digest if number % 2 else of_password,
        )
    return f"$6${salt_text}${_spelled(digest)}"


def _sha(*parts: bytes) -> bytes:
    return hashlib.sha512(b"".join(parts)).digest()


def _repeated(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _bits(number: int) -> Iterator[bool]:
    """From the lowest to the highest that is set."""
    while number:
        yield bool(number & 1)
        number >>= 1


def _spelled(digest: bytes) -> str:
    """Six bits a character, of three bytes at a time that lie a third of the digest apart, in turns."""
    third = _BYTES // 3
    text = ""
    for number in range(third):
        places = [number, number + third, number + 2 * third]
        turned = places[number % 3 :] + places[: number % 3]
        text += _sixes(int.from_bytes(bytes(digest[place] for place in turned), "big"), 4)
    return text + _sixes(digest[-1], 2)


def _sixes(number: int, many: int) -> str:
    return "".join(_DIGITS[number >> 6 * place & 63] for place in range(many))
