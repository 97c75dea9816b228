"""`batchite application`: applications, of which nodes are given packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from batchite.cli import exits, nouns, options, printing
from batchite.cli.grammar import Words
from batchite.cli.nouns import of
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings

COLUMNS = (
    ("id", of("id")),
    ("default", of("defaultVersion")),
    ("versions", lambda one: " ".join(package["version"] for package in one["packages"])),
    ("updates", of("allowUpdates")),
    ("modified", of("lastModified")),
)
_PLACE = ("-", "applications")


def command() -> click.Group:
    """`application`, and what is below it."""
    commands = [_add(), _list(), _show(), _set(), _delete()]
    return Words("application", commands, help="Packages of programs that nodes are given.")


def _made(word: str, run: Any, help: str, *more: click.Parameter) -> click.Command:
    given = [*more, *nouns.service_options()]
    return options.command(word, run, help=help, settings=nouns.USED, more=given)


def _changes() -> tuple[click.Parameter, ...]:
    updates = click.Option(
        ["--allow-updates/--no-updates", "allow_updates"],
        default=None,
        help="Whether packages may be replaced and deleted.",
    )
    return click.Option(["--display-name"], help="For people."), updates


def _add() -> click.Command:
    """`batchite application add ID VERSION FILE`."""

    def run(
        settings: Settings,
        id: str,
        version: str,
        file: str,
        display_name: str | None,
        allow_updates: bool | None,
        is_default: bool,
        account: str | None,
        as_json: bool,
    ) -> None:
        client = BatchRequests(settings, account)
        client.put_file(Path(file), *_PLACE, id, "packages", version)
        change = _change(display_name, allow_updates, version if is_default else None)
        if change:
            client.patch(*_PLACE, id, body=change)
        _tell(client.get(*_PLACE, id), as_json, version)

    return _made(
        "add",
        run,
        "Take a zip in as a version of an application, which need not be there yet.",
        click.Argument(["id"]),
        click.Argument(["version"]),
        click.Argument(["file"]),
        click.Option(["--default", "is_default"], is_flag=True, help="Meant where no version is named."),
        *_changes(),
    )


def _list() -> click.Command:
    def run(settings: Settings, account: str | None, as_json: bool) -> None:
        found = BatchRequests(settings, account).get(*_PLACE)["value"]
        if as_json:
            printing.print_json(found)
        else:
            nouns.print_columns(COLUMNS, found)

    return _made("list", run, "List the applications.")


def _show() -> click.Command:
    def run(settings: Settings, id: str, account: str | None, as_json: bool) -> None:
        found = BatchRequests(settings, account).get(*_PLACE, id)
        if as_json:
            printing.print_json(found)
        else:
            printing.print_indented(found)

    return _made(
        "show", run, "Show an application, with its packages and their hashes.", click.Argument(["id"])
    )


def _set() -> click.Command:
    def run(
        settings: Settings,
        id: str,
        display_name: str | None,
        allow_updates: bool | None,
        default: str | None,
        account: str | None,
        as_json: bool,
    ) -> None:
        change = _change(display_name, allow_updates, default)
        if not change:
            exits.fail("say what is to be another: --default, --display-name, --allow-updates", exits.USAGE)
        client = BatchRequests(settings, account)
        client.patch(*_PLACE, id, body=change)
        _tell(client.get(*_PLACE, id), as_json)

    return _made(
        "set",
        run,
        "Choose the default version of an application, and what may be done with its packages.",
        click.Argument(["id"]),
        click.Option(["--default"], metavar="VERSION", help="Meant where none is named; '' for no version."),
        *_changes(),
    )


def _delete() -> click.Command:
    def run(settings: Settings, id: str, version: str | None, account: str | None, as_json: bool) -> None:
        client = BatchRequests(settings, account)
        client.delete(*_PLACE, id, *(("packages", version) if version else ()))
        if as_json:
            printing.print_json({"id": id, **({"version": version} if version else {}), "state": "deleted"})
        else:
            what = f"application {id}{f' version {version}' if version else ''}"
            click.echo(printing.shown(f"{what}: deleted"))

    return _made(
        "delete",
        run,
        "Delete an application with all of its packages, or one version. Nodes that have them keep them.",
        click.Argument(["id"]),
        click.Option(["--version"], help="Only this one."),
    )


def _change(
    display_name: str | None, allow_updates: bool | None, default_version: str | None
) -> dict[str, Any]:
    given = {
        "displayName": display_name,
        "allowUpdates": allow_updates,
        "defaultVersion": default_version,
    }
    return {name: None if value == "" else value for name, value in given.items() if value is not None}


def _tell(application: dict[str, Any], as_json: bool, version: str = "") -> None:
    if as_json:
        printing.print_json(application)
        return
    default = application.get("defaultVersion", "none")
    updates = "may" if application["allowUpdates"] else "may not"
    line = f"application {application['id']}: default version {default}, packages {updates} be replaced"
    for package in application["packages"]:
        if package["version"].lower() == version.lower():
            line = (
                f"application {application['id']} version {package['version']}: {package['files']} files, "
                f"{package['unpackedSize']} bytes, sha256 {package['sha256']}"
            )
    click.echo(printing.shown(line))
