"""Ending nodes when the Batch process has not: `python -m batchite.processes.ending DIRECTORY [--now]`.

The supervisor has this done by a process of its own if Batch is down when all is to stop, or did not end
its nodes. They are found as an engine finds them after a restart; what they ran waits again at the next
start. Ends with 1, and a sentence, if something of them stays.

Little is imported here: the supervisor itself only starts that process.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NOW = "--now"
_SHOWN = 3
"""ids in a sentence"""


def start(nodes: str, *, at_once: bool) -> subprocess.Popen[bytes]:
    """End the nodes whose directories are in `nodes`: in order, or by force `at_once`."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "batchite.processes.ending", nodes, *([_NOW] if at_once else [])],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # the terminal's Ctrl-C is for the supervisor alone
    )


def main() -> int:
    import asyncio
    from pathlib import Path

    directory = Path(sys.argv[1])
    try:
        remain = asyncio.run(_end(directory, at_once=_NOW in sys.argv))
    except OSError as error:
        remain = {"the nodes": str(error)}
    if remain:
        print(f"batchite: {sentence(directory, remain)}", file=sys.stderr)
    return 1 if remain else 0


async def _end(directory: Path, *, at_once: bool) -> dict[str, str]:
    from batchite.engines.base import GRACE_SECONDS
    from batchite.engines.ending import end_all
    from batchite.engines.local.engine import LocalEngine

    engine = LocalEngine(directory, lambda *_: None)
    try:
        nodes = dict.fromkeys(engine.found(), None)
        return await end_all(engine, nodes, grace=0 if at_once else GRACE_SECONDS)
    finally:
        await engine.close()


def sentence(directory: Path, remain: dict[str, str]) -> str:
    """What people are told of nodes that could not be ended."""
    shown = "; ".join(f"{node_id}: {why}" for node_id, why in list(remain.items())[:_SHOWN])
    more = f"; and {len(remain) - _SHOWN} more" if len(remain) > _SHOWN else ""
    return (
        f"not everything in {directory} has ended, and tasks may go on running ({shown}{more}). "
        "Start the service again and stop it, or end these processes yourself."
    )


if __name__ == "__main__":
    sys.exit(main())
