"""`make tutorial`: start the services, run the tutorial against them, show its results, stop.

The tutorial itself knows nothing of this: it is a process of its own and finds the accounts in its
environment, as it would those of the cloud. `make tutorial-2016` runs another `--client` in the same way,
with the `--python` that has its SDKs.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from batchite.testing import running_service

CLIENT = Path(__file__).resolve().parent / "tutorial" / "tutorial_client.py"


def main(arguments: list[str]) -> int:
    """Run the tutorial with the `arguments` that are not for this program; its exit code."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--client", default=str(CLIENT))
    parser.add_argument("--python", default=sys.executable)
    own, arguments = parser.parse_known_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tutorial-") as results, running_service() as service:
        print(f"Batch runs at {service.batch_url}, Blob at {service.blob_url}.\n", flush=True)
        command = [own.python, own.client, "--output", results, *arguments]
        environment = {**os.environ, **service.variables}
        code = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode
        elapsed = time.monotonic() - began
        for path in sorted(Path(results).iterdir()):
            print(f"\n{path.name}\n{path.read_text(encoding='utf-8')}", end="")
        print(f"\nFrom starting the services to the results in {elapsed:.1f} s.", flush=True)
    print("All services and compute nodes have stopped.")
    return code


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
