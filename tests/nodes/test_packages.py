"""Application packages of a node: asked for by its credential, there once, told by variables."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from aiohttp import web
from tests.nodes.conftest import StartAgent
from tests.nodes.peer import DEADLINE, Peer, node_spec

from batchite.link.messages import FileFailed, Hello, StatFile
from batchite.link.packages import Answer, FoundPackage
from batchite.link.spec import NodePackage
from batchite.nodes.failures import RunError
from batchite.nodes.packages import Packages, told
from batchite.nodes.patience import Patience
from batchite.nodes.sandbox.on_disk import OnDisk

VARIABLES: dict[str, tuple[tuple[str, str], tuple[str, str], set[str]]] = {
    "named": (("tool", "1.0"), ("tool", "1.0"), {"tool_1_0"}),
    "default": (("tool", ""), ("tool", "2"), {"tool_2", "tool"}),
    "in its case": (("Tool-X", "1-B"), ("Tool-X", "1-B"), {"Tool_X_1_B", "tool_x_1_b"}),
    "in another case": (("TOOL", ""), ("Tool", "1"), {"TOOL", "TOOL_1", "Tool", "Tool_1", "tool", "tool_1"}),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables_tell_where_it_is(name: str) -> None:
    reference, (application, version), expected = VARIABLES[name]
    found = FoundPackage(application, version, "d")
    assert told(NodePackage(*reference), found, "/there") == {
        f"AZ_BATCH_APP_PACKAGE_{each}": "/there" for each in expected
    }


@pytest.mark.parametrize(("version", "more"), [("1.0-b", {"TOOL-X#1.0-b"}), ("", {"TOOL-X#1.0-b", "TOOL-X"})])
def test_command_lines_for_windows_have_a_name_of_their_own(version: str, more: set[str]) -> None:
    reference, found = NodePackage("Tool-X", version), FoundPackage("Tool-X", "1.0-b", "d")
    here, there = told(reference, found, "/there"), told(reference, found, "/there", is_windows=True)
    assert there == here | {f"AZ_BATCH_APP_PACKAGE_{each}": "/there" for each in more}


def package(text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("file", text)
    return content.getvalue()


class Rooted(OnDisk):
    """As much of a sandbox as packages need."""

    root = "/root"


class Service(NamedTuple):
    """What a service says of packages, and how often it was asked for which content."""

    answers: dict[str, Answer]
    contents: dict[str, bytes]
    asked: list[str]
    held: asyncio.Event
    """contents are given when it is set"""
    called: asyncio.Event
    """one has been asked for"""

    def add(self, name: str, version: str, content: bytes) -> str:
        """The directory that it comes to."""
        digest = hashlib.sha256(content).hexdigest()
        self.contents[digest] = content
        self.answers[f"{name} {version}"] = Answer(FoundPackage(name, version, digest))
        return f"{name}-{version}-{digest[:16]}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Bearer secret":
            raise web.HTTPForbidden
        *_, node, what = request.path.split("/")
        if what == "find":
            assert node == "tvmps_0123_d"
            answer = self.answers[f"{request.query['application']} {request.query['version']}"]
            return web.Response(body=msgspec.json.encode(answer))
        self.asked.append(what)
        self.called.set()
        await self.held.wait()
        if what not in self.contents:
            raise web.HTTPNotFound
        return web.Response(body=self.contents[what])


Make = Callable[[], Awaitable[Packages]]


@pytest.fixture
async def known() -> Service:
    service = Service({}, {}, [], asyncio.Event(), asyncio.Event())
    service.held.set()
    return service


@pytest.fixture
async def packages(known: Service, tmp_path: Path) -> AsyncIterator[Packages]:
    app = web.Application()
    app.router.add_get("/{rest:.*}", known.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    sandbox = Rooted(str(tmp_path))
    made = Packages(node_spec(url, token="secret"), sandbox, Patience(tries=1))  # type: ignore[arg-type]
    yield made
    await made.close()
    await runner.cleanup()
    sandbox.close()


async def test_several_at_once_wait_for_one_installation(
    packages: Packages, known: Service, tmp_path: Path
) -> None:
    directory = known.add("tool", "1", package("one"))
    known.held.clear()
    wanted = [NodePackage("tool", "1")]
    several = [asyncio.ensure_future(packages.install(wanted)) for _ in range(3)]
    await asyncio.wait_for(known.called.wait(), DEADLINE)
    several[0].cancel()  # who gives up does not end it for the others
    known.held.set()
    path = f"/root/applications/{directory}"
    for each in several[1:]:
        assert await each == {"AZ_BATCH_APP_PACKAGE_tool_1": path}
    assert (tmp_path / "root/applications" / directory / "file").read_text() == "one"
    await packages.install(wanted)
    assert len(known.asked) == 1
    known.add("tool", "1", package("another"))
    await packages.install(wanted)
    assert len(known.asked) == 2


FAILING: dict[str, tuple[Callable[[Service], object], str, str]] = {
    "what is not there": (
        lambda known: known.answers.update({"tool 1": Answer(why="There is no application 'tool'")}),
        "usererror",
        "There is no application 'tool'.",
    ),
    "what has gone": (
        lambda known: (known.add("tool", "1", package("one")), known.contents.clear()),
        "usererror",
        "tool 1 cannot be installed: The application package does not exist. It has just been deleted",
    ),
    "what is no archive": (
        lambda known: known.add("tool", "1", b"no zip"),
        "usererror",
        "tool 1 cannot be installed: It is no zip archive",
    ),
    "what nobody answers": (lambda known: None, "servererror", "the server answered 500"),
}


@pytest.mark.parametrize("name", FAILING)
async def test_a_failure_has_the_code_of_packages(packages: Packages, known: Service, name: str) -> None:
    prepare, category, why = FAILING[name]
    prepare(known)
    with pytest.raises(RunError) as failed:
        await packages.install([NodePackage("tool", "1")])
    failure = failed.value.failure
    assert (failure.category, failure.code) == (category, "ApplicationPackageError")
    assert why in failure.message


async def test_an_agent_says_that_it_prepares_its_node_and_once_that_it_cannot(
    service: Peer, start_agent: StartAgent
) -> None:
    """The service of this test answers for the link alone. The first words of a later link say it, too."""
    await start_agent(packages=[NodePackage("tool")])
    told = await service.first(Hello, lambda hello: hello.unprepared is not None)
    assert told.unprepared is not None
    assert told.unprepared.code == "ApplicationPackageError"
    said = service.of_kind(Hello)
    assert [hello.is_preparing for hello in said] == [True, False][-len(said) :]
    await service.cut()
    await service.until(lambda: len(service.of_kind(Hello)) > len(said))
    await service.send(StatFile(1, "nothing"))
    await service.first(FileFailed)
    again = service.of_kind(Hello)[len(said) :]
    assert [hello.unprepared is not None for hello in again] == [True]
