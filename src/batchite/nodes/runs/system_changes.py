"""Why a command that changes a node's system has failed, where the node cannot let it."""

from __future__ import annotations

import re

from batchite.nodes.sandbox.base import Tier

_PROGRAM = re.compile(r"(?<![\w.-])(apt-get|apt|dpkg|yum|dnf|zypper)(?![\w.-])")


def note(command_line: str, tier: Tier, *, is_admin: bool, is_root: bool) -> str:
    """A sentence for who asked for the rights of an administrator; empty where that was not in the way.
    `is_root`: the node's programs are run by this machine's root."""
    program = _PROGRAM.search(command_line)
    if program is None or not is_admin or tier.name == "machine" or is_root:
        return ""
    return (
        f"{program[1]} changes the system of a node, which takes the machine tier; this node is of the "
        f"{tier.name} tier: {tier.why} Run the service as root to have nodes of that tier"
    )
