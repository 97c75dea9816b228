"""Output files, uploaded to a real server and nowhere else, from a node's real directories."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote

import msgspec
import pytest
from aiohttp import web
from tests.nodes.running import BackAgain

from batchite.machine.clock import SystemClock
from batchite.nodes import failures, uploads
from batchite.nodes.definition import OutputFile
from batchite.nodes.directories import NodeDirectories
from batchite.nodes.failures import RunError
from batchite.nodes.outputs.uploading import OutputUploads
from batchite.nodes.own_blobs import OwnBlobs
from batchite.nodes.patience import Patience
from batchite.nodes.places import Place
from batchite.nodes.sandbox.base import User
from batchite.nodes.sandbox.disk import ROOT
from batchite.nodes.sandbox.on_disk import OnDisk
from batchite.nodes.uploader import Uploader

USER = User("_azbatch", "PoolNonAdmin")
Answer = Callable[[web.Request], int]


class Containers:
    """Blobs by their path, put together of blocks where they come in such; an answer of its own first."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.blocks: dict[tuple[str, str], bytes] = {}
        self.sent: list[str] = []
        self.answer: Answer = lambda _: 201
        self.under_way = self.most_under_way = 0
        self.awaited = 1
        """requests that have to come together before one is answered"""
        self._came = asyncio.Condition()
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            content = await request.read()
            async with self._came:
                self._came.notify_all()
                await self._came.wait_for(lambda: self.most_under_way >= self.awaited)
            return web.Response(status=self._put(request, content))
        finally:
            self.under_way -= 1

    def _put(self, request: web.Request, content: bytes) -> int:
        path, query = unquote(request.rel_url.raw_path), parse_qs(request.query_string)
        self.sent.append(query.get("comp", ["blob"])[0])
        if (status := self.answer(request)) != 201:
            return status
        if query.get("comp") == ["block"]:
            self.blocks[path, query["blockid"][0]] = content
            return 201
        if query.get("comp") == ["blocklist"]:
            ids = [part.split("<")[0] for part in content.decode().split("<Latest>")[1:]]
            content = b"".join(self.blocks[path, id_] for id_ in ids)
        self.blobs[path] = content
        self.headers[path] = dict(request.headers)
        return 201


@pytest.fixture
async def containers() -> AsyncIterator[Containers]:
    containers = Containers()
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:(?s:.*)}", containers.serve)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    containers.url = f"http://{host}:{port}"
    yield containers
    await runner.cleanup()


class OnlyFiles(OnDisk):
    """As much of a sandbox as uploads need. Whole ones take all children of their process, and kill them."""

    def __init__(self, node: str) -> None:
        super().__init__(node)
        self.root = f"{node}/{ROOT}"


class Node:
    """A node with a run that has just ended."""

    def __init__(self, path: Path) -> None:
        self.sandbox = OnlyFiles(str(path))
        directories = NodeDirectories(self.sandbox.root)
        self.place = Place(directories.task("job", "task"), USER)
        self.sandbox.prepare(self.place.directory.names, USER)
        self.directory = Path(self.place.directory.path)
        self.working = Path(self.place.directory.working)
        (self.directory / "stdout.txt").write_text("printed")
        self.pauses: list[float] = []
        self.own_blobs = OwnBlobs()
        patience = Patience(tries=3, pause=self.pause)
        self.uploader = Uploader(self.own_blobs, patience=patience)
        self.outputs = OutputUploads(self.sandbox, self.uploader, SystemClock())

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def upload(self, *files: OutputFile, **variables: str) -> None:
        await self.outputs.upload(files, self.place, variables)

    async def failure(self, *files: OutputFile) -> failures.Failure:
        with pytest.raises(RunError) as caught:
            await self.upload(*files)
        return caught.value.failure

    def said(self, name: str = "fileuploadout.txt") -> str:
        return (self.directory / name).read_text()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    node = Node(tmp_path)
    yield node
    await node.uploader.close()
    node.sandbox.close()


def open_files() -> list[str]:
    """Of this process."""
    return [os.readlink(one) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]


def output(url: str, pattern: str, path: str | None = None, **container: object) -> OutputFile:
    written = {
        "filePattern": pattern,
        "destination": {"container": {"containerUrl": url, "path": path, **container}},
        "uploadOptions": {"uploadCondition": "taskcompletion"},
    }
    return msgspec.convert(written, OutputFile)


async def test_files_go_where_they_are_to_go(containers: Containers, node: Node) -> None:
    (node.working / "sub").mkdir()
    (node.working / "a b.txt").write_text("a")
    (node.working / "sub" / "é#?.txt").write_text("e")
    (node.working / ".hidden.txt").write_text("no")
    url = f"{containers.url}/c?sig=s%2Fi%2Bg&sp=cw"
    await node.upload(
        output(url, "**/*.txt", "$WHERE"),
        output(url, "a b.txt", "named/one"),
        output(url, "../std*.txt"),
        WHERE="out",
    )
    assert containers.blobs == {
        "/c/out/a b.txt": b"a",
        "/c/out/sub/é#?.txt": b"e",
        "/c/named/one": b"a",
        "/c/stdout.txt": b"printed",
    }
    assert "named/one" in node.said()
    assert "sig" not in node.said()
    assert node.said("fileuploaderr.txt") == ""


