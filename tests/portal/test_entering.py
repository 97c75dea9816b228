"""Who may look at the portal, and for how long."""

import re
from pathlib import Path

import pytest
from tests.clocks import Machine
from tests.portal.service import Browser, serving

from batchite.configuration import entrance, portal_secret
from batchite.configuration.accounts import (
    DEVELOPMENT_ACCOUNTS,
    DEVELOPMENT_BATCH_KEY,
    Accounts,
    BatchAccount,
)
from batchite.portal import sessions, throttle
from batchite.portal.app import ROUTES
from batchite.portal.visit import ROOT
from batchite.store.database import Database

FILMS = BatchAccount("films", ("c2Vjb25kIGFjY291bnQ=", "YW5vdGhlciBrZXk="))
TWO = Accounts((*DEVELOPMENT_ACCOUNTS.batch, FILMS), DEVELOPMENT_ACCOUNTS.storage)


async def test_no_page_is_shown_to_strangers(stranger: Browser) -> None:
    await stranger.api.add_pool("films")
    for route in ROUTES:
        path = re.sub(r"{[\w.]+}", "films", route.path.replace("{account}", "devbatch"))
        answer = await stranger.ask(route.verb, path)
        assert (answer.status, route) == (401, route)
        assert "Come in" in answer.text
    assert (await stranger.api.get("/pools/films")).json["state"] == "active"


async def test_a_link_opens_the_portal_once(stranger: Browser) -> None:
    link = stranger.link()
    assert (await stranger.ask("HEAD", link)).status == 200
    first = await stranger.ask("GET", link, sec_fetch_site="none")
    assert f"url={ROOT}/" in first.text
    assert "devbatch" in await stranger.page("/")
    stranger.cookies.clear()
    second = await stranger.ask("GET", link)
    assert second.status == 403
    assert "has been used" in second.text
    assert stranger.cookies == {}


async def test_a_link_is_good_for_minutes(stranger: Browser, machine: Machine) -> None:
    link = stranger.link()
    machine.ahead_seconds = entrance.SECONDS + 1
    assert (await stranger.ask("GET", link)).status == 403
    assert list(stranger.data_dir.glob("portal/*")) == []


@pytest.mark.parametrize("token", ["", "x", "../accounts.json", "%00", "a" * 5000])
async def test_what_is_no_link_opens_nothing(stranger: Browser, token: str) -> None:
    answer = await stranger.ask("GET", f"{entrance.PATH}?token={token}")
    assert answer.status == 403
    assert stranger.cookies == {}


async def test_the_cookie_is_for_no_script_and_no_other_site(stranger: Browser) -> None:
    answer = await stranger.ask("GET", stranger.link())
    (line,) = answer.cookies.values()
    assert line.endswith("; Path=/-/portal; Max-Age=43200; HttpOnly; SameSite=Strict")
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_cookie_stays_on_https() -> None:
    known = sessions.Sessions(b"secret")
    assert known.set_cookie(known.begin(0), secure=True).endswith("; Secure")


async def test_a_session_outlives_the_process(operator: Browser, database: Database) -> None:
    async with serving(database, operator.data_dir, clock=operator.clock) as restarted:
        restarted.cookies = operator.cookies
        assert "devbatch" in await restarted.page("/")


async def test_a_session_ends_when_nobody_looks(operator: Browser, machine: Machine) -> None:
    machine.ahead_seconds = sessions.RENEWED_AFTER
    assert (await operator.get("/")).cookies, "a look renews it"
    machine.ahead_seconds += sessions.SECONDS - 600
    assert (await operator.get("/")).status == 200
    machine.ahead_seconds += sessions.SECONDS
    assert (await operator.get("/")).status == 401


