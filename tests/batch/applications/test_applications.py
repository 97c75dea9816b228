"""Applications and their packages: managed by endpoints of ours, looked at by the API."""

import asyncio
import hashlib
import io
import os
import threading
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from tests.batch.service import IMAGE, Answer, Api
from yarl import URL

from batchite.batch.applications import actions
from batchite.machine.free_space import RESERVE_BYTES
from batchite.machine.zips import Archive
from batchite.resources import applications
from batchite.store import package_files
from batchite.store.package_files import PackageFiles, Staged, UnderWayError
from batchite.web.problems import ClientGone
from batchite.wire.batch.errors import BatchError

PLACE = "/-/applications"


def package(**files: str) -> bytes:
    """A zip."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # of no time
    return content.getvalue()


async def put(api: Api, name: str, version: str, content: bytes) -> Answer:
    return await api.raw("PUT", f"{PLACE}/{name}/packages/{version}", content)


async def patch(api: Api, name: str, **change: object) -> Answer:
    return await api.raw("PATCH", f"{PLACE}/{name}", change)


def contents(api: Api) -> set[str]:
    place = api.data_dir / "packages"
    return set(os.listdir(place)) if place.exists() else set()


def file_of(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()}.zip"


async def test_a_package_is_kept_by_its_hash_and_shown(api: Api) -> None:
    content = package(program="#!/bin/sh\n", data="x" * 1000)
    answer = await put(api, "Blender", "2.7", content)
    assert answer.status == 201
    (one,) = answer.json["packages"]
    digest = hashlib.sha256(content).hexdigest()
    assert one.pop("creationTime")
    expected = {"version": "2.7", "sha256": digest, "size": len(content), "unpackedSize": 1010, "files": 2}
    assert one == expected
    assert (answer.json["id"], answer.json["allowUpdates"]) == ("Blender", True)
    assert "defaultVersion" not in answer.json
    assert (api.data_dir / "packages" / f"{digest}.zip").read_bytes() == content
    assert (await api.raw("GET", f"{PLACE}/blender")).json == answer.json
    assert (await api.raw("GET", PLACE)).json == {"value": [answer.json]}


async def test_the_sdk_sees_what_can_be_used(api: Api) -> None:
    content = package(a="a")
    for name, version in (("first", "1"), ("Second", "1.0-beta"), ("Second", "2")):
        assert (await put(api, name, version, content)).status == 201
    await patch(api, "second", displayName="The second")
    assert (await api.raw("DELETE", f"{PLACE}/first/packages/1")).status == 204
    async with api.async_client() as client:
        found = [one async for one in client.list_applications()]
        assert [(one.id, one.display_name, one.versions) for one in found] == [
            ("Second", "The second", ["1.0-beta", "2"])
        ]
        one = await client.get_application("SECOND")
        assert one.versions == ["1.0-beta", "2"]
        with pytest.raises(ResourceNotFoundError, match="no such application"):
            await client.get_application("first")
    assert (await api.get("/applications/none")).error == (404, "ApplicationNotFound")
    assert (await api.get("/applications")).json["value"][0]["id"] == "Second"


async def test_lists_have_pages(api: Api) -> None:
    for name in ("a", "b", "c"):
        await put(api, name, "1", package(a="a"))
    async with api.async_client() as client:
        pages = client.list_applications(max_results=2).by_page()
        assert [[one.id async for one in page] async for page in pages] == [["a", "b"], ["c"]]


async def test_an_old_client_sees_the_same(api: Api) -> None:
    await put(api, "a", "1", package(a="a"))
    found = await api.raw("GET", "/applications?api-version=2016-02-01.3.0")
    assert found.json["value"] == [{"id": "a", "displayName": "a", "versions": ["1"]}]


async def test_what_nobody_refers_to_goes(api: Api) -> None:
    one, two = package(a="1"), package(a="2")
    await put(api, "a", "1", one)
    await put(api, "b", "1", one)
    await put(api, "a", "2", two)
    assert contents(api) == {file_of(one), file_of(two)}
    assert (await api.raw("DELETE", f"{PLACE}/a/packages/1")).status == 204
    assert contents(api) == {file_of(one), file_of(two)}
    assert (await put(api, "b", "1", two)).status == 201
    assert contents(api) == {file_of(two)}
    assert (await api.raw("DELETE", f"{PLACE}/a")).status == 204
    assert (await api.raw("DELETE", f"{PLACE}/b")).status == 204
    assert contents(api) == set()
    assert (await api.raw("GET", PLACE)).json == {"value": []}


async def test_contents_that_come_and_go_at_once_are_whole(api: Api) -> None:
    content = package(a="a")

    async def come_and_go(name: str) -> None:
        for _ in range(5):
            assert (await put(api, name, "1", content)).status == 201
            assert (await api.raw("DELETE", f"{PLACE}/{name}/packages/1")).status == 204

    await put(api, "stays", "1", content)
    await asyncio.gather(*map(come_and_go, ("a", "b", "c")))
    assert contents(api) == {file_of(content)}


async def test_archives_are_looked_through_one_at_a_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may keep a thread for minutes, and what else the service does needs some."""
    verified, others = actions._verified, threading.Barrier(2)

    def looked_through(staged: Staged) -> Archive:
        with pytest.raises(threading.BrokenBarrierError):
            others.wait(0.05)
        others.reset()
        return verified(staged)

    monkeypatch.setattr(actions, "_verified", looked_through)
    answers = await asyncio.gather(*(put(api, name, "1", package(a=name)) for name in ("a", "b", "c")))
    assert [answer.status for answer in answers] == [201, 201, 201]


