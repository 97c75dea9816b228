"""The first page, and the page of the accounts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal.service import Browser, serving

from batchite.configuration import accounts, made
from batchite.configuration.accounts import (
    DEVELOPMENT_ACCOUNTS,
    DEVELOPMENT_BATCH_KEY,
    DEVELOPMENT_STORAGE_KEY,
)
from batchite.configuration.followed import FollowedAccounts
from batchite.portal.visit import ROOT
from batchite.store.database import Database


@pytest.fixture
async def living(database: Database, tmp_path: Path) -> AsyncIterator[Browser]:
    """The operator, where accounts can be made."""
    made.configure(DEVELOPMENT_ACCOUNTS, tmp_path)
    async with serving(database, tmp_path, accounts=FollowedAccounts(tmp_path)) as browser:
        await browser.enter()
        yield browser


async def test_home_says_what_to_do_where_there_is_nothing(operator: Browser) -> None:
    page = await operator.page("/")
    assert "Nothing here yet" in page
    assert "batchite env" in page
    assert "Needs attention" not in page


async def test_home_shows_what_runs(operator: Browser) -> None:
    await operator.api.add_pool("films")
    await operator.api.add_node("tvm-1", "films")
    await operator.api.add_job("frames", "films")
    await operator.api.add_task("one", "frames")
    page = await operator.page("/")
    assert f'href="{ROOT}/batch/devbatch/jobs/frames"' in page
    assert "1 active" in page
    assert "1 idle" in page


async def test_home_says_what_needs_attention_and_what_to_do(operator: Browser) -> None:
    await operator.api.add_pool("films", startTask={"commandLine": "false", "waitForSuccess": True})
    await operator.api.add_node("tvm-1", "films", state="starttaskfailed", start_task_exit_code=3)
    await operator.api.add_job("frames", "nowhere")
    await operator.api.add_task("one", "frames")
    page = await operator.page("/")
    assert "Needs attention" in page
    assert "start task failed" in page
    assert "The pool nowhere that the job names does not exist." in page
    assert "Add a pool of that id" in page


async def test_keys_are_shown_to_who_asks_and_the_log_tells(
    operator: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    page = await operator.page("/accounts")
    assert DEVELOPMENT_STORAGE_KEY not in page
    assert DEVELOPMENT_BATCH_KEY not in page
    assert "&lt;KEY&gt;" in page
    assert "looks at the keys" not in caplog.text
    page = await operator.page("/accounts?keys=show")
    assert f"AccountKey={DEVELOPMENT_STORAGE_KEY};BlobEndpoint=" in page
    assert DEVELOPMENT_BATCH_KEY in page
    assert "operator: looks at the keys of the accounts: shown" in caplog.text


async def test_an_account_is_made_and_opens_at_once(living: Browser) -> None:
    wanted = {"name": "films", "kind": "both", "core-quota": "8", "job-quota": "2"}
    answer = await living.post("/accounts/add", wanted)
    assert answer.status == 303
    page = await living.page("/accounts")
    assert "The account films is there." in page
    assert 'id="batch-films"' in page
    assert 'id="storage-films"' in page
    assert (await living.get("/?account=films")).status == 200
    (films,) = [account for account in accounts.load(living.data_dir).batch if account.made]
    assert (films.core_quota, films.job_quota) == (8, 2)
    living.cookies.clear()
    assert (await living.enter_with_key("films", films.keys[1])).status == 200
    page = await living.page("/accounts")
    assert 'id="storage-films"' in page
    assert "devbatch" not in page


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"name": "devbatch", "kind": "batch"}, 409),
        ({"name": "<b>", "kind": "both"}, 409),
        ({"name": "", "kind": "both"}, 409),
        ({"name": "films", "kind": "other"}, 400),
        ({"name": "films", "kind": "both", "core-quota": "-1"}, 400),
        ({"name": "films", "kind": "both", "job-quota": "few"}, 400),
        ({"name": "films", "kind": "both", "core-quota": "9999999999"}, 409),
    ],
)
async def test_what_cannot_be_made_is_said(living: Browser, form: dict[str, str], status: int) -> None:
    before = accounts.load(living.data_dir)
    assert (await living.post("/accounts/add", form)).status == status
    assert accounts.load(living.data_dir) == before


async def test_a_key_is_renewed(living: Browser) -> None:
    made.add(living.data_dir, "films", ("batch", "storage"))
    first, second = accounts.load(living.data_dir).storage[1].keys
    assert (await living.post("/accounts/storage/films/renew-key", {"which": "1"})).status == 303
    now = accounts.load(living.data_dir).storage[1].keys
    assert now[0] != first
    assert now[1] == second
    for path, which, status in (
        ("storage/films", "3", 400),
        ("queue/films", "1", 404),
        ("batch/nobody", "1", 404),
        ("batch/devbatch", "1", 409),
    ):
        assert (await living.post(f"/accounts/{path}/renew-key", {"which": which})).status == status
    assert accounts.load(living.data_dir).storage[1].keys == now
