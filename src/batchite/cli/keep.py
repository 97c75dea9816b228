"""`batchite blob keep`: whether old versions and what is deleted are kept.

Azure sets most of this by its management API, which there is not here.
"""

from __future__ import annotations

import click

from batchite.cli import exits, grammar, options, printing
from batchite.cli.token import storage_account
from batchite.configuration.accounts import StorageAccount
from batchite.configuration.settings import Settings

HELP = "Keep old versions, and what is deleted. The service must be running."
DAYS = "Days for which they can be restored; 0 deletes at once."
_QUERY = (("comp", "properties"), ("restype", "service"))


def command() -> click.Command:
    """`keep`."""
    more = (
        click.Option(
            ["--versions/--no-versions"], default=None, help="Keep what is overwritten as a version."
        ),
        click.Option(["--deleted-blobs"], type=int, metavar="DAYS", help=DAYS),
        click.Option(["--deleted-containers"], type=int, metavar="DAYS", help=DAYS),
        click.Option(["--account"], help="Storage account; the first if not given."),
        grammar.json_option(),
    )
    return options.command("keep", _keep, help=HELP, settings=("data_dir", "config"), more=more)


def _keep(
    settings: Settings,
    versions: bool | None,
    deleted_blobs: int | None,
    deleted_containers: int | None,
    account: str | None,
    as_json: bool,
) -> None:
    found = storage_account(settings, account)
    elements = [
        "" if versions is None else f"<IsVersioningEnabled>{str(versions).lower()}</IsVersioningEnabled>",
        _retention("DeleteRetentionPolicy", deleted_blobs),
        _retention("ContainerDeleteRetentionPolicy", deleted_containers),
    ]
    if any(elements):
        document = f"<StorageServiceProperties>{''.join(elements)}</StorageServiceProperties>"
        _send(settings, found, "PUT", document.encode())
    kept = _kept(_send(settings, found, "GET", b""))
    if as_json:
        printing.print_json(kept)
    else:
        click.echo("\n".join(_lines(kept)))


def _retention(name: str, days: int | None) -> str:
    from batchite.wire.blob.service_properties import MAX_DAYS

    if days is None:
        return ""
    if not 0 <= days <= MAX_DAYS:
        exits.fail(f"deleted things are kept for 0 to {MAX_DAYS} days, not {days}", exits.USAGE)
    inner = f"<Enabled>true</Enabled><Days>{days}</Days>" if days else "<Enabled>false</Enabled>"
    return f"<{name}>{inner}</{name}>"


def _send(settings: Settings, account: StorageAccount, verb: str, body: bytes) -> bytes:
    import urllib.error
    import urllib.request

    from batchite.cli.requests import answered

    known = options.running_endpoints(settings.data_dir)
    url = known.url("blob")
    if url is None:
        message = f"no Blob service has been started with the data directory {settings.data_dir}"
        exits.fail(message, exits.NOT_RUNNING)
    query = "&".join(f"{name}={value}" for name, value in _QUERY)
    request = urllib.request.Request(  # noqa: S310 - our own endpoint
        f"{url}/{account.name}?{query}", body or None, _signed(account, verb, body), method=verb
    )
    try:
        with answered(known, "blob", request) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            exits.fail(f"the service refused it: {error.read().decode(errors='replace')}")


def _signed(account: StorageAccount, verb: str, body: bytes) -> dict[str, str]:
    from batchite.machine.clock import SystemClock
    from batchite.wire.blob import dates
    from batchite.wire.blob.headers import NEWEST_VERSION
    from batchite.wire.signing import storage_key

    headers = {"x-ms-date": dates.http_date(SystemClock().wall().ticks), "x-ms-version": NEWEST_VERSION}
    if body:
        headers |= {"content-length": str(len(body)), "content-type": "application/xml"}
    request = storage_key.Signed(verb, f"/{account.name}", _QUERY, headers)
    text = next(iter(storage_key.strings_to_sign(request, account.name)))
    signature = storage_key.sign(account.key_bytes[0], text).decode()
    return {**headers, "authorization": f"SharedKey {account.name}:{signature}"}


def _kept(document: bytes) -> dict[str, bool | int]:
    """Whether versions are kept, and for how many days what was deleted."""
    from xml.etree import ElementTree

    root = ElementTree.fromstring(document)  # noqa: S314 - of our own service
    return {
        "versions": root.findtext("IsVersioningEnabled") == "true",
        "deleted_blobs": int(root.findtext("DeleteRetentionPolicy/Days") or 0),
        "deleted_containers": int(root.findtext("ContainerDeleteRetentionPolicy/Days") or 0),
    }


def _lines(kept: dict[str, bool | int]) -> list[str]:
    return [
        f"old versions        {'kept' if kept['versions'] else 'not kept'}",
        f"deleted blobs       {_told(kept['deleted_blobs'])}",
        f"deleted containers  {_told(kept['deleted_containers'])}",
    ]


def _told(days: int) -> str:
    return f"kept for {days} days" if days else "gone at once"
