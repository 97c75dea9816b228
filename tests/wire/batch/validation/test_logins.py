"""Users of nodes: rules and defaults."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError, PropertyError
from batchite.wire.batch.models.logins import BatchNodeUserCreateOptions
from batchite.wire.batch.validation import logins
from batchite.wire.ticks import Timestamp

NOW = Timestamp.parse("2026-01-01T00:00:00Z")
LATER = "2026-06-01T00:00:00Z"
KIND = "ssh-ed25519"
BLOB = base64.b64encode(len(KIND).to_bytes(4, "big") + KIND.encode() + bytes(36)).decode()
KEY = f"{KIND} {BLOB} somebody@somewhere"


def accept(windows: bool = False, **body: object) -> Any:
    given = codec.decode(json.dumps({"name": "somebody", **body}).encode(), BatchNodeUserCreateOptions)
    return json.loads(codec.encode(logins.accept_new(given, NOW, windows=windows)))


def test_defaults() -> None:
    expected = {"name": "somebody", "isAdmin": False, "expiryTime": "2026-01-02T00:00:00Z"}
    assert accept() == expected
    assert accept(password=None, sshPublicKey=None, isAdmin=None, expiryTime=None) == expected


def test_what_is_within_the_rules() -> None:
    given = {"name": "_A-b9" + "x" * 15, "isAdmin": True, "expiryTime": LATER, "password": "x" * 127}
    assert accept(**given, sshPublicKey=KEY + "\n") == {**given, "sshPublicKey": KEY}
    assert accept(windows=True, password="ü")["password"] == "ü"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 21}, "name"),
        ({"name": "9x"}, "name"),
        ({"name": "a:b"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "Root"}, "name"),
        ({"name": "_azbatch_x"}, "name"),
        ({"expiryTime": str(NOW)}, "expiryTime"),
        ({"expiryTime": "2025-12-31T00:00:00Z"}, "expiryTime"),
        ({"password": ""}, "password"),
        ({"password": "x" * 128}, "password"),
        ({"password": "a\nb"}, "password"),
        ({"sshPublicKey": ""}, "sshPublicKey"),
        ({"sshPublicKey": "base64=="}, "sshPublicKey"),
        ({"sshPublicKey": f"ssh-rsa {BLOB}"}, "sshPublicKey"),
        ({"sshPublicKey": f"{KIND} AAAA"}, "sshPublicKey"),
        ({"sshPublicKey": f"{KEY}\n{KEY}"}, "sshPublicKey"),
        ({"sshPublicKey": f'command="id" {KEY}'}, "sshPublicKey"),
    ],
)
def test_what_breaks_a_rule_is_named(body: dict[str, object], name: str) -> None:
    with pytest.raises(PropertyError) as caught:
        accept(**body)
    assert (caught.value.code, caught.value.name) == ("InvalidPropertyValue", name)


def test_a_password_is_never_told() -> None:
    with pytest.raises(BatchError) as caught:
        accept(password="hush\n" * 40)
    assert "hush" not in caught.value.message + repr(caught.value.values)


def test_windows_wants_a_password_and_takes_no_key() -> None:
    with pytest.raises(BatchError) as caught:
        accept(windows=True)
    assert caught.value.code == "MissingRequiredProperty"
    with pytest.raises(PropertyError) as refused:
        accept(windows=True, password="x", sshPublicKey=KEY)
    assert (refused.value.code, refused.value.name) == ("InvalidPropertyValue", "sshPublicKey")
