"""The tests in tiers, by marker: `make test` runs every tier that this machine can run.

`python -m tests.tiers [NAME …]`. Without names all tiers are run that have what they need, and a line says
which were left out and which Debian package would bring what they lack. Where `CI` is set nothing may be
left out. Ends with the time that each tier took.

The everyday tests leave many thousand small files behind, and wait for a disk longer than for anything
else. So their directories are in memory, if there is room, and gone afterwards; `TMPDIR` says where else.
Other tiers have theirs where everything is: their servers run as other users, and they see how the system
mounts things.
"""

from __future__ import annotations

import compileall
import glob
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from batchite.testing import directories

SOURCE = Path(__file__).parents[1] / "src"
"""Services are started hundreds of times, and each start would compile what was changed, where it may not
keep what it compiled."""
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 1024**3
"""A few times what the tests of a tier leave."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something beside Python and make, and the package of Debian that brings it, if one does."""

    name: str
    is_there: Callable[[], bool]
    package: str = ""


@dataclass(frozen=True, slots=True)
class Tier:
    """The tests with `marker`; those with no tier's marker if it is empty."""

    name: str
    marker: str
    needs: Sequence[Need] = ()
    workers: int = 2
    """processes of tests, for two cores"""
    in_memory: bool = False
    """whether directories of tests are"""


def program(name: str, package: str) -> Need:
    return Need(name, lambda: shutil.which(name) is not None, package)


POSTGRESQL = Need("PostgreSQL", lambda: bool(glob.glob("/usr/lib/postgresql/*/bin/postgres")), "postgresql")
ROOT = Need("the rights of root", lambda: os.geteuid() == 0)

TIERS = (
    Tier("check", "", workers=3, in_memory=True),  # of three tests one waits: for a process, or for a time
    Tier("servers", "servers", [POSTGRESQL]),
    Tier(
        "clients",
        "clients",
        [program("node", "nodejs"), program("npm", "npm"), program("curl", "curl")],
        workers=0,
    ),
    Tier(
        "system",
        "system",
        [
            ROOT,
            program("strace", "strace"),
            program("bwrap", "bubblewrap"),
            program("git", "git"),
            program("chromium", "chromium"),
        ],
        workers=0,
    ),
    Tier("endurance", "endurance", in_memory=True),
)


def main(names: Sequence[str]) -> int:
    """The exit code: 0 if every tier that was run passed."""
    known = {tier.name: tier for tier in TIERS}
    if unknown := sorted(set(names) - known.keys()):
        print(f"no tier {unknown[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    compileall.compile_dir(SOURCE, quiet=1)
    told, failed = [], False
    for tier in [known[name] for name in names] or TIERS:
        missing = [need for need in tier.needs if not need.is_there()]
        if missing:
            told.append(f"{tier.name}: left out, {_lacks(missing)}")
            failed |= bool(names or os.environ.get("CI"))
            continue
        began = time.monotonic()
        code = _run(tier)
        failed |= code != 0
        told.append(f"{tier.name}: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s")
    print("\n".join(["", "Tiers", *told]), flush=True)
    return 1 if failed else 0


def _lacks(missing: Sequence[Need]) -> str:
    needed = ", ".join(need.name for need in missing)
    packages = " ".join(need.package for need in missing if need.package)
    return f"needs {needed}" + (f" (apt-get install {packages})" if packages else "")


def _run(tier: Tier) -> int:
    markers = [known.marker for known in TIERS if known.marker]
    others = markers[: markers.index(tier.marker)] if tier.marker else markers
    """a test with several marks is of the tier that comes first"""
    expression = " and ".join(filter(None, [tier.marker, *(f"not {marker}" for marker in others)]))
    spread = ["-n", str(tier.workers), *(["--dist", "worksteal"] if tier.workers else [])]
    with _directories(tier) as variables:
        print(f"\n{tier.name}: pytest -m '{expression}'", flush=True)
        for name, value in variables.items():
            print(f"{name}={value}, until the end", flush=True)
        command = [sys.executable, "-m", "pytest", *spread, "-m", expression]
        return subprocess.run(command, env={**os.environ, **variables}).returncode


@contextmanager
def _directories(tier: Tier) -> Iterator[Mapping[str, str]]:
    """The variables that say where tests have their directories."""
    if os.environ.get("TMPDIR") or not tier.in_memory or not _is_roomy(MEMORY):
        yield {}
        return
    with directories.temporary(MEMORY) as place:
        place.mkdir()
        yield {"TMPDIR": str(place)}


def _is_roomy(memory: Path) -> bool:
    """Enough is free there, and programs may be run, which containers often forbid."""
    if not memory.is_mount() or not os.access(memory, os.W_OK):
        return False
    found = os.statvfs(memory)
    free = min(found.f_bavail * found.f_frsize, psutil.virtual_memory().available)
    return free >= ROOM_BYTES and not found.f_flag & os.ST_NOEXEC


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
