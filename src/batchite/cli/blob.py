"""`batchite blob check`: verify that everything stored can be read as it was written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from batchite.cli import keep, options
from batchite.settings import Settings

if TYPE_CHECKING:
    from batchite.blobs.checking import Report

HELP = "Read every byte of every blob and compare checksums; the service may be running meanwhile."
DATABASE = "blobs.db"


def command() -> click.Group:
    """`blob`, and what is below it."""
    check = options.command("check", _check, help=HELP, settings=("data_dir", "content", "config"))
    return click.Group("blob", [check, keep.command()], help="Look after the stored blobs.")


def _check(settings: Settings) -> None:
    import asyncio

    from batchite.blobs.content.base import StorageUnavailable
    from batchite.blobs.content.opening import WrongStorageError

    if not (settings.data_dir / DATABASE).exists():
        options.fail(f"there are no blobs in {settings.data_dir}; name the directory with --data-dir")
    try:
        report = asyncio.run(_report(settings))
    except (WrongStorageError, StorageUnavailable, OSError) as error:
        options.fail(f"the check could not be finished: {error}")
    click.echo("\n".join(lines(report)))
    sys.exit(1 if report.damages else 0)


async def _report(settings: Settings) -> Report:
    import asyncio

    from batchite.blobs.checking import check
    from batchite.blobs.content.opening import open_storage, recorded_url
    from batchite.store.database import Database

    url = settings.content or recorded_url(settings.data_dir)
    storage = await asyncio.to_thread(open_storage, url, settings.data_dir)
    database = Database(f"sqlite:///{settings.data_dir / DATABASE}")
    try:
        return await check(database, storage, _show_progress)
    finally:
        database.close()
        await storage.close()


def _show_progress(verified: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{verified / 2**20:,.0f} MiB verified", end="", file=sys.stderr, flush=True)


def lines(report: Report) -> list[str]:
    """What a person is told, a line each."""
    told = [f"{_contents(report.contents)}, {report.size:,} bytes"]
    for damage in report.damages:
        names = ", ".join(damage.affected) or "no blob any more"
        told.append(f"DAMAGED {damage.what}; affects {names}")
    if report.leftovers:
        told.append(f"{_contents(report.leftovers)} without a record; they take up space and do no harm")
    told.append(f"{len(report.damages)} damaged" if report.damages else "everything is as it was written")
    return told


def _contents(count: int) -> str:
    return "1 content" if count == 1 else f"{count:,} contents"
