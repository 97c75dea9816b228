"""Passwords as Linux keeps them: by vectors that another implementation has made."""

import pytest

from batchite.resources import passwords

VECTORS = [
    (
        "Hello world!",
        "saltstring",
        "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    (
        "a",
        "saltstring",
        "MO53nAXQUKXVLlsbiXyPgMsR6q10N7eF7sPvanwdXnEeCj5kE3eYaRvFv0wVW1UZ4SnNTzc1v4OCOq1ASDQZY0",
    ),
    (
        "päß",
        "abcdefghijklmnop",
        "TdUVTa4uGySpYLtNz/TtUUy5siMl6dUB.JvLfM2gIbMhVElXLNZdnge6DqfKTNCCktexdm/3GpeYMpyySllZ3.",
    ),
    (
        "1" * 64,
        "./09azAZ",
        "Nwe3DyOmM8BJ7zD3tMn8OJuEHi8GmrUwi8M9fV.9.w6K.Nvqsi3wMOK.XOfRojhwLVauamw7Lo.rQcmrwSc8I0",
    ),
]


@pytest.mark.parametrize(("password", "salt", "expected"), VECTORS)
def test_the_scheme(monkeypatch: pytest.MonkeyPatch, password: str, salt: str, expected: str) -> None:
    digits = iter(salt)
    monkeypatch.setattr(passwords, "_SALT", len(salt))
    monkeypatch.setattr(passwords.secrets, "choice", lambda _: next(digits))
    assert passwords.hashed(password) == f"$6${salt}${expected}"


def test_no_two_hashes_are_the_same() -> None:
    first, second = passwords.hashed("x"), passwords.hashed("x")
    assert first != second
    assert len(first) == len(second) == 106
