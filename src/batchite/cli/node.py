"""`batchite node`: compute nodes of the running service."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from batchite.cli import exits, node_access, node_shell, node_users, nouns, options, printing
from batchite.cli.changing import Change, change_command
from batchite.cli.explaining import explain_command
from batchite.cli.grammar import Words
from batchite.cli.nouns import Noun, Resource, list_command, of, show_command
from batchite.cli.pool import POOL
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings

_LOGIN = "no SSH server answers at SSHRule; batchite node shell opens a shell"
"""Of every node, said where whoever looks for one looks."""


def _pool(resource: Resource) -> str:
    """From its URL: a node does not say it otherwise."""
    return str(resource["url"]).rsplit("/", 3)[-3]


def _add_use(client: BatchRequests, nodes: Sequence[Resource]) -> None:
    """What each is, and uses, as `batchite`; nothing of one that has gone meanwhile."""
    of_pools: dict[str, list[Resource]] = {}
    for node in nodes:
        of_pools.setdefault(_pool(node), []).append(node)
    for pool, those in of_pools.items():
        names = ",".join(str(node["id"]) for node in those)
        found = client.find("-", "pools", pool, "use", nodes=names) or {"nodes": ()}
        used = {one.pop("nodeId"): one for one in found["nodes"]}
        for node in those:
            node["batchite"] = used.get(node["id"], {}) | {"login": _LOGIN}


def _size(name: str) -> Callable[[Resource], str | None]:
    """In MiB, of a number of bytes."""
    read = of(f"batchite.{name}")

    def shown(node: Resource) -> str | None:
        value = read(node)
        return None if value is None else f"{value / 2**20:.0f} MiB"

    return shown


def _processor(node: Resource) -> str | None:
    value = of("batchite.processorSeconds")(node)
    return None if value is None else f"{value:.1f} s"


NODE = Noun(
    "node",
    "nodes",
    (
        ("id", of("id")),
        ("pool", _pool),
        ("state", of("state")),
        ("running", of("runningTasksCount")),
        ("run", of("totalTasksRun")),
        ("tier", of("batchite.tier")),
        ("image", of("batchite.image")),
        ("address", of("ipAddress")),
        ("processes", of("batchite.processes")),
        ("memory", _size("memory")),
        ("disk", _size("disk")),
        ("processor", _processor),
        ("since", of("stateTransitionTime")),
    ),
    POOL,
    _add_use,
)


_OPTIONS = ("requeue", "terminate", "taskcompletion", "retaineddata")
"""What becomes of a node's tasks."""
_BOOTING = frozenset({"rebooting", "reimaging", "creating", "starting", "waitingforstarttask"})
_FAILED = frozenset({"starttaskfailed", "unusable"})
CHANGES = (
    Change(
        "reboot",
        "Have a node end all that runs there and boot again: its files stay, the start task runs anew.",
        ("reboot",),
        "nodeRebootOption",
        _OPTIONS,
        _BOOTING,
        _FAILED,
    ),
    Change(
        "reimage",
        "Have a node made anew under its id: its files go, the start task runs. Also where the protocol, as "
        "the cloud's, refuses it.",
        ("reimage",),
        "nodeReimageOption",
        _OPTIONS,
        _BOOTING,
        _FAILED,
        is_own=True,
    ),
    Change(
        "deallocate",
        "End a node, which stays in its pool without files until it is started.",
        ("deallocate",),
        "nodeDeallocateOption",
        _OPTIONS,
        frozenset({"deallocating"}),
    ),
    Change("start", "Boot a node that is deallocated.", ("start",), busy=_BOOTING, failures=_FAILED),
    Change(
        "preempt",
        "Take a low-priority node away, as the cloud does when it wants the machine: what runs there has a "
        "notice to end, its files go, and it comes back after a while.",
        ("preempt",),
        busy=frozenset({"idle", "running", "offline", "starting", "waitingforstarttask", "starttaskfailed"}),
        is_own=True,
    ),
    Change(
        "disable",
        "Let a node take no more tasks; it is offline once it has none.",
        ("disablescheduling",),
        "nodeDisableSchedulingOption",
        _OPTIONS[:3],
        frozenset({"idle", "running"}),
    ),
    Change("enable", "Let a node take tasks again.", ("enablescheduling",), busy=frozenset({"offline"})),
)


def command() -> click.Group:
    """`node`, and what is below it."""
    looking = [explain_command(NODE), list_command(NODE), _log(), show_command(NODE)]
    access = [node_users.group(NODE), *node_access.commands(NODE), node_shell.command(NODE)]
    changes = [change_command(NODE, change) for change in CHANGES]
    commands = [*looking, *access, *changes]
    return Words("node", commands, help="Look at compute nodes, and say what they are to do.")


def _log() -> click.Command:
    more = (
        click.Argument(["id"]),
        *nouns.parent_options(NODE),
        *nouns.service_options(),
    )
    text = "Print what a node's agent has said last of itself; what its tasks print is elsewhere."
    return options.command("log", _print_log, help=text, settings=nouns.USED, more=more)


def _print_log(settings: Settings, id: str, parent: str | None, account: str | None, as_json: bool) -> None:
    client = BatchRequests(settings, account)
    found = client.get("-", *nouns.locate(client, NODE, id, parent), "log")
    if as_json:
        printing.print_json(found)
        return
    if "log" not in found:
        exits.fail(
            f"what the agent of {id!r} says cannot be read here: it has not been started, or another "
            "process of the service answers for it",
            exits.NOT_FOUND,
        )
    for line in found["log"].splitlines():
        click.echo(printing.shown(line))
