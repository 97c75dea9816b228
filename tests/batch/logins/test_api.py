"""Users of nodes, as clients add, change and delete them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from azure.batch import models
from azure.core.exceptions import HttpResponseError
from tests.batch.service import IMAGE, Api
from tests.clocks import Machine
from tests.wire.batch.validation.test_logins import KEY

from batchite.store.batch import schema
from batchite.wire.batch import versions

VERSIONS = [known.text for known in versions.REGISTRY]
USERS = "/pools/pool/nodes/n1/users"
OURS = "/-/pools/pool/nodes/n1/users"
WINDOWS = {
    "imageReference": {
        "publisher": "MicrosoftWindowsServer",
        "offer": "WindowsServer",
        "sku": "2019-datacenter",
    },
    "nodeAgentSKUId": "batch.node.windows amd64",
}


@pytest.fixture
async def node(api: Api) -> Api:
    await api.add_pool()
    await api.add_node("n1")
    return api


async def ours(api: Api) -> Any:
    return (await api.raw("GET", OURS)).json["users"]


async def add(api: Api, name: str = "somebody", **body: object) -> Any:
    return await api.post(USERS, {"name": name, **body})


async def put(api: Api, body: object, name: str = "somebody") -> Any:
    return await api.raw("PUT", f"{USERS}/{name}?api-version=2025-06-01", body)


async def test_the_official_client(node: Api) -> None:
    until = datetime.now(UTC) + timedelta(days=30)

    def program() -> list[str | None]:
        with node.client() as client:
            user = models.BatchNodeUserCreateOptions(
                name="Somebody",
                is_admin=True,
                expiry_time=until,
                password="open sesame",
            )
            client.create_node_user("pool", "n1", user)
            codes = []
            for call in (
                lambda: client.create_node_user("pool", "n1", user),
                lambda: client.replace_node_user(
                    "pool", "n1", "somebody", models.BatchNodeUserReplaceOptions(ssh_public_key=KEY)
                ),
                lambda: client.delete_node_user("pool", "n1", "SOMEBODY"),
                lambda: client.delete_node_user("pool", "n1", "somebody"),
            ):
                try:
                    call()
                    codes.append(None)
                except HttpResponseError as error:
                    codes.append(error.error.code if hasattr(error, "error") and error.error else "?")
            return codes

    first, *others = await asyncio.to_thread(program)
    assert first is not None
    assert others[:2] == [None, None]
    assert others[2] is not None
    assert await ours(node) == []


async def test_what_is_kept_and_shown(node: Api) -> None:
    added = await add(node, password="open sesame", sshPublicKey=KEY)
    assert added.status == 201
    assert added.headers["Location"] == added.headers["DataServiceId"] == f"{node.url}{USERS}/somebody"
    assert {"ETag", "Last-Modified"} <= added.headers.keys()
    (user,) = await ours(node)
    expiry = datetime.fromisoformat(user.pop("expiryTime"))
    assert user == {
        "name": "somebody",
        "isAdmin": False,
        "isExpired": False,
        "hasPassword": True,
        "sshPublicKey": KEY,
    }
    ((*_, password, _key, _modified),) = (await node.content())["logins"]
    assert str(password).startswith("$6$")
    assert "sesame" not in repr(await node.content())
    assert timedelta(hours=23) < expiry - datetime.now(UTC) < timedelta(hours=25)
    assert node.owner.woken[-1] == "devbatch/pool"


async def test_the_end_of_a_user_comes_by_the_clock_of_the_service(node: Api, machine: Machine) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=4)
    await add(node, expiryTime=soon.isoformat())
    assert [user["isExpired"] for user in await ours(node)] == [False]
    machine.ahead_seconds = 300
    assert [user["isExpired"] for user in await ours(node)] == [True]
    assert (await put(node, {"expiryTime": soon.isoformat()})).error == (400, "InvalidPropertyValue")
    assert (await put(node, {})).status == 200
    assert [user["isExpired"] for user in await ours(node)] == [False]


async def test_what_is_said_anew_takes_the_place_of_all_that_was(node: Api) -> None:
    await add(node, isAdmin=True, password="x", sshPublicKey=KEY)
    first = (await add(node, "other")).headers["ETag"]
    answer = await put(node, {"password": "y"})
    assert answer.status == 200
    assert answer.headers["DataServiceId"] == f"{node.url}{USERS}/somebody"
    assert answer.headers["ETag"] != first
    user = (await ours(node))[1]
    assert user["hasPassword"]
    assert user["isAdmin"]
    assert "sshPublicKey" not in user
    assert (await put(node, {})).status == 200
    assert not (await ours(node))[1]["hasPassword"]
    assert (await put(node, {"isAdmin": False})).error == (400, "InvalidRequestBody")
    assert (await put(node, {}, "nobody")).error == (404, "NodeUserNotFound")


async def test_deleting(node: Api) -> None:
    await add(node)
    assert (await node.delete(f"{USERS}/somebody")).status == 200
    assert (await node.delete(f"{USERS}/somebody")).error == (404, "NodeUserNotFound")
    assert await ours(node) == []


async def test_refusals_change_nothing(node: Api) -> None:
    await add(node)
    before = await node.content()
    assert (await add(node, "SomeBody")).error == (409, "NodeUserExists")
    assert (await add(node, "9")).error == (400, "InvalidPropertyValue")
    assert (await node.post(USERS, {"password": "x"})).error[0] == 400
    assert (await put(node, {"sshPublicKey": "x"})).error == (400, "InvalidPropertyValue")
    for place, code in (
        (USERS.replace("n1", "n2"), "NodeNotFound"),
        ("/pools/p/nodes/n1/users", "PoolNotFound"),
    ):
        assert (await node.post(place, {"name": "a"})).error == (404, code)
        assert (await node.delete(f"{place}/a")).error == (404, code)
        assert (await node.raw("PUT", f"{place}/a?api-version=2025-06-01", {})).error == (404, code)
    assert (await node.raw("GET", OURS.replace("n1", "n2"))).error == (404, "NodeNotFound")
    assert (await node.raw("GET", OURS, signed=False)).status == 403
    assert await node.content() == before


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("creating", "NodeBeingCreated"),
        ("starting", "NodeBeingStarted"),
        ("waitingforstarttask", "NodeBeingStarted"),
        ("rebooting", "NodeBeingRebooted"),
        ("reimaging", "NodeBeingReimaged"),
        ("unusable", "NodeStateUnusable"),
        ("starttaskfailed", "OperationNotValidOnNode"),
        ("leavingpool", "OperationInvalidForCurrentState"),
        ("running", None),
    ],
)
async def test_only_of_nodes_that_are_idle_or_running(node: Api, state: str, code: str | None) -> None:
    await add(node)
    await node.update(schema.nodes, state=state)
    expected = 409 if code else 200
    for answer in (await put(node, {}), await node.delete(f"{USERS}/somebody"), await add(node, "other")):
        assert answer.status == (expected if code else answer.status)
        assert not code or answer.error == (409, code)
    assert [user["name"] for user in await ours(node)] == (["somebody"] if code else ["other"])


async def test_a_name_that_the_pool_has_is_taken(node: Api) -> None:
    accounts = [{"name": "Worker", "password": "x"}]
    pool = {"id": "pool", "vmSize": "small", "virtualMachineConfiguration": IMAGE, "userAccounts": accounts}
    await node.update(schema.pools, definition=json.dumps(pool).encode())
    answer = await add(node, "worker")
    assert answer.error == (409, "NodeUserExists")
    assert "take another name" in answer.message


async def test_nodes_of_windows(api: Api) -> None:
    await api.add_pool(virtualMachineConfiguration=WINDOWS)
    await api.add_node("n1")
    assert (await add(api)).error == (400, "MissingRequiredProperty")
    assert (await add(api, password="x", sshPublicKey=KEY)).error == (400, "InvalidPropertyValue")
    assert (await add(api, password="x")).status == 201


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version(node: Api, version: str) -> None:
    at = f"?api-version={version}"
    body = {"name": "somebody", "isAdmin": True, "password": "x", "expiryTime": "2999-01-01T00:00:00Z"}
    assert (await node.raw("POST", USERS + at, body)).status == 201
    assert (await node.raw("PUT", f"{USERS}/somebody{at}", {"password": "y"})).status == 200
    assert (await node.raw("DELETE", f"{USERS}/somebody{at}")).status == 200


async def test_users_of_two_nodes(node: Api) -> None:
    await node.add_node("n2")
    for name in ("n1", "n2"):
        assert (await node.post(USERS.replace("n1", name), {"name": "somebody"})).status == 201
    await node.delete(f"{USERS}/somebody")
    count = sa.select(sa.func.count()).select_from(schema.logins)
    assert await node.database.read(lambda connection: connection.execute(count).scalar()) == 1
