"""Root file systems that were added, below the data directory::

    images/{name}/image.json   what it is
    images/{name}/root/        the tree, as root

Nobody else can enter `images`: a tree may have programs that give whoever calls them the rights of root. One
that is half made, or on its way out, lies there under a name that is no image's.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from batchite.configuration.images import check_name
from batchite.images.errors import ImageError
from batchite.images.specs import specs
from batchite.machine import directory_lock, openat2, private_file, removal

PLACE = "images"
_ABOUT = "image.json"
_ROOT = "root"
_STAGED = ".new-"
_WASTE = ".waste-"
_LOCK = ".lock"
_SHELL = "bin/sh"


class RootFileSystem(msgspec.Struct, frozen=True):
    name: str
    source: str
    """what it was made of"""
    system: str
    """as it calls itself"""
    files: int
    bytes: int


class Filled(msgspec.Struct, frozen=True):
    """How much was put into a tree."""

    files: int
    bytes: int


def place(data_dir: Path, name: str) -> Path:
    """The tree of a root file system, whether it is there or not."""
    return data_dir / PLACE / name / _ROOT


def listed(data_dir: Path) -> list[RootFileSystem]:
    """All of them, by name."""
    try:
        names = sorted(os.listdir(data_dir / PLACE))
    except FileNotFoundError:
        return []
    return [root for name in names if not name.startswith(".") and (root := _read(data_dir, name))]


def _read(data_dir: Path, name: str) -> RootFileSystem | None:
    try:
        content = (data_dir / PLACE / name / _ABOUT).read_bytes()
        return msgspec.json.decode(content, type=RootFileSystem)
    except (OSError, msgspec.DecodeError):
        return None


def add(data_dir: Path, name: str, source: str, fill: Callable[[Path], Filled]) -> RootFileSystem:
    """Have a tree filled, which is an image of that name once all of it is on disk. Raises ImageError."""
    try:
        check_name(name)
    except ValueError as error:
        raise ImageError(f"NAME = {name!r}: {error}") from None
    if os.geteuid() != 0:
        raise ImageError(
            f"the root file system {name!r} cannot be unpacked by this user: its files belong to root and to "
            "users of its own; run the command as root, as the service that is to use it"
        )
    with _alone(data_dir) as images:
        return _add(images, name, source, fill)


@contextmanager
def _alone(data_dir: Path) -> Iterator[Path]:
    """The place of all of them, for one command at a time. Raises ImageError."""
    images = data_dir / PLACE
    try:
        images.mkdir(mode=0o700, parents=True, exist_ok=True)
        images.chmod(0o700)
        with directory_lock.held(images / _LOCK):
            yield images
    except directory_lock.LockedError as error:
        raise ImageError(
            f"process {error.holder or 'unknown'} is adding or deleting a root file system; wait for it"
        ) from None
    except OSError as error:
        raise ImageError(f"{images} cannot be used: {error.strerror}") from None


def _add(images: Path, name: str, source: str, fill: Callable[[Path], Filled]) -> RootFileSystem:
    target = images / name
    if target.exists():
        raise ImageError(
            f"there is a root file system {name!r}; delete it with: batchite image delete {name}"
        )
    _clear(images)
    staged = images / (_STAGED + secrets.token_hex(8))
    try:
        tree = staged / _ROOT
        tree.mkdir(parents=True, mode=0o755)
        filled = fill(tree)
        _check(tree)
        made = RootFileSystem(name, source, _system(tree), filled.files, filled.bytes)
        private_file.replace(staged / _ABOUT, msgspec.json.format(msgspec.json.encode(made)))
        os.sync()
        staged.rename(target)
    except OSError as error:
        raise ImageError(f"the root file system {name!r} was not made: {error.strerror or error}") from None
    finally:
        if staged.exists():
            removal.remove(str(staged))
    return made


def delete(data_dir: Path, name: str) -> None:
    """Raises ImageError."""
    if name not in [root.name for root in listed(data_dir)]:
        raise ImageError(f"there is no root file system {name!r}; see: batchite image list")
    users = _nodes_of(data_dir, name)
    if users:
        raise ImageError(
            f"the root file system {name!r} is that of {len(users)} nodes, such as {users[0]}; delete their "
            "pools first"
        )
    with _alone(data_dir) as images:
        waste = images / (_WASTE + secrets.token_hex(8))
        try:
            (images / name).rename(waste)
            removal.remove(str(waste))
        except OSError as error:
            raise ImageError(f"the root file system {name!r} was not deleted: {error.strerror}") from None


def _nodes_of(data_dir: Path, name: str) -> list[str]:
    """Nodes that were begun with it and are not removed. Raises ImageError."""
    root = str(place(data_dir, name))
    return [spec.node_id for spec in specs(data_dir) if spec.image.root == root]


def _clear(images: Path) -> None:
    """What ended in the middle of its work left this behind."""
    for old in [*images.glob(f"{_STAGED}*"), *images.glob(f"{_WASTE}*")]:
        removal.remove(str(old))


def _check(tree: Path) -> None:
    top = os.open(tree, os.O_PATH | os.O_DIRECTORY)
    try:
        os.close(openat2.openat2(top, _SHELL, os.O_PATH | os.O_CLOEXEC, openat2.IN_ROOT))
    except OSError:
        hint = ""
        if (tree / "manifest.json").exists():
            hint = " It looks like what docker save writes; give what docker export writes."
        raise ImageError(f"what was unpacked is no root file system: it has no /{_SHELL}.{hint}") from None
    finally:
        os.close(top)


def _system(tree: Path) -> str:
    """PRETTY_NAME of its os-release."""
    try:
        lines = openat2.read(str(tree), "etc/os-release", 65536).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    names = [line.partition("=")[2].strip("\"'") for line in lines if line.startswith("PRETTY_NAME=")]
    return names[0] if names else ""
