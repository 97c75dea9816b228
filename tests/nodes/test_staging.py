"""Resource files: fetched from a real server, into the working directory and nowhere else."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from aiohttp import web
from tests.nodes.running import BackAgain

from batchite.nodes.definition import ResourceFile
from batchite.nodes.directories import RunDirectory
from batchite.nodes.failures import RunError
from batchite.nodes.landing import Land
from batchite.nodes.own_blobs import OwnBlobs
from batchite.nodes.patience import Patience
from batchite.nodes.sandbox import inside
from batchite.nodes.sandbox.base import Names, User
from batchite.nodes.sandbox.landing import DirectoryLanding
from batchite.nodes.staging import AT_ONCE, Staging

USER = User("_azbatch", "PoolNonAdmin")

Answer = Callable[[web.Request], web.StreamResponse]
Pause = Callable[[float], Awaitable[None]]


class Store:
    """A blob store: content by path, or an answer of its own."""

    def __init__(self) -> None:
        self.content: dict[str, bytes | Answer] = {}
        self.asked: list[str] = []
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.raw_path)
        content = self.content.get(unquote(request.rel_url.raw_path))
        if callable(content):
            return content(request)
        if request.query.get("comp") == "list":
            return self._list(request)
        if content is None:
            raise web.HTTPNotFound
        return web.Response(body=content)

    def _list(self, request: web.Request) -> web.StreamResponse:
        """Two names a page."""
        if request.query.get("sig") != "s/i+g=":
            raise web.HTTPForbidden
        start = request.path + "/" + request.query.get("prefix", "")
        names = [name[len(request.path) + 1 :] for name in sorted(self.content) if name.startswith(start)]
        position = int(request.query.get("marker", "0"))
        page = "".join(f"<Blob><Name>{name}</Name></Blob>" for name in names[position : position + 2])
        marker = position + 2 if position + 2 < len(names) else ""
        body = (
            f"<EnumerationResults><Blobs>{page}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
        )
        return web.Response(text=body, content_type="application/xml")


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = Store()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", store.serve)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    store.url = f"http://{host}:{port}"
    yield store
    await runner.cleanup()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def pause(pauses: list[float]) -> Pause:
    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    return pause


@pytest.fixture
async def staging(tmp_path: Path, pause: Pause) -> AsyncIterator[Staging]:
    staging = Staging(land(tmp_path), Patience(tries=3, pause=pause))
    yield staging
    await staging.close()


@pytest.fixture
async def hasty(tmp_path: Path, pause: Pause) -> AsyncIterator[Staging]:
    """Takes what says nothing for a moment for silent, also if all is held up: for tests of silence alone."""
    staging = Staging(land(tmp_path), Patience(tries=3, silence=0.1, pause=pause))
    yield staging
    await staging.close()


@pytest.fixture
def working(tmp_path: Path) -> Path:
    directory = tmp_path / "task" / "wd"
    directory.mkdir(parents=True)
    return directory


def land(top: Path) -> Land:
    def in_working(names: Names, user: User) -> DirectoryLanding:
        with inside.opened(inside.top(str(top))) as descriptor:
            return DirectoryLanding(inside.enter(descriptor, (*names, "wd")), user, None)

    return in_working


def run_in(working: Path) -> RunDirectory:
    return RunDirectory((working.parent.name,), str(working.parent))


async def failed(staging: Staging, working: Path, *files: ResourceFile) -> RunError:
    with pytest.raises(RunError) as caught:
        await staging.stage(files, run_in(working), USER)
    return caught.value


def tree(directory: Path) -> dict[str, bytes]:
    found = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


async def test_files_land_where_they_should(store: Store, staging: Staging, working: Path) -> None:
    store.content = {"/c/a b": b"one", "/c/two": b"2" * 3_000_000}
    await staging.stage(
        [
            ResourceFile(http_url=f"{store.url}/c/a%20b?sig=x%2Fy%2B", file_path="in/deep/one.txt"),
            ResourceFile(http_url=f"{store.url}/c/two", file_path="two", file_mode="0640"),
        ],
        run_in(working),
        USER,
    )
    assert tree(working) == {"in/deep/one.txt": b"one", "two": b"2" * 3_000_000}
    modes = [(working / name).stat().st_mode & 0o777 for name in ("in/deep/one.txt", "two")]
    assert modes == [0o770, 0o640]
    assert "/c/a%20b?sig=x%2Fy%2B" in store.asked


async def test_a_container_is_fetched_whole_page_by_page(
    store: Store, staging: Staging, working: Path
) -> None:
    store.content = {f"/c/in/{name}": name.encode() for name in ("a", "b", "d e/f", "g#h", "i%j")}
    store.content["/c/other"] = b"no"
    url = f"{store.url}/c?sv=1&sig=s%2Fi%2Bg%3D"
    await staging.stage(
        [ResourceFile(storage_container_url=url, blob_prefix="in/", file_path="dir")], run_in(working), USER
    )
    expected = ("a", "b", "d e/f", "g#h", "i%j")
    assert tree(working) == {f"dir/in/{name}": name.encode() for name in expected}
    assert all("sig=s%2Fi%2Bg%3D" in asked for asked in store.asked)


@pytest.mark.parametrize("is_windows", [True, False])
async def test_paths_that_are_written_for_windows(
    store: Store, tmp_path: Path, working: Path, *, is_windows: bool
) -> None:
    store.content = {"/c/a": b"one"}
    staging = Staging(land(tmp_path), is_windows=is_windows)
    file = ResourceFile(http_url=f"{store.url}/c/a", file_path=r"in\deep\one.txt")
    url = f"{store.url}/c?sig=s%2Fi%2Bg%3D"
    container = ResourceFile(storage_container_url=url, file_path=r"all\of")
    await staging.stage([file, container], run_in(working), USER)
    await staging.close()
    found = {"in/deep/one.txt", "all/of/a"} if is_windows else {r"in\deep\one.txt", r"all\of/a"}
    assert set(tree(working)) == found


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "..", "", "a\0b", "./"])
async def test_paths_that_leave_the_working_directory(
    store: Store, staging: Staging, working: Path, path: str
) -> None:
    store.content = {"/x": b"x"}
    error = await failed(staging, working, ResourceFile(http_url=f"{store.url}/x", file_path=path))
    assert error.failure.category == "usererror"
    assert error.failure.code == "ResourceFileCreateFailed"
    assert tree(working.parent) == {}


@pytest.mark.parametrize("name", ["../../out", "/abs", "a/../../out"])
async def test_blob_names_that_leave_the_working_directory(
    store: Store, staging: Staging, working: Path, name: str
) -> None:
    store.content = {f"/c/{name}": b"x"}
    container = ResourceFile(storage_container_url=f"{store.url}/c?sig=s%2Fi%2Bg%3D")
    assert (await failed(staging, working, container)).failure.code == "ResourceFileCreateFailed"
    assert tree(working.parent.parent) == {}


async def test_planted_links_are_not_followed(store: Store, staging: Staging, working: Path) -> None:
    store.content = {"/x": b"new"}
    outside = working.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("old")
    (working / "directory").symlink_to(outside)
    (working / "file").symlink_to(outside / "file")
    through = ResourceFile(http_url=f"{store.url}/x", file_path="directory/file")
    error = await failed(staging, working, through)
    assert error.failure.code == "ResourceFileCreateFailed"
    await staging.stage([ResourceFile(http_url=f"{store.url}/x", file_path="file")], run_in(working), USER)
    assert (outside / "file").read_text() == "old"
    assert (working / "file").read_text() == "new"
    assert not (working / "file").is_symlink()


@pytest.mark.parametrize(
    ("status", "category", "code", "tries"),
    [
        (404, "usererror", "BlobNotFound", 1),
        (403, "usererror", "BlobAccessDenied", 1),
        (401, "usererror", "BlobAccessDenied", 1),
        (400, "servererror", "BlobDownloadMiscError", 1),
        (503, "servererror", "BlobDownloadMiscError", 3),
    ],
)
async def test_failures_have_the_documented_codes(
    store: Store, staging: Staging, working: Path, status: int, category: str, code: str, tries: int
) -> None:
    store.content = {"/x": lambda _: web.Response(status=status)}
    file = ResourceFile(http_url=f"{store.url}/x?sig=secret", file_path="x")
    failure = (await failed(staging, working, file)).failure
    assert (failure.category, failure.code) == (category, code)
    assert ("HttpUrl", f"{store.url}/x") in failure.details
    assert "secret" not in repr(failure)
    assert len(store.asked) == tries


@pytest.mark.parametrize(
    ("status", "category", "code"),
    [
        (404, "usererror", "ResourceContainerNotFound"),
        (401, "usererror", "ResourceContainerAccessDenied"),
        (403, "usererror", "ResourceContainerAccessDenied"),
        (400, "servererror", "ResourceContainerListMiscError"),
        (503, "servererror", "ResourceContainerListMiscError"),
    ],
)
async def test_failures_to_list_a_container_have_codes_of_their_own(
    store: Store,
    staging: Staging,
    working: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    category: str,
    code: str,
) -> None:
    monkeypatch.setattr(store, "_list", lambda _: web.Response(status=status))
    container = ResourceFile(storage_container_url=f"{store.url}/c?sig=secret")
    failure = (await failed(staging, working, container)).failure
    assert (failure.category, failure.code) == (category, code)
    assert "container" in failure.message
    assert "secret" not in repr(failure)


async def test_a_list_that_never_comes_has_a_code_of_its_own(
    store: Store, hasty: Staging, working: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_list", lambda _: Silent())
    container = ResourceFile(storage_container_url=f"{store.url}/c")
    assert (await failed(hasty, working, container)).failure.code == "ResourceContainerListTimedOut"


@pytest.mark.parametrize("circle", [["/a"], ["/a", "/b"]])
async def test_redirects_in_a_circle_say_so_at_once(
    store: Store, staging: Staging, working: Path, pauses: list[float], circle: list[str]
) -> None:
    def lead_on(request: web.Request) -> web.Response:
        place = circle[(circle.index(request.path) + 1) % len(circle)]
        return web.Response(status=302, headers={"Location": place})

    store.content = dict.fromkeys(circle, lead_on)
    file = ResourceFile(http_url=f"{store.url}/a", file_path="x")
    failure = (await failed(staging, working, file)).failure
    assert failure.code == "BlobDownloadMiscError"
    assert "circle" in failure.message
    assert pauses == []
    assert len(store.asked) < 20


async def test_what_passes_is_tried_again(
    store: Store, staging: Staging, working: Path, pauses: list[float]
) -> None:
    answers = iter([web.Response(status=500), web.Response(status=429), web.Response(body=b"at last")])
    store.content = {"/x": lambda _: next(answers)}
    await staging.stage([ResourceFile(http_url=f"{store.url}/x", file_path="x")], run_in(working), USER)
    assert tree(working) == {"x": b"at last"}
    assert len(pauses) == 2


async def test_no_failed_try_counts_while_the_service_is_away(
    store: Store, working: Path, pauses: list[float]
) -> None:
    """The agent has lost its link after the second try; the third, its last one, finds nobody either."""
    served = BackAgain()
    served.set()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            served.clear()

    answers = iter([web.Response(status=503) for _ in range(5)] + [web.Response(body=b"back")])
    store.content = {"/x": lambda _: next(answers)}
    staging = Staging(land(working.parent.parent), Patience(tries=3, pause=pause, served=served))
    try:
        await staging.stage([ResourceFile(http_url=f"{store.url}/x", file_path="x")], run_in(working), USER)
    finally:
        await staging.close()
    assert tree(working) == {"x": b"back"}
    assert len(pauses) == 5


async def test_a_download_that_breaks_off_begins_anew(store: Store, staging: Staging, working: Path) -> None:
    first = True

    def half(_: web.Request) -> web.StreamResponse:
        nonlocal first
        body, first = (b"half" if first else b"whole!"), False
        return Torn(body) if body == b"half" else web.Response(body=body)

    store.content = {"/x": half}
    await staging.stage([ResourceFile(http_url=f"{store.url}/x", file_path="x")], run_in(working), USER)
    assert tree(working) == {"x": b"whole!"}


class Torn(web.StreamResponse):
    """Promises more than it sends."""

    def __init__(self, body: bytes) -> None:
        super().__init__(headers={"Content-Length": "100"})
        self._start = body

    async def write_eof(self, data: bytes = b"") -> None:
        await self.write(self._start)
        assert self._req is not None
        assert self._req.transport is not None
        self._req.transport.close()


async def test_a_download_that_stands_still_times_out(
    store: Store, hasty: Staging, working: Path, pauses: list[float]
) -> None:
    store.content = {"/x": lambda _: Silent()}
    failure = (await failed(hasty, working, ResourceFile(http_url=f"{store.url}/x", file_path="x"))).failure
    assert failure.code == "BlobDownloadTimedOut"
    assert len(pauses) == 2


class Silent(web.StreamResponse):
    """Sends its headers, then nothing until the client goes."""

    async def write_eof(self, data: bytes = b"") -> None:
        await self.write(b"x")
        await asyncio.Event().wait()


async def test_nobody_listens(staging: Staging, working: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        file = ResourceFile(http_url=f"http://127.0.0.1:{taken.getsockname()[1]}/x", file_path="x")
        assert (await failed(staging, working, file)).failure.code == "BlobDownloadMiscError"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "not an address", "http://", "ftp://x/y", "http://[x"])
async def test_addresses_that_are_none(staging: Staging, working: Path, url: str) -> None:
    failure = (await failed(staging, working, ResourceFile(http_url=url, file_path="x"))).failure
    assert failure.code == "BlobDownloadMiscError"


async def test_a_broken_list_and_a_file_without_source(store: Store, staging: Staging, working: Path) -> None:
    store.content = {}
    error = await failed(staging, working, ResourceFile(storage_container_url=f"{store.url}/c?sig=wrong"))
    assert error.failure.code == "ResourceContainerAccessDenied"
    assert (await failed(staging, working, ResourceFile(file_path="x"))).failure.code == "BlobNotFound"
    bad_mode = ResourceFile(http_url=f"{store.url}/x", file_path="x", file_mode="rwx")
    assert (await failed(staging, working, bad_mode)).failure.code == "ResourceFileCreateFailed"


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
CIRCLE = "<R><Blobs/><NextMarker>1</NextMarker></R>"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (f'<!DOCTYPE R [<!ENTITY l0 "ha">{LAUGHS}]><R>&l8;</R>'.encode(), "document type"),
        (
            '<!DOCTYPE R [<!ENTITY x SYSTEM "file:///etc/passwd">]><R>&x;</R>'.encode("utf-16"),
            "document type",
        ),
        (b"<a>" * 100_000, "nested"),
        (b"<R><Blobs>", "could not be read"),
        (b'<?xml version="1.0" encoding="no-such"?><R/>', "could not be read"),
        (b"\xff\xfe\x00", "could not be read"),
        (b"", "could not be read"),
        (CIRCLE.encode(), "circle"),
    ],
)
async def test_lists_that_nobody_should_send(
    store: Store, staging: Staging, working: Path, monkeypatch: pytest.MonkeyPatch, body: bytes, said: str
) -> None:
    monkeypatch.setattr(store, "_list", lambda _: web.Response(body=body, content_type="application/xml"))
    error = await failed(staging, working, ResourceFile(storage_container_url=f"{store.url}/c"))
    assert error.failure.code == "ResourceContainerListMiscError"
    assert said in error.failure.message
    assert len(store.asked) <= 2


async def test_a_file_stops_before_it_fills_the_disk(
    store: Store, staging: Staging, working: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is room when the file begins and none when it goes on."""
    free = [10**9, 0]
    store.content = {"/x": b"x" * 10_000_000}
    monkeypatch.setattr(os, "fstatvfs", lambda _: SimpleNamespace(f_bavail=free.pop(0), f_frsize=1))
    error = await failed(staging, working, ResourceFile(http_url=f"{store.url}/x", file_path="x"))
    assert error.failure.code == "DiskFull"
    assert (working / "x").stat().st_size == 0


