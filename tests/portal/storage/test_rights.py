"""Who sees which storage, what a portal for reading does, and what is told where there is no storage."""

from pathlib import Path

from tests.blobs.server import NAME, NEIGHBOUR, Server
from tests.portal import blobs
from tests.portal.service import serving

from batchite.configuration.accounts import DEVELOPMENT_BATCH_KEY, DEVELOPMENT_BATCH_NAME
from batchite.portal.blob_client.client import Client, Where
from batchite.portal.visit import ROOT
from batchite.store.database import Database

THINGS = f"/storage/{NAME}/containers/things"


async def test_a_batch_account_sees_its_own_storage_alone(
    database: Database, tmp_path: Path, server: Server, client: Client, foreign: Client
) -> None:
    known, url = blobs.accounts(server), blobs.base(server)
    async with serving(database, tmp_path, accounts=known, blob_url=url) as browser:
        await browser.enter_with_key(DEVELOPMENT_BATCH_NAME, DEVELOPMENT_BATCH_KEY)
        page = await browser.page("/storage")
        assert (NAME in page, NEIGHBOUR in page) == (True, False)
        assert (await browser.get(THINGS)).status == 200
        far = THINGS.replace(NAME, NEIGHBOUR)
        for path in (f"/storage/{NEIGHBOUR}", far, f"{far}/share", f"{far}/blob/download?name=x"):
            assert (await browser.get(path)).status == 404
        for path in (f"{far}/upload", f"{far}/delete", f"{far}/share"):
            assert (await browser.post(path, {"name": "x", "may-r": "yes", "for": "hour"})).status == 404
        assert (await foreign.blobs("things", limit=9)).entries == ()


async def test_a_portal_for_reading_changes_and_shares_nothing(
    database: Database, tmp_path: Path, server: Server, client: Client
) -> None:
    await client.put_blob(Where("things", "kept"), b"kept", 4)
    known, url = blobs.accounts(server), blobs.base(server)
    async with serving(database, tmp_path, accounts=known, blob_url=url, is_read_only=True) as browser:
        await browser.enter()
        for path in (f"/storage/{NAME}", THINGS, f"{THINGS}/properties", f"{THINGS}/blob?name=kept"):
            page = await browser.page(path)
            assert page.count('method="post"') == 1  # leaving
            assert "upload.js" not in page
        assert (await browser.get(f"{THINGS}/blob/download?name=kept&through=1")).content == b"kept"
        for path in ("/delete", "/upload", "/share", "/removal/delete", "/blob/delete?name=kept"):
            form = {"name": "x", "may-r": "yes", "for": "hour", "blob-1": "kept", "count": "1"}
            answer = await browser.post(f"{THINGS}{path}", form)
            assert (answer.status, "for reading only" in answer.text) == (403, True)
        told = {"x_csrf_token": await browser.token()}
        answer = await browser.ask("PUT", f"{ROOT}{THINGS}/blob/content?name=new", b"new", **told)
        assert answer.status == 403
        assert [entry.name for entry in (await client.blobs("things", limit=9)).entries] == ["kept"]


async def test_a_service_that_does_not_run_is_told(
    database: Database, tmp_path: Path, server: Server
) -> None:
    known = blobs.accounts(server)
    async with serving(database, tmp_path, accounts=known, blob_url="") as browser:
        await browser.enter()
        assert "does not run here" in await browser.page("/storage")
        answer = await browser.get(THINGS)
        assert (answer.status, "starts both services" in answer.text) == (404, True)
        assert (await browser.get(f"/storage/{NEIGHBOUR}")).status == 200
    async with serving(database, tmp_path, accounts=known, blob_url="http://127.0.0.1:1") as browser:
        await browser.enter()
        answer = await browser.get(THINGS)
        assert (answer.status, "Is it running?" in answer.text) == (502, True)
