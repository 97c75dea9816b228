"""What of the Batch API is there: a page that the service shows and the docs have too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from batchite.batch import app
from batchite.batch.operations import Operation
from batchite.wire.batch import honoured
from batchite.wire.batch.honoured import OWNERS, TABLE, Entry, Met
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.pools import BatchPoolSpecification
from batchite.wire.batch.versions import NEWEST, OLDER
from batchite.wire.batch.versions.changes import Gone, Kept

PAGE: Final = "/-/supported"


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI: the whole page, for anybody, in Markdown."""
    title = f"# The Batch API at version {NEWEST}, as far as this service has it\n"
    text = "\n".join([title, operations(), properties()])
    await PlainTextResponse(text, media_type="text/markdown")(scope, receive, send)


def operations() -> str:
    """All of the protocol's, with the versions that have them."""
    return f"## Operations\n\n{_requests(app.OPERATIONS)}"


def _requests(entries: Iterable[Operation]) -> str:
    head = "| operation | request | in versions |\n| --- | --- | --- |\n"
    return head + "".join(
        f"| {entry.name} | `{entry.verb} {entry.path}` | {entry.span} |\n" for entry in entries
    )


def properties() -> str:
    """Every property that is refused or has no effect, a table for each thing that has properties."""
    return "\n".join([*(_of(owner) for owner in OWNERS), _gone()])


def _of(owner: str) -> str:
    head = f"## Of a {owner}\n\n| property | | why, or what happens instead |\n| --- | --- | --- |\n"
    entries = sorted(_met(owner), key=lambda met: met.path)
    return head + "".join(f"| `{path}` | {entry.treatment} | {entry.note} |\n" for path, _, entry in entries)


def _gone() -> str:
    head = (
        "## In older versions only\n\n"
        "| property | of a | in versions | | why, or what happens instead |\n"
        "| --- | --- | --- | --- | --- |\n"
    )
    rows = (
        f"| `{path}` | {owner} | to {until} | {entry.treatment} | {entry.note} |\n"
        for until, entries in _older()
        for owner in OWNERS
        for path, _, entry in _met(owner, entries)
    )
    return head + "".join(rows)


def _older() -> Iterator[tuple[str, tuple[Entry, ...]]]:
    """By the last version that had them, what is treated so of properties that the newest has not."""
    for until, changes in reversed(OLDER.items()):
        entries = (change.entry for change in changes if isinstance(change, Gone | Kept))
        yield until, tuple(entry for entry in entries if entry is not None)


def _met(owner: str, entries: tuple[Entry, ...] = TABLE) -> Iterator[Met]:
    """What a request can meet about this owner itself: the others have tables of their own, and so has a pool
    that a job brings with it."""
    others: Collection[type[Model]] = (*OWNERS.values(), BatchPoolSpecification)
    met = honoured.within(OWNERS[owner], besides=others, table=TABLE + entries)
    return (one for one in met if one.entry in entries)


def data() -> dict[str, object]:
    """The same for programs: each property once, with the model that has it."""
    return {
        "apiVersion": NEWEST,
        "properties": list(_rows(TABLE)),
        "inOlderVersionsOnly": [
            {**row, "until": until} for until, entries in _older() for row in _rows(entries)
        ],
    }


def _rows(entries: tuple[Entry, ...]) -> Iterator[dict[str, object]]:
    met = {(model.__name__, one.property): one for owner in OWNERS for _, model, one in _met(owner, entries)}
    for (model, name), entry in sorted(met.items()):
        yield {
            "model": model,
            "property": name,
            "treatment": entry.treatment,
            "welcome": list(entry.off),
            "note": entry.note,
        }
