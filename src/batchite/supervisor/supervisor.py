"""`batchite serve`: one supervisor, and a process for each service.

The supervisor owns the data directory: its lock, the accounts, the chosen ports and the listening
sockets, which the service processes inherit. So a service that died is back on the same port, and
connections made meanwhile wait instead of being refused.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from batchite.configuration import endpoints, made
from batchite.configuration.cloud_proxy import CloudProxy
from batchite.configuration.endpoints import LOCK_FILE, Endpoints, Service
from batchite.configuration.settings import Settings, is_loopback
from batchite.link.machines import PROCESSES, Isolation
from batchite.machine import directory_lock
from batchite.processes.launch import Launch
from batchite.store import examining, revisions
from batchite.supervisor import cloud_names
from batchite.supervisor.child import Child
from batchite.supervisor.isolation import TooLittleError, decide
from batchite.supervisor.supervision import ChildDiedError, Supervision
from batchite.tls.identity import Identity, TlsError
from batchite.web.hosts import Hosts
from batchite.wire import cloud

TESTING_TOKEN = "BATCHITE_TESTING_TOKEN"  # noqa: S105 - the variable's name
"""Set by `batchite.testing`: whoever knows its value may ask the services for faults."""
PREDECESSOR_SECONDS = 15.0
"""How long the port of an earlier start may stay taken by a process of it that is still ending."""
CLOUD_SUFFIXES: Mapping[Service, str] = {"batch": cloud.BATCH, "blob": cloud.BLOB}
DATABASES: Mapping[Service, revisions.Name] = {"batch": "batch", "blob": "blobs"}


class CannotStartError(Exception):
    """The services cannot be started; the text says why and what to do."""


def supervise(
    settings: Settings,
    children: Sequence[Child],
    announce: Callable[[Endpoints, Isolation], None],
    *,
    until_eof: bool = False,
) -> int:
    """Run `children` until SIGINT or SIGTERM; returns the exit code. Raises CannotStartError.

    `announce` is called once, when all of them are ready. With `until_eof` the end of standard input
    stops them too.
    """
    services = [child.service for child in children]
    _check_exposure(settings)
    with _owned(settings.data_dir), ExitStack() as stack:
        _check_databases(settings.data_dir, services)
        found = _load(settings.data_dir)
        sockets = {service: stack.enter_context(_listen(settings, service, found)) for service in services}
        of_proxy = [stack.enter_context(each) for each in _listen_for_tasks(settings, services, found)]
        identity = _identity(settings)
        chosen = _chosen(settings, sockets, of_proxy, found, identity)
        isolation = _isolation(settings) if "batch" in services else PROCESSES
        _save(settings, chosen)
        of_names = [stack.enter_context(each) for each in _listen_for_machines(settings, services, isolation)]
        address = next((sock.getsockname()[0] for sock in of_names), "")
        proxy = _proxy(settings, chosen, of_proxy)
        environment = _environment(settings, chosen, proxy, in_hosts=bool(of_names))
        launches = {
            name: (
                _launch(settings, name, chosen, identity, environment, proxy, address, isolation),
                [sock, *of_proxy, *of_names] if name == "blob" else [sock],
            )
            for name, sock in sockets.items()
        }
        try:
            return Supervision(children, launches, until_eof=until_eof).run(
                lambda: announce(chosen, isolation)
            )
        except ChildDiedError as error:
            raise CannotStartError(f"{error}; what it said is above.") from None


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


def _check_databases(data_dir: Path, services: Sequence[Service]) -> None:
    """Before anything is written: what this program cannot go on with is left as it was."""
    for name in (DATABASES[service] for service in services):
        try:
            examining.examine(revisions.file(data_dir, name), name)
        except examining.UnusableDatabaseError as error:
            raise CannotStartError(str(error)) from None


def _load(data_dir: Path) -> Endpoints | None:
    try:
        return endpoints.load(data_dir)
    except OSError as error:
        raise _unusable(data_dir, error) from None


def _save(settings: Settings, chosen: Endpoints) -> None:
    try:
        made.configure(settings.accounts, settings.data_dir)
        endpoints.save(chosen, settings.data_dir)
    except directory_lock.LockedError as error:
        raise CannotStartError(f"The accounts are being changed, and not done with: {error}.") from None
    except OSError as error:
        raise _unusable(settings.data_dir, error) from None


def _listen(settings: Settings, service: Service, found: Endpoints | None) -> socket.socket:
    asked = settings.batch_port if service == "batch" else settings.blob_port
    kept = found.port(service) if found else None
    port = asked or kept or 0
    try:
        return _listen_patiently(settings.host, port, PREDECESSOR_SECONDS if port == kept else 0)
    except OSError as error:
        raise CannotStartError(_port_problem(settings, service, port, asked, error)) from None


def _listen_patiently(host: str, port: int, patience: float) -> socket.socket:
    """Raises OSError."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return endpoints.listen(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise
        time.sleep(directory_lock.POLL_SECONDS)


