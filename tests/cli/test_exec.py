"""`batchite exec`: a command that finds the services under the cloud's names, and is itself in all else."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from batchite.cli import exits
from batchite.testing import RunningService
from batchite.testing.fixtures import blob_service as blob_service

HOST = "devstoreaccount1.blob.core.windows.net"
ASK = f"""
import urllib.error, urllib.request
try:
    urllib.request.urlopen("https://{HOST}/?comp=list")
except urllib.error.HTTPError as error:
    print(error.code, error.headers["x-ms-error-code"])
"""


def run(
    service: RunningService, *words: str, variables: dict[str, str] | None = None, **options: object
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "batchite", "exec", "--data-dir", str(service.data_dir), *words]
    environment = {**os.environ, **(variables or {})}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, timeout=60, **options  # type: ignore[call-overload, no-any-return]
    )  # fmt: skip


def test_a_program_finds_the_service_by_the_clouds_name(blob_service: RunningService, tmp_path: Path) -> None:
    """Where nothing else of the machine knows that name; and nothing is left of it."""
    answer = run(
        blob_service, "--offline", "--", sys.executable, "-c", ASK, variables={"TMPDIR": str(tmp_path)}
    )
    assert (answer.stdout, answer.stderr) == ("401 NoAuthenticationInformation\n", "")
    assert answer.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_input_output_and_exit_code_are_the_commands_own(blob_service: RunningService) -> None:
    answer = run(
        blob_service, "sh", "-c", "cat; echo err >&2; exit 7", "--", "--offline", input="in\n"
    )  # fmt: skip
    assert (answer.stdout, answer.stderr, answer.returncode) == ("in\n", "err\n", 7)


def test_signals_are_the_commands_own(blob_service: RunningService) -> None:
    """It ends by them as it would by itself; and what Python ignores, it does not inherit."""
    assert run(blob_service, "sh", "-c", "kill -KILL $$").returncode == -signal.SIGKILL
    assert run(blob_service, "sh", "-c", "kill -PIPE $$").returncode == -signal.SIGPIPE
    exec_ = f"{sys.executable} -m batchite exec --data-dir {blob_service.data_dir}"
    line = f"{exec_} sh -c 'kill -TERM $$'; echo $?"
    assert subprocess.check_output(["bash", "-c", line], text=True, stderr=subprocess.DEVNULL) == "143\n"


def test_what_is_refused_is_told_once_whatever_the_program_says(blob_service: RunningService) -> None:
    program = (
        "import urllib.request\n"
        "for _ in range(3):\n"
        "    try: urllib.request.urlopen('https://example.org/')\n"
        "    except OSError as error: print(error)\n"
    )
    sentence = "example.org is refused with --offline: it is no name of an account here"
    for flag, told in (
        ((), f"batchite exec: {sentence}\n"),
        (("--json",), json.dumps({"refused": sentence}) + "\n"),
    ):
        answer = run(blob_service, "--offline", *flag, "--", sys.executable, "-c", program)
        assert answer.stdout.count(sentence) == 3
        assert answer.stderr == told


def test_authorities_that_the_environment_names_are_trusted_as_before(
    blob_service: RunningService, tmp_path: Path
) -> None:
    of_others = tmp_path / "others.pem"
    of_others.write_text("# of others\n")
    show = "grep -c 'of others' $SSL_CERT_FILE; grep -c BEGIN $REQUESTS_CA_BUNDLE"
    given = {"REQUESTS_CA_BUNDLE": str(of_others), "CURL_CA_BUNDLE": str(tmp_path / "none")}
    found = run(blob_service, "sh", "-c", show, variables=given).stdout.split()
    assert found[0] == "1"
    assert int(found[1]) > 1  # the system's, and ours


def test_a_program_that_is_not_there_or_is_none(blob_service: RunningService, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    for word, code, sentence in (
        ("no-such", exits.NO_PROGRAM, "there is no program no-such in the directories of PATH"),
        (str(tmp_path / "none"), exits.NO_PROGRAM, f"there is no program {tmp_path / 'none'}"),
        (str(text), exits.CANNOT_EXECUTE, f"{text} is no program that can be executed: check its mode"),
    ):  # fmt: skip
        answer = run(blob_service, word)
        assert (answer.returncode, answer.stderr) == (code, f"batchite: {sentence}\n")
    text.chmod(0o700)
    answer = run(blob_service, str(text))
    assert answer.returncode == exits.CANNOT_EXECUTE
    assert f"{text} cannot be executed: Exec format error" in answer.stderr


def test_without_a_service_it_says_how_to_start_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "batchite", "exec", "--data-dir", str(tmp_path), "true"]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    assert answer.returncode == exits.NOT_RUNNING
    assert f"Start one with: batchite serve --data-dir {tmp_path}" in answer.stderr
    assert subprocess.run(command[:4], check=False, capture_output=True).returncode == exits.USAGE
