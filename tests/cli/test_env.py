"""`batchite env`: what it prints, and that a shell reads it as it was meant."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from batchite.cli.commands import application
from batchite.cli.env import exports
from batchite.cli.exits import NOT_RUNNING
from batchite.cli.variables import variables
from batchite.configuration import accounts, endpoints
from batchite.configuration.accounts import DEVELOPMENT_ACCOUNTS, Accounts, BatchAccount, StorageAccount
from batchite.configuration.endpoints import Endpoints
from batchite.machine import directory_lock

BOTH = Endpoints(host="127.0.0.1", batch_port=1003, blob_port=1000)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "batchite", "env", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_the_six_variables_of_the_development_accounts() -> None:
    assert variables(DEVELOPMENT_ACCOUNTS, BOTH) == {
        "AZURE_BATCH_ACCOUNT": "devbatch",
        "AZURE_BATCH_ACCESS_KEY": DEVELOPMENT_ACCOUNTS.batch[0].keys[0],
        "AZURE_BATCH_ENDPOINT": "http://127.0.0.1:1003",
        "AZURE_STORAGE_ACCOUNT": "devstoreaccount1",
        "AZURE_STORAGE_KEY": DEVELOPMENT_ACCOUNTS.storage[0].keys[0],
        "AZURE_STORAGE_CONNECTION_STRING": (
            "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
            f"AccountKey={DEVELOPMENT_ACCOUNTS.storage[0].keys[0]};"
            "BlobEndpoint=http://127.0.0.1:1000/devstoreaccount1;"
        ),
    }


def test_clients_go_through_the_proxy_if_there_is_one() -> None:
    public = msgspec.structs.replace(BOTH, batch_public_url="https://b.example.org")
    values = variables(DEVELOPMENT_ACCOUNTS, public)
    assert values["AZURE_BATCH_ENDPOINT"] == "https://b.example.org"
    assert "BlobEndpoint=http://127.0.0.1:1000/devstoreaccount1;" in values["AZURE_STORAGE_CONNECTION_STRING"]
    public = msgspec.structs.replace(BOTH, blob_public_url="https://d.example.org:444")
    connection = variables(DEVELOPMENT_ACCOUNTS, public)["AZURE_STORAGE_CONNECTION_STRING"]
    assert connection.startswith("DefaultEndpointsProtocol=https;")
    assert "BlobEndpoint=https://d.example.org:444/devstoreaccount1;" in connection
    assert public.url("blob") == "http://127.0.0.1:1000"


def test_another_account_and_its_own_storage() -> None:
    known = Accounts(
        batch=(BatchAccount("one", ("a",), "first"), BatchAccount("two", ("b",), "second")),
        storage=(StorageAccount("first", ("c",)), StorageAccount("second", ("d",))),
    )
    values = variables(known, BOTH, batch_account="two")
    assert (values["AZURE_BATCH_ACCOUNT"], values["AZURE_STORAGE_ACCOUNT"]) == ("two", "second")
    with pytest.raises(LookupError, match="there are one, two"):
        variables(known, BOTH, batch_account="three")


def test_storage_of_another_service_is_reached_there() -> None:
    foreign = StorageAccount("films", ("c",), "https://films.example.org")
    known = Accounts(batch=(BatchAccount("one", ("a",), "films"),), storage=(foreign,))
    for endpoints_ in (BOTH, msgspec.structs.replace(BOTH, blob_port=None)):
        values = variables(known, endpoints_)
        assert values["AZURE_STORAGE_CONNECTION_STRING"] == (
            "DefaultEndpointsProtocol=https;AccountName=films;AccountKey=c;"
            "BlobEndpoint=https://films.example.org;"
        )


def test_a_service_never_started_has_no_variables() -> None:
    assert not [
        name
        for name in variables(DEVELOPMENT_ACCOUNTS, Endpoints(host="::1", blob_port=1))
        if "BATCH" in name
    ]


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:1"), ("::", "http://[::1]:1"), ("10.0.0.2", "http://10.0.0.2:1")],
)
def test_urls_are_ones_to_connect_to(host: str, url: str) -> None:
    assert Endpoints(host=host, batch_port=1).url("batch") == url


def test_a_shell_reads_back_what_was_written() -> None:
    value = "a b'c\"d$HOME;`id`\\"
    script = f'{exports({"STRANGE": value})}\nprintf %s "$STRANGE"'
    assert subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout == value


def test_json_for_programs_and_nothing_to_evaluate_where_nothing_runs(tmp_path: Path) -> None:
    accounts.save(DEVELOPMENT_ACCOUNTS, tmp_path)
    endpoints.save(BOTH, tmp_path)
    with directory_lock.held(tmp_path / endpoints.LOCK_FILE):
        answer = run("--json", "--data-dir", str(tmp_path))
    assert (answer.returncode, answer.stderr) == (0, "")
    assert json.loads(answer.stdout) == variables(DEVELOPMENT_ACCOUNTS, BOTH)
    for form in ([], ["--json"]):
        answer = run(*form, "--data-dir", str(tmp_path))
        assert (answer.returncode, answer.stdout) == (NOT_RUNNING, "")
        assert "not running" in answer.stderr


@pytest.mark.parametrize("words", [["pool", "list"], ["task", "logs", "t"], ["blob", "keep"]])
def test_a_stopped_service_is_not_mistaken_for_who_has_its_ports_now(
    tmp_path: Path, words: list[str]
) -> None:
    accounts.save(DEVELOPMENT_ACCOUNTS, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        port = other.getsockname()[1]
        endpoints.save(Endpoints(host="127.0.0.1", batch_port=port, blob_port=port), tmp_path)
        answer = CliRunner().invoke(application(), [*words, "--data-dir", str(tmp_path)])
        with pytest.raises(BlockingIOError):
            other.accept()
    assert answer.exit_code == NOT_RUNNING
    assert "is not running at present" in answer.stderr


def test_a_directory_without_services_is_an_error_with_the_next_step(tmp_path: Path) -> None:
    answer = run("--data-dir", str(tmp_path / "none"))
    assert (answer.returncode, answer.stdout) == (NOT_RUNNING, "")
    assert f"Start one with: batchite serve --data-dir {tmp_path}/none\n" in answer.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b'{"batch": [], "storage": []}',
        b'{"batch": [{"name": "\xff", "keys": ["a"]}]}',
        b'{"batch": [{"name": "a", "keys": []}]}',
    ],
)
def test_damaged_accounts_are_named(tmp_path: Path, content: bytes) -> None:
    endpoints.save(BOTH, tmp_path)
    (tmp_path / accounts.FILE_NAME).write_bytes(content)
    answer = run("--data-dir", str(tmp_path))
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "accounts.json is damaged" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_files_that_are_missing_or_none(tmp_path: Path) -> None:
    endpoints.save(BOTH, tmp_path)
    assert "no service has been started" in run("--data-dir", str(tmp_path)).stderr
    (tmp_path / accounts.FILE_NAME).mkdir()
    assert "cannot be read: Is a directory" in run("--data-dir", str(tmp_path)).stderr
    (tmp_path / endpoints.FILE_NAME).unlink()
    (tmp_path / endpoints.FILE_NAME).mkdir()
    assert "cannot be read: Is a directory" in run("--data-dir", str(tmp_path)).stderr


def test_hostile_values_stay_values(tmp_path: Path) -> None:
    """What a shell reads runs nothing, whatever stands in the files."""
    host = 'a\'; touch "$(pwd)/pwned"; `touch pwned`\n$(touch pwned) #'
    text = exports(variables(DEVELOPMENT_ACCOUNTS, Endpoints(host=host, batch_port=1, blob_port=2)))
    script = f'{text}\nprintf %s "$AZURE_BATCH_ENDPOINT"'
    shell = subprocess.run(
        ["/bin/sh", "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert shell.stdout == f"http://{host}:1"
    assert list(tmp_path.iterdir()) == []
