"""How agents are started: forked from a process that has imported what they need, or else by themselves.

The first way takes some milliseconds, the second some tenths of a second of processor time, for its imports.
Either way the agent is detached from the service, and has nothing of the service's environment.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from batchite.engines.local import agent as agents
from batchite.engines.local.agent import Agent
from batchite.engines.local.beside import Beside, GoneError, python_path
from batchite.engines.local.directory import NodeDirectory
from batchite.engines.local.machines import Made
from batchite.link import fork_server
from batchite.link.fork_server import Start, Started
from batchite.link.machines import SOCKET_VARIABLE, WHY_VARIABLE
from batchite.link.spec import GROUP_VARIABLE
from batchite.link.wrapping import VARIABLE as WRAPPING_VARIABLE

_INHERITED = ("LD_LIBRARY_PATH", "TZ")
_SPAWNER = 3
"""the number by which an agent that starts by itself inherits the socket of its node's spawner"""
_PADDING = "-" * 512
"""so much longer may the words of an agent be than those of the fork server"""

log = logging.getLogger(__name__)


class Starter:
    """Methods block, and may be called in threads."""

    def __init__(self) -> None:
        self._server = Beside(fork_server.MODULE, _PADDING, environment=_environment())

    def begin(self) -> None:
        """Be ready for the first agent, as soon as that takes. Raises OSError."""
        self._server.begin()

    def start(self, directory: NodeDirectory, group: Path | None, made: Made | Path | str = "") -> Agent:
        """Start the agent of a directory that has its spec. Raises OSError; nothing runs then.

        It joins the group with that list of members first of all. `made`: the machine that it is the agent
        of, or the file that says what it sees from behind a wall, or why its node has neither.
        """
        # Without `site`, which costs time at every start; PYTHONPATH says what it would find out.
        words = [sys.executable, "-S", "-P", "-m", agents.MODULE, str(directory.path)]
        variables = _variables(group, made)
        passed = [made.spawner.fileno()] if isinstance(made, Made) else []
        with _opened(directory.log) as output:
            start = functools.partial(_start, words, variables, output, passed)
            try:
                pid = self._fork(Start(words, variables), [output, *passed])
            except (GoneError, OSError) as error:
                log.warning("the agent in %s is not forked: %s", directory.path, error)
                known = agents.running().get(str(directory.path))  # forked before the server was gone
                pid = known.pid if known is not None else start()
        return _identified(pid, directory)

    def close(self) -> None:
        """The agents go on."""
        self._server.close()

    def _fork(self, start: Start, descriptors: Sequence[int]) -> int:
        """Raises GoneError, and OSError if no agent was started."""
        content, _ = self._server.ask(fork_server.encode(start), descriptors)
        answer = fork_server.answer(content)
        if isinstance(answer, Started):
            return answer.pid
        raise ChildProcessError(answer.reason)


def _start(words: list[str], variables: Mapping[str, str], output: int, passed: Sequence[int]) -> int:
    """An agent by itself. Raises OSError."""
    spawner = {SOCKET_VARIABLE: str(_SPAWNER)} if passed else {}
    return os.posix_spawn(
        words[0],
        words,
        {**_environment(), "PYTHONPATH": python_path(), **variables, **spawner},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
            *((os.POSIX_SPAWN_DUP2, descriptor, _SPAWNER) for descriptor in passed),
        ],
        setsid=True,
        setsigmask=(),
    )


def _identified(pid: int, directory: NodeDirectory) -> Agent:
    try:
        agent = agents.identify(pid)
    except OSError:
        agents.kill(pid)
        raise
    if agent is None:
        agents.kill(pid)
        raise ChildProcessError(f"the agent in {directory.path} ended as it was started")
    return agent


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _variables(group: Path | None, made: Made | Path | str) -> dict[str, str]:
    more = {} if group is None else {GROUP_VARIABLE: str(group)}
    if isinstance(made, str):
        more[WHY_VARIABLE] = made
    elif isinstance(made, Path):
        more[WRAPPING_VARIABLE] = str(made)
    return more


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}
