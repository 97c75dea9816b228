"""The processes of a service under test: found by their data directory, killed without a word."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import psutil

from batchite.testing import RunningService
from batchite.testing.service import start

PATIENCE = 60.0
PAUSE = 0.1


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(PAUSE)


def processes_of(directory: Path) -> list[psutil.Process]:
    """Everything that was started with the directory's name, works below it or holds a file open there."""
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), *process.environ().values(), process.cwd()]
            told += [file.path for file in process.open_files()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(directory) in text for text in told):
            found.append(process)
    return found


def has_ended(process: psutil.Process) -> bool:
    """Also if that happens while it is looked at, or nobody has asked how it ended."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class House:
    """Supervisor, services and agents; only what this test started."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.service = start(data_dir)
        self.killed_nodes: set[str] = set()

    # finding

    def agents(self) -> dict[str, psutil.Process]:
        """By node id."""
        nodes = f"{self.data_dir / 'nodes'}/"
        found = {}
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            if len(words) > 2 and words[-2] == "batchite.nodes" and words[-1].startswith(nodes):
                found[words[-1].removeprefix(nodes)] = process
        return found

    def _service_process(self, name: str) -> psutil.Process:
        return psutil.Process(int((self.data_dir / f"{name}.lock").read_text()))

    # killing

    def kill_batch(self) -> None:
        self._end_batch(signal.SIGKILL)

    def tell_batch_to_go(self) -> None:
        """Without the supervisor's knowledge: nodes are left to the next process."""
        self._end_batch(signal.SIGTERM)

    def _end_batch(self, number: signal.Signals) -> None:
        victim = self._service_process("batch")
        victim.send_signal(number)
        until(lambda: has_ended(victim), "the Batch process ends")

    def kill_services(self, dice: random.Random) -> None:
        """Supervisor and both services, in any order."""
        supervisor = psutil.Process(self.service.process.pid)
        victims = [supervisor, *supervisor.children()]
        dice.shuffle(victims)
        self._kill(victims)

    def kill_supervisor(self) -> None:
        """The services are left alone and end by themselves."""
        self._kill([psutil.Process(self.service.process.pid)])

    def kill_agent(self, dice: random.Random) -> str:
        """The node whose agent was killed."""
        node, agent = dice.choice(sorted(self.agents().items()))
        self.killed_nodes.add(node)
        agent.kill()
        return node

    def _kill(self, victims: Iterable[psutil.Process]) -> None:
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):  # services end by themselves without a supervisor
                victim.send_signal(signal.SIGKILL)
        self.service.process.wait()
        self._let_go()

    def _let_go(self) -> None:
        if self.service.process.stdin is not None:
            self.service.process.stdin.close()

    def silence_agent(self, dice: random.Random) -> str:
        """The node whose agent does nothing any more, and does not end either."""
        node, agent = dice.choice(sorted(self.agents().items()))
        self.killed_nodes.add(node)
        agent.suspend()
        return node

    @contextlib.contextmanager
    def paused(self, what: Literal["batch", "agent"], dice: random.Random) -> Iterator[None]:
        """Stopped in the middle of whatever it does, and going on afterwards as if nothing had been."""
        victim = (
            self._service_process("batch") if what == "batch" else dice.choice(list(self.agents().values()))
        )
        victim.suspend()
        try:
            yield
        finally:
            victim.resume()

    # stopping in order

    def stop(self, number: signal.Signals) -> None:
        """Nothing that was started may be there afterwards."""
        self.service.process.send_signal(number)
        assert self.service.process.wait(PATIENCE) == 0
        self._let_go()
        assert processes_of(self.data_dir) == []

    def stop_without_batch(self, number: signal.Signals) -> None:
        """In the moment in which the process that knows the nodes has died."""
        self._service_process("batch").kill()
        self.stop(number)

    # coming back

    def start_again(self) -> None:
        url = self.service.batch_url
        self.service = start(self.data_dir)
        assert self.service.batch_url == url

    def wait_until_healthy(self) -> None:
        until(lambda: is_healthy(self.service), "the Batch service answers")

    def remains_of(self, node: str) -> list[psutil.Process]:
        return processes_of(self.data_dir / "nodes" / node)


def is_healthy(service: RunningService) -> bool:
    try:
        with urllib.request.urlopen(f"{service.batch_url}/healthz", timeout=10) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def end_all_of(directory: Path) -> None:
    """After a failed test: nothing of it may go on."""
    for process in processes_of(directory):
        with contextlib.suppress(psutil.Error):
            process.kill()
