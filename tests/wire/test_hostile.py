"""What strangers write is read, or refused by the reader's own error, in a time that grows with its length.

No clock tells: where a reader takes the square of the length, this takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchite.batch.feed.cursors import Cursors
from batchite.batch.files import ranges as file_ranges
from batchite.resources import dependencies
from batchite.web.problems import MalformedRequest
from batchite.web.router import decode_segment
from batchite.wire import cloud, http_dates
from batchite.wire.batch import codec, file_patterns, last_line, shell_words, vm_sizes
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.pools import BatchNodeRemoveOptions
from batchite.wire.batch.odata import select
from batchite.wire.batch.validation import certificates, rules
from batchite.wire.batch.versions import REGISTRY
from batchite.wire.blob import (
    address,
    block_list,
    multipart,
    policies,
    ranges,
    service_properties,
    tag_filter,
    tags,
)
from batchite.wire.blob.errors import BlobError
from batchite.wire.signing import bearer, sas, shared_key, task_tokens
from batchite.wire.signing.bearer import BearerError
from batchite.wire.signing.parameters import ParameterError
from batchite.wire.signing.sas import SasError, Target
from batchite.wire.signing.task_tokens import TaskTokenError
from batchite.wire.ticks import Timestamp, WallTime

LONG = 100_000
"""Characters: as a head may have them, and far more than any of these means."""
STRANGE = (
    "",
    " ",
    "\0",
    "\n",
    "é",
    "０",
    "\ud800",
    "a",
    "9",
    "%",
    "'",
    '"',
    "\\",
    ",",
    ";",
    "=",
    "&",
    ":",
    "-",
)
NOW = WallTime(Timestamp.parse("2026-01-30T12:00:00Z"))
TARGET = Target("account", "container", "blob", "http", "127.0.0.1")


class Reader(NamedTuple):
    read: Callable[[str], object]
    errors: tuple[type[Exception], ...]
    words: tuple[str, ...]


def in_bytes(read: Callable[[bytes], object]) -> Callable[[str], object]:
    return lambda text: read(text.encode("utf-8", "surrogatepass"))


def elements(*names: str) -> tuple[str, ...]:
    return (
        *(f"<{name}>" for name in names),
        *(f"</{name}>" for name in names),
        "<a b='c'/>",
        "&lt;",
        "<!--",
        "]]>",
    )


READERS = {
    "url": Reader(
        lambda text: rules.check_url("httpUrl", text),
        (BatchError,),
        ("http://", "https://", "/", "?", "[", "]", "@"),
    ),
    "file pattern": Reader(file_patterns.is_wild, (), ("[", "]", "*", "?", "!", "**/")),
    "variables": Reader(file_patterns.without_variables, (), ("$", "${", "}", "{", "%")),
    "command line": Reader(shell_words.needing, (), ("$", "${a}", "|", ">", "sh ", "* ")),
    "last line": Reader(lambda text: last_line.plain(text), (), ("\x1b[", "\x1b]", "\x07", "0;", "\u202e")),
    "task id": Reader(dependencies.number, (), ("-", "0", "1..2")),
    "certificate": Reader(
        certificates.named, (BatchError,), ("thumbprint=", "thumbprintAlgorithm=sha1,", "0" * 40)
    ),
    "size": Reader(vm_sizes.find, (), ("Standard_", "D2s_v3", "_")),
    "select": Reader(
        lambda text: select.parse_select(text, ("id", "state")), (BatchError,), ("id", "id,", "(", ")")
    ),
    "version": Reader(REGISTRY.resolve, (BatchError,), ("2024-07-01", ".20.0", "2099-01-01")),
    "range of a file": Reader(lambda text: file_ranges.parse(text, 100), (BatchError,), ("bytes=", "-", "1")),
    "cursor": Reader(Cursors("a").parse, (BatchError,), ("begin", "abcdef-", "1-")),
    "json": Reader(
        in_bytes(lambda body: codec.decode(body, BatchNodeRemoveOptions)),
        (BatchError,),
        ("{", "}", "[", "]", '"nodeList"', " - at `$", "`", ".a", "[0]", "\\ud800", "NaN", "1e999"),
    ),
    "date of HTTP": Reader(
        http_dates.read, (ValueError,), ("Sat, ", "31 Jan ", "2026 ", "12:00:00 ", "GMT", "+99", "(")
    ),
    "path": Reader(
        lambda text: decode_segment(text.encode("ascii", "ignore").decode()),
        (MalformedRequest,),
        ("%2F", "%00", "%zz", ".."),
    ),
    "host": Reader(cloud.batch_account, (), (".", "batch.azure.com", "account", ":")),
    "path of a blob": Reader(
        lambda text: address.parse(f"/{text}", container_meant=False),
        (BlobError,),
        ("account/", "/", "..", "%5C", "$root"),
    ),
    "range of a blob": Reader(lambda text: ranges.parse(text, None), (BlobError,), ("bytes=", "0-", "1")),
    "block list": Reader(
        in_bytes(block_list.parse), (BlobError,), elements("BlockList", "Latest", "Committed", "Uncommitted")
    ),
    "tags": Reader(in_bytes(tags.read), (BlobError,), elements("Tags", "TagSet", "Tag", "Key", "Value")),
    "header of tags": Reader(tags.read_header, (BlobError,), ("a=b", "&", "%26")),
    "policies": Reader(
        in_bytes(policies.read),
        (BlobError,),
        elements("SignedIdentifiers", "SignedIdentifier", "Id", "AccessPolicy", "Start", "Expiry"),
    ),
    "properties of a service": Reader(
        in_bytes(service_properties.read),
        (BlobError,),
        elements("StorageServiceProperties", "Cors", "CorsRule", "DeleteRetentionPolicy", "Enabled", "Days"),
    ),
    "tags searched for": Reader(
        tag_filter.search, (ValueError,), ('"a"', "='b'", " AND ", "@container", "(", ">=")
    ),
    "condition on tags": Reader(
        tag_filter.condition, (ValueError,), ('"a"', "='b'", " OR ", "not ", "(", "<>")
    ),
    "boundary": Reader(multipart.boundary, (BlobError,), ("multipart/mixed", "; boundary=", '"')),
    "batch": Reader(
        in_bytes(lambda body: multipart.read(b"edge", body)),
        (BlobError,),
        (
            *("--edge\r\n", "--edge--", "\r\n", "Content-Type: application/http\r\n", "Content-ID: 1\r\n"),
            *("DELETE /a/b/c HTTP/1.1\r\n", "Content-Type: multipart/mixed; boundary=edge\r\n"),
        ),
    ),
    "authorization": Reader(
        shared_key.parse_authorization, (BatchError,), ("SharedKey ", "account:", "AAAA==")
    ),
    "token of a task": Reader(task_tokens.read, (TaskTokenError,), (".", "WyJhIiwxLDJd", "AAAA", "=")),
    "bearer token": Reader(
        lambda text: bearer.verify(text, "account", [b"key"], NOW),
        (BearerError,),
        (".", "eyJhbGciOiJIUzI1NiJ9", "e30"),
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_whatever_is_written_is_read_or_refused(name: str) -> None:
    reader = READERS[name]
    words = st.sampled_from((*reader.words, *reader.words, *STRANGE))

    @settings(max_examples=25)
    @given(st.lists(words, max_size=12))
    def holds(parts: list[str]) -> None:
        _read(reader, "".join(parts))

    holds()


@pytest.mark.parametrize("name", READERS)
def test_what_is_long_is_read_or_refused(name: str) -> None:
    reader = READERS[name]
    for word in (*reader.words, *STRANGE):
        for begin, end in (("", "x"), (reader.words[0], " "), (reader.words[0], "a b")):
            _read(reader, begin + word * (LONG // max(len(word), 1)) + end)


def _read(reader: Reader, text: str) -> None:
    try:
        reader.read(text)
    except reader.errors:
        return


NAMES = (
    "sv",
    "ss",
    "srt",
    "sp",
    "se",
    "st",
    "sip",
    "spr",
    "sr",
    "si",
    "ses",
    "skoid",
    "skt",
    "ske",
    "srq",
    "srh",
)
VALUES = (
    "2022-11-02",
    "2099-01-01",
    "2026-01-01T00:00:00Z",
    "b",
    "co",
    "rwd",
    "https",
    "127.0.0.1-::1",
    "a,b",
    *STRANGE,
)


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(VALUES), max_size=3).map("".join)))
@settings(max_examples=100)
def test_no_signature_is_more_than_refused(query: dict[str, str]) -> None:
    given_query = {**query, "sig": "AAAA"}
    with pytest.raises((SasError, ParameterError)):
        sas.verify(given_query, TARGET, [b"key"], NOW)
