"""Every documented code with which operations on tasks refuse a request: when it is given, in the newest API
version and in the oldest that knows what is asked for, and what it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import pytest
from tests.batch.service import Answer, Api

from batchite.store.batch import schema
from batchite.wire.batch.versions import NEWEST

OLDEST: Final = "2016-02-01.3.0"
EXITS: Final = "2016-07-01.3.1"
"""when exit conditions and reactivation came"""
OUTPUT: Final = "2017-05-01.5.0"
SLOTS: Final = "2020-09-01.12.0"
FILE: Final = {"httpUrl": "http://h/f", "filePath": "f"}
OLD_FILE: Final = {"blobSource": "http://h/f", "filePath": "f"}
OUT: Final = {
    "filePattern": "a",
    "destination": {"container": {"containerUrl": "http://h/c", "path": "p"}},
    "uploadOptions": {"uploadCondition": "taskcompletion"},
}
TO: Final = "outputFiles[0].destination.container"


def out(**container: object) -> dict[str, object]:
    return {**OUT, "destination": {"container": {"containerUrl": "http://h/c", **container}}}


class Refused(NamedTuple):
    """A task that is not added: what it says, by which code it is refused, and the property, value and rule
    that are named."""

    says: Mapping[str, Any]
    code: str
    name: str
    value: str | None
    rule: str
    since: str = OLDEST
    job: str = "plain"
    old: Mapping[str, Any] | None = None
    """what a client of the oldest version says, if that is not the same"""


ID_RULE: Final = "must have 1 to 64 characters, which are letters, digits, - and _"
TASKS: Final = (
    Refused({"id": None}, "MissingRequiredProperty", "id", None, "is required"),
    Refused({"commandLine": None}, "MissingRequiredProperty", "commandLine", None, "is required"),
    Refused({"id": "a b"}, "InvalidPropertyValue", "id", '"a b"', ID_RULE),
    Refused({"id": 5}, "InvalidRequestBody", "id", "5", "must be text"),
    Refused({"comandLine": "x"}, "InvalidRequestBody", "comandLine", '"x"', "no property of this name"),
    Refused({"commandLine": " "}, "InvalidPropertyValue", "commandLine", '" "', "must not be empty"),
    Refused(
        {"requiredSlots": 0}, "InvalidPropertyValue", "requiredSlots", "0", "between 1 and 256", since=SLOTS
    ),
    Refused(
        {"constraints": {"maxTaskRetryCount": -2}},
        "InvalidPropertyValue",
        "constraints.maxTaskRetryCount",
        "-2",
        "must be -1 (without end), 0 or more",
    ),
    Refused(
        {"constraints": {"maxWallClockTime": "soon"}},
        "InvalidRequestBody",
        "constraints.maxWallClockTime",
        '"soon"',
        "is not an ISO 8601 duration",
    ),
    Refused(
        {"environmentSettings": [{"name": "A=B"}]},
        "InvalidPropertyValue",
        "environmentSettings[0].name",
        '"A=B"',
        "must be the name of an environment variable",
    ),
    Refused(
        {"userIdentity": {"username": "u", "autoUser": {}}},
        "InvalidPropertyValue",
        "userIdentity.username",
        '"u"',
        "must not be given together with autoUser",
        since="2017-01-01.4.0",
    ),
    Refused(
        {"resourceFiles": [{**FILE, "filePath": "../f"}]},
        "InvalidPropertyValue",
        "resourceFiles[0].filePath",
        '"../f"',
        "must stay inside of the working directory",
        old={"resourceFiles": [{**OLD_FILE, "filePath": "../f"}]},
    ),
    Refused(
        {"resourceFiles": [{"httpUrl": "http://h/f"}]},
        "MissingRequiredProperty",
        "resourceFiles[0].filePath",
        None,
        "is required",
        old={"resourceFiles": [{"blobSource": "http://h/f"}]},
    ),
    Refused(
        {"resourceFiles": [{**FILE, "identityReference": {"resourceId": "i"}}]},
        "UnsupportedProperty",
        "resourceFiles[0].identityReference",
        None,
        "managed identities are not supported",
        since="2021-06-01.14.0",
    ),
    Refused(
        {"resourceFiles": [FILE | {"storageContainerUrl": "http://h/c"}]},
        "InvalidPropertyValue",
        "resourceFiles[0]",
        '["httpUrl", "storageContainerUrl"]',
        "must have exactly one of",
        since="2018-12-01.8.0",
    ),
    Refused(
        {"outputFiles": [out(path="/")]},
        "InvalidPropertyValue",
        f"{TO}.path",
        '"/"',
        "must name a blob",
        since=OUTPUT,
    ),
    Refused(
        {"outputFiles": [{**OUT, "destination": {}}]},
        "MissingRequiredProperty",
        TO,
        None,
        "is required",
        since=OUTPUT,
    ),
    Refused(
        {"applicationPackageReferences": [{"applicationId": "a b"}]},
        "InvalidPropertyValue",
        "applicationPackageReferences[0].applicationId",
        '"a b"',
        ID_RULE,
        since=EXITS,
    ),
    Refused(
        {"multiInstanceSettings": {"numberOfInstances": 2, "coordinationCommandLine": "x"}},
        "UnsupportedProperty",
        "multiInstanceSettings",
        None,
        "not supported yet",
    ),
    Refused(
        {"dependsOn": {"taskIds": ["a"]}},
        "TaskDependenciesNotSpecifiedOnJob",
        "dependsOn",
        None,
        "add the task to a job with usesTaskDependencies true",
    ),
    Refused(
        {"dependsOn": {"taskIds": ["a" * 64] * 1001}},
        "TaskDependencyListTooLong",
        "dependsOn.taskIds",
        None,
        "64064 characters, and may have 64000",
        job="depends",
    ),
    Refused(
        {"dependsOn": {"taskIdRanges": [{"start": 2, "end": 1}]}},
        "InvalidPropertyValue",
        "dependsOn.taskIdRanges[0].start",
        "2",
        "must not be more than the end, 1",
        job="depends",
    ),
    Refused(
        {"exitConditions": {"default": {"jobAction": "none"}}},
        "InvalidPropertyValue",
        "exitConditions.default.jobAction",
        '"none"',
        "only if onTaskFailure of the job is performexitoptionsjobaction",
        since=EXITS,
    ),
    Refused(
        {"exitConditions": {"default": {"dependencyAction": "block"}}},
        "InvalidPropertyValue",
        "exitConditions.default.dependencyAction",
        '"block"',
        "only if usesTaskDependencies of the job is true",
        since="2017-01-01.4.0",
    ),
    Refused({"id": "READY"}, "TaskIdSameAsJobPreparationTask", "id", '"READY"', "is taken", job="prepared"),
    Refused({"id": "clear"}, "TaskIdSameAsJobReleaseTask", "id", '"clear"', "is taken", job="prepared"),
)
CONFLICTS: Final = {"TaskIdSameAsJobPreparationTask": 409, "TaskIdSameAsJobReleaseTask": 409}
WHOLE: Final = ("MissingRequiredProperty", "InvalidRequestBody")
"""What cannot be read keeps a whole collection out."""


async def add_jobs(api: Api) -> None:
    await api.add_job("plain")
    await api.add_job("depends", usesTaskDependencies=True)
    prepares = {"id": "ready", "commandLine": "true"}
    releases = {"id": "clear", "commandLine": "true"}
    await api.add_job("prepared", jobPreparationTask=prepares, jobReleaseTask=releases)


def values(error: Mapping[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"] for one in error.get("values", ())}


def check(error: Mapping[str, Any], wanted: Refused, where: str = "") -> None:
    told = values(error)
    assert error["code"] == wanted.code
    assert told["PropertyName"] == where + wanted.name
    assert told.get("PropertyValue") == wanted.value
    assert wanted.rule in error["message"]["value"]
    assert (where + wanted.name) in error["message"]["value"]


def body(wanted: Refused, version: str) -> dict[str, Any]:
    says = wanted.old if version == OLDEST and wanted.old is not None else wanted.says
    task = {"id": "t", "commandLine": "true", **says}
    return {name: value for name, value in task.items() if value is not None}


async def test_a_task_that_is_not_added(api: Api) -> None:
    await add_jobs(api)
    before = await api.content()
    for wanted in TASKS:
        for version in {wanted.since, NEWEST}:
            task = body(wanted, version)
            alone = await api.raw("POST", f"/jobs/{wanted.job}/tasks?api-version={version}", task)
            assert alone.status == CONFLICTS.get(wanted.code, 400), (wanted, alone.body)
            check(alone.json, wanted)
            path = f"/jobs/{wanted.job}/addtaskcollection?api-version={version}"
            among = await api.raw("POST", path, {"value": [task]})
            if among.status == 200:
                (result,) = among.json["value"]
                assert result["status"] == "clienterror"
                check(result["error"], wanted, "value[0].")
            else:
                assert wanted.code in WHOLE
                check(among.json, wanted, "value[0].")
    assert await api.content() == before


def request(text: str, body: object = None, **headers: str) -> tuple[str, object, dict[str, str]]:
    return text, body, {name.replace("_", "-"): value for name, value in headers.items()}


STATES: Final[Mapping[str, dict[str, Any]]] = {
    "waits": {},
    "done": {"state": "completed", "result": "success", "exit_code": 0},
    "failed": {"state": "completed", "result": "failure", "exit_code": 1},
    "cleaned": {"state": "completed", "result": "success", "node_id": "n", "node_no": 1, "files_until": 5},
}
T: Final = "/jobs/plain/tasks"
BIG: Final = b" " * (2**20 + 1)
"""of no content: what is refused by its length is not read"""
REQUESTS: Final[tuple[tuple[tuple[str, object, dict[str, str]], int, str, str], ...]] = (
    (request(f"POST {T}", {"id": "DONE", "commandLine": "a"}), 409, "TaskExists", "already exists"),
    (request(f"POST {T}/done/terminate"), 409, "TaskCompleted", "already completed"),
    (request(f"POST {T}/waits/reactivate"), 409, "TaskNotCompleted", "Wait until it has completed"),
    (request(f"POST {T}/done/reactivate"), 409, "TaskSucceeded", "Add another task"),
    *(
        (request(f"{ask.format(job, task)}", {} if ask.startswith("PUT") else None), 404, code, "not exist")
        for ask in (
            "GET /jobs/{}/tasks/{}",
            "PUT /jobs/{}/tasks/{}",
            "DELETE /jobs/{}/tasks/{}",
            "POST /jobs/{}/tasks/{}/terminate",
            "POST /jobs/{}/tasks/{}/reactivate",
            "GET /jobs/{}/tasks/{}/subtasksinfo",
            "GET /jobs/{}/tasks/{}/files",
            "GET /jobs/{}/tasks/{}/files/stdout.txt",
            "DELETE /jobs/{}/tasks/{}/files/stdout.txt",
        )
        for job, task, code in (("none", "t", "JobNotFound"), ("plain", "none", "TaskNotFound"))
    ),
    *(
        (request(f"{verb} {T}/waits{rest}", None, If_Match="0x1"), 412, "ConditionNotMet", "condition")
        for verb, rest in (("GET", ""), ("DELETE", ""), ("POST", "/terminate"))
    ),
    (request(f"POST {T}/failed/reactivate", None, If_Match="0x1"), 412, "ConditionNotMet", "condition"),
    (
        request(f"GET {T}/waits", None, If_Match="0x1", If_None_Match="0x2"),
        400,
        "MultipleConditionHeadersNotSupported",
        "if-match, if-none-match",
    ),
    *(
        (request(f"GET {T}?{query}"), 400, code, rule)
        for query, code, rule in (
            ("$filter=state%20gt%20'active'", "InvalidQueryParameterValue", "which supports eq, ne"),
            ("$filter=nodeInfo%20eq%201", "InvalidQueryParameterValue", "can be filtered by id, state"),
            ("$select=Id", "InvalidQueryParameterValue", "which is no property"),
            ("$expand=nodes", "InvalidQueryParameterValue", "may name stats only"),
            ("maxresults=1001", "OutOfRangeQueryParameterValue", "must lie between 1 and 1000"),
            ("$orderby=id", "UnsupportedQueryParameter", "$orderby"),
        )
    ),
    (request(f"PATCH {T}/waits", {}), 405, "UnsupportedHttpVerb", "does not support"),
    (request(f"GET {T}/waits/files"), 409, "TaskFilesUnavailable", "never ran"),
    (request(f"GET {T}/cleaned/files"), 409, "TaskFilesCleanedup", "retentionTime is over"),
    (request(f"GET {T}/cleaned/files/stdout.txt"), 409, "TaskFilesCleanedup", "retentionTime is over"),
    (
        request("POST /jobs/plain/addtaskcollection", {"value": []}),
        400,
        "InvalidPropertyValue",
        'value is "0 tasks": it must have 1 to 100 tasks',
    ),
    *(
        (request(f"POST /jobs/plain/{path}", BIG), 413, "RequestBodyTooLarge", "at most 1048576 bytes")
        for path in ("tasks", "addtaskcollection")
    ),
    (request("GET /jobs/none/taskcounts"), 404, "JobNotFound", "does not exist"),
)


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_a_request_that_does_not_fit_how_things_are(api: Api) -> None:
    await add_jobs(api)
    for name, columns in STATES.items():
        await api.add_task(name, "plain")
        if columns:
            await api.update_task(name, **columns)
    before = await api.content()
    for (text, sent, headers), status, code, rule in REQUESTS:
        verb, target = text.split(" ", 1)
        for version in (NEWEST, OLDEST):
            if version == OLDEST and ("reactivate" in target or "taskcounts" in target):
                continue
            joint = "&" if "?" in target else "?"
            answer = await api.raw(verb, f"{target}{joint}api-version={version}", sent, headers)
            assert (answer.status, answer.json["code"]) == (status, code), (text, version)
            assert rule in answer.message, text
    assert await api.content() == before


ENDING: Final = {
    "completed": "JobCompleted",
    "terminating": "JobBeingTerminated",
    "deleting": "JobBeingDeleted",
}


async def test_a_job_that_takes_no_tasks_any_more(api: Api) -> None:
    await add_jobs(api)
    await api.add_task("failed", "plain")
    await api.update_task("failed", **STATES["failed"])

    async def answers(version: str) -> list[Answer]:
        query, task = f"?api-version={version}", {"id": "t", "commandLine": "true"}
        asked: list[tuple[str, object]] = [
            ("/jobs/plain/tasks", task),
            ("/jobs/plain/addtaskcollection", {"value": [task]}),
        ]
        if version != OLDEST:
            asked.append((f"{T}/failed/reactivate", None))
        return [await api.raw("POST", path + query, body) for path, body in asked]

    for state, code in ENDING.items():
        await api.update(schema.jobs, state=state)
        before = await api.content()
        for version in (NEWEST, OLDEST):
            assert {answer.error for answer in await answers(version)} == {(409, code)}
        assert await api.content() == before
