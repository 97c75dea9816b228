"""The whole product, started for a test and stopped after it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from batchite.cli.variables import variables
from batchite.configuration import accounts, endpoints
from batchite.configuration.endpoints import Endpoints, Service
from batchite.engines.local import agent
from batchite.supervisor.supervisor import TESTING_TOKEN
from batchite.testing import directories

READY_SECONDS = 60.0
STOP_SECONDS = 90.0
FAULTS = "/-/testing/faults"
TIER_VARIABLE = "BATCHITE_SANDBOX_TIER"


class ServiceError(Exception):
    """The services did not start or did not stop; the text holds what they said."""


@dataclass
class RunningService:
    """Services of a data directory, run by one `batchite serve`."""

    data_dir: Path
    process: subprocess.Popen[str]
    variables: dict[str, str]
    """what `batchite env` prints: three AZURE_… variables of each service that runs"""
    lines: list[str] = field(repr=False)
    """what `batchite serve` has printed so far"""
    token: str = field(repr=False, default="")
    """by which the services know who may ask for faults"""

    @property
    def batch_url(self) -> str:
        return self.variables["AZURE_BATCH_ENDPOINT"]

    @property
    def batch_account(self) -> str:
        return self.variables["AZURE_BATCH_ACCOUNT"]

    @property
    def batch_key(self) -> str:
        return self.variables["AZURE_BATCH_ACCESS_KEY"]

    @property
    def storage_connection_string(self) -> str:
        return self.variables["AZURE_STORAGE_CONNECTION_STRING"]

    @property
    def storage_account(self) -> str:
        return self.variables["AZURE_STORAGE_ACCOUNT"]

    @property
    def storage_key(self) -> str:
        return self.variables["AZURE_STORAGE_KEY"]

    @property
    def blob_url(self) -> str:
        """Of the storage account."""
        parts = dict(part.split("=", 1) for part in self.storage_connection_string.split(";") if part)
        return parts["BlobEndpoint"]

    def fail(self, operation: str, status: int = 503, *, times: int = 1, code: str = "") -> None:
        """The next `times` requests of an operation are refused before anything changes.

        Operations of Batch have the names of its API (`Task_Add`), those of Blob are verb, level and `comp`
        (`PUT blob`, `PUT blob block`, `GET container list`). The error is the service's usual one with that
        status, or the one named by `code`. Raises ServiceError if there is no such operation or error.
        """
        service: Service = "blob" if " " in operation else "batch"
        fault = {"operation": operation, "status": status, "times": times, "code": code}
        self._ask(service, "POST", json.dumps(fault).encode())

    def stop_failing(self) -> None:
        """Forget the faults that are still to come."""
        for service in _endpoints(self.data_dir).serving:
            self._ask(service, "DELETE", None)

    def lose_node(self, node_id: str) -> None:
        """Kill a compute node's agent, as if its machine were gone. Raises ServiceError if it does not run.

        The service notices by itself: the node's tasks run again elsewhere, and it is replaced.
        """
        found = agent.running().get(str(self.data_dir.resolve() / "nodes" / node_id))
        if found is None:
            raise ServiceError(f"no node {node_id!r} runs here")
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGKILL)

    def _ask(self, service: Service, verb: str, body: bytes | None) -> None:
        found = _endpoints(self.data_dir)
        url = found.url(service)
        if url is None:
            raise ServiceError(f"the {service} service does not run here")
        request = urllib.request.Request(  # noqa: S310 - our own service
            f"{url}{FAULTS}", body, {"Authorization": f"Bearer {self.token}"}, method=verb
        )
        trust = ssl.create_default_context(cafile=found.bundle or None) if found.tls else None
        try:
            urllib.request.urlopen(request, timeout=READY_SECONDS, context=trust).close()  # noqa: S310
        except urllib.error.HTTPError as error:
            with error:
                raise ServiceError(error.read().decode(errors="replace")) from None


@contextlib.contextmanager
def running_service(
    data_dir: Path | None = None,
    *,
    only: Service | None = None,
    config: Path | None = None,
    arguments: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    stderr: IO[bytes] | None = None,
) -> Iterator[RunningService]:
    """Start both services on free ports, or `only` one; stop them, and every compute node, at the end.

    Without `data_dir` a temporary directory is used and removed; so are those of earlier runs that were
    killed. `arguments` are added to `batchite serve`, `variables` to its environment; what it logs goes to
    `stderr`. Of the `BATCHITE_…` variables that are set already, one is kept: BATCHITE_SANDBOX_TIER, by which
    tests that look at what tasks leave on this machine ask for nodes that are processes. Raises ServiceError.
    """
    with contextlib.ExitStack() as stack:
        if data_dir is None:
            data_dir = stack.enter_context(directories.temporary())
        service = start(
            data_dir, only=only, config=config, arguments=arguments, variables=variables, stderr=stderr
        )
        try:
            yield service
        finally:
            stop(service)


def start(
    data_dir: Path,
    *,
    only: Service | None = None,
    config: Path | None = None,
    arguments: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    stderr: IO[bytes] | None = None,
) -> RunningService:
    """As `running_service`, for a test that ends the service by itself (with `stop`, or less kindly)."""
    command = [sys.executable, "-m", "batchite", "serve", *([only] if only else [])]
    command += ["--data-dir", str(data_dir)]
    command += ["--until-eof", "--batch-port", "0", "--blob-port", "0", *arguments]
    command += ["--config", str(config)] if config else []
    token = secrets.token_urlsafe(32)
    environment = {
        # what somebody has set for a service of theirs is not for this one, but for what the machine can do
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith("BATCHITE_") or name == TIER_VARIABLE
        },
        **(variables or {}),
        TESTING_TOKEN: token,
    }
    process = subprocess.Popen(  # noqa: S603 - our own program
        command,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,  # ends with this process, however that ends, and so do the services
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,  # a terminal's Ctrl-C is for the caller, who then stops the services
    )
    lines, ready = _follow(process)
    if not ready.wait(READY_SECONDS) or not any(line.startswith("Ready") for line in lines):
        process.kill()
        process.wait()
        raise ServiceError("\n".join(["the services did not start; what they said:", *lines]))
    return RunningService(data_dir, process, _variables(data_dir), lines, token)


def stop(service: RunningService) -> None:
    """Ctrl-C, and wait until nothing of the services runs any more. Raises ServiceError."""
    if service.process.poll() is None:
        service.process.send_signal(signal.SIGINT)
    try:
        service.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        service.process.kill()
        service.process.wait()
        raise ServiceError("the services did not stop in time and were killed") from None


def _follow(process: subprocess.Popen[str]) -> tuple[list[str], threading.Event]:
    """Collect the output; the event is set by the line that says ready, and by the end."""
    lines: list[str] = []
    ready = threading.Event()

    def read(output: IO[str], lifeline: IO[str]) -> None:
        with output, lifeline:
            for line in output:
                lines.append(line.rstrip("\n"))
                if line.startswith("Ready"):
                    ready.set()
        ready.set()

    threading.Thread(
        target=read, args=(process.stdout, process.stdin), name="service output", daemon=True
    ).start()
    return lines, ready


def _variables(data_dir: Path) -> dict[str, str]:
    return variables(accounts.load(data_dir), _endpoints(data_dir))


def _endpoints(data_dir: Path) -> Endpoints:
    """Of the services that were started."""
    found = endpoints.load(data_dir)
    if found is None:
        raise ServiceError(f"{data_dir} has no {endpoints.FILE_NAME} that can be read")
    return found.of_those_serving
