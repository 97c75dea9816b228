"""Strings to sign, spelled out here version by version."""

import base64
import hashlib
import hmac

import msgspec
import pytest

from batchite.wire.signing import delegation
from batchite.wire.signing.delegation import KeyInfo
from batchite.wire.signing.parameters import ParameterError
from batchite.wire.signing.sas import SasError, Target, Token, verify
from batchite.wire.ticks import Timestamp

KEY = b"key"
NOW = Timestamp.parse("2026-01-01T12:00:00Z")
EXPIRY = "2026-01-02"
BLOB = Target("acct", "cont", "dir/blob", "http", "10.0.0.5")

STRINGS = {
    "2012-02-12": "r\n\n2026-01-02\n/acct/cont/dir/blob\n\n2012-02-12",
    "2013-08-15": "r\n\n2026-01-02\n/acct/cont/dir/blob\n\n2013-08-15\n\n\n\n\ntext/plain",
    "2015-02-21": "r\n\n2026-01-02\n/blob/acct/cont/dir/blob\n\n2015-02-21\n\n\n\n\ntext/plain",
    "2015-04-05": "r\n\n2026-01-02\n/blob/acct/cont/dir/blob\n\n\n\n2015-04-05\n\n\n\n\ntext/plain",
    "2018-11-09": "r\n\n2026-01-02\n/blob/acct/cont/dir/blob\n\n\n\n2018-11-09\nb\n\n\n\n\n\ntext/plain",
    "2020-12-06": "r\n\n2026-01-02\n/blob/acct/cont/dir/blob\n\n\n\n2020-12-06\nb\n\n\n\n\n\n\ntext/plain",
    "2026-10-06": "r\n\n2026-01-02\n/blob/acct/cont/dir/blob\n\n\n\n2026-10-06\nb\n\n\n\n\n\n\ntext/plain",
}


def signature(text: str) -> str:
    return base64.b64encode(hmac.digest(KEY, text.encode(), hashlib.sha256)).decode()


def fields(version: str, text: str, **more: str) -> dict[str, str]:
    given = {"sv": version, "sr": "b", "sp": "r", "se": EXPIRY, "rsct": "text/plain", **more}
    return {**given, "sig": signature(text)}


@pytest.mark.parametrize("version", STRINGS)
def test_each_version_signs_its_own_string(version: str) -> None:
    token = verify(fields(version, STRINGS[version]), BLOB, [b"other", KEY], NOW)
    assert token == Token("blob", frozenset("r"))
    for other, text in STRINGS.items():
        if other != version:
            with pytest.raises(SasError, match="Signature did not match"):
                verify(fields(version, text), BLOB, [KEY], NOW)


def test_an_account_token() -> None:
    text = "acct\nrl\nbq\nco\n\n2026-01-02\n\n\n2020-12-06\n\n"
    given = {"sv": "2020-12-06", "ss": "bq", "srt": "co", "sp": "rl", "se": EXPIRY, "sig": signature(text)}
    token = verify(given, BLOB, [KEY], NOW)
    assert token == Token("account", frozenset("rl"), frozenset("bq"), frozenset("co"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sv", "newest"),
        ("sr", "x"),
        ("sp", ""),
        ("se", ""),
        ("se", "tomorrow"),
        ("se", "2026-02-30"),
        ("st", "yesterday"),
        ("spr", "ftp"),
        ("spr", "http"),
        ("sip", "everywhere"),
    ],
)
def test_malformed_values_are_refused(name: str, value: str) -> None:
    given = {"sv": "2020-12-06", "sr": "b", "sp": "r", "se": EXPIRY, name: value}
    order = ("sp", "st", "se", "resource", "si", "sip", "spr", "sv", "sr", "snapshot", "ses")
    values = {**given, "resource": "/blob/acct/cont/dir/blob"}
    text = "\n".join(values.get(field, "") for field in (*order, "rscc", "rscd", "rsce", "rscl", "rsct"))
    with pytest.raises(SasError) as refused:
        verify({**given, "sig": signature(text)}, BLOB, [KEY], NOW)
    assert refused.value.failure == "malformed"


@pytest.mark.parametrize(
    ("allowed", "client", "passes"),
    [
        ("10.0.0.5", "10.0.0.5", True),
        ("10.0.0.5", "10.0.0.6", False),
        ("10.0.0.1-10.0.0.9", "10.0.0.9", True),
        ("10.0.0.1-10.0.0.9", "10.0.0.10", False),
        ("10.0.0.5", "::ffff:10.0.0.5", True),
        ("10.0.0.5", "", False),
        ("10.0.0.5", "unknown", False),
        ("::1", "10.0.0.5", False),
    ],
)
def test_addresses(allowed: str, client: str, passes: bool) -> None:
    text = f"r\n\n{EXPIRY}\n/blob/acct/cont/dir/blob\n\n{allowed}\n\n2015-04-05\n\n\n\n\ntext/plain"
    target = Target("acct", "cont", "dir/blob", "http", client)
    given = fields("2015-04-05", text, sip=allowed)
    if passes:
        assert verify(given, target, [KEY], NOW).scope == "blob"
    else:
        with pytest.raises(SasError) as refused:
            verify(given, target, [KEY], NOW)
        assert refused.value.failure == "address"


