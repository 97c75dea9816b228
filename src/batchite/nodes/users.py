"""As whom a task runs, by the `userIdentity` of its definition.

As on Azure's Linux nodes: the tasks of a pool share a user, a start task and a task of scope `task` have one
of their own, and whoever is elevated is root.
"""

from __future__ import annotations

from batchite.nodes.definition import UserIdentity
from batchite.nodes.sandbox.base import User

_ADMIN = "admin"
_TASK = "task"
_POOL_USER = User("_azbatch", "PoolNonAdmin")
_POOL_ADMIN = User("root", "PoolAdmin", is_admin=True)
_TASK_ADMIN = User("root", "TaskAdmin", is_admin=True)


def of_task(identity: UserIdentity | None, task: int) -> User:
    """`task`: the number of the task, whose user is the same whenever it is run again."""
    return _user(identity, scope="pool", own=str(task))


def of_start_task(identity: UserIdentity | None) -> User:
    return _user(identity, scope=_TASK, own="start")


def _user(identity: UserIdentity | None, scope: str, own: str) -> User:
    """`scope` is that of who says nothing at all."""
    if identity is not None and identity.username is not None:
        return User(identity.username, identity.username)
    user = identity.auto_user if identity is not None else None
    is_own = (user.scope if user is not None else scope) == _TASK
    if user is not None and user.elevation_level == _ADMIN:
        return _TASK_ADMIN if is_own else _POOL_ADMIN
    return User(f"_azbatchtask_{own}", "TaskNonAdmin") if is_own else _POOL_USER
