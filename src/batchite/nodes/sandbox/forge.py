"""`python -m batchite.nodes.sandbox.forge DESCRIPTOR HIDDEN…`: makes nodes that are small machines.

The spawner of a node is forked from here and keeps what this process has in memory and open. So the forge
starts with an empty environment and no descriptor but its socket, does one thing after the other in a single
thread, and has no part in what nodes do later: they go on when it ends.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence

from batchite.link import machines
from batchite.link.machines import Answer, Plan, Ready, Refused
from batchite.machine import passing
from batchite.nodes.sandbox import hosts, kernel, trust
from batchite.nodes.sandbox.masks import Masks
from batchite.nodes.sandbox.overlay import Tree
from batchite.nodes.sandbox.spawner import Spawner

DEADLINE_SECONDS = 20.0
"""What takes longer than this hangs, and is given up."""
FRESH_SECONDS = 60.0
"""Nodes that are made within this time have the same masks."""
_READY = b"ready"


class Forge:
    def __init__(self, engine: socket.socket, hidden: Sequence[str]) -> None:
        """`hidden`: directories of the service, which no node sees."""
        self._engine = engine
        self._hidden = hidden
        self._masks: Masks | None = None
        self._looked = 0.0

    def serve(self) -> None:
        """Until the engine is gone."""
        receiver = passing.Receiver(self._engine)
        while (messages := receiver.receive()) is not None:
            for content, _ in messages:
                self._answer(machines.plan(content))

    def _answer(self, plan: Plan) -> None:
        try:
            pid, spawner = self._make(plan)
        except OSError as error:
            self._tell(Refused(_reason(error)))
            return
        with spawner:
            self._tell(Ready(pid), spawner.fileno())

    def _tell(self, answer: Answer, *descriptors: int) -> None:
        passing.send(self._engine, machines.encode(answer), descriptors)

    def _make(self, plan: Plan) -> tuple[int, socket.socket]:
        """The spawner, and the agent's end of its socket. Raises OSError."""
        tree = Tree(plan)
        tree.make(self._masks_for(plan.root))
        users = _user_namespace(plan.first_id)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                return _raise(plan, tree, users, theirs), ours
        except BaseException:
            ours.close()
            raise
        finally:
            os.close(users)

    def _masks_for(self, root: str) -> Masks:
        if root:
            return Masks.of_users(root)
        if self._masks is None or time.monotonic() > self._looked + FRESH_SECONDS:
            self._masks, self._looked = Masks(self._hidden), time.monotonic()
        return self._masks


def _reason(error: OSError) -> str:
    words = error.strerror or str(error)
    return words if error.filename is None else f"{words}: {error.filename}"


def _user_namespace(first_id: int) -> int:
    """A descriptor of a namespace whose users are a range of this machine's. No process is in it."""
    waits, go = os.pipe2(os.O_CLOEXEC)
    told, tells = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.close(go)
            kernel.unshare(kernel.NEW_USERS)
            os.write(tells, b"x")
            os.read(waits, 1)
        os._exit(0)
    os.close(waits)
    os.close(tells)
    try:
        if not os.read(told, 1):
            raise OSError(0, "unshare of users: this machine does not allow it")
        for name in ("uid_map", "gid_map"):
            descriptor = os.open(f"/proc/{pid}/{name}", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, f"0 {first_id} {machines.IDS}".encode())
            finally:
                os.close(descriptor)
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(told)
        os.close(go)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _raise(plan: Plan, tree: Tree, users: int, agent: socket.socket) -> int:
    """Fork the process that makes the mounts and then, inside, the spawner; returns when that serves, with
    its number out here."""
    told, tells = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            _become_node(plan, tree, users, agent, tells)
        except BaseException as error:
            with contextlib.suppress(OSError):
                reason = _reason(error) if isinstance(error, OSError) else repr(error)
                os.write(tells, reason.encode()[:4000])
        os._exit(1)
    os.close(tells)
    try:
        return _spawner(told)
    except OSError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(told)


def _spawner(source: int) -> int:
    """Its number, once it is ready. Raises OSError with whatever else is said."""
    poll = select.poll()
    poll.register(source, select.POLLIN)
    said = b""
    while said.count(b"\n") < 2:
        if not poll.poll(DEADLINE_SECONDS * 1000):
            raise OSError(0, f"a mount took longer than {DEADLINE_SECONDS:g} seconds")
        piece = os.read(source, 4096)
        if not piece:
            break
        said += piece
    lines = [line for line in said.splitlines() if line != _READY]
    if len(lines) == 1 and lines[0].isdigit() and _READY in said:
        return int(lines[0])
    reason = b" ".join(line for line in lines if not line.isdigit())
    raise OSError(0, reason.decode("utf-8", "replace") or "the node ended as it was made")


def _become_node(plan: Plan, tree: Tree, users: int, agent: socket.socket, tells: int) -> None:
    home = [_joined(group) for group in plan.groups]
    _keep_only({users, agent.fileno(), tells, *home})
    kernel.unshare(kernel.NEW_MOUNTS)
    kernel.make_private()
    tree.mount(users)
    os.chdir("top")
    kernel.enter_users(users)
    os.close(users)
    os.setgroups(())
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    # From here on the mounts are locked: the node cannot undo them.
    kernel.unshare(
        kernel.NEW_MOUNTS | kernel.NEW_PIDS | kernel.NEW_IPC | kernel.NEW_NAMES | kernel.NEW_CGROUPS
    )
    if pid := os.fork():
        os.write(tells, b"%d\n" % pid)
        os._exit(0)
    os.setsid()
    root = kernel.open_tree(".", recursive=True)  # a copy, whose own root is not locked
    kernel.move_mount(root, ".")
    os.fchdir(root)
    os.close(root)
    kernel.mount("proc", "proc", "proc", kernel.NO_SETUID | kernel.NO_DEVICES | kernel.NO_PROGRAMS)
    kernel.make_root()
    os.chdir("/")
    kernel.set_name(plan.name)
    hosts.keep(plan.hosts)
    if plan.authority is not None:
        trust.add(plan.authority)
    spawner = Spawner(agent, home)
    os.write(tells, _READY + b"\n")
    os.close(tells)
    with contextlib.suppress(OSError):
        spawner.serve()
    os._exit(0)


def _joined(group: str) -> int:
    """The spawner's own group in one of the node as a whole; a descriptor by which it can come back."""
    own = f"{group}/init"
    with contextlib.suppress(FileExistsError):
        os.mkdir(own)
    members = os.open(f"{own}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
    os.write(members, b"0")
    return members


def _keep_only(descriptors: set[int]) -> None:
    """And nothing for what the spawner says: it would hold open what the service writes to."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    first = 3
    for descriptor in sorted(descriptors):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def main() -> int:
    engine = socket.socket(fileno=int(sys.argv[1]))
    engine.set_inheritable(False)
    os.umask(0o022)
    os.environ.clear()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to bury what is forked here
    kernel.become_subreaper()
    gc.collect()
    gc.freeze()  # pages that are not written to stay shared with the spawners
    with contextlib.suppress(OSError):
        Forge(engine, sys.argv[2:]).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