def _listen_for_tasks(
    settings: Settings, services: Sequence[Service], found: Endpoints | None
) -> list[socket.socket]:
    """The socket of the proxy by which tasks find the cloud's names, if they do. Its port stays the same,
    since tasks that run know it, unless somebody else has taken it."""
    try:
        wanted = cloud_names.are_wanted(settings, services)
    except ValueError as error:
        raise CannotStartError(str(error)) from None
    if not wanted:
        return []
    try:
        kept = (found.cloud_proxy_port if found else None) or 0
        return [_listen_patiently(cloud_names.HOST, kept, PREDECESSOR_SECONDS)]
    except OSError:
        return [endpoints.listen(cloud_names.HOST, 0)]


def _listen_for_machines(
    settings: Settings, services: Sequence[Service], isolation: Isolation
) -> list[socket.socket]:
    """The socket to which their hosts files lead for the cloud's names, if it can be had."""
    wanted = isolation.tier == "machine" and "blob" in services
    listening = cloud_names.listen(settings.data_dir) if wanted else None
    return [] if listening is None else [listening]


def _proxy(settings: Settings, chosen: Endpoints, listening: Sequence[socket.socket]) -> CloudProxy | None:
    try:
        return cloud_names.proxy(settings, chosen.cloud_proxy_port or 0) if listening else None
    except OSError as error:
        raise _unusable(settings.data_dir, error) from None


def _port_problem(settings: Settings, service: Service, port: int, asked: int, error: OSError) -> str:
    name, flag = service.capitalize(), f"--{service}-port"
    reason = str(error.strerror).partition(" (while ")[0]  # what follows names the address again
    what = f"The {name} service cannot listen on {settings.host}, port {port}: {reason}."
    if error.errno == errno.EADDRINUSE and not asked:
        return f"{what} This data directory has used that port so far: free it, or choose one with {flag}."
    return f"{what} Choose another {flag} (0 takes any free one) or --host."


def _identity(settings: Settings) -> Identity | None:
    if not (settings.tls or settings.tls_certificate or settings.tls_key or settings.tls_ca):
        return None
    from batchite.tls import certificates  # only here: it loads a library of ciphers

    try:
        identity = certificates.identity(settings)
        if identity is not None:
            certificates.check(
                identity, Endpoints(host=settings.host, public_host=settings.public_host).client_host
            )
    except TlsError as error:
        raise CannotStartError(str(error)) from None
    return identity


def _isolation(settings: Settings) -> Isolation:
    try:
        return decide(settings.sandbox, settings.data_dir)
    except TooLittleError as error:
        raise CannotStartError(str(error)) from None
    except OSError as error:
        raise _unusable(settings.data_dir, error) from None


def _chosen(
    settings: Settings,
    sockets: Mapping[Service, socket.socket],
    of_proxy: Sequence[socket.socket],
    found: Endpoints | None,
    identity: Identity | None,
) -> Endpoints:
    ports = {service: sock.getsockname()[1] for service, sock in sockets.items()}
    proxy_ports = [sock.getsockname()[1] for sock in of_proxy]
    return Endpoints(
        host=settings.host,
        batch_port=ports.get("batch", found.batch_port if found else None),
        blob_port=ports.get("blob", found.blob_port if found else None),
        cloud_proxy_port=next(iter(proxy_ports), found.cloud_proxy_port if found else None),
        pid=os.getpid(),
        serving=tuple(sockets),
        public_host=settings.public_host,
        batch_public_url=settings.batch_public_url,
        blob_public_url=settings.blob_public_url,
        tls=identity is not None,
        bundle=identity.bundle if identity else "",
    )


