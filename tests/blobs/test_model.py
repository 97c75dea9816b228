"""Sequences of what can be done to blobs, against a model that keeps plain bytes."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.blobs import bearer
from tests.blobs.server import NAME, Server, serving

from batchite.blobs.checking import check
from batchite.store.blobs import layouts

TOKEN = bearer.token()
NAMES = st.sampled_from(["a", "b/c", "ü d"])
DATA = st.builds(
    lambda seed, size: bytes((seed + n * n) % 251 for n in range(size)),
    st.integers(0, 250),
    st.sampled_from([0, 1, 100, 16 * 1024, 16 * 1024 + 1, 40_000]),
)
SOME = DATA.filter(len)
BLOCK_IDS = ["AA==", "AQ==", "Ag=="]
BLOCKS = st.sampled_from(BLOCK_IDS)
PAGES = st.integers(0, 7)
PAGE = 512


@dataclass(frozen=True)
class Blob:
    kind: str
    data: bytes
    metadata: str = ""
    blocks: tuple[tuple[str, bytes], ...] = ()
    """committed ones"""


@dataclass
class Place:
    """What is known under a name; snapshots outlive changes, staged blocks only each other."""

    blob: Blob | None = None
    snapshots: dict[str, Blob] = field(default_factory=dict)
    staged: dict[str, bytes] = field(default_factory=dict)


class Running:
    """A service in a thread of its own."""

    def __init__(self, data_dir: Path) -> None:
        self._started: Future[Server] = Future()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(data_dir),))
        self._thread.start()
        self.server = self._started.result(60)
        self.connection = HTTPConnection(*self.server.address, timeout=60)
        self.numbers = itertools.count()

    async def _serve(self, data_dir: Path) -> None:
        async with serving(data_dir) as server:
            self._started.set_result(server)
            await self._over.wait()

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def call(
        self, verb: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Header names are given without `x-ms-` and come in lower case."""
        url = f"/{NAME}/{path}{'&' if '?' in path else '?'}{TOKEN}"
        named = {f"x-ms-{name.replace('_', '-')}": value for name, value in headers.items()}
        self.connection.request(verb, url, body, named)
        with self.connection.getresponse() as answer:
            return (
                answer.status,
                {name.lower(): value for name, value in answer.headers.items()},
                answer.read(),
            )

    def close(self) -> None:
        self.connection.close()
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "MOVED_BYTES", 1)  # or nothing here would be large enough to be shared
        running = Running(tmp_path_factory.mktemp("model"))
        yield running
        running.close()


def quoted(name: str) -> str:
    return name.replace("ü", "%C3%BC").replace(" ", "%20")


