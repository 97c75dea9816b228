"""Tokens of tasks: what is signed is what is read, and nothing else is good."""

from __future__ import annotations

import base64

import pytest

from batchite.wire.signing import task_tokens
from batchite.wire.signing.task_tokens import TaskGrant, TaskTokenError
from batchite.wire.ticks import Timestamp, WallTime

KEY, OTHER = b"key of the account", b"another key"
GRANT = TaskGrant("films", 7, 1_000)
TOKEN = task_tokens.issue(GRANT, KEY)
BODY, _, SIGNATURE = TOKEN.partition(".")


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def test_it_is_good_until_its_end_by_any_key() -> None:
    assert task_tokens.read(TOKEN) == GRANT
    task_tokens.verify(TOKEN, GRANT, [OTHER, KEY], WallTime(Timestamp(999)))
    with pytest.raises(TaskTokenError, match="was good until 1970"):
        task_tokens.verify(TOKEN, GRANT, [KEY], WallTime(Timestamp(1_000)))


@pytest.mark.parametrize("place", range(len(TOKEN)))
def test_every_character_counts(place: int) -> None:
    changed = TOKEN[:place] + ("A" if TOKEN[place] != "A" else "B") + TOKEN[place + 1 :]
    with pytest.raises(TaskTokenError):
        task_tokens.verify(changed, task_tokens.read(changed), [KEY], WallTime(Timestamp(0)))


@pytest.mark.parametrize(
    "token",
    [
        *("", ".", "x", BODY, f"{BODY}.", f".{SIGNATURE}", "\udcff.x", "ä.b", "e30.e30.x"),
        *(f"{encoded(text)}.x" for text in ("", "{}", '["films"]', '["films","7",9]', '["films",7,9,9]')),
        f"{'A' * task_tokens.MAX_TOKEN}.x",
    ],
)
def test_what_is_none(token: str) -> None:
    with pytest.raises(TaskTokenError, match="none of a task's"):
        task_tokens.read(token)


@pytest.mark.parametrize("signature", [SIGNATURE.upper(), f"{SIGNATURE} ", f"{SIGNATURE}.x", "ä", "\udcff"])
def test_signatures_that_do_not_fit(signature: str) -> None:
    with pytest.raises(TaskTokenError, match="not signed with a key of the account 'films'"):
        task_tokens.verify(f"{BODY}.{signature}", GRANT, [KEY], WallTime(Timestamp(0)))


def test_no_other_account_key_signs_it() -> None:
    with pytest.raises(TaskTokenError, match="not signed"):
        task_tokens.verify(TOKEN, GRANT, [OTHER], WallTime(Timestamp(0)))
