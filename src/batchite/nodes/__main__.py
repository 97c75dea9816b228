"""`python -m batchite.nodes DIRECTORY`: become the node that DIRECTORY/agent.json describes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

import msgspec

from batchite.link.spec import FILE_NAME, GROUP_VARIABLE, NodeSpec
from batchite.machine.clock import SystemClock
from batchite.nodes.agent import Agent, Limits


async def _run(spec: NodeSpec, node: str) -> str:
    return await Agent(spec, node, SystemClock(), Limits()).run()


def _join_group() -> None:
    """What the agent starts is born in the node's group."""
    members = os.environ.pop(GROUP_VARIABLE, None)
    if members is None:
        return
    try:
        with open(members, "w") as file:
            file.write("0")
    except OSError as error:
        print(f"The node has no group of its own: {error}.", file=sys.stderr, flush=True)


def _close_inherited() -> None:
    """Tasks inherit what the agent inherited; so whoever started it gives nothing but its log."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):
                os.set_inheritable(int(name), False)


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m batchite.nodes DIRECTORY", file=sys.stderr)
        return 2
    node = os.path.realpath(sys.argv[1])
    _join_group()
    _close_inherited()
    with open(f"{node}/{FILE_NAME}", "rb") as file:
        spec = msgspec.json.decode(file.read(), type=NodeSpec)
    # For the agent's own downloads: the operator's proxies and certificates, but nobody's passwords,
    # since it is the customers who say what to download.
    os.environ.update({"NETRC": os.devnull, **spec.environment})
    os.chdir(node)
    print(f"The node ends: {asyncio.run(_run(spec, node))}.", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
