"""What `batchite serve` prints when the services are ready."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from batchite import __version__
from batchite.cli.variables import variables
from batchite.configuration.connecting import connection_string
from batchite.configuration.endpoints import Endpoints, Service
from batchite.configuration.settings import Settings
from batchite.images.absent import absent
from batchite.link.machines import PROCESSES, Isolation
from batchite.machine import uptime


def document(
    settings: Settings,
    endpoints: Endpoints,
    services: Sequence[Service],
    portal: str = "",
    isolation: Isolation = PROCESSES,
) -> dict[str, object]:
    """The same for programs: one object when the services are ready."""
    return {
        "version": __version__,
        "pid": endpoints.pid,
        "data_dir": str(settings.data_dir),
        **{service: endpoints.public_url(service) for service in services},
        **({"portal": portal} if portal else {}),
        **(_nodes(settings, isolation) if "batch" in services else {}),
        "variables": variables(settings.accounts, endpoints),
    }


def _nodes(settings: Settings, isolation: Isolation) -> dict[str, object]:
    told = {"tier": isolation.tier, "why": isolation.why}
    return {"nodes": told, "images": absent(settings.data_dir, settings.images)}


def announcement(
    settings: Settings,
    endpoints: Endpoints,
    services: Sequence[Service],
    portal: str = "",
    isolation: Isolation = PROCESSES,
) -> list[str]:
    """What a person wants to know of services that are ready, a line each; `portal` is the URL that opens
    it, if there is one."""
    lines = [f"Batchite {__version__}"]
    if "batch" in services:
        lines += _addresses("Batch   ", endpoints, "batch")
        lines += [f"        account {account.name}" for account in settings.accounts.batch]
        lines.append(f"Nodes   {isolation.tier}: {isolation.why}")
        lines += [f"        {problem}" for problem in absent(settings.data_dir, settings.images)]
    if "blob" in services:
        blob_url = endpoints.public_url("blob") or ""
        lines += _addresses("Blob    ", endpoints, "blob")
        for account in settings.accounts.own_storage:
            lines += [f"        account {account.name}", f"        {connection_string(account, blob_url)}"]
    if portal:
        lines.append(f"Portal  {portal}")
    lines.append(f"Data    {settings.data_dir}")
    if settings.content and "blob" in services:
        lines.append(f"Content {settings.content}")
    lines.append(f'Shell   eval "$(batchite env --data-dir {shlex.quote(str(settings.data_dir))})"')
    lines.append(f"Ready in {uptime.seconds():.2f} s. Ctrl-C stops.")
    return lines


def _addresses(name: str, endpoints: Endpoints, service: Service) -> list[str]:
    """Where clients reach the service, and where it listens for the proxy if that is elsewhere."""
    public, own = endpoints.public_url(service), endpoints.url(service)
    return [f"{name}{public}", *([f"        listens at {own}"] if own != public else [])]
