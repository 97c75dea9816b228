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


TIER_LINE = "Tier: "
"""the beginning of what an agent says of its node first of all, which tells nothing of an end"""

HOST = "host"
"""the name of the machine's own system among root file systems"""

IN_LAYER = "{layer}"
"""in the words of a layer: the directory that holds its files, or nothing where they are in their places"""


class NodeLayer(msgspec.Struct, frozen=True):
    """Files that a node finds beside those of its system, and what its tasks are told of them.

    `directory` is laid over the root file system of a node that has a tree of its own. Elsewhere tasks use
    what lies in it through variables and PATH.
    """

    directory: str
    environment: dict[str, str] = {}
    path: tuple[str, ...] = ()

    def words(self, text: str, *, is_in_place: bool) -> str:
        """A value of `environment`, or a part of `path`, for the tasks of a node whose tree has the layer's
        files in their places, or has not."""
        return text.replace(IN_LAYER, "" if is_in_place else self.directory)


class NodeImage(msgspec.Struct, frozen=True, kw_only=True):
    """What the image of a pool means for its nodes."""

    system: str = HOST
    """the name of the root file system"""
    layer: str = ""
    """the name of the layer, if there is one"""
    root: str = ""
    """directory of the root file system; empty: that of this machine"""
    layers: tuple[NodeLayer, ...] = ()
    """the uppermost first"""
    environment: dict[str, str] = {}
    """of tasks"""
    path: tuple[str, ...] = ()
    """with what their PATH begins"""
    has_system_python: bool = False
    """tasks of a node with a tree of its own use the Python of its system, not the service's"""
    is_windows: bool = False
    """command lines are written for Windows"""


class Authority(msgspec.Struct, frozen=True):
    """Whose certificates the services show under the cloud's names."""

    pem: str
    hash: str
    """of its name, by which OpenSSL looks for it"""


class NodeUser(msgspec.Struct, frozen=True):
    """A user account of the pool, by which tasks may ask to be run."""

    name: str
    is_admin: bool = False
    number: int | None = None
    """that it is to have where users of nodes have numbers of their own"""


class NodePackage(msgspec.Struct, frozen=True):
    """A package of an application that the pool has its nodes given; without a version the default one."""

    application: str
    version: str = ""


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
    hosts: tuple[str, ...] = ()
    """lines for the hosts file of a node that has one of its own"""
    authority: Authority | None = None
    """whom a node trusts that has a system of its own"""
    authorities: str = ""
    """a file that the environment names, which is the service's and which tasks have to be able to read"""
    image: NodeImage = NodeImage()
    users: tuple[NodeUser, ...] = ()
    packages: tuple[NodePackage, ...] = ()
    """that are there before anything runs"""
