"""The processes of a service under test: found by their data directory, killed without a word."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Literal

import psutil
from tests.product.survival.toll import TICKS, Run

from batchite.engines.local.agent import running
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


def agents_of(data_dir: Path) -> dict[str, psutil.Process]:
    """By node id. What an agent is about to start shows its words for a moment, and is none of them."""
    nodes, found = data_dir / "nodes", {}
    for directory, agent in running().items():
        place = Path(directory)
        if place.parent == nodes:
            with contextlib.suppress(psutil.NoSuchProcess):
                found[place.name] = psutil.Process(agent.pid)
    return found


def has_ended(process: psutil.Process) -> bool:
    """Also if that happens while it is looked at, or nobody has asked how it ended."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class House:
    """Supervisor, services and agents; only what this test started. `config` is the services' file, `log` has
    what they log."""

    def __init__(self, data_dir: Path, config: Path | None = None, log: Path | None = None) -> None:
        self.data_dir = data_dir
        self.log = log
        self._config = config
        self.service = self._start()
        self.killed_nodes: set[str] = set()
        self._stopped_at: list[int] = []
        """when all nodes had been ended, in ticks of the kernel's clock"""

    def _start(self) -> RunningService:
        if self.log is None:
            return start(self.data_dir, config=self._config)
        with self.log.open("ab") as log:
            return start(self.data_dir, config=self._config, stderr=log)

    def has_lost(self, run: Run, following: Run) -> bool:
        """Whether the node of a run was ended or killed, so that the task had to run again."""
        return run.node in self.killed_nodes or any(
            run.boot <= stopped <= following.boot for stopped in self._stopped_at
        )

    # finding

    def agents(self) -> dict[str, psutil.Process]:
        """By node id."""
        return agents_of(self.data_dir)

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

    def kill_agent(self, dice: random.Random, of: Collection[str] | None = None) -> str:
        """The node whose agent was killed; one of those named, if any are."""
        node, agent = self._choose(dice, of)
        agent.kill()
        return node

    def _choose(self, dice: random.Random, of: Collection[str] | None) -> tuple[str, psutil.Process]:
        agents = self.agents()
        node = dice.choice(sorted(agents if of is None else agents.keys() & set(of)))
        self.killed_nodes.add(node)
        return node, agents[node]

    def _kill(self, victims: Iterable[psutil.Process]) -> None:
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):  # services end by themselves without a supervisor
                victim.send_signal(signal.SIGKILL)
        self.service.process.wait()
        self._let_go()

    def _let_go(self) -> None:
        if self.service.process.stdin is not None:
            self.service.process.stdin.close()

    def silence_agent(self, dice: random.Random, of: Collection[str] | None = None) -> str:
        """The node whose agent does nothing any more, and does not end either."""
        node, agent = self._choose(dice, of)
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
        self._stopped_at.append(int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS))

    def stop_without_batch(self, number: signal.Signals) -> None:
        """In the moment in which the process that knows the nodes has died."""
        self._service_process("batch").kill()
        self.stop(number)

    # coming back

    def start_again(self) -> None:
        url = self.service.batch_url
        self.service = self._start()
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