async def test_the_default_version_is_chosen_and_cleared(api: Api) -> None:
    await put(api, "a", "1.0-Beta", package(a="a"))
    assert (await patch(api, "a", defaultVersion="1.0-beta")).json["defaultVersion"] == "1.0-Beta"
    missing = await patch(api, "a", defaultVersion="2")
    assert missing.error == (404, "ApplicationNotFound")
    assert "'a' has no version '2'; there is 1.0-Beta" in missing.message
    assert (await patch(api, "a", displayName="A")).json["defaultVersion"] == "1.0-Beta"
    assert "defaultVersion" not in (await patch(api, "a", defaultVersion=None)).json
    await patch(api, "a", defaultVersion="1.0-beta")
    await api.raw("DELETE", f"{PLACE}/a/packages/1.0-BETA")
    await put(api, "a", "1.0-beta", package(a="a"))
    assert "defaultVersion" not in (await api.raw("GET", f"{PLACE}/a")).json


async def test_packages_may_be_protected(api: Api) -> None:
    one, two = package(a="1"), package(a="2")
    await put(api, "a", "1", one)
    await patch(api, "a", allowUpdates=False)
    for answer in (
        await put(api, "a", "1", two),
        await api.raw("DELETE", f"{PLACE}/a/packages/1"),
        await api.raw("DELETE", f"{PLACE}/a"),
    ):
        assert answer.error == (409, "OperationInvalidForCurrentState")
        assert "batchite application set a --allow-updates" in answer.message
    assert contents(api) == {file_of(one)}
    assert (await put(api, "a", "1", one)).status == 201  # the same content changes nothing
    assert (await put(api, "a", "2", two)).status == 201
    await patch(api, "a", allowUpdates=True)
    assert (await api.raw("DELETE", f"{PLACE}/a")).status == 204


@pytest.mark.parametrize(
    ("name", "version", "part"),
    [
        ("a.b", "1", "applicationId"),
        ("a" * 65, "1", "applicationId"),
        ("a", "1 0", "version"),
        ("a", "1" * 65, "version"),
        ("a", "%C3%A4", "version"),
        ("a", ".", "version"),
        ("a", "..", "version"),
    ],
)
async def test_names_have_rules(api: Api, name: str, version: str, part: str) -> None:
    answer = await put(api, name, version.replace(" ", "%20"), package(a="a"))
    assert answer.error == (400, "InvalidPropertyValue")
    assert f"{part} is" in answer.message
    assert contents(api) == set()


async def test_what_is_refused_leaves_nothing(api: Api) -> None:
    for content, reason in (
        (b"packages/blender.zip", "no zip archive that can be read"),
        (package(**{"../a": "a"}), "leads upwards"),
        (package(a="a" * 100).replace(b"aaaa", b"aaab", 1), "is damaged"),
    ):
        answer = await put(api, "a", "1", content)
        assert answer.error == (400, "InvalidInput")
        assert reason in answer.message
    assert contents(api) == set()
    assert (await api.raw("GET", PLACE)).json == {"value": []}


