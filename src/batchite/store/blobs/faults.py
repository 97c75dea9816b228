"""Telling failures of the store apart."""

from __future__ import annotations

import errno

import sqlalchemy as sa


def is_disk_full(error: Exception) -> bool:
    """Whether this failed for want of space, in the database or in a file."""
    fault = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if getattr(fault, "sqlite_errorname", "") == "SQLITE_FULL":
        return True
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
