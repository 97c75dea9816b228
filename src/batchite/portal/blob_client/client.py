"""What the portal asks of an account's containers and blobs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from xml.sax.saxutils import escape

from batchite.portal.blob_client import addresses, documents, entries
from batchite.portal.blob_client.connection import Account, Answer, Body, Connection
from batchite.portal.blob_client.documents import Element, Malformed
from batchite.portal.blob_client.entries import Blob, Container, Entry, Part
from batchite.portal.blob_client.problems import StorageProblem

MOST_SNAPSHOTS = 1000
METADATA = "x-ms-meta-"
_DESCRIBED = {"restype": "container"}
_OF_CONTENT = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
)
"""Headers that Set Blob Properties removes where it does not name them."""
_NOT_UNDERSTOOD = 400


@dataclass(frozen=True, slots=True)
class Where:
    """A blob, or its state at a moment: a snapshot or a version, as the service names it."""

    container: str
    name: str
    snapshot: str = ""
    version: str = ""

    @property
    def path(self) -> str:
        return addresses.path(self.container, self.name)

    @property
    def query(self) -> dict[str, str]:
        given = {"snapshot": self.snapshot, "versionid": self.version}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Properties:
    """What a container or a blob says of itself; `headers` have lower-case names."""

    headers: Mapping[str, str]
    metadata: Mapping[str, str]

    @property
    def size(self) -> int:
        return entries.number(self.headers.get("content-length", ""))

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


class Client:
    """Of one account. Everything raises StorageProblem."""

    def __init__(self, connection: Connection, account: Account) -> None:
        self._connection = connection
        self._account = account

    # -- containers

    async def containers(
        self, prefix: str = "", marker: str = "", *, limit: int, deleted: bool = False
    ) -> Part[Container]:
        query = {
            "comp": "list",
            "prefix": prefix,
            "marker": marker,
            "maxresults": str(limit),
            "include": "deleted" if deleted else "",
        }
        return entries.containers(await self._listed("/", query))

    async def create_container(self, name: str) -> None:
        await self._done("PUT", addresses.path(name), _DESCRIBED)

    async def container(self, name: str) -> Properties:
        return await self._properties("HEAD", addresses.path(name), _DESCRIBED)

    async def delete_container(self, name: str) -> None:
        await self._done("DELETE", addresses.path(name), _DESCRIBED)

    async def restore_container(self, name: str, version: str) -> None:
        headers = {"x-ms-deleted-container-name": name, "x-ms-deleted-container-version": version}
        await self._done("PUT", addresses.path(name), {**_DESCRIBED, "comp": "undelete"}, headers)

    async def set_container_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        query = {**_DESCRIBED, "comp": "metadata"}
        await self._done("PUT", addresses.path(name), query, _metadata_headers(metadata))

    # -- blobs

    async def blobs(
        self,
        container: str,
        prefix: str = "",
        marker: str = "",
        *,
        limit: int,
        delimiter: str = "/",
        include: Sequence[str] = (),
    ) -> Part[Entry]:
        """`include` is of `deleted`, `snapshots`, `versions`, `metadata` and `tags`; a service may refuse
        snapshots and versions together with a delimiter."""
        query = {
            **_DESCRIBED,
            "comp": "list",
            "prefix": prefix,
            "delimiter": delimiter,
            "marker": marker,
            "maxresults": str(limit),
            "include": ",".join(include),
        }
        return entries.blobs(await self._listed(addresses.path(container), query))

    async def snapshots(self, container: str, name: str) -> tuple[Blob, ...]:
        """Of the blob, the oldest first; of a blob that has more than `MOST_SNAPSHOTS`, those."""
        return tuple(blob for blob in await self._states(container, name, "snapshots") if blob.snapshot)

    async def versions(self, container: str, name: str) -> tuple[Blob, ...]:
        """Former ones of the blob, likewise; none where the service keeps none or knows nothing of them."""
        try:
            found = await self._states(container, name, "versions")
        except StorageProblem as problem:
            if problem.status != _NOT_UNDERSTOOD:
                raise
            return ()
        return tuple(blob for blob in found if blob.version and not blob.is_current)

    async def _states(self, container: str, name: str, include: str) -> tuple[Blob, ...]:
        """No signature covers a line break, so a list that would begin with one begins somewhat earlier."""
        prefix = re.split("[\r\n]", name, maxsplit=1)[0]
        part = await self.blobs(container, prefix, limit=MOST_SNAPSHOTS, delimiter="", include=(include,))
        return tuple(entry for entry in part.entries if isinstance(entry, Blob) and entry.name == name)

    async def properties(self, where: Where) -> Properties:
        return await self._properties("HEAD", where.path, where.query)

    async def set_content_type(self, where: Where, media_type: str) -> None:
        """Everything else that the request could set stays as it is now."""
        if not (media_type.isascii() and media_type.isprintable()):
            raise StorageProblem(400, "A content type has printable ASCII characters only, as in text/plain.")
        found = await self.properties(where)
        kept = {f"x-ms-blob-{name}": found.header(name) for name in _OF_CONTENT if found.header(name)}
        headers = {**kept, "x-ms-blob-content-type": media_type, "If-Match": found.header("etag")}
        await self._done("PUT", where.path, {"comp": "properties"}, headers)

    async def set_tier(self, where: Where, tier: str) -> None:
        await self._done("PUT", where.path, {**where.query, "comp": "tier"}, {"x-ms-access-tier": tier})

    async def set_metadata(self, where: Where, metadata: Mapping[str, str]) -> None:
        await self._done("PUT", where.path, {"comp": "metadata"}, _metadata_headers(metadata))

    async def tags(self, where: Where) -> dict[str, str]:
        root = await self._document("GET", where.path, {**where.query, "comp": "tags"}, "Tags")
        return {tag.value("Key"): tag.value("Value") for tag in root.child("TagSet").children}

    async def set_tags(self, where: Where, tags: Mapping[str, str]) -> None:
        inner = "".join(
            f"<Tag><Key>{escape(name)}</Key><Value>{escape(value)}</Value></Tag>"
            for name, value in tags.items()
        )
        body = f'<?xml version="1.0" encoding="utf-8"?><Tags><TagSet>{inner}</TagSet></Tags>'.encode()
        headers = {"Content-Type": "application/xml; charset=utf-8"}
        await self._done("PUT", where.path, {**where.query, "comp": "tags"}, headers, body)

    async def snapshot(self, where: Where) -> str:
        """The moment that names it."""
        async with self._connection.ask(self._account, "PUT", where.path, {"comp": "snapshot"}) as answer:
            return answer.headers.get("x-ms-snapshot", "")

    async def delete(self, where: Where, *, with_snapshots: bool = False) -> None:
        headers = {"x-ms-delete-snapshots": "include"} if with_snapshots else {}
        await self._done("DELETE", where.path, where.query, headers)

    async def restore(self, where: Where) -> None:
        """What was deleted softly, with its snapshots."""
        await self._done("PUT", where.path, {"comp": "undelete"})

    def read(
        self, where: Where, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Answer]:
        """The content, or what the header Range asks for."""
        return self._connection.ask(self._account, "GET", where.path, where.query, headers)

    # -- uploads

    async def put_blob(
        self, where: Where, body: Body, length: int, headers: Mapping[str, str] | None = None
    ) -> None:
        sent = {"x-ms-blob-type": "BlockBlob", **(headers or {})}
        await self._done("PUT", where.path, {}, sent, body, length)

    async def put_block(self, where: Where, block: str, body: Body, length: int) -> None:
        """`block` is its id, base64."""
        await self._done("PUT", where.path, {"comp": "block", "blockid": block}, {}, body, length)

    async def put_blocks(
        self, where: Where, blocks: Sequence[str], headers: Mapping[str, str] | None = None
    ) -> None:
        """The blob consists of these blocks from now on."""
        inner = "".join(f"<Latest>{escape(block)}</Latest>" for block in blocks)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{inner}</BlockList>'.encode()
        await self._done("PUT", where.path, {"comp": "blocklist"}, headers or {}, body)

    # -- how

    async def _listed(self, path: str, query: Mapping[str, str]) -> Element:
        given = {name: value for name, value in query.items() if value}
        return await self._document("GET", path, given, "EnumerationResults")

    async def _document(self, verb: str, path: str, query: Mapping[str, str], root: str) -> Element:
        async with self._connection.ask(self._account, verb, path, query) as answer:
            content = await answer.content(documents.LARGEST)
        try:
            return documents.read(content, root)
        except Malformed as error:
            raise StorageProblem(502, f"The Blob service's answer cannot be read: {error}.") from None

    async def _properties(self, verb: str, path: str, query: Mapping[str, str]) -> Properties:
        async with self._connection.ask(self._account, verb, path, query) as answer:
            return properties_of(answer.headers)

    async def _done(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: Body = b"",
        length: int | None = None,
    ) -> None:
        async with self._connection.ask(self._account, verb, path, query, headers, body, length):
            pass


def properties_of(headers: Mapping[str, str]) -> Properties:
    metadata = {
        name.removeprefix(METADATA): value for name, value in headers.items() if name.startswith(METADATA)
    }
    return Properties(
        {name: value for name, value in headers.items() if not name.startswith(METADATA)}, metadata
    )


def _metadata_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """Raises StorageProblem for what no header can carry, before anything is sent."""
    for name, value in metadata.items():
        if not (name.isascii() and name.replace("_", "a").isalnum()) or name[0].isdigit():
            raise StorageProblem(400, f"Metadata {name!r}: a name has letters, digits and _, no digit first.")
        if not (value.isascii() and value.isprintable()):
            raise StorageProblem(400, f"Metadata {name}: a value has printable ASCII characters only.")
    return {f"{METADATA}{name}": value for name, value in metadata.items()}