async def test_large_files_go_in_blocks_several_at_a_time(
    containers: Containers, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "BLOCK_BYTES", 1000)
    containers.awaited = 2
    content = os.urandom(20_500)
    (node.working / "large").write_bytes(content)
    (node.working / "empty").touch()
    headers = [{"name": "Content-Type", "value": "text/csv"}, {"name": "x-ms-meta-a", "value": "1"}]
    await node.upload(output(f"{containers.url}/c", "*", uploadHeaders=headers))
    assert containers.blobs == {"/c/large": content, "/c/empty": b""}
    assert sorted(containers.sent) == ["blob", *["block"] * 21, "blocklist"]
    assert 1 < containers.most_under_way <= uploads.AT_ONCE
    for headers_of in containers.headers.values():
        assert (headers_of["x-ms-blob-content-type"], headers_of["x-ms-meta-a"]) == ("text/csv", "1")


@pytest.mark.parametrize(
    ("size", "block"),
    [(1, 4 << 20), (50_000 * (4 << 20), 4 << 20), (50_000 * (4 << 20) + 1, 8 << 20)],
)
def test_blocks_are_no_more_than_a_blob_may_have(size: int, block: int) -> None:
    assert uploads.block_bytes(size) == block
    assert -(-size // block) <= uploads.MAX_BLOCKS


async def test_only_what_failed_is_sent_again(
    containers: Containers, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "BLOCK_BYTES", 1000)
    (node.working / "large").write_bytes(b"x" * 5000)
    answers = iter([500, 503])
    containers.answer = lambda _: next(answers, 201)
    await node.upload(output(f"{containers.url}/c", "large"))
    assert containers.blobs == {"/c/large": b"x" * 5000}
    assert sorted(containers.sent) == [*["block"] * 7, "blocklist"]
    assert len(node.pauses) == 2


@pytest.mark.parametrize(
    ("status", "code", "category", "tries"),
    [
        (404, "FileUploadContainerNotFound", "usererror", 1),
        (403, "FileUploadAccessDenied", "usererror", 1),
        (401, "FileUploadAccessDenied", "usererror", 1),
        (400, "FileUploadMiscError", "servererror", 1),
        (302, "FileUploadMiscError", "servererror", 1),
        (503, "FileUploadMiscError", "servererror", 3),
    ],
)
async def test_failures_have_their_documented_codes(
    containers: Containers, node: Node, status: int, code: str, category: str, tries: int
) -> None:
    (node.working / "a").write_text("a")
    containers.answer = lambda request: status if request.path.startswith("/c/") else 201
    good, bad = output(f"{containers.url}/good", "a"), output(f"{containers.url}/c?sig=secret", "a")
    failure = await node.failure(bad, good)
    assert (failure.code, failure.category) == (code, category)
    details = dict(failure.details)
    assert (
        ("Azure container(s) was not found" in failure.message) == ("Message" in details) == (status == 404)
    )
    details.pop("Message", None)
    assert details == {
        "FilePattern": "a",
        "FilePath": "workitems/job/job-1/task/wd/a",
        "HttpUrl": f"{containers.url}/c",
        "HttpStatus": str(status),
    }
    assert len(containers.sent) == tries + 1
    assert containers.blobs == {"/good/a": b"a"}
    assert code in node.said()
    assert code in node.said("fileuploaderr.txt")
    assert "secret" not in node.said()


async def test_nobody_who_answers(node: Node) -> None:
    (node.working / "a").write_text("a")
    failure = await node.failure(output("http://127.0.0.1:1/c", "a"))
    assert failure.code == "FileUploadMiscError"
    assert len(node.pauses) == 2


async def test_a_pattern_that_means_nothing_is_told_and_no_failure(
    containers: Containers, node: Node
) -> None:
    (node.working / "sub").mkdir()
    await node.upload(output(f"{containers.url}/c", "*.none"), output(f"{containers.url}/c", "sub"))
    said = node.said("fileuploaderr.txt")
    assert "No file matches *.none; nothing is uploaded for it." in said
    assert "No file matches sub; nothing is uploaded for it." in said
    assert containers.sent == []


@pytest.fixture
def planted(node: Node, tmp_path: Path) -> Iterator[None]:
    """What leads out, and what is no file."""
    (tmp_path / "secret").write_text("secret")
    (node.working / "kept").write_text("kept")
    (node.working / "out").symlink_to(tmp_path / "secret")
    (node.working / "gone").symlink_to("nowhere")
    (node.working / "within").symlink_to("kept")
    (node.working / "above").symlink_to("/")
    os.mkfifo(node.working / "fifo")
    os.link(tmp_path / "secret", node.working / "linked")
    return


@pytest.mark.usefixtures("planted")
async def test_nothing_leads_out_of_the_node(containers: Containers, node: Node) -> None:
    await node.upload(output(f"{containers.url}/c", "**"))
    assert containers.blobs == {"/c/kept": b"kept", "/c/within": b"kept"}
    said = node.said("fileuploaderr.txt")
    assert len(said.splitlines()) == 5
    assert "wd/out leads out of the node's directory, and is left out." in said


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("pattern", ["out", "fifo", "linked", "above/etc/passwd", "/etc/passwd", "above/*"])
async def test_what_is_asked_for_by_name_has_to_be_there_to_be_uploaded(
    containers: Containers, node: Node, pattern: str
) -> None:
    failure = await node.failure(output(f"{containers.url}/c", pattern))
    assert (failure.code, failure.category) == ("FileUploadMiscError", "usererror")
    assert containers.sent == []


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
async def test_a_link_leads_to_no_file_that_the_tasks_user_may_not_read(
    containers: Containers, node: Node
) -> None:
    """Though the agent may. Who names a file by its own path gets it, as in the cloud."""
    other = node.working.parent.parent / "other"
    other.mkdir()
    for name, mode in (("private", 0o600), ("public", 0o644)):
        (other / name).write_text(name)
        (other / name).chmod(mode)
        os.chown(other / name, 4321, 4321)
        (node.working / name).symlink_to(f"../../other/{name}")
    (node.working / "way").symlink_to("../../other")
    url = f"{containers.url}/c"
    await node.upload(output(url, "p*", "links"), output(url, "../../other/private", "named"))
    assert containers.blobs == {"/c/links/public": b"public", "/c/named": b"private"}
    assert "wd/private leads to a file that is closed to the task's user" in node.said("fileuploaderr.txt")
    for pattern in ("private", "way/private"):
        assert (await node.failure(output(url, pattern))).code == "FileUploadMiscError"


async def test_names_of_any_bytes(containers: Containers, node: Node) -> None:
    for name in (b"a\xff", b"a\xfe", b"line\nbreak"):
        (node.working / os.fsdecode(name)).write_bytes(name)
    await node.upload(output(f"{containers.url}/c", "*"))
    assert containers.blobs == {"/c/a�FF": b"a\xff", "/c/a�FE": b"a\xfe", "/c/line\nbreak": b"line\nbreak"}
    assert len(node.said().splitlines()) == 4


async def test_journals_of_before_are_kept_and_planted_ones_not_followed(
    containers: Containers, node: Node, tmp_path: Path
) -> None:
    (tmp_path / "target").write_text("of another")
    (node.directory / "fileuploadout.txt").symlink_to(tmp_path / "target")
    (node.directory / "fileuploaderr.txt.1").mkdir()
    (node.directory / "fileuploaderr.txt").write_text("before")
    await node.upload(output(f"{containers.url}/c", "../stdout.txt"))
    assert (tmp_path / "target").read_text() == "of another"
    assert "stdout.txt" in node.said()
    assert containers.blobs == {"/c/stdout.txt": b"printed"}


async def test_while_the_service_is_away_no_try_counts(containers: Containers, node: Node) -> None:
    (node.working / "a").write_text("a")
    node.uploader = Uploader(node.own_blobs, patience=Patience(tries=3, pause=node.pause, served=BackAgain()))
    node.outputs = OutputUploads(node.sandbox, node.uploader, SystemClock())
    answers = iter([503, 503, 503])
    containers.answer = lambda _: next(answers, 201)
    await node.upload(output(f"{containers.url}/c", "a"))
    assert containers.blobs == {"/c/a": b"a"}
    assert len(node.pauses) == 3


async def test_our_own_accounts_are_found_by_the_clouds_names(containers: Containers, node: Node) -> None:
    (node.working / "a").write_text("a")
    node.own_blobs.learn(containers.url, ["ours"])
    await node.upload(output("https://ours.blob.core.windows.net/c?sig=x", "a"))
    assert containers.blobs == {"/c/a": b"a"}
    assert containers.headers["/c/a"]["Host"] == "ours.blob.core.windows.net"


async def test_an_upload_that_is_cancelled_leaves_nothing_open(containers: Containers, node: Node) -> None:
    (node.working / "a").write_text("a")
    asked = asyncio.Event()

    def answer(_: web.Request) -> int:
        asked.set()
        return 503

    async def wait(_: float) -> None:
        await asyncio.Event().wait()

    containers.answer = answer
    node.uploader = Uploader(node.own_blobs, patience=Patience(tries=9, pause=wait))
    node.outputs = OutputUploads(node.sandbox, node.uploader, SystemClock())
    upload = asyncio.create_task(node.upload(output(f"{containers.url}/c", "a")))
    await asked.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    await node.uploader.close()
    assert not [one for one in open_files() if one.startswith(str(node.directory))]
