"""The `batchite` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point: runs the command and ends the process."""
    from batchite.cli.ahead import Ahead

    ahead = Ahead(sys.argv[2:] if sys.argv[1:2] == ["serve"] else None)
    try:
        from batchite.cli.commands import application

        application().main(prog_name="batchite", obj=ahead)
    except KeyboardInterrupt:  # before the supervisor took over the signal
        sys.exit(130)
    finally:
        ahead.end()
