"""Requests to the Blob service: its operations, with the headers and parameters that its code speaks of."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from tests.fuzz import values
from tests.fuzz.request import Pairs, Request
from tests.fuzz.values import Dice

import batchite
from batchite.blobs.operations import OPERATIONS
from batchite.wire.blob import conditions
from batchite.wire.blob.address import Level

VERSION = "2025-01-05"
ROOMS = ("blobs", "wire/blob", "wire/signing")
Key = tuple[Level, str, str, str]


def spoken_of() -> list[str]:
    """Every header of the service's own that stands in its code."""
    found = {name for forms in conditions.FORMS.values() for name in forms}
    for room in ROOMS:
        for module in (Path(batchite.__file__).parent / room).rglob("*.py"):
            found |= set(re.findall(r'"(x-ms-[a-z0-9-]*[a-z0-9])"', module.read_text()))
    return sorted(found - {"x-ms-date"})


HEADERS = [
    *spoken_of(), "x-ms-meta-a", "x-ms-meta-B_c", "x-ms-meta-1", "x-ms-meta-", "If-Match", "If-None-Match",
    "If-Modified-Since", "If-Unmodified-Since", "Range", "Content-MD5", "Content-Type", "Content-Encoding",
    "Origin", "Access-Control-Request-Method", "Accept",
]  # fmt: skip
QUERY = (
    "snapshot", "versionid", "prefix", "delimiter", "marker", "maxresults", "include", "where", "blockid",
    "copyid", "blocklisttype", "prevsnapshot", "timeout", "startFrom", "endBefore", "deletetype",
    "api-version", "sv", "sr", "sig", "se", "sp", "ss", "srt", "st", "sip", "spr", "si", "skoid", "rscc",
    "upn", "showonly",
)  # fmt: skip
CONTAINERS = ("container", "container", "container", "other")
BLOBS = ("block", "block", "append", "page", "dir/a", "dir/b")
STRANGE = ("$root", "$logs", "$web", "missing", *values.TEXTS)
LEASES = ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222")
BLOCKS = ("AAAA", "AAAB", "AAAC")
KEY = base64.b64encode(b"k" * 32).decode()
MOMENTS = ("{snapshot}", "{version}", "2026-01-01T00:00:00.0000000Z", *values.TIMES)
RANGES = ("bytes=0-", "bytes=0-0", "bytes=0-511", "bytes=512-1023", "bytes=5-1", "bytes=-1", "bytes=0-1,3-4")
HINTS: Mapping[str, Sequence[str]] = {
    "x-ms-blob-type": ("BlockBlob", "AppendBlob", "PageBlob"),
    "x-ms-blob-content-length": ("0", "512", "1024", "1099511627776", "8796093022208"),
    "x-ms-blob-sequence-number": ("0", "1"),
    "x-ms-sequence-number-action": ("max", "update", "increment"),
    "x-ms-page-write": ("update", "clear"),
    "x-ms-lease-action": ("acquire", "renew", "change", "release", "break"),
    "x-ms-lease-duration": ("-1", "15", "60"),
    "x-ms-lease-break-period": ("0", "60"),
    "x-ms-lease-id": LEASES,
    "x-ms-proposed-lease-id": LEASES,
    "x-ms-source-lease-id": LEASES,
    "x-ms-access-tier": ("Hot", "Cool", "Archive", "P10"),
    "x-ms-rehydrate-priority": ("High", "Standard"),
    "x-ms-tags": ("a=b", "a=b&c=d"),
    "x-ms-if-tags": ("\"a\" = 'b'", "\"a\" = 'b' AND \"c\" > 'd'"),
    "x-ms-source-if-tags": ("\"a\" = 'b'",),
    "x-ms-blob-public-access": ("blob", "container"),
    "x-ms-delete-snapshots": ("include", "only"),
    "x-ms-copy-source": ("{blob}/container/block", "{blob}/container/page", "http://127.0.0.1:1/a"),
    "x-ms-copy-action": ("abort",),
    "x-ms-requires-sync": ("true",),
    "x-ms-copy-source-tag-option": ("COPY", "REPLACE"),
    "x-ms-encryption-key": (KEY,),
    "x-ms-encryption-algorithm": ("AES256",),
    "x-ms-version": (VERSION, "2015-02-21", "2019-12-12", "2026-02-06"),
    "x-ms-blob-condition-appendpos": ("0", "9"),
    "x-ms-blob-condition-maxsize": ("10", "1000000"),
    "x-ms-deleted-container-name": ("container", "other"),
    "x-ms-deleted-container-version": ("8000000000000000", "{version}", "0"),
    "x-ms-seal-blob": ("true",),
    **dict.fromkeys(("x-ms-range-get-content-md5", "x-ms-range-get-content-crc64"), ("true",)),
    **dict.fromkeys(("Range", "x-ms-range", "x-ms-source-range"), RANGES),
    **dict.fromkeys(("If-Match", "If-None-Match"), ("*", "{etag}", '"0x1"', '"0x1","0x2"')),
    "comp": sorted({component for _, _, component, _ in OPERATIONS if component}),
    "restype": ("container", "service", "account"),
    "include": ("metadata", "snapshots,versions,deleted,tags,copy,uncommittedblobs", "snapshots"),
    "maxresults": ("1", "2", "5000", "0", "5001"),
    "delimiter": ("/", "a"),
    "where": ("\"a\"='b'", "@container='container' AND \"a\">='b'"),
    "blockid": BLOCKS,
    "blocklisttype": ("all", "committed", "uncommitted"),
    "copyid": LEASES,
    **dict.fromkeys(("snapshot", "versionid", "prevsnapshot"), MOMENTS),
    **dict.fromkeys(("marker", "startFrom", "endBefore", "prefix"), ("dir/", "a", "block")),
}  # fmt: skip
TAGS = b"<Tags><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tags>"
ACL = (
    b"<SignedIdentifiers><SignedIdentifier><Id>a</Id><AccessPolicy><Start>2026-01-01</Start>"
    b"<Expiry>2026-01-02T00:00:00Z</Expiry><Permission>rl</Permission></AccessPolicy></SignedIdentifier>"
    b"</SignedIdentifiers>"
)
PROPERTIES = (
    b"<StorageServiceProperties><IsVersioningEnabled>true</IsVersioningEnabled><DeleteRetentionPolicy><Enabled>true"
    b"</Enabled><Days>7</Days></DeleteRetentionPolicy><Cors><CorsRule><AllowedOrigins>*</AllowedOrigins>"
    b"<AllowedMethods>GET</AllowedMethods><MaxAgeInSeconds>5</MaxAgeInSeconds><ExposedHeaders>a</ExposedHeaders>"
    b"<AllowedHeaders>*</AllowedHeaders></CorsRule></Cors></StorageServiceProperties>"
)
DELEGATION = b"<KeyInfo><Start>2026-01-01T00:00:00Z</Start><Expiry>2026-01-02T00:00:00Z</Expiry></KeyInfo>"
BLOCK_LIST = b"<BlockList>%b</BlockList>" % b"".join(
    b"<Latest>%b</Latest>" % block.encode() for block in BLOCKS[:2]
)
NEEDED: Mapping[tuple[str, str], tuple[tuple[str, ...], Sequence[bytes]]] = {
    ("PUT", ""): (("x-ms-blob-type",), (b"", b"hello", b"x" * 20_000)),
    ("PUT", "block"): ((), (b"hello", b"x" * 20_000)),
    ("PUT", "blocklist"): ((), (BLOCK_LIST,)),
    ("PUT", "appendblock"): ((), (b"hello", b"x" * 20_000)),
    ("PUT", "page"): (("x-ms-page-write", "x-ms-range"), (b"p" * 512, b"")),
    ("PUT", "lease"): (
        ("x-ms-lease-action", "x-ms-lease-duration", "x-ms-proposed-lease-id", "x-ms-lease-id"),
        (b"",),
    ),
    ("PUT", "tags"): ((), (TAGS,)),
    ("PUT", "tier"): (("x-ms-access-tier",), (b"",)),
    ("PUT", "metadata"): (("x-ms-meta-a",), (b"",)),
    ("PUT", "copy"): (("x-ms-copy-action",), (b"",)),
    ("PUT", "acl"): (("x-ms-blob-public-access",), (ACL, b"")),
    ("PUT", "undelete"): (("x-ms-deleted-container-name", "x-ms-deleted-container-version"), (b"",)),
    ("PUT", "properties"): ((), (PROPERTIES,)),
    ("POST", "userdelegationkey"): ((), (DELEGATION,)),
}
"""What an operation usually has: headers and bodies."""
ASKED: Mapping[tuple[str, str], str] = {
    ("PUT", "block"): "blockid",
    ("GET", "blobs"): "where",
    ("PUT", "copy"): "copyid",
}
"""Parameters that operations need."""
_DELETING = 0.15
"""How often such a request is really made, so that the others find something."""


