"""The order of system calls, seen from outside: an answer leaves after everything it tells of is synced."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests import needs
from tests.blobs import bearer
from tests.blobs.running import connected

CALLS = "write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2,mkdir"
LARGE, SMALL = b"large " * 10_000, b"small"
ANSWER = "HTTP/1.1 201"

_LINE = re.compile(r"^\d+ +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")


@dataclass(frozen=True)
class Traced:
    """One system call at the time it was over, or, for what writes, when it began."""

    name: str
    text: str

    def is_of(self, *names: str, path: str = "") -> bool:
        return self.name in names and path in self.text


WRITES = ("write", "writev", "pwrite64", "sendto", "sendmsg")
SYNCS = ("fsync", "fdatasync")
RENAMES = ("rename", "renameat", "renameat2")


def parse(trace: str) -> list[Traced]:
    """A call that was interrupted by another thread's counts when it began, if it writes, and else when
    it was over: the worse case each time."""
    calls: list[Traced] = []
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        resumed, name, text = found.groups()
        thread = line.split(" ", 1)[0]
        if resumed:
            text, name = begun.pop(thread, "") + text, resumed
            if name not in WRITES:
                calls.append(Traced(name, text))
        elif text.endswith("<unfinished ...>"):
            begun[thread] = text
            if name in WRITES:
                calls.append(Traced(name, text))
        else:
            calls.append(Traced(name, text))
    return calls


@contextmanager
def traced_service(data_dir: Path, trace: Path) -> Iterator[HTTPConnection]:
    needs.programs("strace")
    strace = ["strace", "-f", "-y", "-s", "40", "-e", f"trace={CALLS}", "-o", str(trace)]
    with connected([*strace, sys.executable, "-m", "tests.blobs.crashing", str(data_dir)]) as connection:
        assert connection, "the service did not start under strace; may this user trace processes here?"
        yield connection


def put(connection: HTTPConnection, path: str, body: bytes) -> None:
    headers = {"x-ms-blob-type": "BlockBlob"}
    connection.request("PUT", f"/devstoreaccount1/{path}{bearer.token()}", body, headers)
    with connection.getresponse() as answer:
        answer.read()
        assert answer.status == 201


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[list[Traced]]:
    """What was done for each answer: a container, a large blob, a small one, the large one again."""
    data_dir, trace = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("trace") / "calls"
    with traced_service(data_dir, trace) as connection:
        put(connection, "things?restype=container&", b"")
        put(connection, "things/large?", LARGE)
        put(connection, "things/small?", SMALL)
        put(connection, "things/large?", LARGE)
    done: list[list[Traced]] = [[]]
    for call in parse(trace.read_text()):
        done[-1].append(call)
        if ANSWER in call.text:
            done.append([])
    return done


def last(calls: list[Traced], *names: str, path: str) -> int:
    return max(number for number, call in enumerate(calls) if call.is_of(*names, path=path))


def first(calls: list[Traced], *names: str, path: str) -> int:
    return min(number for number, call in enumerate(calls) if call.is_of(*names, path=path))


@pytest.mark.parametrize("number", [0, 1, 2, 3], ids=["container", "large", "small", "large again"])
def test_what_is_answered_is_synced(answers: list[list[Traced]], number: int) -> None:
    calls = answers[number]
    log = "blobs.db-wal"
    assert last(calls, *WRITES, path=log) < last(calls, *SYNCS, path=log) < len(calls) - 1
    assert ANSWER in calls[-1].text


@pytest.mark.parametrize("number", [1, 3], ids=["large", "large again"])
def test_content_is_synced_before_it_is_committed(answers: list[list[Traced]], number: int) -> None:
    calls = answers[number]
    renamed = first(calls, *RENAMES, path="/blobs/")
    draft, final = re.findall(r'"([^"]+)"', calls[renamed].text)
    synced = first(calls, *SYNCS, path=f"<{draft}>")
    assert last(calls, *WRITES, path=f"<{draft}>") < synced < renamed
    directory = first(calls[renamed:], *SYNCS, path=f"<{os.path.dirname(final)}>") + renamed
    commits = [number for number, call in enumerate(calls) if call.is_of(*WRITES, path="blobs.db-wal")]
    assert any(commit < synced for commit in commits), "the upload was recorded before"
    assert min(commit for commit in commits if commit > renamed) > directory


def test_a_new_directory_is_synced_into_its_own_before_its_content_is_committed(
    answers: list[list[Traced]],
) -> None:
    calls = answers[1]
    made = first(calls, "mkdir", path="/blobs/")
    (directory,) = re.findall(r'"([^"]+)"', calls[made].text)
    synced = first(calls[made:], *SYNCS, path=f"<{os.path.dirname(directory)}>") + made
    renamed = first(calls, *RENAMES, path=f"{directory}/")
    assert any(call.is_of(*WRITES, path="blobs.db-wal") for call in calls[renamed:])
    assert synced < renamed
