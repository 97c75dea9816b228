"""Batch signatures, made by the official client and altered in every part."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

import pytest
from azure.batch import BatchClient
from azure.batch import models as sdk
from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest

from batchite.wire.batch.errors import BatchError
from batchite.wire.signing.parameters import ParameterError
from batchite.wire.signing.shared_key import (
    Credential,
    SignedRequest,
    Verdict,
    parse_authorization,
    refusal,
    verify,
)
from batchite.wire.ticks import Duration, Timestamp

ACCOUNT = "devbatch"
KEY = b"a key of the tests, of some length"
OTHER_KEY = b"another key"


class CapturedError(Exception):
    """Carries the request that was about to be sent."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__("captured")
        self.request = request


class Capture(HttpTransport[Any, Any]):
    """Ends every call where it would leave the machine."""

    def send(self, request: Any, **_: Any) -> NoReturn:
        raise CapturedError(request)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


Call = Callable[[BatchClient], object]


def captured(call: Call) -> SignedRequest:
    """What the client puts on the wire for a call."""
    credential = AzureNamedKeyCredential(ACCOUNT, base64.b64encode(KEY).decode())
    client = BatchClient("http://127.0.0.1:10003", credential, transport=Capture())
    with pytest.raises(CapturedError) as caught:
        call(client)
    request = caught.value.request
    url = urlsplit(request.url)
    return SignedRequest(request.method, url.path, query_of(url.query), tuple(request.headers.items()))


def query_of(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(parse_qsl(text, keep_blank_values=True))


def drain(pages: Any) -> object:
    return list(pages)


CALLS: dict[str, Call] = {
    "list": lambda client: drain(
        client.list_jobs(filter="state eq 'active'", select=["id,state"], max_results=5)
    ),
    "get": lambda client: client.get_task("j", "t"),
    "exists": lambda client: client.pool_exists("p"),
    "add": lambda client: client.create_task("j", sdk.BatchTaskCreateOptions(id="t", command_line="true")),
    "timeouts": lambda client: client.get_job("j", service_timeout=7, expand=["stats"]),
    "delete": lambda client: client.delete_task("j", "t", service_timeout=5),
    "terminate": lambda client: client.terminate_task("j", "t"),
    "conditional": lambda client: client.get_pool(
        "p", etag="0x1", match_condition=MatchConditions.IfNotModified
    ),
    "file": lambda client: client.download_task_file("j", "t", "wd/a b/ü+%.txt", ocp_range="bytes=0-9"),
}


def header(request: SignedRequest, name: str) -> str:
    return next((value for key, value in request.headers if key.lower() == name), "")


def with_header(request: SignedRequest, name: str, value: str | None) -> SignedRequest:
    kept = tuple(pair for pair in request.headers if pair[0].lower() != name)
    return replace(request, headers=kept if value is None else (*kept, (name, value)))


def moment_of(request: SignedRequest) -> Timestamp:
    return Timestamp.from_datetime(parsedate_to_datetime(header(request, "ocp-date")))


def check(
    request: SignedRequest,
    *,
    credential: Credential | None = None,
    keys: tuple[bytes, ...] = (KEY,),
    now: Timestamp | None = None,
) -> Verdict:
    credential = credential or parse_authorization(header(request, "authorization"))
    return verify(request, credential, keys, now or moment_of(request))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_client_signs_what_we_verify(call: Call) -> None:
    assert check(captured(call)).finding == "valid"


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_either_key_signs(call: Call) -> None:
    request = captured(call)
    assert check(request, keys=(OTHER_KEY, KEY)).is_valid
    assert not check(request, keys=(OTHER_KEY,)).is_valid
    assert not check(request, keys=()).is_valid


@pytest.mark.parametrize("name", ["delete", "terminate"])
@pytest.mark.parametrize("length", ["0", None])
def test_an_empty_body_may_have_a_length_or_none(name: str, length: str | None) -> None:
    assert check(with_header(captured(CALLS[name]), "content-length", length)).is_valid


ALTERATIONS: dict[str, Callable[[SignedRequest], SignedRequest]] = {
    "verb": lambda request: replace(request, verb="PATCH"),
    "path": lambda request: replace(request, raw_path=request.raw_path + "x"),
    "path case": lambda request: replace(request, raw_path=request.raw_path.swapcase()),
    "query value": lambda request: replace(
        request, query=tuple((name, f"{value}1") for name, value in request.query)
    ),
    "query added": lambda request: replace(request, query=(*request.query, ("force", "true"))),
    "query added without a value": lambda request: replace(request, query=(*request.query, ("force", ""))),
    "query removed": lambda request: replace(request, query=()),
    "date": lambda request: with_header(
        request, "ocp-date", str_date(moment_of(request) + Duration.of(seconds=1))
    ),
    "ocp header": lambda request: with_header(request, "ocp-range", "bytes=1-2"),
    **{
        name: (lambda request, name=name: with_header(request, name, "17"))  # type: ignore[misc]
        for name in (
            "content-encoding",
            "content-language",
            "content-length",
            "content-md5",
            "content-type",
            "if-modified-since",
            "if-match",
            "if-none-match",
            "if-unmodified-since",
            "range",
        )
    },
}


def str_date(moment: Timestamp) -> str:
    return moment.to_datetime().strftime("%a, %d %b %Y %H:%M:%S GMT")


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS)
@pytest.mark.parametrize("name", ["add", "list", "delete", "file"])
def test_a_request_altered_anywhere_is_refused(
    name: str, alter: Callable[[SignedRequest], SignedRequest]
) -> None:
    request = captured(CALLS[name])
    altered = alter(request)
    assert altered != request
    assert check(altered, now=moment_of(request)).finding == "mismatch"


