"""`batchite blob check`: verify that everything stored can be read as it was written."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import click
import msgspec

from batchite.cli import exits, grammar, keep, options, printing
from batchite.cli.grammar import Words
from batchite.configuration.settings import Settings
from batchite.machine import directory_lock
from batchite.store import revisions

if TYPE_CHECKING:
    from batchite.blobs.checking import Report

HELP = "Read every byte of every blob and compare checksums. The service may be running meanwhile."
REMOVE = "Remove contents that no record speaks of; of a service that is stopped."
LOCK = "blobs.lock"


def command() -> click.Group:
    """`blob`, and what is below it."""
    more = (click.Option(["--remove-leftovers"], is_flag=True, help=REMOVE), grammar.json_option())
    check = options.command("check", _check, help=HELP, settings=("data_dir", "content", "config"), more=more)
    return Words("blob", [check, keep.command()], help="Look after the stored blobs.")


def _check(settings: Settings, remove_leftovers: bool, as_json: bool) -> None:
    import asyncio

    from batchite.blobs.content.base import StorageUnavailable
    from batchite.blobs.content.opening import WrongStorageError

    _check_database(settings)
    try:
        with _nobody_else(settings) if remove_leftovers else nullcontext():
            report = asyncio.run(_report(settings, remove_leftovers))
    except directory_lock.LockedError as error:
        exits.fail(f"leftovers can be removed when the service, process {error.holder}, has been stopped")
    except (WrongStorageError, StorageUnavailable, OSError) as error:
        exits.fail(f"the check could not be finished: {error}")
    if as_json:
        printing.print_json(msgspec.to_builtins(report))
    else:
        click.echo("\n".join(lines(report)))
    sys.exit(1 if report.damages else 0)


def _check_database(settings: Settings) -> None:
    from batchite.store.examining import UnusableDatabaseError, examine

    try:
        revision = examine(revisions.file(settings.data_dir, "blobs"), "blobs")
    except UnusableDatabaseError as error:
        exits.fail(str(error))
    if revision is None:
        exits.fail(f"there are no blobs in {settings.data_dir}; name the directory with --data-dir")
    if revision != revisions.head("blobs"):
        exits.fail(f"the database in {settings.data_dir} is an older one; start the service with it once")


def _nobody_else(settings: Settings) -> AbstractContextManager[None]:
    return directory_lock.held(settings.data_dir / LOCK)


async def _report(settings: Settings, remove_leftovers: bool) -> Report:
    import asyncio

    from batchite.blobs.checking import check
    from batchite.blobs.content.opening import open_storage, recorded_url
    from batchite.store.database import Database

    url = settings.content or recorded_url(settings.data_dir)
    storage = await asyncio.to_thread(open_storage, url, settings.data_dir)
    database = Database(f"sqlite:///{revisions.file(settings.data_dir, 'blobs')}")
    try:
        return await check(database, storage, _show_progress, remove_leftovers=remove_leftovers)
    finally:
        database.close()
        await storage.close()


def _show_progress(verified: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{verified / 2**20:,.0f} MiB verified", end="", file=sys.stderr, flush=True)


def lines(report: Report) -> list[str]:
    """What a person is told, a line each."""
    told = [f"{_count(report.contents, 'content')}, {_count(report.size, 'byte')}"]
    for damage in report.damages:
        names = ", ".join(damage.affected) or "no blob any more"
        told.append(f"DAMAGED {damage.what}; affects {names}")
    if report.leftovers:
        fate = "removed" if report.removed else "of no harm but the space (see --remove-leftovers)"
        told.append(f"without a record: {_count(report.leftovers, 'content')}, {fate}")
    told.append(f"{len(report.damages)} damaged" if report.damages else "everything is as it was written")
    return told


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"