class Sequences(RuleBasedStateMachine):
    """Each example has a container of its own; what the blobs are is compared at every step."""

    running: Running

    @initialize()
    def begin(self) -> None:
        self.container = f"container-{next(self.running.numbers)}"
        self.places: dict[str, Place] = {}
        self.expect(201, "PUT", "?restype=container")

    def expect(
        self, status: int, verb: str, rest: str, body: bytes = b"", **headers: str
    ) -> tuple[dict[str, str], bytes]:
        got, answer, data = self.running.call(verb, f"{self.container}{rest}", body, **headers)
        assert got == status, (verb, rest, headers, answer, data[:300])
        return answer, data

    def at(self, name: str, query: str = "") -> str:
        return f"/{quoted(name)}{'?' if query else ''}{query}"

    def place(self, name: str) -> Place:
        return self.places.setdefault(name, Place())

    def replace(
        self, name: str, blob: Blob, rest: str, status: int, body: bytes = b"", **headers: str
    ) -> None:
        """Put another blob there, unless snapshots of another type hinder that."""
        place = self.place(name)
        if place.blob and place.blob.kind != blob.kind and place.snapshots:
            self.expect(409, "PUT", rest, body, **headers)
            return
        self.expect(status, "PUT", rest, body, **headers)
        place.blob = blob
        place.staged = {}

    # block blobs

    @rule(name=NAMES, data=DATA)
    def put(self, name: str, data: bytes) -> None:
        self.replace(
            name,
            Blob("BlockBlob", data, "put"),
            self.at(name),
            201,
            data,
            blob_type="BlockBlob",
            meta_M="put",
        )

    @rule(name=NAMES, block=BLOCKS, data=SOME)
    def put_block(self, name: str, block: str, data: bytes) -> None:
        place = self.place(name)
        query = f"comp=block&blockid={block.replace('=', '%3D')}"
        if place.blob and place.blob.kind != "BlockBlob":
            self.expect(409, "PUT", self.at(name, query), data)
            return
        self.expect(201, "PUT", self.at(name, query), data)
        place.staged[block] = data

    @rule(
        name=NAMES,
        blocks=st.lists(BLOCKS, max_size=4),
        source=st.sampled_from(["Latest", "Committed", "Uncommitted"]),
    )
    def put_block_list(self, name: str, blocks: list[str], source: str) -> None:
        place = self.place(name)
        body = "".join(f"<{source}>{block}</{source}>" for block in blocks)
        document = f"<BlockList>{body}</BlockList>".encode()
        rest = self.at(name, "comp=blocklist")
        if place.blob and place.blob.kind != "BlockBlob":
            self.expect(409, "PUT", rest, document)
            return
        committed = dict(place.blob.blocks) if place.blob else {}
        known = {"Latest": {**committed, **place.staged}, "Committed": committed, "Uncommitted": place.staged}
        if not all(block in known[source] for block in blocks):
            self.expect(400, "PUT", rest, document)
            return
        chosen = tuple((block, known[source][block]) for block in blocks)
        self.expect(201, "PUT", rest, document)
        place.blob = Blob("BlockBlob", b"".join(data for _, data in chosen), blocks=chosen)
        place.staged = {}

    # append and page blobs

    @rule(
        source=NAMES,
        name=NAMES,
        how=st.sampled_from([*BLOCK_IDS, "append", "page"]),
        first=PAGES,
        count=st.integers(1, 100),
    )
    def take_from_a_blob(self, source: str, name: str, how: str, first: int, count: int) -> None:
        """Stage, append or write as pages what another blob has: its content is shared."""
        old, blob = self.place(source).blob, self.place(name).blob
        kind = {"append": "AppendBlob", "page": "PageBlob"}.get(how, "BlockBlob")
        start, end = first * PAGE, (first + count) * PAGE
        if old is None or start >= len(old.data) or (blob is None and kind != "BlockBlob"):
            return
        data = old.data[start:end]
        headers = {
            "copy_source": f"{self.running.server.url}/{self.container}/{quoted(source)}?{TOKEN}",
            "source_range": f"bytes={start}-{end - 1}",
        }
        if blob and blob.kind != kind:
            query = "appendblock" if how == "append" else f"block&blockid={how.replace('=', '%3D')}"
            if how != "page":
                self.expect(409, "PUT", self.at(name, f"comp={query}"), **headers)
        elif how == "append":
            assert blob is not None
            self.expect(201, "PUT", self.at(name, "comp=appendblock"), **headers)
            self.place(name).blob = replace(blob, data=blob.data + data)
        elif how == "page":
            assert blob is not None
            if len(data) % PAGE or len(data) > len(blob.data):
                return
            place = {"page_write": "update", "range": f"bytes=0-{len(data) - 1}"}
            self.expect(201, "PUT", self.at(name, "comp=page"), **headers, **place)
            self.place(name).blob = replace(blob, data=data + blob.data[len(data) :])
        else:
            query = f"comp=block&blockid={how.replace('=', '%3D')}"
            self.expect(201, "PUT", self.at(name, query), **headers)
            self.place(name).staged[how] = data

    @rule(name=NAMES)
    def create_append(self, name: str) -> None:
        self.replace(name, Blob("AppendBlob", b""), self.at(name), 201, blob_type="AppendBlob")

    @rule(name=NAMES, data=SOME)
    def append(self, name: str, data: bytes) -> None:
        if blob := self.changeable(name, "AppendBlob", "comp=appendblock", data):
            self.place(name).blob = replace(blob, data=blob.data + data)

    @rule(name=NAMES, pages=PAGES)
    def create_page(self, name: str, pages: int) -> None:
        size = pages * PAGE
        self.replace(
            name, Blob("PageBlob", bytes(size)), self.at(name), 201,
            blob_type="PageBlob", blob_content_length=str(size),
        )  # fmt: skip

    @rule(name=NAMES, first=PAGES, count=st.integers(1, 4), seed=st.integers(0, 255))
    def write_pages(self, name: str, first: int, count: int, seed: int) -> None:
        self.change_pages(name, first, count, bytes([seed]) * (count * PAGE), "update")

    @rule(name=NAMES, first=PAGES, count=st.integers(1, 4))
    def clear_pages(self, name: str, first: int, count: int) -> None:
        self.change_pages(name, first, count, bytes(count * PAGE), "clear")

    def change_pages(self, name: str, first: int, count: int, data: bytes, how: str) -> None:
        start, end = first * PAGE, (first + count) * PAGE
        blob = self.place(name).blob
        headers = {"page_write": how, "range": f"bytes={start}-{end - 1}"}
        body = data if how == "update" else b""
        if blob and blob.kind == "PageBlob" and end > len(blob.data):
            self.expect(416, "PUT", self.at(name, "comp=page"), body, **headers)
        elif self.changeable(name, "PageBlob", "comp=page", body, **headers):
            assert blob is not None
            self.place(name).blob = replace(blob, data=blob.data[:start] + data + blob.data[end:])

    @rule(name=NAMES, pages=PAGES)
    def resize(self, name: str, pages: int) -> None:
        size = pages * PAGE
        blob = self.place(name).blob
        if blob and blob.kind == "PageBlob":
            self.expect(200, "PUT", self.at(name, "comp=properties"), blob_content_length=str(size))
            self.place(name).blob = replace(blob, data=(blob.data + bytes(size))[:size])

    def changeable(self, name: str, kind: str, query: str, body: bytes, **headers: str) -> Blob | None:
        """The blob, if it is of this kind and the change was accepted; else it must have been refused."""
        blob = self.place(name).blob
        status = 404 if blob is None else 409 if blob.kind != kind else 201
        self.expect(status, "PUT", self.at(name, query), body, **headers)
        return blob if status == 201 else None

    # snapshots, copies, deletion

    @rule(name=NAMES)
    def snapshot(self, name: str) -> None:
        place = self.place(name)
        answer, _ = self.expect(201 if place.blob else 404, "PUT", self.at(name, "comp=snapshot"))
        if place.blob:
            place.snapshots[answer["x-ms-snapshot"]] = place.blob

    @rule(source=NAMES, name=NAMES, of_snapshot=st.booleans(), sync=st.booleans())
    def copy(self, source: str, name: str, of_snapshot: bool, sync: bool) -> None:
        place, moment = self.place(source), ""
        blob = place.blob
        if of_snapshot and place.snapshots:
            moment, blob = next(iter(place.snapshots.items()))
        if blob is None or (sync and blob.kind != "BlockBlob"):
            return
        query = f"?snapshot={moment}" if moment else "?"
        url = f"{self.running.server.url}/{self.container}/{quoted(source)}{query}&{TOKEN}"
        headers = {"copy_source": url, **({"requires_sync": "true"} if sync else {})}
        self.replace(name, blob, self.at(name), 202, **headers)

    @rule(name=NAMES, how=st.sampled_from(["", "include", "only"]))
    def delete(self, name: str, how: str) -> None:
        place = self.place(name)
        headers = {"delete_snapshots": how} if how else {}
        if place.blob is None:
            self.expect(404, "DELETE", self.at(name), **headers)
        elif place.snapshots and not how:
            self.expect(409, "DELETE", self.at(name))
        else:
            self.expect(202, "DELETE", self.at(name), **headers)
            place.snapshots = {}
            if how != "only":
                place.blob, place.staged = None, {}

    @precondition(lambda self: any(place.snapshots for place in self.places.values()))
    @rule(choose=st.randoms())
    def delete_snapshot(self, choose: Any) -> None:
        name = choose.choice([name for name, place in self.places.items() if place.snapshots])
        moment = choose.choice(list(self.places[name].snapshots))
        self.expect(202, "DELETE", self.at(name, f"snapshot={moment}"))
        del self.places[name].snapshots[moment]

    # what must be seen

    @rule(name=NAMES, start=st.integers(0, 50_000), length=st.integers(1, 20_000))
    def read_range(self, name: str, start: int, length: int) -> None:
        blob = self.place(name).blob
        if blob is None or start >= len(blob.data):
            return
        _, data = self.expect(206, "GET", self.at(name), range=f"bytes={start}-{start + length - 1}")
        assert data == blob.data[start : start + length]

    @rule(name=NAMES)
    def read_blocks(self, name: str) -> None:
        place = self.place(name)
        if place.blob is None or place.blob.kind != "BlockBlob":
            return
        _, data = self.expect(200, "GET", self.at(name, "comp=blocklist&blocklisttype=all"))
        document = ElementTree.fromstring(data)  # noqa: S314
        shown = {
            kind.tag: [(block.findtext("Name"), int(block.findtext("Size", ""))) for block in kind]
            for kind in document
        }
        assert shown["CommittedBlocks"] == [(block, len(data)) for block, data in place.blob.blocks]
        assert dict(shown["UncommittedBlocks"]) == {block: len(data) for block, data in place.staged.items()}

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        for name, place in getattr(self, "places", {}).items():
            if place.blob is None:
                self.expect(404, "GET", self.at(name))
            else:
                answer, data = self.expect(200, "GET", self.at(name))
                assert (answer["x-ms-blob-type"], data) == (place.blob.kind, place.blob.data)
                assert answer.get("x-ms-meta-m", "") == place.blob.metadata
            for moment, blob in place.snapshots.items():
                _, data = self.expect(200, "GET", self.at(name, f"snapshot={moment}"))
                assert data == blob.data

    def teardown(self) -> None:
        """Nothing is broken at the end; and nothing is left when the container is gone."""
        if not hasattr(self, "places"):
            return
        _, listing = self.expect(200, "GET", "?restype=container&comp=list")
        names = [found.text for found in ElementTree.fromstring(listing).iter("Name")]  # noqa: S314
        assert names == sorted(name for name, place in self.places.items() if place.blob)
        server = self.running.server
        report = self.running.run(check(server.database, server.files, lambda _: None))
        assert report.damages == ()
        self.expect(202, "DELETE", "?restype=container")
        self.running.run(server.content.settle())
        report = self.running.run(check(server.database, server.files, lambda _: None))
        assert (report.contents, report.leftovers, server.files.numbers()) == (0, 0, set())


@pytest.mark.parametrize("examples", [10, pytest.param(100, marks=pytest.mark.endurance)])
def test_sequences_of_changes(running: Running, examples: int) -> None:
    Sequences.running = running
    machine = Sequences.TestCase
    machine.settings = settings(
        max_examples=examples, stateful_step_count=25, suppress_health_check=list(HealthCheck)
    )
    machine("runTest").runTest()