async def test_no_session_lasts_for_ever(operator: Browser, machine: Machine) -> None:
    step = sessions.SECONDS - 60
    for _ in range(sessions.LONGEST_SECONDS // step):
        machine.ahead_seconds += step
        assert (await operator.get("/")).status == 200
    machine.ahead_seconds += step
    assert (await operator.get("/")).status == 401


async def test_a_session_that_was_written_by_somebody_else_is_none(operator: Browser) -> None:
    (name,) = operator.cookies
    good = operator.cookies[name]
    forged = sessions.Sessions(b"guessed")
    others = forged.set_cookie(forged.begin(operator.clock.wall().ticks), secure=False)
    body, _, signature = good.partition(".")
    note = sessions.Sessions(portal_secret.load(operator.data_dir))
    sealed = note.sealed(note.begin(0), '{"id":"x","began":9999999999,"renewed":9999999999}')
    for value in ["", ".", "é", body, f"{body}.", f"{body[:-2]}AA.{signature}", sealed, others.split("=")[1]]:
        operator.cookies = {name: value}
        assert (await operator.get("/")).status == 401


def test_what_is_sealed_for_a_session_is_for_no_other() -> None:
    known = sessions.Sessions(b"secret")
    mine, other = known.begin(0), known.begin(0)
    sealed = known.sealed(mine, "it is done")
    assert known.unsealed(mine, sealed) == "it is done"
    assert known.unsealed(other, sealed) == ""
    assert sessions.Sessions(b"guessed").unsealed(mine, sealed) == ""


def test_the_secret_is_for_its_owner_only(tmp_path: Path) -> None:
    first = portal_secret.load(tmp_path)
    assert portal_secret.load(tmp_path) == first
    assert (tmp_path / portal_secret.FILE_NAME).stat().st_mode & 0o777 == 0o600
    (tmp_path / portal_secret.FILE_NAME).write_bytes(b"short")
    assert len(portal_secret.load(tmp_path)) == portal_secret.BYTES


# -- by an account's key


async def test_a_key_opens_its_account_and_no_other(database: Database, tmp_path: Path) -> None:
    async with serving(database, tmp_path, accounts=TWO) as browser:
        answer = await browser.enter_with_key("films", FILMS.keys[1])
        assert answer.status == 200
        assert "films" in await browser.page("/")
        assert (await browser.get("/batch/films/pools")).status == 200
        other = await browser.get("/batch/devbatch/pools")
        assert other.status == 404
        assert DEVELOPMENT_BATCH_KEY not in other.text + await browser.page("/")
        assert str(tmp_path) not in await browser.page("/"), "nor where the data lies"


async def test_who_has_a_key_makes_no_accounts(database: Database, tmp_path: Path) -> None:
    async with serving(database, tmp_path, accounts=TWO) as browser:
        await browser.enter_with_key("films", FILMS.keys[0])
        refused = await browser.post("/accounts/add", {"name": "more", "kind": "both"})
        assert refused.status == 403
        assert "Only the operator of the service" in refused.text


async def test_a_session_ends_with_the_key_that_opened_it(database: Database, tmp_path: Path) -> None:
    async with serving(database, tmp_path, accounts=TWO) as browser:
        await browser.enter_with_key("films", FILMS.keys[0])
        cookies = browser.cookies
    rotated = BatchAccount("films", (FILMS.keys[1],))
    changed = Accounts((*DEVELOPMENT_ACCOUNTS.batch, rotated), DEVELOPMENT_ACCOUNTS.storage)
    for accounts in (changed, DEVELOPMENT_ACCOUNTS):
        async with serving(database, tmp_path, accounts=accounts) as browser:
            browser.cookies = dict(cookies)
            assert (await browser.get("/")).status == 401


async def test_wrong_keys_are_heard_only_so_often(stranger: Browser, machine: Machine) -> None:
    wrong = [("devbatch", "nope"), ("nobody", DEVELOPMENT_BATCH_KEY), ("devbatch", ""), ("\u202e", "é")]
    for attempt in range(throttle.FROM_ONE):
        answer = await stranger.enter_with_key(*wrong[attempt % len(wrong)])
        assert answer.status == 403
    answer = await stranger.enter_with_key("devbatch", DEVELOPMENT_BATCH_KEY)
    assert (answer.status, stranger.cookies) == (429, {})
    machine.ahead_seconds = int(answer.headers["retry-after"])
    assert (await stranger.enter_with_key("devbatch", DEVELOPMENT_BATCH_KEY)).status == 200
    assert "devbatch" in await stranger.page("/")


def test_many_addresses_together_guess_no_faster() -> None:
    guard = throttle.Throttle()
    for number in range(throttle.FROM_ALL):
        guard.failed(f"10.0.{number // 256}.{number % 256}", number / 1000)
    assert guard.wait("10.9.9.9", 1) > 0
    assert guard.wait("10.9.9.9", throttle.WINDOW_SECONDS + 1) == 0


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        (f"{ROOT}/batch/devbatch/pools?q=a", f"{ROOT}/batch/devbatch/pools?q=a"),
        ("//evil.example", f"{ROOT}/"),
        ("https://evil.example/-/portal/", f"{ROOT}/"),
        (f"{ROOT}/\\evil", f"{ROOT}/"),
        (f"{ROOT}/\r\nset-cookie: a=b", f"{ROOT}/"),
        (f"{ROOT}/leave", f"{ROOT}/"),
    ],
)
async def test_who_comes_in_is_led_to_the_page_asked_for_and_nowhere_else(
    stranger: Browser, asked: str, led: str
) -> None:
    form = {"account": "devbatch", "key": DEVELOPMENT_BATCH_KEY, "to": asked}
    answer = await stranger.ask("POST", entrance.PATH, form)
    assert f'content="0; url={led}"' in answer.text


async def test_a_link_of_another_site_leads_to_the_page_it_names(operator: Browser) -> None:
    """The browser keeps the cookie to itself at first."""
    kept, operator.cookies = operator.cookies, {}
    answer = await operator.get("/accounts", sec_fetch_site="cross-site")
    assert f'content="0; url={ROOT}/accounts"' in answer.text
    operator.cookies = kept
    assert (await operator.get("/accounts")).status == 200


async def test_leaving_ends_the_session_of_the_browser(operator: Browser) -> None:
    assert (await operator.ask("POST", f"{ROOT}/leave", {})).status == 403
    assert (await operator.post("/leave")).status == 303
    assert (await operator.get("/")).status == 401
