"""Control groups: a node's processes live in one of their own and end with it.

Nothing that a process does to itself takes it out of its group: neither a new session nor an empty
environment nor another directory, also not if the agent is killed. Only who may write to the kernel's
hierarchy of groups can do that, such as root.

Whether groups can be made depends on the machine and on whoever runs the service, so it is tried once.
They are made below the service's own, so that limits set for the service hold for its nodes. Version 2 of
the interface is used (with its freezer, Linux 5.2), also where it lies beside version 1; else the freezer
of version 1.

A node may also have groups that limit what it uses as a whole: one in the hierarchies of version 1 for memory
and for processes each, or one of version 2. The latter may have to be made further up, since a group with
processes of its own, such as the service's mostly is, cannot limit others below it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import logging
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_PROBED = "import signal; signal.pause()"
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
_END_SECONDS = 2.0
_END_ROUNDS = 20
"""At least: where this process stood still for seconds, so did perhaps those that it waits for."""
_PAUSE_SECONDS = 0.005
_FREEZING_ROUNDS = 20
_LIMITS = "~limits"
"""in which the names of groups end that limit a node"""
_CONTROLLERS = ("memory", "pids")
_FREEZERS = (("freezer.state", "FROZEN", "THAWED"), ("cgroup.freeze", "1", "0"))
"""file, and what is written to it"""

log = logging.getLogger(__name__)


class Place(NamedTuple):
    """A hierarchy of groups."""

    mount: Path
    own: Path
    """the directory of this process's group, below which groups can perhaps be made"""


class Hierarchy(NamedTuple):
    """Of version 2 if it has no controllers."""

    place: Place
    controllers: tuple[str, ...] = ()

    @property
    def can_limit(self) -> bool:
        """Memory or processes."""
        return not self.controllers or any(name in _CONTROLLERS for name in self.controllers)


class Limits(NamedTuple):
    """What a node may use as a whole."""

    memory_bytes: int
    processes: int


class Groups:
    """Those of the nodes whose directories lie in `base`."""

    def __init__(self, base: Path, *, limiting: bool = False) -> None:
        """`limiting`: whether nodes shall be limited, where they can be. Blocks for some hundredths of a
        second, to find what can be used and what was left. Raises OSError.
        """
        base.mkdir(parents=True, exist_ok=True)
        about = base.stat()
        identity = hashlib.sha256(f"{about.st_dev} {about.st_ino} {base}".encode()).hexdigest()[:12]
        self._prefix = f"batchite-{identity}-"
        self._left: dict[str, list[Path]] = {}
        """groups that earlier processes of the service made, by node"""
        found = places()
        self._parent = next((place.own for place in found if _is_usable(place.own)), None)
        log.info("groups of nodes are made below %s", self._parent)
        known = hierarchies()
        self._limiting = _limiting(known) if limiting else []
        for mount in {place.mount for place in found} | {one.place.mount for one in known if one.can_limit}:
            self._find_left(mount)
        for node_id, groups in list(self._left.items()):
            if not (base / node_id).exists() and all(_end_soon(group) for group in groups):
                del self._left[node_id]

    @property
    def can_be_made(self) -> bool:
        return self._parent is not None

    def make(self, node_id: str) -> Path | None:
        """A group for a node: the file that makes whoever writes 0 to it a member; None if it has none."""
        if self._parent is None:
            return None
        group = self._own(node_id, self._parent)
        try:
            group.mkdir(exist_ok=True)
        except OSError as error:
            log.warning("node %s has no group of its own: %s", node_id, error)
            return None
        return group / "cgroup.procs"

    @property
    def can_limit(self) -> bool:
        """Memory and processes of nodes."""
        return bool(self._limiting)

    def limit(self, node_id: str, limits: Limits) -> tuple[str, ...]:
        """Groups that hold whatever is in them, or in groups below them, to limits; processes go only into
        groups below. Raises OSError."""
        groups = [self._limited(node_id, place.own) for place in self._limiting]
        for group in groups:
            with contextlib.suppress(FileExistsError):
                group.mkdir()
            _set_limits(group, limits)
        return tuple(map(str, groups))

    def end(self, node_id: str) -> bool:
        """Kill all members and remove the group; False if some have not gone yet. Raises OSError."""
        is_over = all(_end(group) for group in self.of(node_id))
        if is_over:
            self._left.pop(node_id, None)
        return is_over

    def end_soon(self, node_id: str) -> bool:
        """As `end`, waiting a moment for those that are about to go. Raises OSError."""
        return all(_end_soon(group) for group in self.of(node_id))

    def of(self, node_id: str) -> set[Path]:
        """Where groups of the node may be: one that this process made, and those that were left."""
        own = set() if self._parent is None else {self._own(node_id, self._parent)}
        limiting = {self._limited(node_id, place.own) for place in self._limiting}
        return own | limiting | set(self._left.get(node_id, ()))

    def _limited(self, node_id: str, parent: Path) -> Path:
        return parent / f"{self._prefix}{node_id}{_LIMITS}"

    def _own(self, node_id: str, parent: Path) -> Path:
        return parent / f"{self._prefix}{node_id}"

    def _find_left(self, mount: Path) -> None:
        for directory, names, _ in os.walk(mount):
            ours = [name for name in names if name.startswith(self._prefix)]
            names[:] = [name for name in names if name not in ours]
            for name in ours:
                node_id = name.removeprefix(self._prefix).removesuffix(_LIMITS)
                self._left.setdefault(node_id, []).append(Path(directory, name))