@pytest.mark.parametrize("now", ["2026-01-01T23:59:59.9999999Z", "2026-01-02T00:00:00Z"])
def test_a_token_ends_on_the_tick(now: str) -> None:
    given = fields("2012-02-12", STRINGS["2012-02-12"])
    if now < "2026-01-02":
        assert verify(given, BLOB, [KEY], Timestamp.parse(now)).scope == "blob"
    else:
        with pytest.raises(SasError, match="Signature not valid in the specified time frame"):
            verify(given, BLOB, [KEY], Timestamp.parse(now))


def sent(*parameters: tuple[str, str]) -> tuple[dict[str, str], Target]:
    """A query as the service obeys it, and the target of a request that sends it."""
    obeyed = {name.lower(): value for name, value in reversed(parameters)}
    return obeyed, msgspec.structs.replace(BLOB, parameters=parameters)


@pytest.mark.parametrize("name", ["sig", "SIG", "sp", "Se", "rsct", "snapshot"])
def test_what_a_signature_covers_is_given_once(name: str) -> None:
    token = fields("2018-11-09", STRINGS["2018-11-09"])
    query, target = sent(*token.items(), ("timeout", "3"), ("timeout", "4"))
    assert verify(query, target, [KEY], NOW).scope == "blob"
    for doubled in ((name, token.get(name, "")), (name, "other")):
        query, target = sent(*token.items(), ("snapshot", ""), doubled)
        with pytest.raises(ParameterError, match="given more than once"):
            verify(query, target, [KEY], NOW)


KEY_FIELDS = {
    "skoid": "me", "sktid": "us", "skt": "2026-01-01", "ske": "2026-01-03", "sks": "b", "skv": "2026-04-06",
}  # fmt: skip


def bound(headers: str = "", parameters: str = "", text: str = "\n") -> dict[str, str]:
    """A token of a user bound to headers and parameters, of which the signature has that text."""
    info = KeyInfo(*KEY_FIELDS.values())
    key = delegation.value(info, "owner", KEY)
    resource = "/blob/acct/cont/dir/blob"
    signed = ["r", "", EXPIRY, resource, *KEY_FIELDS.values(), *[""] * 7, "2026-04-06", "b", "", "", text]
    signature = hmac.digest(key, "\n".join([*signed, *[""] * 5]).encode(), hashlib.sha256)
    given = {"sv": "2026-04-06", "sr": "b", "sp": "r", "se": EXPIRY, **KEY_FIELDS}
    return {**given, "srh": headers, "srq": parameters, "sig": base64.b64encode(signature).decode()}


def test_no_line_break_joins_two_values() -> None:
    """The text would be that of another type, and of `rsct` alone."""
    token = fields("2018-11-09", STRINGS["2018-11-09"], rscl="\ntext/plain", rsct="")
    query, target = sent(*token.items())
    with pytest.raises(ParameterError, match="rscl has a line break"):
        verify(query, target, [KEY], NOW)


@pytest.mark.parametrize("spelled", ["prefix", "Prefix"])
def test_a_bound_parameter_is_the_one_that_the_service_obeys(spelled: str) -> None:
    token = bound(parameters=spelled, text=f"\n\n{spelled}:a")
    for name in ("prefix", "PREFIX"):
        query, target = sent(*token.items(), (name, "a"))
        assert verify(query, target, [KEY], NOW).permissions == frozenset("r")
        query, target = sent(*token.items(), (name, "b"))
        with pytest.raises(SasError, match="Signature did not match"):
            verify(query, target, [KEY], NOW)
        query, target = sent(*token.items(), (name, "b"), (spelled, "a"))
        with pytest.raises(ParameterError, match="given more than once"):
            verify(query, target, [KEY], NOW)


def test_a_bound_header_is_the_one_that_the_service_obeys() -> None:
    token = bound(headers="X-Own", text="X-Own:1\n\n")
    query, target = sent(*token.items())
    for value in ("1", "2", "1,2"):
        request = msgspec.structs.replace(target, headers={"x-own": value})
        if value == "1":
            assert verify(query, request, [KEY], NOW).scope == "blob"
        else:
            with pytest.raises(SasError, match="Signature did not match"):
                verify(query, request, [KEY], NOW)


def test_no_part_of_a_bound_value_passes_for_a_part_of_the_name() -> None:
    """The text is the same, but the service would obey prefix=b, and a header it was not given."""
    for headers, parameters, text in (("", "prefix:a", "\n\nprefix:a:"), ("x-own:a", "", "x-own:a:\n\n")):
        token = bound(headers, parameters, text)
        query, target = sent(*token.items(), ("prefix", "b"))
        with pytest.raises(SasError, match="a list of names"):
            verify(query, target, [KEY], NOW)
