"""What a node sees: the system of this machine, of which every change stays in the node.

The node's root directory is one of its own, empty but for what follows, so that whatever else this machine
has (homes, data, the service's own directory, other nodes) is not hidden but simply not there. `usr`, `etc`,
`var` and `opt` are overlays: the system's directories below, layers of ours above them, and on top what the
node has changed. The system and the layers are mounted with the node's own range of users, so that what
belongs to root belongs to the node's root, who is nobody on this machine.

In the node's directory::

    machine/top                            its root directory
    machine/{usr,etc,…}/{upper,work}       what it has changed
    machine/low/                           where layers are mounted
    root  tools                            /mnt/batch/tasks and /mnt/batch/tools

All mounts are made in a namespace of their own, so this machine never sees one, and they go with the node's
last process.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator

from batchite.link import machines
from batchite.link.machines import Plan
from batchite.machine import proc, removal
from batchite.nodes.sandbox import kernel, laying
from batchite.nodes.sandbox.masks import Masks

DIRECTORY = "machine"
SYSTEM = ("usr", "etc", "var", "opt")
_MAYBE_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""links into `usr` on newer systems, directories on older ones"""
_OWN = {
    "dev": 0o755,
    "home": 0o755,
    "media": 0o755,
    "mnt": 0o755,
    "proc": 0o555,
    "root": 0o711,
    "run": 0o755,
    "srv": 0o755,
    "sys": 0o555,
    "tmp": 0o1777,
}
_NAME = re.compile(rf"(?!(?:{'|'.join((*_OWN, 'low', 'made', 'top'))})$)[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""Of a directory that a system has beside those that are the node's own, as overlays can be told it."""
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "fd/0",
    "stdout": "fd/1",
    "stderr": "fd/2",
    "ptmx": "pts/ptmx",
}
_TTY_GROUP = 5
_RUN = "/run"
_RESOLVER = "/etc/resolv.conf"