def places() -> list[Place]:
    """Where groups may be made that end as a whole, the best first."""
    return ending(hierarchies())


def hierarchies() -> list[Hierarchy]:
    """All that this process has a group in which it can reach."""
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes()
        memberships = Path("/proc/self/cgroup").read_bytes()
    except FileNotFoundError:
        return []
    return parse(os.fsdecode(mounts), os.fsdecode(memberships))


def parse(mounts: str, memberships: str) -> list[Hierarchy]:
    """From the kernel's lists of mounts and of groups that this process is a member of."""
    found: list[Hierarchy] = []
    own = dict(_memberships(memberships))
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, options) = before.split(), after.split()[:3]
        root, mount = _unescaped(fields[3]), _unescaped(fields[4])
        if kind == "cgroup2":
            found += [Hierarchy(place) for place in _place(root, mount, own.get(""))]
        elif kind == "cgroup":
            controllers = tuple(name for name in options.split(",") if name in own)
            path = own[controllers[0]] if controllers else None
            found += [Hierarchy(place, controllers) for place in _place(root, mount, path)]
    return found


def ending(found: Sequence[Hierarchy]) -> list[Place]:
    """Those in which a group can be killed as a whole."""
    second = [one.place for one in found if not one.controllers]
    return second + [one.place for one in found if "freezer" in one.controllers]


def _limiting(found: Sequence[Hierarchy]) -> list[Place]:
    """Below whose groups memory and processes can be limited; empty if not both can."""
    first = {name: one.place for one in found for name in one.controllers if name in _CONTROLLERS}
    if len(first) == len(_CONTROLLERS):
        distinct = list(dict.fromkeys(first.values()))
        return distinct if all(_can_limit(place.own) for place in distinct) else []
    for one in found:
        if one.controllers:
            continue
        for own in (one.place.own, *one.place.own.parents):
            if own.is_relative_to(one.place.mount) and _pass_on(own) and _can_limit(own):
                return [Place(one.place.mount, own)]
    return []


def _pass_on(group: Path) -> bool:
    """Have groups below one of version 2 limit, too."""
    try:
        _write(group / "cgroup.subtree_control", " ".join(f"+{name}" for name in _CONTROLLERS))
    except OSError:
        return False
    return True


