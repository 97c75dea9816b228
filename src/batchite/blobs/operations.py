"""The table of operations: which verb, level, `restype` and `comp` mean what, and what a SAS needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from batchite.blobs import (
    account,
    append,
    batching,
    blocks,
    container_access,
    containers,
    copies,
    deletion,
    downloads,
    leases,
    listing,
    pages,
    properties,
    snapshots,
    tagging,
    tiering,
)
from batchite.blobs.answers import Answer
from batchite.blobs.authentication import Needs
from batchite.blobs.call import Call, Service
from batchite.blobs.refusals import unknown_operation
from batchite.store.blobs.containers import Access
from batchite.wire.blob.address import Level
from batchite.wire.blob.errors import BlobError, invalid_parameter


class Operation(NamedTuple):
    """`beside`: whether a snapshot or a version may be named instead of the base blob. `narrower` is
    what a SAS needs if the query has a parameter, `breaking` what it needs to break a lease."""

    run: Callable[[Service, Call], Awaitable[Answer]]
    needs: Needs
    beside: bool = False
    narrower: Mapping[str, Needs] = {}
    breaking: Needs | None = None


def _needs(resource_type: str, account: str, service: str = "", public: Access | None = None) -> Needs:
    return Needs(resource_type, frozenset(account), frozenset(service), public)


_ANY = "racwdxyltfmeopi"
"""Every permission: whatever a token is for, it may tell what the account is, and bring a batch, whose
requests are judged one by one."""

OPERATIONS: Mapping[tuple[Level, str, str, str], Operation] = {
    ("service", "", "list", "GET"): Operation(listing.containers, _needs("s", "l")),
    ("service", "service", "properties", "GET"): Operation(account.get_properties, _needs("s", "r")),
    ("service", "service", "properties", "PUT"): Operation(account.set_properties, _needs("s", "w")),
    ("service", "service", "stats", "GET"): Operation(account.stats, _needs("s", "r")),
    ("service", "service", "userdelegationkey", "POST"): Operation(
        account.delegation_key, Needs("s", frozenset(), bearer=True)
    ),
    ("service", "account", "properties", "GET"): Operation(account.information, _needs("s", _ANY, _ANY)),
    ("service", "account", "properties", "HEAD"): Operation(account.information, _needs("s", _ANY, _ANY)),
    ("service", "", "blobs", "GET"): Operation(tagging.find, _needs("s", "f")),
    ("container", "container", "blobs", "GET"): Operation(tagging.find, _needs("c", "f", "f")),
    ("service", "", "batch", "POST"): Operation(batching.run, _needs("", _ANY, _ANY)),
    # The SDK for JavaScript takes an account in the path for a container.
    ("service", "container", "batch", "POST"): Operation(batching.run, _needs("", _ANY, _ANY)),
    ("container", "container", "batch", "POST"): Operation(batching.run, _needs("", _ANY, _ANY)),
    ("container", "account", "properties", "GET"): Operation(account.information, _needs("c", _ANY, _ANY)),
    ("container", "account", "properties", "HEAD"): Operation(account.information, _needs("c", _ANY, _ANY)),
    ("blob", "account", "properties", "GET"): Operation(account.information, _needs("o", _ANY, _ANY)),
    ("blob", "account", "properties", "HEAD"): Operation(account.information, _needs("o", _ANY, _ANY)),
    ("container", "container", "acl", "GET"): Operation(container_access.get, _needs("c", "")),
    ("container", "container", "acl", "HEAD"): Operation(container_access.get, _needs("c", "")),
    ("container", "container", "acl", "PUT"): Operation(container_access.set_, _needs("c", "")),
    ("container", "container", "", "PUT"): Operation(containers.create, _needs("c", "cw")),
    ("container", "container", "", "GET"): Operation(
        containers.properties, _needs("c", "r", "", "container")
    ),
    ("container", "container", "", "HEAD"): Operation(
        containers.properties, _needs("c", "r", "", "container")
    ),
    ("container", "container", "", "DELETE"): Operation(containers.delete, _needs("c", "d")),
    ("container", "container", "metadata", "GET"): Operation(
        containers.properties, _needs("c", "r", "", "container")
    ),
    ("container", "container", "metadata", "HEAD"): Operation(
        containers.properties, _needs("c", "r", "", "container")
    ),
    ("container", "container", "metadata", "PUT"): Operation(containers.set_metadata, _needs("c", "w")),
    ("container", "container", "lease", "PUT"): Operation(
        leases.lease_container, _needs("c", "w"), breaking=_needs("c", "dw")
    ),
    ("container", "container", "undelete", "PUT"): Operation(containers.undelete, _needs("c", "w")),
    ("container", "container", "list", "GET"): Operation(listing.blobs, _needs("c", "l", "l", "container")),
    ("blob", "", "", "PUT"): Operation(copies.either, _needs("o", "cw", "cw")),
    ("blob", "", "", "GET"): Operation(downloads.get, _needs("o", "r", "r", "blob"), beside=True),
    ("blob", "", "", "HEAD"): Operation(downloads.head, _needs("o", "r", "r", "blob"), beside=True),
    ("blob", "", "", "DELETE"): Operation(
        deletion.delete,
        _needs("o", "d", "d"),
        beside=True,
        narrower={"versionid": _needs("o", "x", "x"), "deletetype": _needs("o", "y", "y")},
    ),
    ("blob", "", "appendblock", "PUT"): Operation(append.append, _needs("o", "aw", "aw")),
    ("blob", "", "seal", "PUT"): Operation(append.seal, _needs("o", "w", "w")),
    ("blob", "", "page", "PUT"): Operation(pages.write, _needs("o", "w", "w")),
    ("blob", "", "pagelist", "GET"): Operation(pages.page_ranges, _needs("o", "r", "r", "blob"), beside=True),
    ("blob", "", "undelete", "PUT"): Operation(deletion.undelete, _needs("o", "w", "w")),
    ("blob", "", "snapshot", "PUT"): Operation(snapshots.snapshot, _needs("o", "cw", "cw")),
    ("blob", "", "lease", "PUT"): Operation(
        leases.lease_blob, _needs("o", "w", "w"), breaking=_needs("o", "dw", "dw")
    ),
    ("blob", "", "block", "PUT"): Operation(blocks.put, _needs("o", "cw", "cw")),
    ("blob", "", "blocklist", "PUT"): Operation(blocks.put_list, _needs("o", "cw", "cw")),
    ("blob", "", "blocklist", "GET"): Operation(blocks.get_list, _needs("o", "r", "r", "blob"), beside=True),
    ("blob", "", "metadata", "GET"): Operation(
        downloads.metadata, _needs("o", "r", "r", "blob"), beside=True
    ),
    ("blob", "", "metadata", "HEAD"): Operation(
        downloads.metadata, _needs("o", "r", "r", "blob"), beside=True
    ),
    ("blob", "", "copy", "PUT"): Operation(copies.abort, _needs("o", "w", "w")),
    ("blob", "", "tags", "GET"): Operation(tagging.get, _needs("o", "t", "t"), beside=True),
    ("blob", "", "tags", "PUT"): Operation(tagging.set_, _needs("o", "t", "t"), beside=True),
    ("blob", "", "tier", "PUT"): Operation(tiering.set_, _needs("o", "w", "w"), beside=True),
    ("blob", "", "metadata", "PUT"): Operation(properties.set_metadata, _needs("o", "w", "w")),
    ("blob", "", "properties", "PUT"): Operation(properties.set_properties, _needs("o", "w", "w")),
}
"""By level, restype, comp and verb."""


def name(key: tuple[Level, str, str, str]) -> str:
    """What tests and the documentation call an operation: verb, level, and `comp` if it has one."""
    level, kind, component, verb = key
    return " ".join(filter(None, (verb, "account" if kind == "account" else level, component)))


_VERBS = ("GET", "HEAD", "PUT", "POST", "DELETE")


def find(level: Level, query: Mapping[str, str], verb: str, headers: Mapping[str, str]) -> Operation:
    """Raises BlobError for what is no operation, or none that is supported."""
    kind, component = query.get("restype", ""), query.get("comp", "")
    operation = OPERATIONS.get((level, kind, component, verb))
    if operation is not None:
        if operation.breaking and headers.get("x-ms-lease-action", "").lower() == "break":
            operation = operation._replace(needs=operation.breaking)
        return _narrowed(operation, query)
    allowed = [known for known in _VERBS if (level, kind, component, known) in OPERATIONS]
    if not allowed:
        raise unknown_operation(level, query)
    raise BlobError("UnsupportedHttpVerb", headers=(("Allow", ", ".join(allowed)),))


def _narrowed(operation: Operation, query: Mapping[str, str]) -> Operation:
    for name in () if operation.beside else ("snapshot", "versionid"):
        if query.get(name):
            reason = "this operation is for the base blob only"
            raise invalid_parameter(name, query[name], reason)
    for name, needs in operation.narrower.items():
        if query.get(name):
            operation = operation._replace(needs=needs)
    return operation