def test_a_length_cannot_be_taken_away_from_a_body() -> None:
    request = captured(CALLS["add"])
    assert not check(with_header(request, "content-length", None)).is_valid
    assert not check(with_header(request, "content-length", "0")).is_valid


def test_a_body_cannot_be_added_to_a_request_without_one() -> None:
    request = with_header(captured(CALLS["terminate"]), "Transfer-Encoding", "chunked")
    verdict = check(request)
    assert verdict.finding == "unsigned-body"
    assert (refusal(verdict).status, refusal(verdict).code) == (411, "MissingContentLengthHeader")


def test_another_account_or_signature_is_refused() -> None:
    request = captured(CALLS["get"])
    good = parse_authorization(header(request, "authorization"))
    assert not check(request, credential=replace(good, account="other")).is_valid
    for signature in (
        "A" + good.signature[1:] if good.signature[0] != "A" else "B" + good.signature[1:],
        "",
        "ü",
        "=",
        "AAAA",
    ):
        assert check(request, credential=replace(good, signature=signature)).finding == "mismatch"


@pytest.mark.parametrize(
    ("minutes", "finding"), [(0, "valid"), (15, "valid"), (-15, "valid"), (16, "skewed"), (-16, "skewed")]
)
def test_clocks_may_differ_by_15_minutes(minutes: int, finding: str) -> None:
    request = captured(CALLS["get"])
    assert check(request, now=moment_of(request) + Duration.of(minutes=minutes)).finding == finding


def test_a_request_without_a_date_is_refused() -> None:
    request = captured(CALLS["get"])
    now = moment_of(request)
    assert check(with_header(request, "ocp-date", None), now=now).finding == "no-date"
    assert check(with_header(request, "ocp-date", "yesterday"), now=now).finding == "bad-date"
    assert check(with_header(request, "ocp-date", "2026-01-31T12:00:00Z"), now=now).finding == "bad-date"


def signed_by_hand(request: SignedRequest, text: str) -> Verdict:
    """For spellings of other clients, whose texts are written out in the tests below."""
    signature = base64.b64encode(hmac.digest(KEY, text.encode(), hashlib.sha256)).decode()
    return verify(request, Credential(ACCOUNT, signature), (KEY,), NOW)


NOW = Timestamp.parse("2026-01-31T12:00:00Z")
DATE = "Sat, 31 Jan 2026 12:00:00 GMT"


def test_a_plain_date_header_is_signed_itself() -> None:
    request = SignedRequest("GET", "/jobs", query_of("api-version=x"), (("Date", DATE),))
    assert signed_by_hand(request, f"GET\n\n\n\n\n\n{DATE}\n\n\n\n\n\n/devbatch/jobs\napi-version:x").is_valid