async def test_numbers_and_sizes_have_limits(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    content = package(a="a")
    monkeypatch.setattr(actions, "MOST_PACKAGES", 2)
    monkeypatch.setattr(actions, "MOST_APPLICATIONS", 2)
    for version in ("1", "2"):
        await put(api, "a", version, content)
    assert "at most 2 packages" in (await put(api, "a", "3", content)).message
    assert (await put(api, "a", "2", package(b="b"))).status == 201
    await put(api, "b", "1", content)
    refused = await put(api, "c", "1", package(c="c"))
    assert refused.error == (409, "OperationInvalidForCurrentState")
    assert "at most 2 applications" in refused.message
    assert contents(api) == {file_of(content), file_of(package(b="b"))}
    monkeypatch.setattr(package_files, "LARGEST", 50)
    assert (await put(api, "b", "1", content)).error == (413, "RequestBodyTooLarge")
    assert (applications.MOST_APPLICATIONS, applications.MOST_PACKAGES) == (20, 40)


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100):
        yield content[start : start + 100]


async def test_what_is_on_its_way_has_a_limit_together(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    content = package(a="a" * 1000)
    monkeypatch.setattr(package_files, "MOST_UNDER_WAY", 2 * len(content))
    slow, slower = api.packages.stage(), api.packages.stage()
    slow.write(b"x" * len(content))
    assert (await put(api, "a", "1", content)).status == 201
    slower.write(b"x")
    refused = await put(api, "b", "1", content)
    assert refused.error == (503, "ServerBusy")
    assert refused.headers["Retry-After"] == "5"
    assert "Send this one again when others have come to their end." in refused.message
    with pytest.raises(BatchError, match="Send this one again"):
        await actions.add_package(api.acting(), "b", "1", pieces(content), None)
    with pytest.raises(UnderWayError):
        slower.write(b"x" * len(content))
    slow.close()
    assert (await put(api, "b", "1", content)).status == 201
    slower.close()
    assert contents(api) == {file_of(content)}


async def test_who_gives_up_or_is_refused_leaves_room(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    content = package(a="a" * 1000)
    monkeypatch.setattr(package_files, "MOST_UNDER_WAY", len(content))

    async def half() -> AsyncIterator[bytes]:
        yield content[:500]
        raise ClientGone("The connection was closed before the body was complete.")

    with pytest.raises(ClientGone):
        await actions.add_package(api.acting(), "a", "1", half(), None)
    assert (await put(api, "a", "1", b"x" * len(content))).error == (400, "InvalidInput")
    assert (await put(api, "a", "1", content)).status == 201
    assert contents(api) == {file_of(content)}


async def test_a_disk_that_is_almost_full_takes_no_packages(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = package(a="a" * 1000)
    left = [RESERVE_BYTES + len(content)]
    monkeypatch.setattr(
        os, "statvfs", lambda _: os.statvfs_result((1, 1, 1 << 40, left[0], left[0], 0, 0, 0, 0, 255))
    )
    assert (await put(api, "a", "1", content)).status == 201
    left[0] -= 1
    refused = await put(api, "b", "1", content)
    assert refused.error == (507, "InsufficientStorage")
    assert "Delete packages, blobs or jobs" in refused.message
    left[0] = RESERVE_BYTES + 99
    with pytest.raises(BatchError, match="Delete packages, blobs or jobs"):
        await actions.add_package(api.acting(), "b", "1", pieces(content), None)
    assert contents(api) == {file_of(content)}


async def test_what_is_announced_as_too_large_is_not_waited_for(api: Api) -> None:
    """The refusal comes before a single byte of it has been sent."""
    target = f"{PLACE}/a/packages/1"
    signed = api.signed("PUT", target, None, {"Content-Length": str(package_files.LARGEST + 1)})
    url = URL(api.url)
    assert url.host
    reader, writer = await asyncio.open_connection(url.host, url.port)
    lines = [f"PUT {target} HTTP/1.1", f"Host: {url.authority}", *map(": ".join, signed.items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_only_who_has_a_key_may(api: Api) -> None:
    answer = await api.raw("PUT", f"{PLACE}/a/packages/1", package(a="a"), signed=False)
    assert answer.status == 403
    assert contents(api) == set()


async def test_changes_that_say_nothing_sensible_are_refused(api: Api) -> None:
    await put(api, "a", "1", package(a="a"))
    wrong: list[dict[str, Any]] = [{"allowUpdates": "perhaps"}, {"other": 1}, {"displayName": "x" * 1025}]
    for change in wrong:
        assert (await patch(api, "a", **change)).status == 400
    assert (await patch(api, "none", displayName="x")).error == (404, "ApplicationNotFound")


def test_what_a_crash_left_is_tidied_away(tmp_path: Path) -> None:
    files = PackageFiles(tmp_path)
    files.tidy(())
    kept, orphan, half = (files.stage() for _ in range(3))
    for staged, content in ((kept, b"kept"), (orphan, b"orphan")):
        staged.write(content)
        staged.sync()
        staged.keep()
    half.write(b"half")
    for staged in (kept, orphan, half):
        staged.file.close()
    files.tidy({kept.digest})
    assert [path.name for path in (tmp_path / "packages").iterdir()] == [f"{kept.digest}.zip"]


async def test_pools_may_refer_to_what_is_there_and_keep_what_was(api: Api) -> None:
    await put(api, "Tool", "1", package(a="a"))
    full = {"applicationId": "/subscriptions/s/providers/Microsoft.Batch/applications/tool", "version": "1"}
    assert (await api.add_pool("a", applicationPackageReferences=[full])).status == 201
    assert (await api.get("/pools/a")).json["applicationPackageReferences"] == [full]
    default = {"applicationId": "tool"}
    refused = await api.add_pool("b", applicationPackageReferences=[full, default])
    assert refused.error == (409, "InvalidApplicationPackageReferences")
    assert "'tool' has no default version; there is 1." in refused.message
    assert refused.json["values"] == [{"key": "tool", "value": "default"}]
    await patch(api, "tool", defaultVersion="1")
    target = "/pools/a?api-version=2025-06-01"
    assert (await api.raw("PATCH", target, {"applicationPackageReferences": [default]})).status == 200
    await api.raw("DELETE", f"{PLACE}/tool/packages/1")
    assert (await api.raw("PATCH", target, {"metadata": []})).status == 200  # says nothing of them
    assert (await api.raw("PATCH", target, {"applicationPackageReferences": [full]})).status == 409
    everything = {"metadata": [], "applicationPackageReferences": []}
    assert (await api.post("/pools/a/updateproperties", everything)).status == 204
    assert not (await api.get("/pools/a")).json.get("applicationPackageReferences")


@pytest.mark.parametrize(
    ("reference", "part"),
    [
        ({"applicationId": "a b"}, "applicationId"),
        ({"applicationId": "x/"}, "applicationId"),
        ({"applicationId": "a", "version": ""}, "version"),
        ({"applicationId": "a", "version": "1/2"}, "version"),
    ],
)
async def test_references_have_rules(api: Api, reference: dict[str, str], part: str) -> None:
    await api.add_job()
    for answer, where in (
        (await api.add_pool("a", applicationPackageReferences=[reference]), ""),
        (await api.add_task("t", applicationPackageReferences=[reference]), ""),
    ):
        assert answer.error == (400, "InvalidPropertyValue")
        assert f"{where}applicationPackageReferences[0].{part} is" in answer.message


async def test_a_jobs_own_pool_that_refers_to_nothing_ends_the_job(api: Api) -> None:
    machine = {"vmSize": "standard_d2_v3", "virtualMachineConfiguration": IMAGE}
    pool = {**machine, "applicationPackageReferences": [{"applicationId": "tool"}]}
    info = {"autoPoolSpecification": {"poolLifetimeOption": "job", "pool": pool}}
    for name, state in (("lacks", "completed"), ("has", "active")):
        assert (await api.post("/jobs", {"id": name, "poolInfo": info})).status == 201
        job = (await api.get(f"/jobs/{name}")).json
        assert job["state"] == state
        error = job["executionInfo"].get("schedulingError", {})
        if state == "completed":
            assert error["code"] == "InvalidApplicationPackageReferencesInAutoPool"
            assert "There is no application 'tool'" in error["message"]
        await put(api, "tool", "1", package(a="a"))
        await patch(api, "tool", defaultVersion="1")