def request(dice: Dice, account: str) -> Request:
    level, _, component, verb = key = _operation(dice)
    names, bodies = NEEDED.get((verb, component), ((), (b"",)))
    headers = [
        ("x-ms-version", VERSION),
        *((name, value(dice, name)) for name in names if not dice.seldom(0.1)),
    ]
    headers += [(name, value(dice, name)) for name in HEADERS if dice.seldom(0.005)]
    if component == "batch":
        boundary, body = multipart(dice, account)
        headers.append(("Content-Type", f"multipart/mixed; boundary={boundary}"))
    else:
        body = dice.choice(bodies)
    if dice.seldom(0.08):
        body = values.damaged(dice, body)
    if dice.seldom(0.01):
        verb = dice.choice(("OPTIONS", "POST", "PATCH", "put", "LOCK"))
    return Request("blob", verb, path(dice, level, account), _query(dice, key), tuple(headers), body)


def _operation(dice: Dice) -> Key:
    key: Key = dice.choice(list(OPERATIONS))
    if key[3] == "DELETE" and dice.random() > _DELETING:
        return ("blob", "", "", "PUT") if key[0] == "blob" else ("container", "container", "", "PUT")
    return key


def path(dice: Dice, level: Level, account: str) -> str:
    given = [
        "" if level == "service" else dice.choice(CONTAINERS),
        dice.choice(BLOBS) if level == "blob" else "",
    ]
    if dice.seldom(0.06):
        given[dice.randrange(2)] = dice.choice(STRANGE)
    safe = "/%" if dice.seldom(0.2) else "/"
    parts = [quote(part.encode("utf-8", "surrogatepass"), safe=safe) for part in given if part]
    return "/".join(["", account, *parts])


