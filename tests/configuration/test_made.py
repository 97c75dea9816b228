"""Accounts that are made while services run, and what a kill in the middle leaves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from batchite.configuration import accounts, made
from batchite.configuration.accounts import DEVELOPMENT_ACCOUNTS, Accounts, BatchAccount, StorageAccount
from batchite.configuration.followed import FollowedAccounts
from batchite.configuration.made import AccountError

BOTH: tuple[made.Kind, ...] = ("batch", "storage")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    made.configure(DEVELOPMENT_ACCOUNTS, tmp_path)
    return tmp_path


def test_an_account_that_is_made_is_there_at_once_and_after_a_start(data_dir: Path) -> None:
    known = FollowedAccounts(data_dir)
    new = made.add(data_dir, "films", BOTH, core_quota=8, job_quota=2)
    assert known.find_batch("films") == new.batch[0]
    assert known.find_storage("films") == new.storage[0]
    assert (new.batch[0].storage_account, new.batch[0].core_quota) == ("films", 8)
    assert new.batch[0].job_quota == 2
    assert len(set(new.batch[0].keys + new.storage[0].keys)) == 4
    made.configure(DEVELOPMENT_ACCOUNTS, data_dir)
    assert known.find_batch("films") == new.batch[0]
    assert known.batch[0] == DEVELOPMENT_ACCOUNTS.batch[0], "the first one stays the first"
    assert (data_dir / accounts.FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_name_belongs_to_what_is_configured(data_dir: Path) -> None:
    made.add(data_dir, "films", BOTH)
    configured = Accounts((BatchAccount("films", ("a2V5",)),), (StorageAccount("other", ("a2V5",)),))
    made.configure(configured, data_dir)
    known = accounts.load(data_dir)
    assert known.batch == configured.batch
    assert [account.name for account in known.storage] == ["other", "films"]


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("devbatch", {"kinds": ("batch",)}, "already"),
        ("devstoreaccount1", {"kinds": BOTH}, "already"),
        ("AB", {"kinds": BOTH}, "3 to 24"),
        ("a" * 25, {"kinds": BOTH}, "3 to 24"),
        ("<b>x", {"kinds": BOTH}, "lower-case"),
        ("films", {"kinds": ("batch",), "storage_account": "nobody"}, "Make that one first"),
        ("films", {"kinds": BOTH, "core_quota": -1}, "from 0"),
        ("films", {"kinds": BOTH, "job_quota": -1}, "from 0"),
    ],
)
def test_what_cannot_be_made_changes_nothing(
    data_dir: Path, name: str, options: dict[str, object], said: str
) -> None:
    before = (data_dir / accounts.FILE_NAME).read_bytes()
    with pytest.raises(AccountError, match=said):
        made.add(data_dir, name, **options)  # type: ignore[arg-type]
    assert (data_dir / accounts.FILE_NAME).read_bytes() == before


def test_a_key_that_is_replaced_is_none_any_more(data_dir: Path) -> None:
    known = FollowedAccounts(data_dir)
    old = made.add(data_dir, "films", BOTH)
    key = made.renew_key(data_dir, "storage", "films", 1)
    found = known.find_storage("films")
    assert found is not None
    assert found.keys == (old.storage[0].keys[0], key)
    assert known.find_batch("films") == old.batch[0]
    for name, which in (("devstoreaccount1", 0), ("nobody", 0), ("films", 2)):
        with pytest.raises(AccountError):
            made.renew_key(data_dir, "storage", name, which)
    assert known.find_storage("films") == found


def test_nothing_is_made_where_nothing_was_started(tmp_path: Path) -> None:
    with pytest.raises(AccountError, match="No service has been started"):
        made.add(tmp_path, "films", BOTH)


def test_a_file_that_cannot_be_read_changes_nothing(data_dir: Path) -> None:
    known = FollowedAccounts(data_dir)
    (data_dir / accounts.FILE_NAME).write_text("{")
    assert known.find_batch("devbatch") is not None
    (data_dir / accounts.FILE_NAME).unlink()
    assert known.find_batch("devbatch") is not None
    made.configure(DEVELOPMENT_ACCOUNTS, data_dir)
    made.add(data_dir, "films", BOTH)
    assert known.find_batch("films") is not None


_KILLED = """
import os, signal, sys
from pathlib import Path
from batchite.configuration import made
os.{call} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
made.add(Path(sys.argv[1]), "films", ("batch", "storage"))
"""


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_kill_in_the_middle_leaves_all_as_it_was(data_dir: Path, call: str) -> None:
    before = accounts.load(data_dir)
    program = _KILLED.format(call=call)
    ended = subprocess.run([sys.executable, "-c", program, str(data_dir)], check=False, timeout=60)
    assert ended.returncode == -9
    assert accounts.load(data_dir) == before
    assert made.add(data_dir, "films", BOTH).batch[0].name == "films"


def test_two_who_make_accounts_at_once_take_turns(data_dir: Path) -> None:
    program = "import sys; from pathlib import Path; from batchite.configuration import made\n"
    program += "for n in range(5): made.add(Path(sys.argv[1]), sys.argv[2] + str(n), ('batch', 'storage'))"
    commands = [[sys.executable, "-c", program, str(data_dir), name] for name in ("one", "two")]
    running = [subprocess.Popen(command, env=os.environ) for command in commands]
    assert [process.wait(60) for process in running] == [0, 0]
    names = {account.name for account in accounts.load(data_dir).batch}
    assert names == {"devbatch", *(f"{word}{n}" for word in ("one", "two") for n in range(5))}