async def test_what_a_server_sets_for_one_task_is_not_told_by_the_next(
    store: Store, staging: Staging, working: Path
) -> None:
    told: list[str | None] = []

    def answer(request: web.Request) -> web.Response:
        told.append(request.headers.get("Cookie"))
        return web.Response(body=b"x", headers={"Set-Cookie": "who=first; Path=/"})

    store.content = {"/x": answer}
    url = store.url.replace("127.0.0.1", "localhost")
    for _ in range(2):
        await staging.stage([ResourceFile(http_url=f"{url}/x", file_path="x")], run_in(working), USER)
    assert told == [None, None]


@pytest.mark.parametrize(("slots", "files"), [(1, 20), (4, 4), (8, 2)])
async def test_failed_downloads_leave_the_node_able_to_download(
    store: Store, staging: Staging, working: Path, slots: int, files: int
) -> None:
    """The first file that fails cancels its siblings, some of them before their first step."""
    store.content = {"/x": b"x"}
    missing = [ResourceFile(http_url=f"{store.url}/no{n}", file_path=f"no{n}") for n in range(files)]
    for _ in range(2):
        await asyncio.gather(*(failed(staging, working, *missing) for _ in range(slots)))
    good = ResourceFile(http_url=f"{store.url}/x", file_path="x")
    await asyncio.wait_for(staging.stage([good] * AT_ONCE, run_in(working), USER), 60)
    assert (working / "x").read_bytes() == b"x"


