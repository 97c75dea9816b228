"""`batchite node shell`: a shell, or a command, in a node of this machine.

The node's agent starts it on a terminal of its own, whose other end is here. What is typed and printed, the
size of the window and Ctrl-C go through that terminal, as over SSH.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from batchite.cli import exits, nouns, options, printing
from batchite.cli.nouns import Noun
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings
from batchite.link import shells
from batchite.link.shells import Answer, Open, Refused
from batchite.machine import passing

NODES = "nodes"
"""the directory of nodes, in the data directory"""
_PIECE = 1 << 16
_END_OF_INPUT = b"\x04"


def command(node: Noun) -> click.Command:
    """`shell`."""
    more = (
        click.Argument(["id"], metavar="NODE"),
        click.Argument(["words"], nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND]"),
        click.Option(["--elevated"], is_flag=True, help="As the node's administrator."),
        *nouns.parent_options(node),
        *nouns.service_options(),
    )
    text = (
        "Open a shell in a node of this machine, or run a command there, with the environment of tasks. It "
        "ends with the node; the exit code is passed on."
    )
    return options.command("shell", _make_run(node), help=text, settings=nouns.USED, more=more)


def _make_run(node: Noun) -> Callable[..., None]:
    def run(
        settings: Settings,
        id: str,
        words: tuple[str, ...],
        elevated: bool,
        account: str | None,
        as_json: bool,
        parent: str | None = None,
    ) -> None:
        if parent is not None:  # it is there
            client = BatchRequests(settings, account)
            client.get(*nouns.locate(client, node, id, parent))
        with _connected(settings.data_dir, id) as agent:
            asked = Open(list(words), elevated, os.environ.get("TERM") or "dumb")
            answer = _serve(agent, asked)
        if answer is None:
            exits.fail(f"the node {id!r} has ended, and the shell with it")
        if isinstance(answer, Refused):
            exits.fail(f"the node {id!r} opens no shell: {answer.reason}")
        if as_json:
            printing.print_json({"nodeId": id, "exitCode": answer.exit_code})
        sys.exit(answer.exit_code)

    return run


@contextlib.contextmanager
def _connected(data_dir: Path, node_id: str) -> Iterator[socket.socket]:
    """Ends the command where there is no such node, or it is not this user's."""
    place = data_dir / NODES / node_id
    if "/" in node_id or node_id.startswith("."):
        exits.fail(f"{node_id!r} is no id of a node", exits.USAGE)
    try:
        directory = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        exits.fail(
            f"there is no node {node_id!r} of this machine in {data_dir}: {error.strerror}", exits.NOT_FOUND
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
        try:
            agent.connect(f"/proc/self/fd/{directory}/{shells.SOCKET}")
        except OSError as error:
            exits.fail(f"the node {node_id!r} does not answer: {error.strerror}", exits.NOT_RUNNING)
        finally:
            os.close(directory)
        yield agent


def _serve(agent: socket.socket, asked: Open) -> Answer | None:
    """Until the command is over; None if the node ended."""
    ours, theirs = os.openpty()
    is_terminal = sys.stdin.isatty()
    try:
        with _as_terminal(ours) if is_terminal else _as_pipe(theirs):
            try:
                passing.send(agent, shells.encode(asked), (theirs,))
            except OSError:
                return None
            finally:
                os.close(theirs)
            return _copy(agent, ours, is_terminal=is_terminal)
    finally:
        os.close(ours)


@contextlib.contextmanager
def _as_terminal(ours: int) -> Iterator[None]:
    """Keys go as they are, and the other end has the size of this one's window."""
    here = sys.stdin.fileno()

    def fit(*_: object) -> None:
        size = fcntl.ioctl(here, termios.TIOCGWINSZ, bytes(8))
        fcntl.ioctl(ours, termios.TIOCSWINSZ, size)

    before, told = termios.tcgetattr(here), signal.signal(signal.SIGWINCH, fit)
    try:
        fit()
        tty.setraw(here, termios.TCSADRAIN)  # what was typed already stays
        yield
    finally:
        termios.tcsetattr(here, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, told)


@contextlib.contextmanager
def _as_pipe(theirs: int) -> Iterator[None]:
    """What comes and goes is not changed on its way, and nothing that comes is printed."""
    mode = termios.tcgetattr(theirs)
    mode[1] &= ~termios.OPOST
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, mode)
    yield


def _copy(agent: socket.socket, ours: int, *, is_terminal: bool) -> Answer | None:
    receiver = passing.Receiver(agent)
    here: list[int] = [sys.stdin.fileno()]
    while True:
        ready, _, _ = select.select([agent.fileno(), ours, *here], [], [])
        if ours in ready:
            _print(_read(ours))
        if here and here[0] in ready:
            typed = os.read(here[0], _PIECE)
            if not typed:
                here.clear()
            with contextlib.suppress(OSError):
                _write(ours, typed if typed else _END_OF_INPUT)
        if agent.fileno() in ready:
            messages = receiver.receive()
            while rest := _rest(ours):
                _print(rest)
            return shells.answer(messages[0][0]) if messages else None


def _read(ours: int) -> bytes:
    """Nothing when the other end is closed."""
    try:
        return os.read(ours, _PIECE)
    except OSError:
        return b""


def _rest(ours: int) -> bytes:
    ready, _, _ = select.select([ours], [], [], 0)
    return _read(ours) if ready else b""


def _print(data: bytes) -> None:
    _write(sys.stdout.fileno(), data)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