class Tree:
    """The directories of one node. Nothing of it may run: what it left is put right by its names."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._owner = plan.first_id
        self._machine = f"{plan.node}/{DIRECTORY}"
        self.top = f"{self._machine}/top"

    def make(self, masks: Masks) -> None:
        """What is missing, on disk. Raises OSError."""
        made = f"{self._machine}/made"
        if not _says(made, self._plan.root):
            with contextlib.suppress(FileNotFoundError):
                removal.remove(self._machine)  # which was made half, or over another system
        for path in (self._machine, f"{self._machine}/low"):
            _make(path, 0o700)
        self._own(self.top, 0o755)
        for name, mode in _OWN.items():
            self._own(f"{self.top}/{name}", mode)
        for path in (machines.ROOT, machines.TOOLS):
            self._lead(path)
        for name in ("root", "tools"):
            _make(f"{self._plan.node}/{name}", 0o755)
        for name in self._system():
            self._make_overlay(name, masks)
        for name in _MAYBE_LINKS:
            if os.path.islink(f"{self._plan.root}/{name}"):
                self._link(os.readlink(f"{self._plan.root}/{name}"), f"{self.top}/{name}")
        self._name()
        with open(made, "w") as file:
            file.write(self._plan.root)

    def _make_overlay(self, name: str, masks: Masks) -> None:
        """What the overlay of a directory of the system is mounted of, and where."""
        self._own(f"{self.top}/{name}", 0o755)
        _make(f"{self._machine}/{name}", 0o700)
        upper = f"{self._machine}/{name}/upper"
        if not os.path.exists(upper):
            self._own(upper, stat.S_IMODE(os.stat(f"{self._plan.root}/{name}").st_mode))
            masks.write(upper, name, self._owner)
            for layer in self._laid(name):
                laying.lay(layer, upper, self._owner)
        self._own(f"{self._machine}/{name}/work", 0o755)
        for number, _ in enumerate(self._lower(name)):
            _make(f"{self._machine}/low/{name}{number}", 0o700)

    def mount(self, users: int) -> None:
        """All but /proc, in a namespace of mounts of this process's own; `users` is a descriptor of the
        node's user namespace. Raises OSError."""
        os.chdir(self._machine)  # the node sees what the mounts were asked for by: no path of this machine
        _bind("top", "top")
        for name in self._system():
            places = []
            for number, source in enumerate(self._lower(name)):
                places.append(f"low/{name}{number}")
                tree = kernel.open_tree(source)
                kernel.set_mount(tree, kernel.ID_MAPPED, users=users)
                _put(tree, places[-1])
            options = f"lowerdir={':'.join(places)},upperdir={name}/upper,workdir={name}/work"
            kernel.mount("overlay", f"top/{name}", "overlay", 0, options)
        _bind("../root", "top" + machines.ROOT)
        _bind("../tools", "top" + machines.TOOLS)
        self._mount_devices()
        self._tmpfs("top/run", "mode=755,size=64m")
        self._own("top/run/lock", 0o1777)
        self._resolve_names()
        _put(_read_only(kernel.open_tree("/sys")), "top/sys")
        self._share()

    def _system(self) -> Iterator[str]:
        """The directories of the system, which the node changes for itself. In a system from elsewhere these
        are whatever it has, but for links, which lead to this machine's out here."""
        if root := self._plan.root:
            names = sorted(os.listdir(root))
            yield from (name for name in names if _NAME.fullmatch(name) and _is_directory(f"{root}/{name}"))
            return
        yield from SYSTEM
        yield from (name for name in _MAYBE_LINKS if _is_directory(f"/{name}"))

    def _lower(self, name: str) -> list[str]:
        """Directories that lie below what the node changes of this one, the uppermost first."""
        system = f"{self._plan.root}/{name}"
        return [*(layer for layer in self._layers(name) if not _is_in(layer, system)), system]

    def _laid(self, name: str) -> list[str]:
        """Layers that cannot be mounted over the system's directory: they lie in it. The lowest first."""
        system = f"{self._plan.root}/{name}"
        return [layer for layer in reversed(self._layers(name)) if _is_in(layer, system)]

    def _layers(self, name: str) -> list[str]:
        return [f"{layer}/{name}" for layer in self._plan.layers if os.path.isdir(f"{layer}/{name}")]

    def _mount_devices(self) -> None:
        owner = f"gid={self._owner + _TTY_GROUP}"
        self._tmpfs("top/dev", "mode=755,size=64k", kernel.NO_SETUID)
        for name in _DEVICES:
            os.close(os.open(f"top/dev/{name}", os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
            _bind(f"/dev/{name}", f"top/dev/{name}")
        for name, target in _DEVICE_LINKS.items():
            os.symlink(target, f"top/dev/{name}")
        self._own("top/dev/pts", 0o755)
        self._own("top/dev/shm", 0o1777)
        flags = kernel.NO_SETUID | kernel.NO_PROGRAMS
        kernel.mount("devpts", "top/dev/pts", "devpts", flags, f"newinstance,ptmxmode=0666,mode=620,{owner}")
        self._tmpfs("top/dev/shm", "mode=1777")

    def _tmpfs(self, place: str, options: str, flags: int = kernel.NO_SETUID | kernel.NO_DEVICES) -> None:
        kernel.mount("tmpfs", place, "tmpfs", flags, f"{options},uid={self._owner},gid={self._owner}")

    def _resolve_names(self) -> None:
        """Where the system has the file is often below /run, of which the node has one of its own."""
        target = os.path.realpath(_RESOLVER)
        if target.startswith(_RUN + "/") and os.path.isfile(target):
            self._lead(os.path.dirname(target), "top")
            with open(target, "rb") as theirs, open("top" + target, "xb") as ours:
                ours.write(theirs.read())

    def _share(self) -> None:
        for path in self._plan.shared:
            real = os.path.realpath(path)
            is_directory = os.path.isdir(real)
            self._lead(path if is_directory else os.path.dirname(path), "top")
            if not is_directory and not os.path.lexists("top" + path):
                os.close(os.open("top" + path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
            _put(_read_only(kernel.open_tree(real, recursive=True), recursive=True), "top" + path)
        for path in self._plan.hidden:
            if os.path.isdir("top" + path):
                kernel.mount("tmpfs", "top" + path, "tmpfs", kernel.READ_ONLY, "mode=000,size=4k")

    def _lead(self, path: str, top: str = "") -> None:
        """Directories of the node down to a path that begins with `/`. One that is there stays as it is; what
        the node has put in the place of one goes, and no link is followed."""
        here = top or self.top
        for name in path.strip("/").split("/"):
            here += f"/{name}"
            if not _is_directory(here):
                self._own(here, 0o755)

    def _own(self, path: str, mode: int) -> None:
        """A directory of the node's root; one that is there stays as it is."""
        if _is_directory(path):
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        os.mkdir(path)
        os.chown(path, self._owner, self._owner)
        os.chmod(path, mode)

    def _link(self, target: str, path: str) -> None:
        with contextlib.suppress(FileExistsError):
            os.symlink(target, path)
            os.chown(path, self._owner, self._owner, follow_symlinks=False)

    def _name(self) -> None:
        """The node's own name is known to it from the beginning; what it makes of that later stays."""
        try:
            with open("/etc/hosts", encoding="utf-8", errors="surrogateescape") as file:
                hosts = file.read()
        except FileNotFoundError:
            hosts = "127.0.0.1\tlocalhost\n"
        lines = (hosts.rstrip(), f"127.0.1.1\t{self._plan.name}")
        hosts = "".join(f"{line}\n" for line in lines)
        texts = {"hosts": hosts, "hostname": f"{self._plan.name}\n"}
        if self._plan.root:
            texts["resolv.conf"] = _resolver()
        for name, text in texts.items():
            with contextlib.suppress(FileExistsError):
                path = f"{self._machine}/etc/upper/{name}"
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
                with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
                    file.write(text)
                    os.fchown(descriptor, self._owner, self._owner)


def _make(path: str, mode: int) -> None:
    """A directory of this service's; one that is there stays as it is."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, mode)


def _says(path: str, text: str) -> bool:
    try:
        with open(path) as file:
            return file.read() == text
    except FileNotFoundError:
        return False


def _resolver() -> str:
    """How this machine finds names, which a system from elsewhere cannot know."""
    try:
        with open(_RESOLVER, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _is_in(path: str, directory: str) -> bool:
    return proc.is_below(os.path.realpath(path), os.path.realpath(directory))


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _bind(source: str, place: str) -> None:
    _put(kernel.open_tree(source), place)


def _put(tree: int, place: str) -> None:
    try:
        kernel.move_mount(tree, place)
    finally:
        os.close(tree)


def _read_only(tree: int, *, recursive: bool = False) -> int:
    kernel.set_mount(tree, kernel.READ_ONLY | kernel.NO_SETUID, recursive=recursive)
    return tree
