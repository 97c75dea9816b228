"""The page of application packages: what is there, what is sent, what may be done."""

from __future__ import annotations

import io
import zipfile

from tests.portal.service import Answer, Browser

from batchite.portal.visit import ROOT

PAGE = "/batch/devbatch/applications"


def zipped(**files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


async def send(operator: Browser, name: str, version: str, content: bytes) -> Answer:
    """As the page's script does."""
    path = f"{ROOT}{PAGE}/{name}/packages/{version}"
    token = {"x_csrf_token": await operator.token(), "sec_fetch_dest": "empty"}
    return await operator.ask("PUT", path, content, **token)


async def test_a_package_is_sent_seen_chosen_and_deleted(operator: Browser) -> None:
    assert "No packages yet" in await operator.page(PAGE)
    assert (await send(operator, "Blender", "2.7", zipped(run="1"))).status == 201
    assert (await send(operator, "blender", "2.8", zipped(run="two"))).status == 201
    page = await operator.page(PAGE)
    assert page.count('aria-label="Blender"') == 1
    assert "no default version" in page
    answer = await operator.post(f"{PAGE}/Blender/packages/2.8/default")
    assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}{PAGE}")
    assert "2.8 is now the default version of Blender." in await operator.page(PAGE)
    assert "default 2.8" in await operator.page(PAGE)
    await operator.post(f"{PAGE}/Blender/packages/2.8/delete")
    page = await operator.page(PAGE)
    assert "no default version" in page
    assert ">2.8" not in page
    await operator.post(f"{PAGE}/Blender/delete")
    assert "No packages yet" in await operator.page(PAGE)


async def test_versions_that_stay_as_they_are_offer_no_deletion(operator: Browser) -> None:
    await send(operator, "blender", "1", zipped(run="1"))
    await operator.post(f"{PAGE}/blender/updates", {"updates": "no"})
    page = await operator.page(PAGE)
    assert "versions stay as they are" in page
    assert "/packages/1/delete" not in page.split("<dialog")[0]
    refused = await operator.post(f"{PAGE}/blender/packages/1/delete")
    assert "allowUpdates" in refused.text


async def test_what_is_no_package_is_told_in_words_and_leaves_nothing(operator: Browser) -> None:
    answer = await send(operator, "blender", "1", b"no zip")
    assert answer.status == 400
    assert "The package is not taken." in answer.text
    assert "<html" not in answer.text, "a script shows it"
    answer = await send(operator, "%3Cscript%3E", "1", zipped(run="1"))
    assert answer.status == 400
    assert "No packages yet" in await operator.page(PAGE)


async def test_who_is_not_in_sends_nothing(stranger: Browser) -> None:
    path = f"{ROOT}{PAGE}/blender/packages/1"
    answer = await stranger.ask("PUT", path, zipped(run="1"), x_csrf_token="x", sec_fetch_dest="empty")
    assert answer.status in (303, 401, 403)
