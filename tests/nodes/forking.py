"""Agents of tests, forked from a process that has imported what they need: imports are most of a start."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER = """
import asyncio, json, os, sys
import msgspec
from batchite.link.spec import FILE_NAME, NodeSpec
from batchite.machine.clock import SystemClock
from batchite.nodes.agent import Agent, Limits

def serve():
    for line in sys.stdin:
        what, *told = json.loads(line)
        if what == "end":
            answer = os.waitstatus_to_exitcode(os.waitpid(*told, 0)[1])
        elif (answer := os.fork()) == 0:
            return told
        print(answer, flush=True)

async def run(node, limits):
    with open(f"{node}/{FILE_NAME}", "rb") as file:
        spec = msgspec.json.decode(file.read(), type=NodeSpec)
    return await Agent(spec, node, SystemClock(), msgspec.convert(limits, Limits)).run()

if begun := serve():
    *told, log, environment = begun
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    print(asyncio.run(run(*told)), file=sys.stderr)
"""


class Forked:
    """An agent that was forked; nobody asks twice how it ended."""

    def __init__(self, pid: int, server: Server) -> None:
        self.pid = pid
        self._server = server
        self._code: int | None = None

    def send_signal(self, number: int) -> None:
        """Its number is nobody else's as long as nobody has asked how it ended."""
        if self._code is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def runs(self) -> bool:
        return self._code is None and not self._is_over(0)

    def wait(self, seconds: float) -> int:
        """The exit code. Raises TimeoutError."""
        if self._code is None:
            if not self._is_over(seconds):
                raise TimeoutError(f"the agent runs on after {seconds:g} s")
            self._code = self._server.ask("end", self.pid)
        return self._code

    def _is_over(self, seconds: float) -> bool:
        descriptor = os.pidfd_open(self.pid)
        try:
            return bool(select.select([descriptor], [], [], seconds)[0])
        finally:
            os.close(descriptor)


class Server:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, node: Path, limits: dict[str, float], log: Path) -> Forked:
        """With the environment that this process has now."""
        return Forked(self.ask("start", str(node), limits, str(log), dict(os.environ)), self)

    def ask(self, *words: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def serving() -> Iterator[Server]:
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Server(process)
