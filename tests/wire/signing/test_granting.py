"""Tokens that the project makes: those of the official SDK, letter by letter, and good for what they say."""

from urllib.parse import parse_qsl

import pytest
from azure.storage.blob import (
    AccountSasPermissions,
    BlobSasPermissions,
    ContainerSasPermissions,
    ResourceTypes,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)

from batchite.wire.signing import granting
from batchite.wire.signing.granting import Grant
from batchite.wire.signing.sas import SasError, Target, Token, verify
from batchite.wire.ticks import Timestamp

KEY_TEXT, KEY = "a2V5", b"key"
NAME = "dir/ü & 100%/b.txt"
NOW = Timestamp.parse("2026-01-01T12:00:00Z")
START, EXPIRY = "2026-01-01T11:55:00Z", "2026-01-02T00:00:00Z"
GRANT = Grant(
    permissions="wr",
    start=Timestamp.parse(START),
    expiry=Timestamp.parse(EXPIRY),
    addresses="10.0.0.1-10.0.0.9",
    https_only=True,
    overrides={"rscd": "attachment"},
)
COMMON = {
    "account_key": KEY_TEXT, "expiry": EXPIRY, "start": START, "ip": "10.0.0.1-10.0.0.9", "protocol": "https",
}  # fmt: skip
TARGET = Target("acct", "cont", NAME, "https", "10.0.0.5")


def fields(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, strict_parsing=True))


def as_said(made: str, by_sdk: str) -> bool:
    """The same but for the version, and so the signature."""
    ours, theirs = fields(made), fields(by_sdk)
    changing = {"sv", "sig"}
    return {k: v for k, v in ours.items() if k not in changing} == {
        k: v for k, v in theirs.items() if k not in changing
    }


def test_for_a_blob() -> None:
    made = granting.for_blob(KEY, "acct", "cont", NAME, GRANT)
    permission = BlobSasPermissions(read=True, write=True)
    by_sdk = generate_blob_sas(
        "acct", "cont", NAME, permission=permission, content_disposition="attachment", **COMMON
    )
    assert as_said(made, by_sdk)
    assert verify(fields(made), TARGET, [KEY], NOW) == Token("blob", frozenset("rw"))
    elsewhere = Target("acct", "cont", "other", "https", "10.0.0.5")
    with pytest.raises(SasError, match="did not match"):
        verify(fields(made), elsewhere, [KEY], NOW)


def test_for_a_snapshot() -> None:
    moment = "2026-01-01T10:00:00.0000001Z"
    made = granting.for_blob(KEY, "acct", "cont", NAME, GRANT, moment)
    assert fields(made)["snapshot"] == moment
    assert verify(fields(made), TARGET, [KEY], NOW).scope == "blob"
    with pytest.raises(SasError, match="did not match"):
        verify({**fields(made), "snapshot": "2026-01-01T10:00:00.0000002Z"}, TARGET, [KEY], NOW)


def test_for_a_container() -> None:
    grant = Grant(permissions="ldr", expiry=Timestamp.parse(EXPIRY))
    made = granting.for_container(KEY, "acct", "cont", grant)
    permission = ContainerSasPermissions(read=True, delete=True, list=True)
    assert as_said(
        made, generate_container_sas("acct", "cont", KEY_TEXT, permission=permission, expiry=EXPIRY)
    )
    assert verify(fields(made), TARGET, [KEY], NOW) == Token("container", frozenset("rdl"))


def test_for_an_account() -> None:
    grant = Grant(permissions="lr", expiry=Timestamp.parse(EXPIRY), https_only=True)
    made = granting.for_account(KEY, "acct", "oc", grant)
    types, permission = (
        ResourceTypes(container=True, object=True),
        AccountSasPermissions(read=True, list=True),
    )
    by_sdk = generate_account_sas("acct", KEY_TEXT, types, permission, EXPIRY, protocol="https")
    assert as_said(made, by_sdk)
    assert verify(fields(made), TARGET, [KEY], NOW) == Token(
        "account", frozenset("rl"), frozenset("b"), frozenset("co")
    )


@pytest.mark.parametrize("letters", ["", "rz", "p"])
def test_letters_that_mean_nothing_are_refused(letters: str) -> None:
    with pytest.raises(ValueError, match="letters of racw"):
        granting.for_blob(KEY, "acct", "cont", NAME, Grant(permissions=letters, expiry=NOW))