def value(dice: Dice, name: str) -> str:
    hints = HINTS.get(name, ())
    if dice.seldom(0.1 if hints else 0.7):
        return values.text(dice)
    return dice.choice(hints or ("true", "1", "{etag}", KEY, *values.TIMES[:2]))


def _query(dice: Dice, key: Key) -> Pairs:
    _, kind, component, verb = key
    found = [(name, text) for name, text in (("restype", kind), ("comp", component)) if text]
    if asked := ASKED.get((verb, component)):
        found.append((asked, value(dice, asked)))
    return (*found, *((name, value(dice, name)) for name in QUERY if dice.seldom(0.02)))


def multipart(dice: Dice, account: str) -> tuple[str, bytes]:
    """Requests within a request, which may have more of them in it; and what separates them."""
    boundary = dice.choice(("edge", '"a b"', "", "a" * 71))
    parts = [_part(dice, account) for _ in range(dice.choice((0, 1, 3, 300)))]
    edge = boundary.strip('"').encode()
    nested = b"--%b\r\nContent-Type: multipart/mixed; boundary=%b\r\n\r\n" % (edge, edge)
    opening = nested * dice.choice((0, 0, 0, 1, 3000))
    return boundary, opening + b"".join(b"--%b\r\n%b" % (edge, part) for part in parts) + b"--%b--\r\n" % edge


def _part(dice: Dice, account: str) -> bytes:
    inner = dice.choice(("DELETE", "PUT", "GET")) + " " + path(dice, "blob", account)
    comp = dice.choice(
        ("", "?comp=tier", "?comp=batch", "?" + quote(values.text(dice).encode("utf-8", "replace")))
    )
    lines = "Content-Type: application/http\r\nContent-ID: 0\r\n\r\n"
    tier = f"x-ms-access-tier: {dice.choice(('Cool', 'a'))}\r\n"
    return f"{lines}{inner}{comp} HTTP/1.1\r\n{tier}\r\n".encode("utf-8", "replace")
