"""`batchite node user`: users of a node, by whom people log in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from batchite.cli import exits, nouns, options, printing
from batchite.cli.grammar import Words
from batchite.cli.nouns import Noun
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings
from batchite.machine.clock import SystemClock
from batchite.wire.ticks import Duration

COLUMNS = ("name", "isAdmin", "expiryTime", "isExpired", "hasPassword")
STANDARD_INPUT = "-"


def group(node: Noun) -> click.Group:
    """`user`, and what is below it."""
    commands = [_list(node), _add(node), _update(node), _delete(node)]
    return Words("user", commands, help="Look at the users by whom people log in to a node, and change them.")


def _named(node: Noun) -> list[click.Parameter]:
    return [click.Argument(["id"], metavar="NODE"), click.Argument(["name"]), *_common(node)]


def _common(node: Noun) -> list[click.Parameter]:
    return [*nouns.parent_options(node), *nouns.service_options()]


def _said() -> list[click.Parameter]:
    """What may be said of a user."""
    return [
        click.Option(
            ["--days"], type=click.IntRange(1, 36500), help="Until when, in days from now; 1 if not said."
        ),
        click.Option(
            ["--password-file"],
            metavar="FILE",
            help="Its first line is the password; - asks for it, or reads standard input.",
        ),
        click.Option(
            ["--ssh-public-key"], metavar="FILE", help="As OpenSSH writes it, such as id_ed25519.pub."
        ),
    ]


def _list(node: Noun) -> click.Command:
    def run(
        settings: Settings, id: str, account: str | None, as_json: bool, parent: str | None = None
    ) -> None:
        client = BatchRequests(settings, account)
        found = client.get("-", *nouns.locate(client, node, id, parent), "users")["users"]
        if as_json:
            printing.print_json_list(found)
        else:
            printing.print_table(COLUMNS, ([user.get(name) for name in COLUMNS] for user in found))

    more = [click.Argument(["id"], metavar="NODE"), *_common(node)]
    return options.command("list", run, help="List the users of a node.", settings=nouns.USED, more=more)


def _add(node: Noun) -> click.Command:
    def run(
        settings: Settings,
        id: str,
        name: str,
        admin: bool,
        days: int | None,
        password_file: str | None,
        ssh_public_key: str | None,
        account: str | None,
        as_json: bool,
        parent: str | None = None,
    ) -> None:
        client = BatchRequests(settings, account)
        body = {"name": name, "isAdmin": admin, **_body(days, password_file, ssh_public_key)}
        client.post(*nouns.locate(client, node, id, parent), "users", body=body)
        _tell(name, "added", as_json)

    admin = click.Option(["--admin"], is_flag=True, help="An administrator.")
    more = [*_named(node), admin, *_said()]
    text = "Add a user, by whom people log in, to a node that is idle or running."
    return options.command("add", run, help=text, settings=nouns.USED, more=more)


def _update(node: Noun) -> click.Command:
    def run(
        settings: Settings,
        id: str,
        name: str,
        days: int | None,
        password_file: str | None,
        ssh_public_key: str | None,
        account: str | None,
        as_json: bool,
        parent: str | None = None,
    ) -> None:
        client = BatchRequests(settings, account)
        path = nouns.locate(client, node, id, parent)
        client.put(*path, "users", name, body=_body(days, password_file, ssh_public_key))
        _tell(name, "updated", as_json)

    text = "Say anew until when a user of a node is one, its password and its key; what is not given goes."
    return options.command("update", run, help=text, settings=nouns.USED, more=[*_named(node), *_said()])


def _delete(node: Noun) -> click.Command:
    def run(
        settings: Settings, id: str, name: str, account: str | None, as_json: bool, parent: str | None = None
    ) -> None:
        client = BatchRequests(settings, account)
        client.delete(*nouns.locate(client, node, id, parent), "users", name)
        _tell(name, "deleted", as_json)

    text = "Delete a user of a node; its home stays."
    return options.command("delete", run, help=text, settings=nouns.USED, more=_named(node))


def _tell(name: str, what: str, as_json: bool) -> None:
    if as_json:
        printing.print_json({"name": name, "change": what})
    else:
        click.echo(f"{printing.shown(name)} {what}")


def _body(days: int | None, password_file: str | None, key_file: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if days is not None:
        body["expiryTime"] = str(SystemClock().now() + Duration.of(days=days))
    if password_file is not None:
        body["password"] = _password(password_file)
    if key_file is not None:
        body["sshPublicKey"] = _content(key_file)
    return body


def _password(file: str) -> str:
    if file != STANDARD_INPUT:
        return _content(file).partition("\n")[0]
    if sys.stdin.isatty():
        asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return asked
    return sys.stdin.readline().rstrip("\n")


def _content(file: str) -> str:
    """Ends the command for a file that cannot be read."""
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        exits.fail(f"{file} cannot be read: {reason}", exits.USAGE)