def _can_limit(parent: Path) -> bool:
    group = parent / f"batchite-probe-{secrets.token_hex(6)}"
    try:
        group.mkdir()
        return any((group / name).exists() for files in _LIMIT_FILES for name in files)
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            group.rmdir()


_LIMIT_FILES = (
    ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max"),
    ("pids.max",),
)
"""of memory and of processes, in version 1 and 2; of the first kind they are written in this order"""


def _set_limits(group: Path, limits: Limits) -> None:
    """Those of the hierarchy that the group is in."""
    for names, limit in zip(_LIMIT_FILES, limits, strict=True):
        for name in names:
            if (group / name).exists():
                _write(group / name, str(limit))
    if (group / "memory.swap.max").exists():
        _write(group / "memory.swap.max", "0")
    if (group / "cgroup.subtree_control").exists():
        _pass_on(group)


def _memberships(text: str) -> Iterator[tuple[str, str]]:
    """Paths by controller; that of version 2 has none."""
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _place(root: str, mount: str, own: str | None) -> list[Place]:
    """`root` is what of the hierarchy is mounted; a group outside it cannot be reached."""
    if own is None or "/.." in own:
        return []
    if own != root and not own.startswith(root.rstrip("/") + "/"):
        return []
    return [Place(Path(mount), Path(mount, own[len(root) :].lstrip("/")))]


def _unescaped(path: str) -> str:
    """The kernel writes a blank as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def _is_usable(parent: Path) -> bool:
    """Whether a process can be put into a group here and be killed with it. Raises OSError if there is too
    little of something to tell."""
    group = parent / f"batchite-probe-{secrets.token_hex(6)}"
    try:
        group.mkdir()
        return _ends_with(group)
    except OSError as error:
        if error.errno in _SHORTAGES:
            raise
        return False
    finally:
        with contextlib.suppress(OSError):
            group.rmdir()


def _ends_with(group: Path) -> bool:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", _PROBED], {})
    try:
        _write(group / "cgroup.procs", str(pid))
        return _end_soon(group) and not group.exists()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _end_soon(group: Path) -> bool:
    deadline = time.monotonic() + _END_SECONDS
    for rounds in itertools.count(1):
        if _end(group):
            return True
        if rounds >= _END_ROUNDS and time.monotonic() >= deadline:
            break
        time.sleep(_PAUSE_SECONDS)
    return False


def _end(group: Path) -> bool:
    """Kill everybody in the group and in groups below, and remove it; False if that takes another try."""
    if not group.exists():
        return True
    try:
        _kill(group)
        for directory, _, _ in os.walk(group, topdown=False):
            os.rmdir(directory)
    except (FileNotFoundError, ProcessLookupError):
        return not group.exists()
    except OSError as error:
        if error.errno == errno.EBUSY:  # killed, but not gone yet
            return False
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        log.warning("the group %s, of another user, cannot be ended: %s", group, error.strerror)
    return True


def _kill(group: Path) -> None:
    if (group / "cgroup.kill").exists():
        _write(group / "cgroup.kill", "1")
        return
    members = [group, *(Path(directory) for directory, _, _ in os.walk(group))]
    with _frozen(group):
        for member in members:
            for pid in map(int, (member / "cgroup.procs").read_text().split()):
                if pid:  # 0 stands for somebody who cannot be seen from here
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def _frozen(group: Path) -> Iterator[None]:
    """Meanwhile nobody in the group can start others or end, so that numbers mean whom they meant."""
    freezer = next((freezer for freezer in _FREEZERS if (group / freezer[0]).exists()), None)
    if freezer is None:  # a group that limits: its node's first process takes all others along
        yield
        return
    name, frozen, thawed = freezer
    state = group / name
    _write(state, frozen)
    try:
        for _ in range(_FREEZING_ROUNDS):
            if state.read_text().strip() == frozen:
                break
            time.sleep(_PAUSE_SECONDS)
        yield
    finally:
        _write(state, thawed)


def _write(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
