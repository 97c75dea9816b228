"""`batchite serve`: one supervisor, and a process for each service.

The supervisor owns the data directory: its lock, the accounts, the chosen ports and the listening
sockets, which the service processes inherit. So a service that died is back on the same port, and
connections made meanwhile wait instead of being refused.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from batchite import accounts, directory_lock, endpoints, tls
from batchite.endpoints import LOCK_FILE, Endpoints, Service
from batchite.processes import Launch
from batchite.settings import Settings, is_loopback
from batchite.tls import Identity

PREDECESSOR_SECONDS = 15.0
"""How long the port of an earlier start may stay taken by a process of it that is still ending."""
STOP_SECONDS: dict[Service, float] = {"batch": 60.0, "blob": 15.0}
BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
HEALTHY_SECONDS = 60.0
"""A process that ran this long is started again at once when it dies."""

log = logging.getLogger(__name__)


class CannotStartError(Exception):
    """The services cannot be started; the text says why and what to do."""


def supervise(
    settings: Settings,
    services: Sequence[Service],
    announce: Callable[[Endpoints], None],
    *,
    until_eof: bool = False,
) -> int:
    """Run `services` until SIGINT or SIGTERM; returns the exit code. Raises CannotStartError.

    `announce` is called once, when all of them are ready. With `until_eof` the end of standard input
    stops them too.
    """
    _check_exposure(settings)
    with _owned(settings.data_dir), ExitStack() as stack:
        found = _load(settings.data_dir)
        sockets = {service: stack.enter_context(_listen(settings, service, found)) for service in services}
        identity = _identity(settings)
        chosen = _chosen(settings, sockets, found, identity)
        _save(settings, chosen)
        launches = [_launch(settings, name, chosen, sock, identity) for name, sock in sockets.items()]
        children = [Child(launch) for launch in launches]
        return asyncio.run(_Supervision(children, until_eof).run(lambda: announce(chosen)))


def _check_exposure(settings: Settings) -> None:
    if settings.accounts.uses_development_keys and not (
        is_loopback(settings.host) or settings.allow_development_keys
    ):
        raise CannotStartError(
            f"host = {settings.host!r} lets other machines connect, and the development keys are known to "
            "everybody. Configure accounts with keys of your own (see --config), listen on 127.0.0.1, or "
            "give --allow-development-keys if nobody else can reach this network."
        )


@contextmanager
def _owned(data_dir: Path) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(directory_lock.held(data_dir / LOCK_FILE, patience=1.0))
        except directory_lock.LockedError as error:
            raise CannotStartError(
                f"The data directory {data_dir} is in use by process {error.holder or 'unknown'}. "
                "Stop that one, or give another --data-dir."
            ) from None
        except OSError as error:
            raise _unusable(data_dir, error) from None
        yield


def _unusable(data_dir: Path, error: OSError) -> CannotStartError:
    """A file where a directory should be, a directory where a file should be, a full disk, no permission."""
    place = f" ({error.filename})" if error.filename and str(error.filename) != str(data_dir) else ""
    return CannotStartError(
        f"The data directory {data_dir} cannot be used: {error.strerror}{place}. Give another --data-dir."
    )


def _load(data_dir: Path) -> Endpoints | None:
    try:
        return endpoints.load(data_dir)
    except OSError as error:
        raise _unusable(data_dir, error) from None


def _save(settings: Settings, chosen: Endpoints) -> None:
    try:
        accounts.save(settings.accounts, settings.data_dir)
        endpoints.save(chosen, settings.data_dir)
    except OSError as error:
        raise _unusable(settings.data_dir, error) from None


def _listen(settings: Settings, service: Service, found: Endpoints | None) -> socket.socket:
    asked = settings.batch_port if service == "batch" else settings.blob_port
    kept = found.port(service) if found else None
    port = asked or kept or 0
    deadline = time.monotonic() + (PREDECESSOR_SECONDS if port == kept else 0)
    while True:
        try:
            return endpoints.listen(settings.host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise CannotStartError(_port_problem(settings, service, port, asked, error)) from None
        time.sleep(directory_lock.POLL_SECONDS)


def _port_problem(settings: Settings, service: Service, port: int, asked: int, error: OSError) -> str:
    name, flag = service.capitalize(), f"--{service}-port"
    what = f"The {name} service cannot listen on {settings.host}, port {port}: {error.strerror}."
    if error.errno == errno.EADDRINUSE and not asked:
        return f"{what} This data directory has used that port so far: free it, or choose one with {flag}."
    return f"{what} Choose another {flag} (0 takes any free one) or --host."


def _identity(settings: Settings) -> Identity | None:
    try:
        identity = tls.identity(settings)
        if identity is not None:
            tls.check(identity, Endpoints(host=settings.host, public_host=settings.public_host).client_host)
    except tls.TlsError as error:
        raise CannotStartError(str(error)) from None
    return identity


def _chosen(
    settings: Settings,
    sockets: dict[Service, socket.socket],
    found: Endpoints | None,
    identity: Identity | None,
) -> Endpoints:
    ports = {service: sock.getsockname()[1] for service, sock in sockets.items()}
    return Endpoints(
        host=settings.host,
        batch_port=ports.get("batch", found.batch_port if found else None),
        blob_port=ports.get("blob", found.blob_port if found else None),
        pid=os.getpid(),
        public_host=settings.public_host,
        tls=identity is not None,
        bundle=identity.bundle if identity else "",
    )


def _launch(
    settings: Settings,
    service: Service,
    chosen: Endpoints,
    sock: socket.socket,
    identity: Identity | None,
) -> Launch:
    return Launch(
        service=service,
        listening=sock.fileno(),
        url=chosen.url(service) or "",
        data_dir=str(settings.data_dir.absolute()),
        environment=tls.trusting(chosen.bundle) | settings.environment,
        trusted_proxies=settings.trusted_proxies,
        host_suffixes=(
            tuple(filter(None, [settings.batch_host_suffix]))
            if service == "batch"
            else settings.blob_host_suffixes
        ),
        copy_origins=settings.copy_origins,
        identity=identity,
        log_level=settings.log_level,
        content=settings.content,
    )


class ChildDiedError(Exception):
    """A service process ended before it was ready."""


class Child:
    """One service process; can be started again."""

    def __init__(self, launch: Launch) -> None:
        self.service = launch.service
        self._launch = launch
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns once the process is ready. Raises ChildDiedError."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "batchite.processes",
            self.service,  # these two are for whoever reads the list of processes
            self._launch.data_dir,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(self._launch.listening,),
            start_new_session=True,  # the terminal's Ctrl-C is for the supervisor alone
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        self._tell(msgspec.json.encode(self._launch) + b"\n")
        if await self._process.stdout.readline() != b"ready\n":
            code = await self._process.wait()
            raise ChildDiedError(f"the {self.service} process ended with code {code} before it was ready")

    async def wait(self) -> int:
        """The code with which the process ended."""
        return await self._process.wait() if self._process else 0

    async def stop(self) -> None:
        """End the process in order; by force when that takes too long."""
        self._tell(b"stop\n")
        try:
            await asyncio.wait_for(self.wait(), STOP_SECONDS[self.service])
        except TimeoutError:
            log.error("the %s process did not stop in time and is ended by force", self.service)
            self.kill()
            await self.wait()

    def kill(self) -> None:
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _tell(self, text: bytes) -> None:
        if self._process and self._process.stdin and self._process.returncode is None:
            self._process.stdin.write(text)


def _read_to_end(loop: asyncio.AbstractEventLoop, end: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    with suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(end.set)


class _Supervision:
    """Starts the children together, starts those again that die, stops them in order."""

    def __init__(self, children: Sequence[Child], until_eof: bool) -> None:
        self._children = children
        self._until_eof = until_eof
        self._signals = 0
        self._stop = asyncio.Event()
        self._force = asyncio.Event()

    async def run(self, announce: Callable[[], None]) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        if self._until_eof:
            threading.Thread(target=_read_to_end, args=(loop, self._stop), daemon=True).start()
        try:
            if await self._unless(self._stop, self._start_all()):
                announce()
                await self._unless(self._stop, self._keep_all())
        except ChildDiedError as error:
            raise CannotStartError(f"{error}; what it said is above.") from None
        finally:
            forced = not await self._unless(self._force, self._stop_all())
            if forced:
                await self._kill_all()
        return 130 if forced else 0

    def _on_signal(self) -> None:
        self._signals += 1
        (self._stop if self._signals == 1 else self._force).set()

    async def _unless(self, event: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
        """Whether `work` was finished; it is cancelled when `event` happens first."""
        task = asyncio.ensure_future(work)
        happening = asyncio.ensure_future(event.wait())
        await asyncio.wait((task, happening), return_when=asyncio.FIRST_COMPLETED)
        happening.cancel()
        if task.done():
            await task
            return True
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return False

    async def _start_all(self) -> None:
        await asyncio.gather(*(child.start() for child in self._children))

    async def _keep_all(self) -> None:
        await asyncio.gather(*(self._keep(child) for child in self._children))

    async def _keep(self, child: Child) -> None:
        deaths = 0
        while True:
            began = time.monotonic()
            code = await child.wait()
            deaths = 1 if time.monotonic() - began >= HEALTHY_SECONDS else deaths + 1
            delay = BACKOFF_SECONDS[min(deaths, len(BACKOFF_SECONDS)) - 1]
            log.error(
                "the %s process ended with code %d; it is started again in %.1f s", child.service, code, delay
            )
            await asyncio.sleep(delay)
            with suppress(ChildDiedError):
                await child.start()

    async def _stop_all(self) -> None:
        for child in self._children:  # Batch comes first: its nodes still upload while they end
            await child.stop()

    async def _kill_all(self) -> None:
        for child in self._children:
            child.kill()
            await child.wait()
