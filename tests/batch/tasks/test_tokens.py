"""Tokens of tasks: the property as the API has it, and what a token permits."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.batch.service import VERSION, Answer, Api

from batchite.batch.app import OPERATIONS
from batchite.batch.authentication import KeysAndTokens
from batchite.configuration.accounts import (
    DEVELOPMENT_ACCOUNTS,
    DEVELOPMENT_BATCH_NAME,
    Accounts,
    BatchAccount,
)
from batchite.machine.clock import SystemClock
from batchite.store.batch import schema
from batchite.web.request import Incoming
from batchite.wire.batch.errors import BatchError
from batchite.wire.signing import task_tokens
from batchite.wire.signing.task_tokens import TaskGrant

OLD = "api-version=2024-07-01.20.0"
ASKS = {"authenticationTokenSettings": {"access": ["job"]}}
KEY = DEVELOPMENT_ACCOUNTS.batch[0].key_bytes[0]
FAR = 253_402_300_799 * 10_000_000
REFUSED = (403, "InsufficientAccountPermissions")
PERMITTED = {
    *("Job_Get", "Job_Patch", "Job_Update", "Job_Disable", "Job_Enable", "Job_Terminate", "Job_Delete"),
    *("Job_GetTaskCounts", "Job_ListPreparationAndReleaseTaskStatus"),
    *("Task_Add", "Task_AddCollection", "Task_List", "Task_Get", "Task_Update", "Task_Reactivate"),
    *("Task_ListSubtasks", "Task_Terminate", "Task_Delete"),
    *("File_ListFromTask", "File_GetFromTask", "File_GetPropertiesFromTask", "File_DeleteFromTask"),
}


async def number(api: Api, job_id: str = "job") -> int:
    query = sa.select(schema.jobs.c.job_no).where(schema.jobs.c.id == job_id)
    return int(await api.database.read(lambda connection: connection.execute(query).scalar_one()))


def token(job: int, *, expiry: int = FAR, account: str = DEVELOPMENT_BATCH_NAME, key: bytes = KEY) -> str:
    return task_tokens.issue(TaskGrant(account, job, expiry), key)


async def send(api: Api, shown: str, verb: str, target: str, body: object = None) -> Answer:
    headers = {"Authorization": f"Bearer {shown}"}
    if body is not None:
        headers["Content-Type"] = "application/json; odata=minimalmetadata"
    return await api.raw(verb, target, body, headers, signed=False)


async def test_it_is_kept_for_those_who_know_it_and_no_token_is_shown(api: Api) -> None:
    task = {"id": "t", "commandLine": "true", **ASKS}
    job = {"id": "job", "poolInfo": {"poolId": "pool"}, "jobManagerTask": {**task, "id": "boss"}}
    assert (await api.raw("POST", f"/jobs?{OLD}", job)).status == 201
    assert (await api.raw("POST", f"/jobs/job/tasks?{OLD}", task)).status == 201
    for version, expected in ((OLD, ASKS["authenticationTokenSettings"]), (VERSION, None)):
        for path in ("/jobs/job/tasks/t", "/jobs/job/tasks/boss"):
            answer = await api.raw("GET", f"{path}?{version}")
            assert answer.json.get("authenticationTokenSettings") == expected
            assert b"AUTHENTICATION_TOKEN" not in answer.body
        manager = (await api.raw("GET", f"/jobs/job?{version}")).json["jobManagerTask"]
        assert manager.get("authenticationTokenSettings") == expected
    assert (await api.add_task("u", **ASKS)).error == (400, "InvalidRequestBody")
    wrong = {**task, "id": "u", "authenticationTokenSettings": {"access": ["pool"]}}
    refused = await api.raw("POST", f"/jobs/job/tasks?{OLD}", wrong)
    assert refused.error == (400, "InvalidPropertyValue")
    assert "authenticationTokenSettings.access" in refused.message


async def test_what_it_permits(api: Api) -> None:
    """Whatever else an operation may say: whether it is begun at all."""
    await api.add_job()
    await api.add_job("other")
    shown = token(await number(api))
    begun: dict[str, set[str]] = {job_id: set() for job_id in ("job", "JOB", "other", "none")}
    for operation in OPERATIONS:
        version = operation.until or "2025-06-01"
        for job_id, names in begun.items():
            path = operation.path.replace("{jobId}", job_id)
            answer = await send(api, shown, operation.verb, f"{path}?api-version={version}")
            if answer.status != 403:
                names.add(operation.name)
    assert begun == {"job": PERMITTED, "JOB": PERMITTED, "other": set(), "none": set()}


async def test_it_does_what_it_permits_and_no_more(api: Api) -> None:
    await api.add_pool()
    await api.add_job()
    await api.add_job("other")
    shown = token(await number(api))
    task = {"id": "t", "commandLine": "true"}
    assert (await send(api, shown, "POST", f"/jobs/job/tasks?{VERSION}", task)).status == 201
    assert (await send(api, shown, "GET", f"/jobs/job/tasks?{VERSION}")).json["value"][0]["id"] == "t"
    before = await api.content()
    for verb, path, body in (
        ("POST", "/jobs/other/tasks", task),
        ("GET", "/jobs", None),
        ("GET", "/pools/pool", None),
        ("DELETE", "/pools/pool", None),
        ("POST", "/jobs", {"id": "new", "poolInfo": {"poolId": "pool"}}),
    ):
        answer = await send(api, shown, verb, f"{path}?{VERSION}", body)
        assert answer.error == REFUSED
        assert "own job" in answer.message
    for path in ("/-/events", "/-/explain/jobs/job"):
        answer = await send(api, shown, "GET", path)
        assert answer.error == REFUSED
    assert await api.content() == before


async def test_a_new_job_of_the_same_id_is_another(api: Api) -> None:
    await api.add_job()
    shown = token(await number(api))
    await api.database.write(lambda connection: connection.execute(sa.delete(schema.jobs)))
    assert (await send(api, shown, "GET", f"/jobs/job?{VERSION}")).error == REFUSED
    assert (await api.add_job()).status == 201
    assert (await send(api, shown, "GET", f"/jobs/job?{VERSION}")).error == REFUSED


async def test_tokens_that_are_not_good(api: Api) -> None:
    await api.add_job()
    job = await number(api)
    good = token(job)
    tampered = f"{token(job + 1).partition('.')[0]}.{good.partition('.')[2]}"
    cases: dict[str, tuple[int, str]] = {
        token(job, expiry=1): (403, "AuthenticationFailed"),
        token(job, key=b"another"): (403, "AuthenticationFailed"),
        token(job, account="nobody"): (403, "AuthenticationFailed"),
        tampered: (403, "AuthenticationFailed"),
        good[:-1]: (403, "AuthenticationFailed"),
        f"x{good}": (400, "InvalidAuthenticationInfo"),
        "": (400, "InvalidAuthenticationInfo"),
    }
    for shown, error in cases.items():
        assert (await send(api, shown, "GET", f"/jobs/job?{VERSION}")).error == error
    assert (await send(api, good, "GET", f"/jobs/job?{VERSION}")).status == 200


def asked(host: str, shown: str) -> Incoming:
    headers = [(b"host", host.encode()), (b"authorization", f"Bearer {shown}".encode())]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "raw_path": b"/jobs/job", "headers": headers}

    async def nothing() -> dict[str, object]:
        return {"type": "http.disconnect"}

    return Incoming({**scope, "query_string": b"", "scheme": "http"}, nothing)


def test_a_token_of_another_account() -> None:
    """Also where both have the same key."""
    accounts = Accounts((BatchAccount("one", ("a2V5",)), BatchAccount("two", ("a2V5",))), ())
    authenticate = KeysAndTokens(accounts, ("batch.example",), SystemClock())
    shown = token(1, account="one", key=b"key")
    account, principal = authenticate(asked("one.batch.example", shown))
    assert (account.name, principal.job, principal.roles) == ("one", 1, frozenset())
    with pytest.raises(BatchError, match="The host belongs to"):
        authenticate(asked("two.batch.example", shown))
