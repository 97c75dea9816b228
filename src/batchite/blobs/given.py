"""What the headers of any request that writes a blob may say of it: tags, tier, encryption."""

from __future__ import annotations

import msgspec

from batchite.blobs.answers import Headers
from batchite.blobs.call import Call
from batchite.store.blobs.blobs import Blob, Type
from batchite.store.blobs.extras import NONE, Extras
from batchite.wire.blob import encryption, tag_filter, tags, tiers
from batchite.wire.blob.errors import BlobError, invalid_header
from batchite.wire.blob.tag_filter import Expression, FilterError

TAGS = "x-ms-tags"
IF_TAGS = "x-ms-if-tags"
_ENCRYPTION = frozenset({encryption.KEY, encryption.KEY_HASH, encryption.ALGORITHM, encryption.SCOPE})
_NAMES = frozenset({TAGS, tiers.HEADER}) | _ENCRYPTION


def extras(call: Call, kind: Type | None = "block", start: Extras = NONE) -> Extras:
    """`start`, with what the headers give a blob of this type (None: not known yet). Raises BlobError."""
    if call.headers.keys().isdisjoint(_NAMES) and not call.principal.encryption_scope:
        return start
    text, tier = call.headers.get(TAGS), call.headers.get(tiers.HEADER)
    if text:
        check_may_tag(call)
        start = msgspec.structs.replace(start, tags=tags.read_header(text))
    if tier:
        start = msgspec.structs.replace(start, tier=tiers.read(tier, kind))
    return msgspec.structs.replace(start, key=encryption.key_hash(call.headers), scope=_scope(call))


def _scope(call: Call) -> str:
    return encryption.scope(call.headers, call.principal.encryption_scope)


def encrypted(call: Call) -> Headers:
    """What is answered about encryption: as by every account of the real service, that there is some; and
    the key or scope that was named."""
    shown: Headers = [("x-ms-request-server-encrypted", "true")]
    if call.headers.keys().isdisjoint(_ENCRYPTION) and not call.principal.encryption_scope:
        return shown
    return [*shown, *_named(encryption.key_hash(call.headers), _scope(call))]


def encryption_headers(stored: Extras) -> Headers:
    """The same when the blob is read."""
    return [("x-ms-server-encrypted", "true"), *_named(stored.key, stored.scope)]


def _named(key: str, scope: str) -> Headers:
    shown: Headers = [(encryption.KEY_HASH, key)] if key else []
    return [*shown, (encryption.SCOPE, scope)] if scope else shown


def check_key(call: Call, blob: Blob) -> None:
    """Raises BlobError unless the request has the blob's key, or neither has one; nor may a change be
    for another encryption scope."""
    if call.incoming.verb == "PUT" and (scope := _scope(call)):
        encryption.check_scope(blob.extras.scope, scope)
    if blob.stored_extras is None and encryption.KEY not in call.headers:
        return
    encryption.check(blob.extras.key, encryption.key_hash(call.headers))


def check_may_tag(call: Call) -> None:
    """Raises BlobError unless tags may be read and written."""
    if call.principal.roles.isdisjoint({"owner", "t"}):
        reason = "tags need the permission t"
        raise BlobError("AuthorizationPermissionMismatch", details=(("Reason", reason),))


def check_if_tags(call: Call, blob: Blob | None) -> None:
    """The condition x-ms-if-tags; a blob that is not there has no tags. Raises BlobError."""
    condition = if_tags(call)
    if condition is not None and not condition.holds(blob.extras.tags if blob else {}):
        raise BlobError("ConditionNotMet")


def if_tags(call: Call) -> Expression | None:
    """The condition that the request has. Raises BlobError if it is none, or the client may not ask."""
    text = call.headers.get(IF_TAGS)
    if not text:
        return None
    check_may_tag(call)
    return read_if_tags(IF_TAGS, text)


def read_if_tags(name: str, text: str) -> Expression:
    """Raises BlobError InvalidHeaderValue."""
    try:
        return tag_filter.condition(text)
    except FilterError as error:
        raise invalid_header(name, text, str(error)) from None
