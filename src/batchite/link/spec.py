"""What a node agent is told when it is started."""

from __future__ import annotations

import msgspec

FILE_NAME = "agent.json"
"""where an agent finds it, in the node's own directory"""

ROOT_MARK = "AZ_BATCH_NODE_ROOT_DIR"
"""the variable every process of a node is started with: its value, the node's root directory, tells
an engine whose process it is"""

GROUP_VARIABLE = "BATCHITE_GROUP"
"""the variable that names the file to which an agent writes 0, before it starts anything, to become the
first member of its node's control group; not there if nodes have no groups"""


class NodeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an agent must know to become this node."""

    node_id: str
    pool_id: str
    account: str
    account_url: str
    """the Batch endpoint as tasks see it"""
    service_url: str
    """where the agent connects to, for example http://127.0.0.1:10003"""
    token: str
    """the node's own credential; never in argv, never in a task's environment"""
    dedicated: bool
    slots: int
    root: str = ""
    """a short name that the agent gives to the node's root directory, for tasks; empty: its path"""
    environment: dict[str, str]
    """given by the operator to every task and to the agent's own downloads"""
