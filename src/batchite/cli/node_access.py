"""`batchite node login`, `extensions` and `upload-logs`: what leads to a node, what is said to be on it, and
what it has said."""

from __future__ import annotations

import click

from batchite.cli import nouns, options, printing
from batchite.cli.nouns import Noun, of
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings
from batchite.machine.clock import SystemClock
from batchite.wire.ticks import Duration

NO_SERVER = "No SSH server of this service answers there; a start task may run one at that port."
_EXTENSIONS = ("vmExtension.name", "vmExtension.publisher", "vmExtension.type", "provisioningState")


def commands(node: Noun) -> list[click.Command]:
    return [_login(node), _extensions(node), _upload_logs(node)]


def _of_node(node: Noun) -> list[click.Parameter]:
    return [click.Argument(["id"]), *nouns.parent_options(node), *nouns.service_options()]


def _login(node: Noun) -> click.Command:
    def run(
        settings: Settings, id: str, account: str | None, as_json: bool, parent: str | None = None
    ) -> None:
        client = BatchRequests(settings, account)
        found = client.get(*nouns.locate(client, node, id, parent), "remoteloginsettings")
        if as_json:
            printing.print_json(found)
        else:
            click.echo(f"{found['remoteLoginIPAddress']}:{found['remoteLoginPort']}")
            click.echo(NO_SERVER, err=True)

    text = "Say at which address and port people log in to a node; nothing of this service answers there."
    return options.command("login", run, help=text, settings=nouns.USED, more=_of_node(node))


def _extensions(node: Noun) -> click.Command:
    def run(
        settings: Settings, id: str, account: str | None, as_json: bool, parent: str | None = None
    ) -> None:
        client = BatchRequests(settings, account)
        found = client.each(*nouns.locate(client, node, id, parent), "extensions")
        if as_json:
            printing.print_json_list(found)
        else:
            heads = [path.rpartition(".")[2] for path in _EXTENSIONS]
            printing.print_table(heads, ([of(path)(one) for path in _EXTENSIONS] for one in found))

    text = "List the extensions of a node: the agent's own, and those of its pool, which nothing installs."
    return options.command("extensions", run, help=text, settings=nouns.USED, more=_of_node(node))


def _upload_logs(node: Noun) -> click.Command:
    def run(
        settings: Settings,
        id: str,
        container_url: str,
        hours: int,
        account: str | None,
        as_json: bool,
        parent: str | None = None,
    ) -> None:
        client = BatchRequests(settings, account)
        path = nouns.locate(client, node, id, parent)
        since = SystemClock().now() + Duration.of(minutes=-60 * hours)
        body = {"containerUrl": container_url, "startTime": str(since)}
        found = client.ask(*path, "uploadbatchservicelogs", body=body)
        if as_json:
            printing.print_json(found)
        else:
            click.echo(found["virtualDirectoryName"])
            number = found["numberOfFilesUploaded"]
            click.echo(f"{number} files are uploaded; batchite node log {id} says how it ended.", err=True)

    hours = click.Option(["--hours"], type=click.IntRange(1, 100_000), default=24, help="Back from now; 24.")
    identifier, *common = _of_node(node)
    more = [identifier, click.Argument(["container_url"]), hours, *common]
    text = "Upload what a node's agent has said, and what its start task printed, to a container."
    return options.command("upload-logs", run, help=text, settings=nouns.USED, more=more)
