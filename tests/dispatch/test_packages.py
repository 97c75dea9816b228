"""Application packages for nodes: with their own credential, and those of their account only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec
import pytest
import sqlalchemy as sa
from tests.dispatch.support import ACCOUNT, add_pool

from batchite.dispatch.links import hash_token
from batchite.dispatch.packages import NodePackages
from batchite.link.packages import PACKAGES, Answer, FoundPackage
from batchite.resources.applications import Package, row
from batchite.store.batch import applications, schema
from batchite.store.database import Database
from batchite.store.package_files import PackageFiles
from batchite.web.listener import Listener, bind

NODE, TOKEN = "node-1", "secret"


class Asked(NamedTuple):
    status: int
    body: bytes


class House(NamedTuple):
    url: str
    session: aiohttp.ClientSession
    digests: dict[str, str]
    """of contents, by account"""

    async def get(self, path: str, token: str = TOKEN, node: str = NODE, verb: str = "GET") -> Asked:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        target = f"{self.url}{PACKAGES}/{node}/{path}"
        async with self.session.request(verb, target, headers=headers) as answer:
            return Asked(answer.status, await answer.read())

    async def find(self, query: str) -> Answer:
        answer = await self.get(f"find?{query}")
        assert answer.status == 200
        return msgspec.json.decode(answer.body, type=Answer)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    """The same application in two accounts, with another content in each; a node of the first."""
    files, digests = PackageFiles(tmp_path), {}
    for account in (ACCOUNT, "other"):
        staged = files.stage()
        staged.write(account.encode() * 1_000_000)
        staged.sync()
        staged.keep()
        staged.close()
        digests[account] = staged.digest

    def fill(connection: sa.Connection) -> None:
        for account, digest in digests.items():
            applications.add(connection, row(account, "Tool", 1))
            found = applications.find(connection, account, "tool")
            assert found is not None
            package = Package("1.0-B", digest, 1, 1, 1, 1)
            applications.put_package(connection, found.application_no, package)
        node = {"id": NODE, "dedicated": True, "state": "idle", "state_time": 1, "allocated": 1}
        values = {"pool_no": add_pool(connection, 1), "token_hash": hash_token(TOKEN), **node}
        connection.execute(sa.insert(schema.nodes).values(**values))

    await database.write(fill)
    sock = bind("127.0.0.1", 0)
    listener = Listener(NodePackages(database, files), sock)
    await listener.start()
    async with aiohttp.ClientSession() as session:
        yield House(f"http://127.0.0.1:{sock.getsockname()[1]}", session, digests)
    await listener.stop()


async def test_a_node_learns_what_a_reference_means(house: House) -> None:
    found = FoundPackage("Tool", "1.0-B", house.digests[ACCOUNT])
    assert await house.find("application=tool&version=1.0-b") == Answer(found)
    default = await house.find("application=TOOL")
    assert default.found is None
    assert "'TOOL' has no default version; there is 1.0-B" in default.why
    assert "There is no application ''" in (await house.find("")).why


async def test_it_reads_contents_of_its_account(house: House) -> None:
    answer = await house.get(f"content/{house.digests[ACCOUNT]}")
    assert (answer.status, answer.body) == (200, ACCOUNT.encode() * 1_000_000)
    for path in (f"content/{house.digests['other']}", "content/..%2Faccounts.json", f"content/{'0' * 64}"):
        assert (await house.get(path)).status == 404


async def test_nobody_else_learns_anything(house: House) -> None:
    for path in ("find?application=tool&version=1.0-b", f"content/{house.digests[ACCOUNT]}", "other"):
        for token, node in (("", NODE), ("wrong", NODE), (TOKEN, "node-2"), (TOKEN, "")):
            assert (await house.get(path, token, node)).status == 403


async def test_what_there_is_not_is_not_there(house: House) -> None:
    for path, verb in (("", "GET"), ("find", "POST"), ("content", "GET"), ("find/x", "GET")):
        assert (await house.get(path, verb=verb)).status == 404
