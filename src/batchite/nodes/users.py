"""As whom a task runs, by the `userIdentity` of its definition.

As on Azure's Linux nodes: the tasks of a pool share a user, a start task and a task of scope `task` have one
of their own, and whoever is elevated is root. A user account of the pool is taken by its name; one that is
elevated is root by another name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from batchite.link.spec import NodeUser
from batchite.nodes import failures
from batchite.nodes.definition import UserIdentity
from batchite.nodes.failures import RunError
from batchite.nodes.sandbox.base import User
from batchite.wire.batch.runs import Kind

_ADMIN = "admin"
_TASK = "task"
_SCOPES: Final[Mapping[Kind, tuple[str, str]]] = {
    "task": ("pool", "{}"),
    "starttask": (_TASK, "start"),
    "preparation": (_TASK, "prep{}"),
    "release": (_TASK, "prep{}"),
}
"""Of whose user it is if nothing is said, and how a user of its own is called. A job's release has that of
its preparation, whose files it finds."""
_POOL_USER = User("_azbatch", "PoolNonAdmin")
_POOL_ADMIN = User("root", "PoolAdmin", is_admin=True)
_TASK_ADMIN = User("root", "TaskAdmin", is_admin=True)


class Users:
    """Those of a node, whose pool has these user accounts."""

    def __init__(self, accounts: Iterable[NodeUser] = ()) -> None:
        self._accounts = {
            one.name: User(one.name, one.name, is_admin=one.is_admin, number=one.number) for one in accounts
        }

    def of(self, kind: Kind, number: int, identity: UserIdentity | None) -> User:
        """For a run of this kind and number, whose user is the same whenever it is run again. Raises RunError
        for an account that the pool has not."""
        scope, own = _SCOPES[kind]
        return self._user(identity, scope, own.format(number))

    def _user(self, identity: UserIdentity | None, scope: str, own: str) -> User:
        """`scope` is that of who says nothing at all."""
        if identity is not None and identity.username is not None:
            return self._account(identity.username)
        user = identity.auto_user if identity is not None else None
        is_own = (user.scope if user is not None else scope) == _TASK
        if user is not None and user.elevation_level == _ADMIN:
            return _TASK_ADMIN if is_own else _POOL_ADMIN
        return User(f"_azbatchtask_{own}", "TaskNonAdmin") if is_own else _POOL_USER

    def _account(self, name: str) -> User:
        account = self._accounts.get(name)
        if account is None:
            raise RunError(failures.of_user(name, self._accounts))
        return account
