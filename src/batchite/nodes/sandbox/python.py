"""The Python of a node: whatever tasks install lands in the node, never in what Batchite runs in.

It is what `venv` makes, of a few files only: the same interpreter, a directory of packages of its own, and
behind that all that the service's interpreter sees. `pip` is the one that it sees, and takes what lies
outside as installed but not to be changed. For `pip install --user` there is a second place, since the
tasks of a node have no home in common.
"""

from __future__ import annotations

import os
import site
import sys

_NUMBER = f"{sys.version_info.major}.{sys.version_info.minor}"
_NAMES = ("python", f"python{sys.version_info.major}", f"python{_NUMBER}")
_PIPS = ("pip", f"pip{sys.version_info.major}", f"pip{_NUMBER}")
_BASE: str = getattr(sys, "_base_executable", sys.executable)
"""the interpreter that a virtual environment of the service was made of, as `venv` finds it"""
_SITES = ("site-packages", "dist-packages")

_PIP = b"""#!/bin/sh
exec "${0%/*}/python3" -m pip "$@"
"""
_USER_SITE = "import site, sys; sys.flags.no_user_site or site.addsitedir(site.getusersitepackages())"


class NodePython:
    """Below `path`; it is made once and then the tasks' own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.user = path + "/user"
        """PYTHONUSERBASE"""
        self.programs = (path + "/bin", self.user + "/bin")
        """the beginning of PATH"""
        self._configuration = path + "/pyvenv.cfg"

    @property
    def is_made(self) -> bool:
        """For the service's interpreter of today; one made for another is of no use."""
        expected = _configuration()
        return _content(self._configuration, len(expected) + 1) == expected

    def make(self) -> None:
        """Where nothing is yet. Raises OSError."""
        packages = f"{self.path}/lib/python{_NUMBER}/site-packages"
        for directory in (self.path + "/bin", packages, self.user):
            os.makedirs(directory)
        os.symlink("lib", self.path + "/lib64")
        os.symlink(_BASE, f"{self.path}/bin/{_NAMES[-1]}")
        for name in _NAMES[:-1]:
            os.symlink(_NAMES[-1], f"{self.path}/bin/{name}")
        for name in _PIPS:
            _write(f"{self.path}/bin/{name}", _PIP, 0o755)
        # The name sorts behind those of packages, whose own lines shall come first.
        lines = [_USER_SITE, *map(_visible, _sites()), ""]
        _write(f"{packages}/~service.pth", "\n".join(lines).encode(), 0o644)
        _write(self._configuration, _configuration(), 0o644)  # last: what is half made is not made


def _configuration() -> bytes:
    """As `venv` writes it. With system packages, since pip refuses `--user` without them; Python passes over
    the last line."""
    return os.fsencode(
        f"home = {os.path.dirname(_BASE)}\n"
        "include-system-site-packages = true\n"
        f"version = {'.'.join(map(str, sys.version_info[:3]))}\n"
        f"visible = {os.pathsep.join(_sites())}\n"
    )


def _sites() -> list[str]:
    """The directories of packages that the service's interpreter sees, and the system's does not: those come
    by themselves. What else is on its path belongs to where it was started."""
    system = site.getsitepackages([sys.base_prefix, sys.base_exec_prefix])
    return [place for place in sys.path if os.path.basename(place) in _SITES and place not in system]


def _visible(place: str) -> str:
    """A line of a .pth file that adds a directory and, unlike its bare name, obeys the .pth files in it."""
    return f"import site; site.addsitedir({place!r})"


def _content(path: str, limit: int) -> bytes | None:
    """The beginning of a file which tasks may have replaced by anything; None if it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(descriptor, limit)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _write(path: str, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