def hosts(settings: Settings, service: Service, machine: str) -> Hosts:
    """The names that clients may call the service by; `machine` is that of this machine.

    Where other machines can connect, they do so by any address of this one, or by its name.
    """
    is_open = not is_loopback(settings.host)
    exact = [settings.host.strip("[]").lower(), settings.public_host]
    if is_open:
        exact += [machine.lower(), machine.lower().partition(".")[0]]
    exact += [name for name in settings.allowed_hosts if not name.startswith("*.")]
    below = [name.removeprefix("*.") for name in settings.allowed_hosts if name.startswith("*.")]
    below += [settings.batch_host_suffix, *settings.blob_host_suffixes, *settings.web_host_suffixes]
    return Hosts(
        names=frozenset(filter(None, exact)),
        suffixes=tuple(filter(None, below)),
        any_address=is_open,
        public=settings.batch_public_url if service == "batch" else settings.blob_public_url,
        cloud=CLOUD_SUFFIXES[service],
    )


def _environment(
    settings: Settings, chosen: Endpoints, proxy: CloudProxy | None, *, in_hosts: bool
) -> dict[str, str]:
    """Of every task."""
    try:
        return cloud_names.environment(settings, chosen, proxy, in_hosts=in_hosts)
    except TlsError as error:
        raise CannotStartError(str(error)) from None


def _launch(
    settings: Settings,
    service: Service,
    chosen: Endpoints,
    identity: Identity | None,
    environment: dict[str, str],
    proxy: CloudProxy | None,
    names_address: str,
    isolation: Isolation,
) -> Launch:
    return Launch(
        service=service,
        url=chosen.url(service) or "",
        data_dir=str(settings.data_dir.absolute()),
        environment=environment,
        authorities=cloud_names.authorities(settings, environment),
        trusted_proxies=settings.trusted_proxies,
        hosts=hosts(settings, service, socket.gethostname()),
        host_suffixes=_host_suffixes(settings, service),
        web_suffixes=settings.web_host_suffixes if service == "blob" else (),
        copy_origins=settings.copy_origins,
        identity=identity,
        log_level=settings.log_level,
        content=settings.content,
        fidelity=settings.fidelity,
        scheduling=settings.scheduling,
        isolation=isolation,
        images=settings.images,
        testing_token=os.environ.get(TESTING_TOKEN, ""),
        portal=settings.portal,
        portal_origins=_portal_origins(settings, chosen) if service == "blob" else (),
        batch_url=chosen.of_those_serving.public_url("batch") or "",
        blob_url=chosen.of_those_serving.public_url("blob") or "",
        events_kept=settings.events_kept,
        events_hours=settings.events_hours,
        own_blob_url=chosen.of_those_serving.url("blob") or "",
        max_nodes=settings.max_nodes,
        cloud_proxy=proxy if service == "blob" else None,
        names_address=names_address,
        cloud_regions=settings.cloud_regions,
    )


def _host_suffixes(settings: Settings, service: Service) -> tuple[str, ...]:
    own = (settings.batch_host_suffix,) if service == "batch" else settings.blob_host_suffixes
    return (*filter(None, own), CLOUD_SUFFIXES[service])


def _portal_origins(settings: Settings, chosen: Endpoints) -> tuple[str, ...]:
    """Of the Batch service's pages, by the names that people are likely to call it; a portal for reading
    reads blobs, too."""
    if settings.portal == "off" or "batch" not in chosen.serving:
        return ()
    scheme = "https" if chosen.tls else "http"
    local = [f"{scheme}://{name}:{chosen.batch_port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    named = [chosen.url("batch"), chosen.public_url("batch")]
    return tuple(dict.fromkeys(filter(None, [*named, *local])))
