"""Application packages, really used on nodes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import pytest
from azure.batch import models
from azure.batch.models import _models
from azure.core.rest import HttpRequest
from tests.service.house import House, fresh, refused, retries, sh

Reference = models.BatchApplicationPackageReference


def package(files: Mapping[str, str], mode: int = 0o100755) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, text)
    return content.getvalue()


def manage(house: House, verb: str, path: str, content: object = None) -> None:
    body = {"content": content} if isinstance(content, bytes) else {"json": content} if content else {}
    request = HttpRequest(verb, f"{house.batch_url}/-/applications/{path}", **body)
    if isinstance(content, bytes):
        request.headers["Content-Length"] = str(len(content))
    house.batch.send_request(request).raise_for_status()


def add(house: House, name: str, version: str, text: str = "", default: bool = False) -> None:
    program = {"bin/tool": f"#!/bin/sh\necho {text or version}\n", "data": "x" * 100_000}
    manage(house, "PUT", f"{name}/packages/{version}", package(program))
    if default:
        manage(house, "PATCH", name, {"defaultVersion": version})


def reboot(house: House, pool: str, node: str) -> None:
    house.batch._reboot_node_internal(pool, node, _models.BatchNodeRebootOptions(node_reboot_kind="requeue"))


@pytest.fixture(scope="module")
def given_pool(house: House) -> tuple[str, str]:
    """Two nodes with the default version of an application, and that application."""
    name = fresh("Tool")
    add(house, name, "1.0-beta", default=True)
    start = models.BatchStartTask(
        command_line=sh(f"$AZ_BATCH_APP_PACKAGE_{name.replace('-', '_')}/bin/tool"), wait_for_success=True
    )
    references = [Reference(application_id=name)]
    pool = house.ready_pool(2, slots=4, start_task=start, application_package_references=references)
    return pool, name


def test_a_pools_package_is_there_for_start_task_and_tasks(house: House, given_pool: tuple[str, str]) -> None:
    pool, name = given_pool
    stem = f"AZ_BATCH_APP_PACKAGE_{name.replace('-', '_')}"
    lower = f"AZ_BATCH_APP_PACKAGE_{name.replace('-', '_').lower()}"
    node = house.nodes(pool)[0]
    assert b"".join(house.batch.download_node_file(pool, node.id, "startup/stdout.txt")) == b"1.0-beta\n"
    job = house.add_job(pool)
    variables = " ".join(f"${each}" for each in (stem, f"{stem}_1_0_beta", lower, f"{lower}_1_0_beta"))
    told = house.output(job, sh(f"printf %s\\\\n {variables}; stat -c %a ${stem}/data ${stem}/bin/tool"))
    paths, modes = told.split()[:4], told.split()[4:]
    assert len(set(paths)) == 1
    assert paths[0].rpartition("/")[0].endswith("/applications")
    assert modes == ["755", "755"]
    listed = {file.name for file in house.batch.list_node_files(pool, node.id, recursive=True)}
    assert {f"applications/{paths[0].rpartition('/')[2]}/{name}" for name in ("data", "bin/tool")} <= listed


def test_a_tasks_package_is_installed_once(house: House, given_pool: tuple[str, str]) -> None:
    pool, _ = given_pool
    job, name = house.add_job(pool), fresh("solver")
    add(house, name, "1", "first", default=True)
    add(house, name, "2", "second")
    stem = f"$AZ_BATCH_APP_PACKAGE_{name.replace('-', '_')}"
    both = [
        Reference(application_id=name),
        Reference(application_id=f"/subscriptions/s/applications/{name}", version="2"),
    ]
    script = sh(f"{stem}/bin/tool; {stem}_1/bin/tool; {stem}_2/bin/tool; stat -c %i,$AZ_BATCH_NODE_ID {stem}")
    tasks = [house.add_task(job, script, application_package_references=both) for _ in range(6)]
    seen = set()
    for task in tasks:
        assert house.wait_for_task(job, task).execution_info.result == "success"
        *tools, place = house.text(job, task).split()
        assert tools == ["first", "first", "second"]
        seen.add(place)
    assert len(seen) == len({place.partition(",")[2] for place in seen})
    # what is added anew under a name is another content, for tasks that come then
    add(house, name, "2", "mended")
    only = [Reference(application_id=name, version="2")]
    assert house.output(job, sh(f"{stem}_2/bin/tool"), application_package_references=only) == "mended\n"


def test_a_task_whose_package_is_not_there_fails_with_a_sentence(
    house: House, given_pool: tuple[str, str]
) -> None:
    job, name = house.add_job(given_pool[0]), fresh("none")
    add(house, f"{name}-a", "1")
    for application, version, why in (
        (name, "1", f"There is no application {name!r}"),
        (f"{name}-a", None, "has no default version; there is 1"),
        (f"{name}-a", "2", "has no version '2'; there is 1"),
    ):
        wanted = [Reference(application_id=application, version=version)]
        task = house.run(job, "true", application_package_references=wanted, constraints=retries(3))
        info = task.execution_info
        assert (info.exit_code, info.retry_count) == (None, 0)
        assert (info.failure_info.category, info.failure_info.code) == (
            "usererror",
            "ApplicationPackageError",
        )
        assert why in info.failure_info.message
        assert "batchite application" in info.failure_info.message


def test_a_pool_may_only_refer_to_what_is_there(house: House) -> None:
    name = fresh("absent")
    missing = [Reference(application_id=name)]
    with refused(409, "InvalidApplicationPackageReferences"):
        house.add_pool(0, application_package_references=missing)
    pool = house.add_pool(0)
    with refused(409, "InvalidApplicationPackageReferences"):
        house.batch.update_pool(pool, models.BatchPoolUpdateOptions(application_package_references=missing))
    add(house, name, "1")
    with refused(409, "InvalidApplicationPackageReferences"):  # there is no default version
        house.batch.update_pool(pool, models.BatchPoolUpdateOptions(application_package_references=missing))
    with refused(400, "InvalidPropertyValue"):
        many = [Reference(application_id=name, version=str(number)) for number in range(11)]
        house.add_pool(0, application_package_references=many)


def test_a_node_without_its_package_is_unusable_until_that_is_there(house: House) -> None:
    name = fresh("late")
    add(house, name, "1", default=True)
    pool = house.ready_pool(1)
    wanted = models.BatchPoolUpdateOptions(application_package_references=[Reference(application_id=name)])
    house.batch.update_pool(pool, wanted)
    manage(house, "DELETE", f"{name}/packages/1")
    (node,) = house.nodes(pool)
    assert node.state == "idle"  # a changed reference reaches nodes when they boot
    reboot(house, pool, node.id)
    (node,) = house.wait_for_nodes(pool, "unusable")
    (error,) = node.errors
    assert error.code == "ApplicationPackageError"
    assert f"The application {name!r} has no default version" in error.message
    add(house, name, "2", default=True)
    reboot(house, pool, node.id)
    (node,) = house.wait_for_nodes(pool, "idle")
    assert not node.errors
    stem = f"$AZ_BATCH_APP_PACKAGE_{name.replace('-', '_')}"
    assert house.output(house.add_job(pool), sh(f"{stem}/bin/tool")) == "2\n"
