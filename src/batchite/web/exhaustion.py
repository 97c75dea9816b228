"""What a service may run out of, told apart from mistakes of ours: the same request may succeed later.

SQLAlchemy wraps the errors of a database; those of SQLite have a name, those of PostgreSQL a state.
"""

from __future__ import annotations

import errno
import resource

DESCRIPTORS, MEMORY, THREADS, DISK = "file descriptors", "memory", "threads or processes", "disk space"
TURNS = "turns at its database"
CONNECTIONS = "connections to its database"
_BY_NUMBER = {
    errno.EMFILE: DESCRIPTORS,
    errno.ENFILE: DESCRIPTORS,
    errno.ENOMEM: MEMORY,
    errno.ENOBUFS: MEMORY,
    errno.EAGAIN: THREADS,
    errno.ENOSPC: DISK,
    errno.EDQUOT: DISK,
    errno.EFBIG: DISK,
}
_BY_NAME = {
    "SQLITE_FULL": DISK,
    "SQLITE_IOERR_SHMSIZE": DISK,
    "SQLITE_IOERR_WRITE": DISK,
    "SQLITE_IOERR_TRUNCATE": DISK,
    "SQLITE_NOMEM": MEMORY,
    "SQLITE_IOERR_NOMEM": MEMORY,
    "SQLITE_CANTOPEN": "what its database needs to be opened",
    "SQLITE_BUSY": TURNS,
}
_BY_STATE = {
    "40001": TURNS,
    "40P01": TURNS,
    "53100": DISK,
    "53200": MEMORY,
    "53300": CONNECTIONS,
    "57P01": CONNECTIONS,
}
RESERVED_DESCRIPTORS = 64
"""For the files of what is being served: connections that would take one of them are turned away."""


def lacking(error: BaseException | None) -> str | None:
    """What there is too little of, if this failed for that."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, MemoryError):
        return MEMORY
    if isinstance(cause, RuntimeError) and str(cause).startswith("can't start new thread"):
        return THREADS
    if isinstance(cause, OSError):
        return _BY_NUMBER.get(cause.errno or 0)
    state = getattr(cause, "sqlstate", "")
    if state is None:  # of PostgreSQL's client, not of its server: no connection was made, or it broke
        return CONNECTIONS if type(cause).__name__ == "OperationalError" else None
    if state:
        return _BY_STATE.get(state)
    return _BY_NAME.get(getattr(cause, "sqlite_errorname", ""))


def is_disk_full(error: Exception) -> bool:
    return lacking(error) == DISK


def is_reserved(descriptor: int) -> bool:
    """Whether this is among the last that the process may have: the lowest that is free is always taken."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return limit != resource.RLIM_INFINITY and descriptor >= limit - min(RESERVED_DESCRIPTORS, limit // 4)
