"""`batchite blob keep`: whether old versions and what is deleted are kept.

Azure sets most of this by its management API, which there is not here.
"""

from __future__ import annotations

import click

from batchite import endpoints
from batchite.accounts import StorageAccount
from batchite.cli import options
from batchite.cli.token import storage_account
from batchite.settings import Settings

HELP = "Keep old versions of blobs, and deleted blobs and containers; of a service that is running."
DAYS = "Days for which they can be restored; 0 deletes at once."
SECONDS = 30
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
    )
    return options.command("keep", _keep, help=HELP, settings=("data_dir", "config"), more=more)


def _keep(
    settings: Settings,
    versions: bool | None,
    deleted_blobs: int | None,
    deleted_containers: int | None,
    account: str | None,
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
    click.echo("\n".join(_lines(_send(settings, found, "GET", b""))))


def _retention(name: str, days: int | None) -> str:
    from batchite.wire.blob.service_properties import MAX_DAYS

    if days is None:
        return ""
    if not 0 <= days <= MAX_DAYS:
        options.fail(f"deleted things are kept for 0 to {MAX_DAYS} days, not {days}")
    inner = f"<Enabled>true</Enabled><Days>{days}</Days>" if days else "<Enabled>false</Enabled>"
    return f"<{name}>{inner}</{name}>"


def _send(settings: Settings, account: StorageAccount, verb: str, body: bytes) -> bytes:
    import ssl
    import urllib.error
    import urllib.request

    known = endpoints.load(settings.data_dir)
    url = known and known.url("blob")
    if known is None or url is None:
        options.fail(f"no Blob service has been started with the data directory {settings.data_dir}")
    query = "&".join(f"{name}={value}" for name, value in _QUERY)
    request = urllib.request.Request(  # noqa: S310 - our own endpoint
        f"{url}/{account.name}?{query}", body or None, _signed(account, verb, body), method=verb
    )
    trust = ssl.create_default_context(cafile=known.bundle or None) if known.tls else None
    try:
        with urllib.request.urlopen(request, timeout=SECONDS, context=trust) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            options.fail(f"the service refused it: {error.read().decode(errors='replace')}")
    except OSError as error:
        options.fail(f"the Blob service at {url} cannot be reached: {error}. Is it running?")


def _signed(account: StorageAccount, verb: str, body: bytes) -> dict[str, str]:
    from batchite.clock import SystemClock
    from batchite.wire.blob import dates
    from batchite.wire.blob.headers import NEWEST_VERSION
    from batchite.wire.signing import storage_key

    headers = {"x-ms-date": dates.http_date(SystemClock().now().ticks), "x-ms-version": NEWEST_VERSION}
    if body:
        headers |= {"content-length": str(len(body)), "content-type": "application/xml"}
    request = storage_key.Signed(verb, f"/{account.name}", _QUERY, headers)
    text = next(iter(storage_key.strings_to_sign(request, account.name)))
    signature = storage_key.sign(account.key_bytes[0], text).decode()
    return {**headers, "authorization": f"SharedKey {account.name}:{signature}"}


def _lines(document: bytes) -> list[str]:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(document)  # noqa: S314 - of our own service
    versions = root.findtext("IsVersioningEnabled") == "true"
    return [
        f"old versions        {'kept' if versions else 'not kept'}",
        f"deleted blobs       {_told(root.findtext('DeleteRetentionPolicy/Days'))}",
        f"deleted containers  {_told(root.findtext('ContainerDeleteRetentionPolicy/Days'))}",
    ]


def _told(days: str | None) -> str:
    return "gone at once" if days is None else f"kept for {days} days"
