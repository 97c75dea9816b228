"""The `batchite` command."""

from __future__ import annotations

import errno
import os
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
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _say_full(error)
    finally:
        ahead.end()


def _say_full(error: OSError) -> None:
    """End the command whose output has no room."""
    from batchite.cli import exits

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is left of it
    exits.fail(f"the output cannot be written: {error.strerror}")