def test_ocp_date_wins_over_date() -> None:
    headers = (("Date", "Sat, 01 Jan 2000 00:00:00 GMT"), ("ocp-date", DATE))
    request = SignedRequest("GET", "/jobs", (), headers)
    assert signed_by_hand(request, f"GET\n\n\n\n\n\n\n\n\n\n\n\nocp-date:{DATE}\n/devbatch/jobs").is_valid


def test_older_clients_sign_encoded_slashes_as_plain_ones() -> None:
    request = SignedRequest("GET", "/jobs/j/tasks/t/files/wd%2Fa%5cb%20c", (), (("ocp-date", DATE),))
    start = f"GET\n\n\n\n\n\n\n\n\n\n\n\nocp-date:{DATE}\n/devbatch"
    assert signed_by_hand(request, f"{start}/jobs/j/tasks/t/files/wd%2Fa%5cb%20c").is_valid
    assert signed_by_hand(request, f"{start}/jobs/j/tasks/t/files/wd/a/b%20c").is_valid
    assert not signed_by_hand(request, f"{start}/jobs/j/tasks/t/files/wd/a/b c").is_valid


def test_a_colon_may_be_signed_encoded_and_sent_plain() -> None:
    """As the client does whose transport writes a URL in its shortest form; the reverse no client does."""
    sent, encoded = (
        SignedRequest("GET", f"/jobs/nightly{colon}job-1", (), (("ocp-date", DATE),))
        for colon in (":", "%3A")
    )
    start = f"GET\n\n\n\n\n\n\n\n\n\n\n\nocp-date:{DATE}\n/devbatch/jobs/nightly"
    assert signed_by_hand(sent, f"{start}:job-1").is_valid
    assert signed_by_hand(sent, f"{start}%3Ajob-1").is_valid
    assert signed_by_hand(encoded, f"{start}%3Ajob-1").is_valid
    assert not signed_by_hand(encoded, f"{start}:job-1").is_valid


@pytest.mark.parametrize("names", [("api-version", "timeOut"), ("api-version", "timeout")])
def test_query_names_may_be_signed_in_lower_case(names: tuple[str, str]) -> None:
    query = query_of("timeOut=5&api-version=x")
    request = SignedRequest("GET", "/jobs", query, (("ocp-date", DATE),))
    lines = f"\n{names[0]}:x\n{names[1]}:5"
    text = f"GET\n\n\n\n\n\n\n\n\n\n\n\nocp-date:{DATE}\n/devbatch/jobs{lines}"
    assert signed_by_hand(request, text).is_valid


@pytest.mark.parametrize("query", ["timeout=9&timeout=5", "TIMEOUT=9&timeout=5", "timeout=&timeOut=5"])
def test_a_name_occurs_once_in_whatever_letter_case(query: str) -> None:
    request = SignedRequest("GET", "/jobs", query_of(query), (("ocp-date", DATE),))
    with pytest.raises(ParameterError, match="given more than once"):
        signed_by_hand(request, "whatever was signed")


def test_a_parameter_without_a_value_is_signed() -> None:
    request = SignedRequest("GET", "/jobs", query_of("$select=&$filter"), (("ocp-date", DATE),))
    start = f"GET\n\n\n\n\n\n\n\n\n\n\n\nocp-date:{DATE}\n/devbatch/jobs"
    assert signed_by_hand(request, f"{start}\n$filter:\n$select:").is_valid
    unsigned = signed_by_hand(request, start)
    assert not unsigned.is_valid
    assert "leave out $select, $filter." in refusal(unsigned).message


def test_the_refusal_tells_what_the_service_signed() -> None:
    verdict = check(captured(CALLS["get"]), keys=(OTHER_KEY,))
    error = refusal(verdict)
    assert (error.status, error.code) == (403, "AuthenticationFailed")
    assert repr(verdict.string_to_sign) in error.message
    assert "clock" in refusal(Verdict("skewed", "")).message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SharedKey",
        "SharedKey devbatch",
        "SharedKey devbatch:",
        "Bearer devbatch:abc",
        "SharedKey a/b:abc",
        "SharedKey a:b c",
    ],
)
def test_a_malformed_header_is_refused(text: str) -> None:
    with pytest.raises(BatchError) as caught:
        parse_authorization(text)
    assert (caught.value.status, caught.value.code) == (400, "InvalidAuthenticationInfo")


def test_a_header_is_read() -> None:
    assert parse_authorization("SharedKey devbatch:abc+/=") == Credential("devbatch", "abc+/=")
