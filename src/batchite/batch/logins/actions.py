"""What can be done with users of nodes, by whom people log in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from batchite.batch import changing
from batchite.batch.acting import Acting
from batchite.batch.nodes import actions as nodes
from batchite.batch.pools.actions import REFUSALS
from batchite.resources import logins as resources
from batchite.resources import passwords
from batchite.resources.inbound import is_windows
from batchite.resources.keys import folded
from batchite.resources.logins import LoginRow
from batchite.resources.nodes import NodeRow
from batchite.resources.states import NODE
from batchite.store.batch import events, logins
from batchite.store.batch import nodes as stored_nodes
from batchite.store.batch import pools as stored_pools
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.logins import BatchNodeUserCreateOptions, BatchNodeUserReplaceOptions
from batchite.wire.batch.validation.logins import accept, accept_new

_READY = ("idle", "running")


class Changed(NamedTuple):
    """A change of a node's users, of one that was `modified` then."""

    shard: str
    modified: int


async def add(
    acting: Acting, pool_id: str, node_id: str, wanted: BatchNodeUserCreateOptions
) -> tuple[Changed, str]:
    """Add a user; returns also its name. Raises BatchError."""
    node = await nodes.find(acting, pool_id, node_id)
    login = accept_new(wanted, acting.moment, windows=is_windows(nodes.pool_of(node)))
    password = await _hashed(login.password)

    def make(connection: sa.Connection, node: NodeRow) -> int:
        row = resources.row(node.node_no, login, password, acting.now)
        if _is_of_pool(node, login.name):
            raise BatchError("NodeUserExists", "It is one of the pool's userAccounts; take another name.")
        if not logins.add(connection, row):
            raise BatchError("NodeUserExists", "Update or delete it.")
        return acting.now

    return await _change(acting, pool_id, node_id, make), login.name


async def replace(
    acting: Acting, pool_id: str, node_id: str, name: str, wanted: BatchNodeUserReplaceOptions
) -> Changed:
    """Say anew what a user is; what is not said is not there any more. Raises BatchError."""
    node = await nodes.find(acting, pool_id, node_id)
    login = accept(wanted, acting.moment, windows=is_windows(nodes.pool_of(node)))
    password = await _hashed(login.password)

    def make(connection: sa.Connection, node: NodeRow) -> int:
        values = resources.values(login, password)
        modified = logins.replace(connection, node.node_no, name, acting.now, values)
        if modified is None:
            raise BatchError("NodeUserNotFound")
        return modified

    return await _change(acting, pool_id, node_id, make)


async def delete(acting: Acting, pool_id: str, node_id: str, name: str) -> None:
    """Raises BatchError."""

    def make(connection: sa.Connection, node: NodeRow) -> int:
        if not logins.delete(connection, node.node_no, name):
            raise BatchError("NodeUserNotFound")
        return acting.now

    await _change(acting, pool_id, node_id, make)


async def of_node(acting: Acting, pool_id: str, node_id: str) -> Sequence[LoginRow]:
    """By name. Raises PoolNotFound and NodeNotFound."""
    node = await nodes.find(acting, pool_id, node_id)
    return await acting.read(lambda connection: logins.of_node(connection, node.node_no))


async def _hashed(password: Maybe[str]) -> str | None:
    return await asyncio.to_thread(passwords.hashed, password) if password else None


async def _change(
    acting: Acting, pool_id: str, node_id: str, make: Callable[[sa.Connection, NodeRow], int]
) -> Changed:
    """What `make` stores for the node, if users of it may be changed now; it returns when that user was
    changed, or raises BatchError."""

    def unit(connection: sa.Connection) -> Changed | None:
        node = stored_nodes.find(connection, acting.account, pool_id, node_id, to_change=True)
        if node is None:
            return None
        _check(node)
        modified = make(connection, node)
        events.append(connection, node.shard, "logins", node.node_no)
        return Changed(node.shard, modified)

    def missing(connection: sa.Connection) -> BatchError:
        has_pool = stored_pools.find(connection, acting.account, pool_id) is not None
        return BatchError("NodeNotFound") if has_pool else REFUSALS.of(None)

    return await changing.change(acting, unit, missing)


def _check(node: NodeRow) -> None:
    if node.state not in _READY:
        unusable = "NodeStateUnusable" if node.state == "unusable" else "OperationNotValidOnNode"
        code = NODE[node.state].refusal or unusable
        detail = f"It is {node.state}; users are added, changed and deleted while it is idle or running."
        raise BatchError(code, detail, (("NodeState", node.state),))


def _is_of_pool(node: NodeRow, name: str) -> bool:
    accounts = nodes.pool_of(node).user_accounts or ()
    return any(folded(account.name) == folded(name) for account in accounts)
