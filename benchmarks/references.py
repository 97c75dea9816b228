"""The plain programs that figures are compared to, and other floors of the machine."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

NATIVE = Path(__file__).resolve().parent / "native"


@dataclass(frozen=True, slots=True)
class Run:
    """Of many tasks."""

    rate: float
    """tasks per second"""
    cpu: float
    """processor time of one task in ms, everything that helped to run it included"""


def compiled(name: str, directory: Path, *options: str) -> Path:
    """One of the C programs in `native/`, made with the machine's compiler."""
    program = directory / name
    subprocess.run(["cc", "-O2", *options, "-o", str(program), str(NATIVE / f"{name}.c")], check=True)
    return program


def spawn_times(spawn: Path, count: int, *command: str, at_once: int = 1) -> list[int]:
    """Monotonic time in ns before each start of `command` by a C loop, and after the last end; so many of
    them run at a time."""
    arguments = [str(spawn), str(count), str(at_once), *command]
    answer = subprocess.run(arguments, check=True, stdout=subprocess.PIPE)
    return [int(line) for line in answer.stdout.split()]


def spawn_run(spawn: Path, count: int) -> Run:
    """/bin/true by a C loop of posix_spawn and waitpid, which keeps every core busy."""
    before = _ended_seconds()
    times = spawn_times(spawn, count, "/bin/true", at_once=os.cpu_count() or 1)
    return Run(count / ((times[-1] - times[0]) / 1e9), 1000 * (_ended_seconds() - before) / count)


def _ended_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def xargs_rate(count: int) -> float:
    """Runs of /bin/true per second by `xargs -P 2`."""
    names = "\n".join(map(str, range(count))).encode()
    began = time.monotonic()
    subprocess.run(["xargs", "-P", "2", "-n", "1", "/bin/true"], input=names, check=True)
    return count / (time.monotonic() - began)


def sync_seconds(directory: Path, count: int) -> list[float]:
    """How long each of `count` appended blocks of 4 KiB takes to be on disk, by fdatasync."""
    taken = []
    with (directory / "sync").open("wb", buffering=0) as file:
        for _ in range(count):
            began = time.monotonic()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            taken.append(time.monotonic() - began)
    return taken


def insert_rate(path: Path, count: int, group: int) -> float:
    """Rows per second put into a new SQLite database, every `group` of them synced to disk."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE task (job INTEGER, id TEXT, definition BLOB, UNIQUE (job, id))")
        definition = b'{"commandLine":"/bin/true"}'
        began = time.monotonic()
        for start in range(0, count, group):
            rows = [(1, f"task{number:07}", definition) for number in range(start, start + group)]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO task VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")
        rate = count / (time.monotonic() - began)
    connection.close()
    return rate


def interpreter_seconds(repeats: int, at_once: int = 1) -> list[float]:
    """How long a Python that does nothing takes to start and end; `at_once` of them together."""
    taken = []
    for _ in range(repeats):
        began = time.monotonic()
        running = [subprocess.Popen([sys.executable, "-c", ""]) for _ in range(at_once)]
        for process in running:
            process.wait()
        taken.append(time.monotonic() - began)
    return taken


def interpreter_bytes() -> float:
    """Resident memory of a Python that has imported nothing."""
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        size = float(psutil.Process(process.pid).memory_info().rss)
        process.communicate(b"\n")
    return size