async def test_files_that_cannot_even_begin_leave_the_node_able_to_download(
    store: Store, staging: Staging, working: Path
) -> None:
    store.content = {"/x": b"x"}
    good = ResourceFile(http_url=f"{store.url}/x", file_path="x")
    for _ in range(AT_ONCE):
        await failed(
            staging, working, ResourceFile(http_url=f"{store.url}/x", file_path="y", file_mode="rwx")
        )
        await failed(staging, working, ResourceFile(http_url=f"{store.url}/x", file_path="../y"))
        cancelled = asyncio.ensure_future(staging.stage([good], run_in(working), USER))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled])
    await asyncio.wait_for(staging.stage([good], run_in(working), USER), 60)


async def test_what_waits_for_minutes_says_so(
    store: Store, working: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is still being fetched, be it the list of a container, and what waits until others are; each
    again and again."""
    sayings = ("a list of resource files", "resource file 'x0'", "waits for one")
    told: dict[str | None, asyncio.Event] = defaultdict(asyncio.Event)
    released = asyncio.Event()

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            told[next((saying for saying in reversed(sayings) if saying in message), None)].set()

    class Held(web.StreamResponse):
        async def write_eof(self, data: bytes = b"") -> None:
            await released.wait()
            await super().write_eof(data)

    store.content = {"/x": lambda _: Held(), "/box": lambda _: Held()}
    staging = Staging(land(working.parent.parent), notice=0.01)
    logging.getLogger("batchite.nodes").addHandler(told_here := Told())
    files = [ResourceFile(http_url=f"{store.url}/x", file_path=f"x{n}") for n in range(AT_ONCE)]
    stages = [asyncio.ensure_future(staging.stage(files, run_in(working), USER)) for _ in range(2)]
    box = ResourceFile(storage_container_url=f"{store.url}/box")
    listing = asyncio.ensure_future(staging.stage([box], run_in(working), USER))
    try:
        async with asyncio.timeout(60):
            for saying in sayings:
                await told[saying].wait()
                told[saying].clear()
                await told[saying].wait()
            listing.cancel()
            await asyncio.wait([listing])
            released.set()
            await asyncio.gather(*stages)
    finally:
        logging.getLogger("batchite.nodes").removeHandler(told_here)
        await staging.close()
    assert f"resource file 'x0' of {working}" in caplog.text


async def test_no_descriptor_is_left_open(store: Store, staging: Staging, working: Path) -> None:
    store.content = {"/x": b"x"}
    good = ResourceFile(http_url=f"{store.url}/x", file_path="x")
    bad = ResourceFile(http_url=f"{store.url}/missing", file_path="y")
    await staging.stage([good], run_in(working), USER)
    before = files_open()
    for _ in range(5):
        await failed(staging, working, good, bad)
    assert files_open() <= before


def files_open() -> int:
    """Descriptors of regular files and directories of this process."""
    import stat

    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            mode = os.stat(f"/proc/self/fd/{name}").st_mode
        except OSError:
            continue
        count += stat.S_ISREG(mode) or stat.S_ISDIR(mode)
    return count


async def test_blobs_of_our_own_accounts_are_fetched_from_our_own_service(
    store: Store, staging: Staging, working: Path
) -> None:
    """Whatever the cloud calls them, whole containers too; under the name that was asked for."""
    hosts: list[str] = []

    def answer(request: web.Request) -> web.Response:
        hosts.append(request.host)
        return web.Response(body=b"x")

    store.content = {"/c/a b": answer, "/c/x": answer}
    staging.own_blobs.learn(store.url, ["films"])
    cloud = "https://films.blob.core.windows.net"
    await staging.stage(
        [
            ResourceFile(http_url=f"{cloud}/c/a%20b?sig=x%2Fy%2B", file_path="one"),
            ResourceFile(storage_container_url=f"{cloud}/c?sig=s%2Fi%2Bg%3D", blob_prefix="x"),
        ],
        run_in(working),
        USER,
    )
    assert tree(working) == {"one": b"x", "x": b"x"}
    assert hosts == ["films.blob.core.windows.net"] * 2
    assert "/c/a%20b?sig=x%2Fy%2B" in store.asked


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://films.blob.core.windows.net/c/b?sig=1", True),
        ("https://films-secondary.blob.core.windows.net", True),
        ("HTTP://FILMS.blob.core.windows.net:80/c", True),
        ("https://other.blob.core.windows.net/c/b", False),
        ("https://films.queue.core.windows.net/c/b", False),
        ("https://films.blob.core.windows.net.example.org/c", False),
        ("ftp://films.blob.core.windows.net/c", False),
        ("http://[films", False),
    ],
)
def test_only_blobs_of_accounts_that_the_service_has_are_our_own(url: str, ours: bool) -> None:
    own = OwnBlobs()
    assert own.way("https://films.blob.core.windows.net/c") == ("https://films.blob.core.windows.net/c", {})
    own.learn("http://127.0.0.1:10000", ["films", "more"])
    if url == "http://[films":
        with pytest.raises(ValueError, match="URL"):
            own.way(url)
        return
    place, headers = own.way(url)
    assert place.startswith("http://127.0.0.1:10000/") is ours
    assert bool(headers) is ours
