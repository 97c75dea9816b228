"""The matrix: every operation with every conditional header, and what must come of it.

`READ`, `CHANGE`, `PUT` and `CREATE` are the columns. Reading says 304 where nothing has changed,
changing says 412; replacing knows `If-None-Match: *`, and what is not there yet has no ETag to match.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

import aiohttp
import pytest
from azure.storage.blob.aio import ContainerClient
from multidict import CIMultiDictProxy
from tests.blobs.bearer import token
from tests.blobs.server import Server

TAGS = b"<Tags><TagSet><Tag><Key>color</Key><Value>green</Value></Tag></TagSet></Tags>"
BLOCK_LIST = b"<BlockList></BlockList>"
PAGE = {"x-ms-range": "bytes=0-511"}


@dataclass(frozen=True)
class Operation:
    """`done` is the status where the conditions hold; names of conditions begin with `prefix`."""

    column: str
    kind: str
    verb: str
    done: int
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    prefix: str = ""
    star: bool = False
    """Whether `If-None-Match: *` is passed over, where there is something."""

    def under(self, conditions: Mapping[str, str]) -> dict[str, str]:
        """Its headers, with these conditions."""
        named = {
            f"{self.prefix}{name}" if name[:3] == "If-" else name: text for name, text in conditions.items()
        }
        return {**self.headers, **named}

    def outcome(self, name: str) -> int:
        """Under the conditions of this name, where there is a blob."""
        return OK if self.star and name == STAR else CONDITIONS[name][1][self.column]


OPERATIONS = {
    "Get Blob": Operation("read", "BlockBlob", "GET", 200),
    "Get Blob, a range": Operation("read", "BlockBlob", "GET", 206, headers={"x-ms-range": "bytes=0-1"}),
    "Get Blob Properties": Operation("read", "BlockBlob", "HEAD", 200),
    "Get Blob Metadata": Operation("read", "BlockBlob", "GET", 200, "comp=metadata"),
    "Get Block List": Operation("read", "BlockBlob", "GET", 200, "comp=blocklist"),
    "Get Blob Tags": Operation("read", "BlockBlob", "GET", 200, "comp=tags"),
    "Get Blob Tags, own names": Operation("read", "BlockBlob", "GET", 200, "comp=tags", prefix="x-ms-blob-"),
    "Get Page Ranges": Operation("read", "PageBlob", "GET", 200, "comp=pagelist"),
    "Set Blob Metadata": Operation("change", "BlockBlob", "PUT", 200, "comp=metadata"),
    "Set Blob Properties": Operation("change", "BlockBlob", "PUT", 200, "comp=properties", star=True),
    "Snapshot Blob": Operation("change", "BlockBlob", "PUT", 201, "comp=snapshot"),
    "Set Blob Tags": Operation("change", "BlockBlob", "PUT", 204, "comp=tags", body=TAGS),
    "Set Blob Tags, own names": Operation(
        "change", "BlockBlob", "PUT", 204, "comp=tags", body=TAGS, prefix="x-ms-blob-"
    ),
    "Set Blob Tier": Operation(
        "change", "BlockBlob", "PUT", 200, "comp=tier", {"x-ms-access-tier": "Cool"}
    ),
    "Lease Blob": Operation(
        "change", "BlockBlob", "PUT", 201, "comp=lease",
        {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"},
    ),
    "Delete Blob": Operation("change", "BlockBlob", "DELETE", 202, star=True),
    "Append Block": Operation("change", "AppendBlob", "PUT", 201, "comp=appendblock", body=b"more"),
    "Append Blob Seal": Operation("change", "AppendBlob", "PUT", 200, "comp=seal"),
    "Put Page": Operation(
        "change", "PageBlob", "PUT", 201, "comp=page", {**PAGE, "x-ms-page-write": "update"}, bytes(512)
    ),
    "Put Page, clear": Operation(
        "change", "PageBlob", "PUT", 201, "comp=page", {**PAGE, "x-ms-page-write": "clear"}
    ),
    "Set Blob Properties, size": Operation(
        "change", "PageBlob", "PUT", 200, "comp=properties", {"x-ms-blob-content-length": "1024"},
        star=True,
    ),
    "Put Blob": Operation(
        "put", "BlockBlob", "PUT", 201, headers={"x-ms-blob-type": "BlockBlob"}, body=b"new"
    ),
    "Put Blob, append": Operation("put", "AppendBlob", "PUT", 201, headers={"x-ms-blob-type": "AppendBlob"}),
    "Put Blob, page": Operation(
        "put", "PageBlob", "PUT", 201,
        headers={"x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": "512"},
    ),
    "Put Block List": Operation("put", "BlockBlob", "PUT", 201, "comp=blocklist", body=BLOCK_LIST),
    "Copy Blob": Operation("put", "BlockBlob", "PUT", 202, headers={"x-ms-copy-source": "{source}"}),
    "Copy Blob From URL": Operation(
        "put", "BlockBlob", "PUT", 202,
        headers={"x-ms-copy-source": "{source}", "x-ms-requires-sync": "true"},
    ),
    "Put Blob From URL": Operation(
        "put", "BlockBlob", "PUT", 201,
        headers={"x-ms-copy-source": "{source}", "x-ms-blob-type": "BlockBlob"},
    ),
}  # fmt: skip

STAR = "If-None-Match: *"
OK = 0
"""Stands for the status of an operation that is done."""

CONDITIONS: dict[str, tuple[Mapping[str, str], Mapping[str, int]]] = {
    name: (headers, dict(zip(("read", "change", "put", "create"), outcomes, strict=True)))
    for name, headers, outcomes in [
        ("nothing", {}, (OK, OK, OK, OK)),
        ("If-Match: its ETag", {"If-Match": "{etag}"}, (OK, OK, OK, 412)),
        ("If-Match: another", {"If-Match": '"0x1"'}, (412, 412, 412, 412)),
        ("If-Match: *", {"If-Match": "*"}, (OK, OK, OK, 412)),
        ("If-None-Match: its ETag", {"If-None-Match": "{etag}"}, (304, 412, 412, OK)),
        ("If-None-Match: another", {"If-None-Match": '"0x1"'}, (OK, OK, OK, OK)),
        (STAR, {"If-None-Match": "*"}, (400, 400, 409, OK)),
        ("If-Modified-Since: then", {"If-Modified-Since": "{then}"}, (304, 412, 412, OK)),
        ("If-Modified-Since: before", {"If-Modified-Since": "{before}"}, (OK, OK, OK, OK)),
        ("If-Unmodified-Since: then", {"If-Unmodified-Since": "{then}"}, (OK, OK, OK, OK)),
        ("If-Unmodified-Since: before", {"If-Unmodified-Since": "{before}"}, (412, 412, 412, OK)),
        (
            "another ETag, not modified",
            {"If-None-Match": '"0x1"', "If-Modified-Since": "{then}"},
            (OK, OK, OK, OK),
        ),
        (
            "its ETag, modified",
            {"If-Match": "{etag}", "If-Unmodified-Since": "{before}"},
            (412, OK, OK, 412),
        ),
        (
            "two times",
            {"If-Modified-Since": "{before}", "If-Unmodified-Since": "{then}"},
            (OK, 400, 400, 400),
        ),
        ("two ETags", {"If-Match": '"0x1", {etag}'}, (OK, 400, 400, 400)),
        ("contrary ones", {"If-Match": "{etag}", "If-None-Match": "*"}, (400, 400, 400, 400)),
        ("a tag that it has", {"x-ms-if-tags": "color = 'red'"}, (OK, OK, OK, 412)),
        ("a tag that it has not", {"x-ms-if-tags": "color = 'blue'"}, (412, 412, 412, 412)),
        ("no tag that it has", {"x-ms-if-tags": "NOT color = 'red'"}, (412, 412, 412, OK)),
        ("no lease", {"x-ms-lease-id": "mine"}, (400, 400, 400, 400)),
        ("no condition on tags", {"x-ms-if-tags": "a ="}, (400, 400, 400, 400)),
        ("no date", {"If-Modified-Since": "yesterday"}, (400, 400, 400, 400)),
    ]
}

NO_FORM = [CONDITIONS[name][0] for name in ("no date", "no lease", "no condition on tags")]
"""What is malformed for reading, too: there any combination is possible."""

CODES = {
    400: None,
    404: "BlobNotFound",
    409: "BlobAlreadyExists",
    412: "ConditionNotMet",
    304: "ConditionNotMet",
}

Answer = tuple[int, CIMultiDictProxy[str]]


class Caller:
    """Requests that carry the token."""

    def __init__(self, session: aiohttp.ClientSession, server: Server) -> None:
        self._session = session
        self._token = token()
        self.url = f"{server.url}/things"

    def address(self, blob: str, query: str = "") -> str:
        return f"{self.url}/{blob}?{query}{'&' if query else ''}{self._token}"

    async def call(
        self,
        verb: str,
        blob: str,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        url, data = self.address(blob, query), body if verb == "PUT" else None
        async with self._session.request(verb, url, headers=headers, data=data) as answer:
            await answer.read()
            return answer.status, answer.headers

    async def make(self, blob: str, kind: str) -> None:
        size = {"x-ms-blob-content-length": "512"} if kind == "PageBlob" else {}
        body = b"some data" if kind == "BlockBlob" else b""
        own = {"x-ms-blob-type": kind, "x-ms-tags": "color=red"}
        status, _ = await self.call("PUT", blob, headers={**own, **size}, body=body)
        assert status == 201

    async def etag(self, blob: str) -> str | None:
        _, headers = await self.call("HEAD", blob)
        return headers.get("ETag")


@asynccontextmanager
async def calling(server: Server) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        yield Caller(session, server)


def filled(headers: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    for name, value in values.items():
        headers = {key: text.replace(f"{{{name}}}", value) for key, text in headers.items()}
    return dict(headers)


def values(headers: Mapping[str, str]) -> dict[str, str]:
    then = parsedate_to_datetime(headers["Last-Modified"])
    before = format_datetime(then - timedelta(seconds=1), usegmt=True)
    return {"etag": headers["ETag"], "then": headers["Last-Modified"], "before": before}


@pytest.mark.parametrize("name", OPERATIONS)
async def test_what_exists(container: ContainerClient, server: Server, name: str) -> None:
    operation = OPERATIONS[name]
    async with calling(server) as caller:
        await caller.make("source", "BlockBlob")
        for number, (condition, (conditions, _)) in enumerate(CONDITIONS.items()):
            blob = f"blob-{number}"
            await caller.make(blob, operation.kind)
            _, before = await caller.call("HEAD", blob)
            known = {**values(before), "source": caller.address("source")}
            headers = filled(operation.under(conditions), known)
            status, answer = await caller.call(operation.verb, blob, operation.query, headers, operation.body)
            expected = operation.outcome(condition)
            assert status == (expected or operation.done), (conditions, dict(answer))
            if expected == OK:
                continue
            assert CODES[expected] in (None, answer["x-ms-error-code"]), conditions
            if expected == 304:
                assert answer["ETag"] == before["ETag"]
            assert await caller.etag(blob) == before["ETag"], f"{conditions} was refused, and changed it"


@pytest.mark.parametrize("name", OPERATIONS)
async def test_what_does_not_exist(container: ContainerClient, server: Server, name: str) -> None:
    operation = OPERATIONS[name]
    async with calling(server) as caller:
        await caller.make("source", "BlockBlob")
        _, source = await caller.call("HEAD", "source")
        known = {**values(source), "source": caller.address("source")}
        for number, (conditions, outcomes) in enumerate(CONDITIONS.values()):
            blob = f"blob-{number}"
            headers = filled(operation.under(conditions), known)
            status, answer = await caller.call(operation.verb, blob, operation.query, headers, operation.body)
            if operation.column == "put":
                assert status == (outcomes["create"] or operation.done), (conditions, dict(answer))
            else:
                malformed = outcomes["create"] == 400 and (
                    operation.column != "read" or conditions in NO_FORM
                )
                assert status == (400 if malformed else 404), (conditions, dict(answer))
            assert (await caller.etag(blob) is not None) == (status < 300), conditions


@pytest.mark.parametrize(
    "name", [name for name, operation in OPERATIONS.items() if operation.column == "put"]
)
async def test_whoever_has_the_lease_may_put_although_nothing_should_be_there(
    container: ContainerClient, server: Server, name: str
) -> None:
    operation = OPERATIONS[name]
    async with calling(server) as caller:
        await caller.make("source", "BlockBlob")
        await caller.make("blob", operation.kind)
        headers = filled({**operation.headers, "If-None-Match": "*"}, {"source": caller.address("source")})

        async def put(lease: str = "") -> tuple[int, str | None]:
            given = {**headers, "x-ms-lease-id": lease} if lease else headers
            status, answer = await caller.call("PUT", "blob", operation.query, given, operation.body)
            return status, answer.get("x-ms-error-code")

        assert await put() == (409, "BlobAlreadyExists")
        lease = await container.get_blob_client("blob").acquire_lease()
        assert await put() == (412, "LeaseIdMissing")
        other = "00000000-0000-0000-0000-000000000000"
        assert await put(other) == (412, "LeaseIdMismatchWithBlobOperation")
        assert await put(lease.id) == (operation.done, None)
        await lease.release()
        assert await put() == (409, "BlobAlreadyExists")


SOURCE_CONDITIONS = [
    ({"x-ms-source-if-match": "{etag}"}, OK),
    ({"x-ms-source-if-match": '"0x1"'}, 412),
    ({"x-ms-source-if-none-match": "{etag}"}, 304),
    ({"x-ms-source-if-none-match": '"0x1"'}, OK),
    ({"x-ms-source-if-modified-since": "{then}"}, 304),
    ({"x-ms-source-if-modified-since": "{before}"}, OK),
    ({"x-ms-source-if-unmodified-since": "{then}"}, OK),
    ({"x-ms-source-if-unmodified-since": "{before}"}, 412),
    ({"x-ms-source-if-tags": "color = 'blue'"}, 412),
]
"""What reading the source answers."""


@pytest.mark.parametrize("name", ["Copy Blob", "Copy Blob From URL", "Put Blob From URL"])
async def test_conditions_on_the_source(container: ContainerClient, server: Server, name: str) -> None:
    operation = OPERATIONS[name]
    async with calling(server) as caller:
        await caller.make("source", "BlockBlob")
        _, source = await caller.call("HEAD", "source")
        known = {**values(source), "source": caller.address("source")}
        for number, (conditions, expected) in enumerate(SOURCE_CONDITIONS):
            headers = filled(operation.under(conditions), known)
            status, answer = await caller.call("PUT", f"blob-{number}", headers=headers)
            if expected == OK:
                assert status == operation.done, (conditions, dict(answer))
                continue
            told = (expected, "CannotVerifyCopySource") if name != "Copy Blob" else (412, "ConditionNotMet")
            assert (status, answer["x-ms-error-code"]) == told, conditions


MALFORMED_OF_SOURCE = {
    "x-ms-source-if-none-match": "*",
    "x-ms-source-if-modified-since": "yesterday",
    "x-ms-source-if-unmodified-since": "tomorrow",
    "x-ms-source-if-tags": "color =",
    "x-ms-source-lease-id": "mine",
}


@pytest.mark.parametrize("header", MALFORMED_OF_SOURCE)
async def test_a_condition_on_the_source_that_is_none_is_named(
    container: ContainerClient, server: Server, header: str
) -> None:
    async with calling(server) as caller:
        await caller.make("source", "BlockBlob")
        given = {"x-ms-copy-source": caller.address("source"), header: MALFORMED_OF_SOURCE[header]}
        status, answer = await caller.call("PUT", "copy", headers=given)
        assert (status, answer["x-ms-error-code"]) == (400, "InvalidHeaderValue")
        assert await caller.etag("copy") is None


CONTAINER_OPERATIONS = {
    "Set Container Metadata": ("PUT", "restype=container&comp=metadata", {}, 200, {"If-Modified-Since"}),
    "Lease Container": (
        "PUT",
        "restype=container&comp=lease",
        {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"},
        201,
        {"If-Modified-Since", "If-Unmodified-Since"},
    ),
    "Delete Container": (
        "DELETE",
        "restype=container",
        {},
        202,
        {"If-Modified-Since", "If-Unmodified-Since"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTAINER_OPERATIONS)
async def test_containers_know_times(server: Server, client: object, name: str) -> None:
    verb, query, own, done, known = CONTAINER_OPERATIONS[name]
    async with aiohttp.ClientSession() as session:
        number = 0
        for header in sorted(known):
            for when, good in (("then", "If-Unmodified-Since"), ("before", "If-Modified-Since")):
                number += 1
                url = f"{server.url}/container-{number}?{token()}"
                async with session.put(f"{url}&restype=container") as made:
                    assert made.status == 201
                    moments = values(made.headers)
                headers = {**own, header: moments[when]}
                async with session.request(verb, f"{url}&{query}", headers=headers) as answer:
                    assert answer.status == (done if header == good else 412), headers


@pytest.mark.parametrize("name", [name for name in CONDITIONS if name.startswith(("If-", "another", "its"))])
@pytest.mark.parametrize("query", ["restype=container", "restype=container&comp=metadata"])
async def test_containers_are_read_under_conditions(
    container: ContainerClient, server: Server, name: str, query: str
) -> None:
    conditions, outcomes = CONDITIONS[name]
    async with aiohttp.ClientSession() as session:
        url = f"{server.url}/things?{query}&{token()}"
        async with session.head(url) as answer:
            known = values(answer.headers)
        for verb in ("GET", "HEAD"):
            async with session.request(verb, url, headers=filled(conditions, known)) as answer:
                assert answer.status == (outcomes["read"] or 200)


WITHOUT = {
    "Create Container": ("PUT", "/new", "restype=container"),
    "List Blobs": ("GET", "/things", "restype=container&comp=list"),
    "List Containers": ("GET", "", "comp=list"),
    "Get Account Information": ("GET", "/things/b", "restype=account&comp=properties"),
    "Put Block": ("PUT", "/things/b", "comp=block&blockid=AAAA"),
    "Undelete Blob": ("PUT", "/things/b", "comp=undelete"),
}


@pytest.mark.parametrize("name", WITHOUT)
async def test_operations_without_conditions_refuse_them(
    container: ContainerClient, server: Server, name: str
) -> None:
    verb, path, query = WITHOUT[name]
    then = "Sat, 31 Jan 2026 12:00:00 GMT"
    async with aiohttp.ClientSession() as session:
        for condition in (
            {"If-Match": "*"},
            {"If-None-Match": '"0x1"'},
            {"If-Modified-Since": then},
            {"If-Unmodified-Since": then},
            {"x-ms-if-tags": "color = 'red'"},
        ):
            url = f"{server.url}{path}?{query}&{token()}"
            async with session.request(verb, url, headers=condition) as answer:
                refusal = (answer.status, answer.headers["x-ms-error-code"])
                assert refusal == (400, "UnsupportedHeader"), condition
