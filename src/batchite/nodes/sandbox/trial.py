"""`python -m batchite.nodes.sandbox.trial DIRECTORY`: whether a node behind a wall can be made there.

It is told a `Wrapping`, makes one node of it exactly as an agent does, and prints a `Verdict`.
"""

from __future__ import annotations

import os
import sys

import msgspec

from batchite.link.wrapping import Verdict, Wrapping
from batchite.nodes.sandbox import bubblewrap, masks


def main() -> int:
    node = os.path.realpath(sys.argv[1])
    wrapping = msgspec.json.decode(sys.stdin.buffer.read(), type=Wrapping)
    secrets = tuple(masks.readable((*wrapping.hidden, *bubblewrap.TEMPORARY.values())))
    wrapping = msgspec.structs.replace(wrapping, hidden=(*wrapping.hidden, *secrets))
    verdict = Verdict(reason=_reason(node, wrapping), secrets=secrets)
    sys.stdout.buffer.write(msgspec.json.encode(verdict))
    return 0


def _reason(node: str, wrapping: Wrapping) -> str:
    try:
        wrapped = bubblewrap.start(node, wrapping)
    except bubblewrap.NoWallError as error:
        return error.reason
    wrapped.spawner.close()
    os.waitpid(wrapped.pid, 0)
    return ""


if __name__ == "__main__":
    sys.exit(main())
