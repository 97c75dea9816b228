"""What can be done with applications and their packages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.machine.zips import Archive, ZipError
from batchite.resources import applications
from batchite.resources.applications import (
    MOST_APPLICATIONS,
    MOST_PACKAGES,
    Application,
    Package,
    Reference,
)
from batchite.store import package_files
from batchite.store.batch import applications as stored
from batchite.store.batch.pages import Part, Wanted
from batchite.store.package_files import Staged, UnderWayError
from batchite.web.exhaustion import is_disk_full
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.validation.applications import check_application_id, check_version


async def page(acting: Acting, wanted: Wanted) -> Part[Application]:
    """Applications whose packages can be used."""
    return await acting.read(lambda connection: stored.usable(connection, acting.account, wanted))


async def find_usable(acting: Acting, name: str) -> Application:
    """Raises ApplicationNotFound, also where it has no package."""
    found = await find(acting, name)
    if not found.packages:
        raise _not_found(name)
    return found


async def all_(acting: Acting) -> Sequence[Application]:
    return await acting.read(lambda connection: stored.all_of(connection, acting.account))


async def find(acting: Acting, name: str) -> Application:
    """Raises ApplicationNotFound."""

    def read(connection: sa.Connection) -> Application:
        return _there(stored.find(connection, acting.account, name), name)

    return await acting.read(read)


def check(connection: sa.Connection, account: str, references: Sequence[Reference]) -> None:
    """Raises InvalidApplicationPackageReferences if any of them means no package."""
    if missing := stored.missing(connection, account, references):
        values = tuple((one.application_id, one.version or "default") for one in missing)
        raise BatchError(
            "InvalidApplicationPackageReferences",
            f"applicationPackageReferences: {'. '.join(missing.values())}.",
            values,
        )


async def change(
    acting: Acting,
    name: str,
    *,
    display_name: str | None = None,
    allow_updates: bool | None = None,
    default_version: str | None = None,
) -> Application:
    """None leaves as it is, an empty text takes away. Raises BatchError."""

    def make(connection: sa.Connection) -> Application:
        found = _found(connection, acting, name)
        values: dict[str, object] = {}
        if display_name is not None:
            values["display_name"] = display_name or None
        if allow_updates is not None:
            values["allow_updates"] = allow_updates
        if default_version is not None:
            values["default_key"] = _package(found, default_version).key if default_version else None
        stored.change(connection, found.application_no, acting.now, values)
        return _found(connection, acting, name)

    return await acting.services.database.write(make)


async def delete(acting: Acting, name: str) -> None:
    """With all of its packages. Raises BatchError."""

    def make(connection: sa.Connection) -> Sequence[str]:
        found = _found(connection, acting, name)
        if found.packages:
            _check_updates(found)
        stored.remove(connection, found.application_no)
        return [one.digest for one in found.packages]

    await _remove(acting, make)


async def delete_package(acting: Acting, name: str, version: str) -> None:
    """If it was the default version, there is none any more. Raises BatchError."""

    def make(connection: sa.Connection) -> Sequence[str]:
        found = _found(connection, acting, name)
        package = _package(found, version)
        _check_updates(found)
        stored.remove_package(connection, found.application_no, package.key)
        cleared = {"default_key": None} if found.default_key == package.key else {}
        stored.change(connection, found.application_no, acting.now, cleared)
        return [package.digest]

    await _remove(acting, make)


async def add_package(
    acting: Acting, name: str, version: str, content: AsyncIterator[bytes | memoryview], announced: int | None
) -> Application:
    """Take a zip in as this version of the application, which is made if there is none. Raises BatchError; an
    archive that is refused leaves nothing behind, and one that was announced as having too many bytes is not
    waited for."""
    check_application_id("applicationId", name)
    check_version("version", version)
    files = acting.services.packages
    with _room_refused():
        _check_size(announced or 0)
        files.check_room(announced or 0)
        staged = await asyncio.to_thread(files.stage)
        try:
            await _receive(staged, content)
            return await _keep(acting, name, version, staged)
        finally:
            await asyncio.to_thread(staged.close)


async def _keep(acting: Acting, name: str, version: str, staged: Staged) -> Application:
    """What has been received."""
    files = acting.services.packages
    async with files.reading:
        archive = await asyncio.to_thread(_verified, staged)
    await asyncio.to_thread(staged.sync)
    package = Package(version, staged.digest, staged.size, archive.unpacked, archive.files, acting.now)
    async with files.lock:
        await asyncio.to_thread(staged.keep)
        return await _record(acting, name, package)


@contextmanager
def _room_refused() -> Iterator[None]:
    """Raises BatchError where there is no room for what is sent."""
    try:
        yield
    except UnderWayError:
        most = package_files.MOST_UNDER_WAY >> 30
        detail = (
            f"Packages that are being sent take as much of its disk as they may, {most} GiB together. "
            "Send this one again when others have come to their end."
        )
        raise BatchError("ServerBusy", detail) from None
    except OSError as error:
        if not is_disk_full(error):
            raise
        detail = "Delete packages, blobs or jobs that nobody needs, then send it again."
        raise BatchError("InsufficientStorage", detail) from None


async def _receive(staged: Staged, content: AsyncIterator[bytes | memoryview]) -> None:
    async for piece in content:
        _check_size(staged.size + len(piece))
        await asyncio.to_thread(staged.write, piece)


def _check_size(size: int) -> None:
    if size > package_files.LARGEST:
        most = package_files.LARGEST >> 30
        detail = f"A package has at most {most} GiB. Bring large data as resource files."
        raise BatchError("RequestBodyTooLarge", detail)


def _verified(staged: Staged) -> Archive:
    try:
        archive = Archive(staged.file)
        archive.verify()
    except ZipError as error:
        raise BatchError("InvalidInput", f"The package is not taken. {error}") from None
    return archive


async def _record(acting: Acting, name: str, package: Package) -> Application:
    """`package_files.lock` is held."""
    replaced: list[str] = [package.digest]

    def make(connection: sa.Connection) -> Application:
        found = stored.find(connection, acting.account, name, to_change=True)
        if found is None:
            _check_room(connection, acting)
            stored.add(connection, applications.row(acting.account, name, acting.now))
            found = _found(connection, acting, name)
        before = found.find(package.version)
        if before is not None and before.digest == package.digest:
            return found
        if before is not None:
            _check_updates(found)
            replaced.append(before.digest)
        elif len(found.packages) >= MOST_PACKAGES:
            detail = f"An application has at most {MOST_PACKAGES} packages. Delete one that nobody uses."
            raise BatchError("OperationInvalidForCurrentState", detail)
        stored.put_package(connection, found.application_no, package)
        stored.change(connection, found.application_no, acting.now, {})
        return _found(connection, acting, name)

    try:
        return await acting.services.database.write(make)
    finally:
        await _remove_unused(acting, replaced)


def _check_room(connection: sa.Connection, acting: Acting) -> None:
    if stored.count(connection, acting.account) >= MOST_APPLICATIONS:
        detail = f"An account has at most {MOST_APPLICATIONS} applications. Delete one that nobody uses."
        raise BatchError("OperationInvalidForCurrentState", detail)


async def _remove(acting: Acting, make: Callable[[sa.Connection], Sequence[str]]) -> None:
    """`make` removes packages and returns the digests of their contents."""
    async with acting.services.packages.lock:
        digests = await acting.services.database.write(make)
        await _remove_unused(acting, digests)


async def _remove_unused(acting: Acting, digests: Sequence[str]) -> None:
    """Contents that nobody refers to any more; `package_files.lock` is held."""
    used = await acting.read(lambda connection: stored.digests(connection, digests))
    for digest in set(digests) - used:
        await asyncio.to_thread(acting.services.packages.remove, digest)


def _found(connection: sa.Connection, acting: Acting, name: str) -> Application:
    """To be changed."""
    return _there(stored.find(connection, acting.account, name, to_change=True), name)


def _there(found: Application | None, name: str) -> Application:
    if found is None:
        raise _not_found(name)
    return found


def _not_found(name: str) -> BatchError:
    return BatchError("ApplicationNotFound", "", (("ApplicationId", name),))


def _package(application: Application, version: str) -> Package:
    found = applications.resolved(Reference(application.id, version), application)
    if isinstance(found, str):
        raise BatchError("ApplicationNotFound", f"{found}.", (("Version", version),))
    return found


def _check_updates(application: Application) -> None:
    if not application.allow_updates:
        detail = (
            f"The application {application.id!r} has allowUpdates false, so its packages are neither "
            "replaced nor deleted. Add another version, or permit it with: batchite application set "
            f"{application.id} --allow-updates"
        )
        raise BatchError("OperationInvalidForCurrentState", detail)
