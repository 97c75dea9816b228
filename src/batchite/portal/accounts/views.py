"""Accounts: how to reach them, their keys, and new ones."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from batchite.configuration import made
from batchite.configuration.made import AccountError, Kind
from batchite.portal import audit
from batchite.portal.accounts import lines
from batchite.portal.answers import Answer, Done, NotHere, Page, Refused
from batchite.portal.routes import change, show
from batchite.portal.visit import Visit, address

HIDDEN = "<KEY>"
"""in the place of a key, until it is asked for"""
KINDS: dict[str, tuple[Kind, ...]] = {
    "both": ("batch", "storage"),
    "batch": ("batch",),
    "storage": ("storage",),
}


async def list_(visit: Visit) -> Answer:
    """With the keys if `?keys=show`, which the log tells."""
    shows = visit.query("keys") == "show"
    if shows:
        audit.note(visit.session.who, "looks at the keys of the accounts", "shown")
    place = visit.place
    values = {
        "shows": shows,
        "batch": [
            (one, lines.of_batch(one, place, one.keys[0] if shows else HIDDEN))
            for one in visit.batch_accounts
        ],
        "storage": [
            (one, lines.endpoint(one, place), lines.of_storage(one, place, one.keys[0] if shows else HIDDEN))
            for one in visit.storage_accounts
        ],
    }
    return Page("accounts/list.html", values, is_secret=shows)


async def add(visit: Visit) -> Answer:
    name, kind = visit.form.get("name", "").strip(), visit.form.get("kind", "")
    if kind not in KINDS:
        raise Refused(400, "Say which accounts to make: both, batch or storage.")
    cores, jobs = _quota(visit, "core-quota"), _quota(visit, "job-quota")
    await _change(
        lambda: made.add(Path(visit.place.data_dir), name, KINDS[kind], core_quota=cores, job_quota=jobs)
    )
    return Done(address("accounts"), f"The account {name} is there.")


def _quota(visit: Visit, name: str) -> int | None:
    """None if there is to be none. Raises Refused."""
    text = visit.form.get(name, "").strip()
    if text and not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise Refused(400, f"The {name.replace('-', ' ')} {text!r} is no whole number.")
    return int(text) if text else None


async def renew_key(visit: Visit) -> Answer:
    kind, name, which = visit.params["kind"], visit.params["name"], visit.form.get("which", "")
    known = visit.batch_accounts if kind == "batch" else visit.storage_accounts
    if kind not in ("batch", "storage") or name not in [account.name for account in known]:
        raise NotHere(f"There is no such account as {name!r}, or it is not yours.")
    if which not in ("1", "2"):
        raise Refused(400, "Say which key: 1 or 2.")
    await _change(lambda: made.renew_key(Path(visit.place.data_dir), cast(Kind, kind), name, int(which) - 1))
    return Done(address("accounts"), f"Key {which} of the {kind} account {name} is another one now.")


async def _change(make: made.Change) -> None:
    """In a thread: it waits for the disk. Raises Refused."""
    try:
        await asyncio.to_thread(make)
    except AccountError as error:
        raise Refused(409, str(error)) from None


ROUTES = (
    show("/accounts", list_),
    change("/accounts/add", add, for_operator=True),
    change("/accounts/{kind}/{name}/renew-key", renew_key),
)
