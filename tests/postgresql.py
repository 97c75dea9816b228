"""A PostgreSQL server of the tests' own: Debian's, from a fresh directory, on a socket in it.

All processes of a test session share one. Its databases sort text as people do, not by bytes, so that
whatever has to sort by bytes must say so.
"""

from __future__ import annotations

import fcntl
import importlib.util
import itertools
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests import needs

from batchite.store import migrating
from batchite.store.revisions import Name

HOMES = "/usr/lib/postgresql"
"""Where Debian keeps the programs of each version; they are on nobody's path."""
SETTINGS = {"listen_addresses": "", "fsync": "off", "max_connections": "200", "deadlock_timeout": "100ms"}
"""No network; what is lost with the machine is nobody's."""

LONGEST_PLACE = 60
"""Bytes of its name: a socket's has room for 107, and the server's directory and socket need the rest."""


class Server:
    """Makes databases; `name` tells those of this process from others'."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name
        self._numbers = itertools.count(1)
        self._templates: dict[Name, str] = {}

    @contextmanager
    def new(self, schema: Name | None) -> Iterator[str]:
        """The URL of a new database at the present schema (or of an empty one), which is dropped afterwards,
        whoever is still connected."""
        name = self._create(None if schema is None else self._template(schema))
        try:
            yield self._url(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _template(self, schema: Name) -> str:
        if schema not in self._templates:
            name = self._create(None)
            migrating.upgrade(self._url(name), schema)
            self._templates[schema] = name
        return self._templates[schema]

    def _create(self, template: str | None) -> str:
        name = f"{self._name}_{next(self._numbers)}"
        source = "" if template is None else f" TEMPLATE {template} STRATEGY file_copy"
        self._execute(f"CREATE DATABASE {name}{source}")
        return name

    def _execute(self, statement: str) -> None:
        import psycopg

        to = {"host": str(self._directory), "user": "postgres", "dbname": "postgres"}
        with psycopg.connect(**to, autocommit=True) as connection:
            connection.execute(statement)

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._directory}"


@contextmanager
def shared(place: Path, name: str) -> Iterator[Server]:
    """The server of all processes that know the directory `place`: the first one starts it, the last one
    stops it."""
    programs = find_programs()
    with (place / "postgresql.users").open("w") as users, (place / "postgresql").open("a+") as record:
        with _locked(record):
            directory = _recorded(record) or _start(programs, record)
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield Server(directory, name)
        finally:
            with _locked(record), suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody else uses it
                _stop(programs, directory)
                record.truncate(0)


def find_programs() -> Path:
    """The directory of the newest server's programs; tests go on only if there is one."""
    found = sorted(Path(HOMES).glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        needs.unmet("needs PostgreSQL; .ci/run installs it (the package postgresql) when it runs as root")
    if importlib.util.find_spec("psycopg") is None:
        needs.unmet("needs psycopg, which make install brings")
    return found[-1]


@contextmanager
def _locked(file: Any) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _recorded(record: Any) -> Path | None:
    record.seek(0)
    text = record.read()
    return Path(text) if text else None


def _start(programs: Path, record: Any) -> Path:
    """Not in the tests' own directory, which is for nobody else to read: the server runs as another user
    if the tests are root's."""
    user = _user()
    directory = Path(tempfile.mkdtemp(prefix="batchite-postgresql-", dir=_place(is_others=bool(user))))
    if user:
        os.chown(directory, user["user"], user["group"])
    data = directory / "data"
    locale = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
    _run(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", *locale)
    settings = " ".join(("-k", str(directory), *(f"--{name}={value}" for name, value in SETTINGS.items())))
    _run(programs / "pg_ctl", "start", "-D", data, "-l", directory / "log", "-o", settings)
    record.write(str(directory))
    record.flush()
    return directory


def _place(*, is_others: bool) -> Path:
    """The usual place, unless another user cannot get there, or its name is too long for one of a socket."""
    usual = Path(tempfile.gettempdir()).resolve()
    is_open = all(one.stat().st_mode & stat.S_IXOTH for one in (usual, *usual.parents))
    fits = len(bytes(usual)) <= LONGEST_PLACE
    return usual if fits and (is_open or not is_others) else Path("/tmp")


def _stop(programs: Path, directory: Path) -> None:
    _run(programs / "pg_ctl", "stop", "-D", directory / "data", "-m", "fast")
    shutil.rmtree(directory)


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **_user())
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def _user() -> Mapping[str, Any]:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}
