"""In which order tasks start, where an operator wants another than the cloud's."""

from __future__ import annotations

from typing import Final

import msgspec


class Scheduling(msgspec.Struct, frozen=True, kw_only=True):
    """The table `[scheduling]`."""

    share_by: str = ""
    """name of the metadata item of jobs by whose values they share slots; empty: they do not"""
    task_priority: str = ""
    """name of the environment variable of tasks that is their priority within their job; empty: they have
    none"""


IN_ORDER: Final = Scheduling()
"""As in the cloud."""
