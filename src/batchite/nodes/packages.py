"""Application packages of a node: each is there once, in a directory that is named after its content, for
whatever runs there.

Which content a reference means the service says at the moment, since a version may have been replaced and
another version be the default one. What is there already is not fetched again, also by an agent that begins
later. Several that want the same wait for one installation; who gives up does not end it for the others.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlencode

import msgspec

from batchite.link.packages import FIND, Answer, FoundPackage, content_path
from batchite.link.spec import NodeSpec
from batchite.nodes import failures
from batchite.nodes.environment import RESERVED_DISK_BYTES
from batchite.nodes.failures import PACKAGE, PACKAGE_ERROR, RunError
from batchite.nodes.sandbox.base import Sandbox
from batchite.nodes.slowness import NOTICE_SECONDS, noticed
from batchite.nodes.threads import in_thread
from batchite.wire.batch.outcome import Failure

if TYPE_CHECKING:
    from batchite.nodes.downloads import Downloads
    from batchite.nodes.patience import Patience

PLACE: Final = "applications"
_VARIABLE: Final = "AZ_BATCH_APP_PACKAGE_"
_NOT_IN_NAMES = re.compile(r"[.#-]")
_LONGEST_ANSWER = 64 * 1024


class Reference(Protocol):
    """To a package, by the id of its application; without a version to the default one."""

    @property
    def application(self) -> str: ...
    @property
    def version(self) -> str: ...


class Packages:
    """Of the node with this spec, whose root is called so by its tasks."""

    def __init__(
        self,
        spec: NodeSpec,
        sandbox: Sandbox,
        patience: Patience | None = None,
        served: asyncio.Event | None = None,
    ) -> None:
        self._spec = spec
        self._sandbox = sandbox
        self._patience = patience
        self._served = served
        self._downloads: Downloads | None = None
        self._installing: dict[str, asyncio.Task[None]] = {}

    async def install(self, references: Iterable[Reference]) -> dict[str, str]:
        """See to it that these packages are there; returns the variables that tell where. Raises RunError."""
        variables: dict[str, str] = {}
        for reference in references:
            found = await self._find(reference)
            directory = directory_of(found)
            await self._see_to(found, directory)
            path, is_windows = f"{self._sandbox.root}/{PLACE}/{directory}", self._spec.image.is_windows
            variables |= told(reference, found, path, is_windows=is_windows)
        return variables

    async def close(self) -> None:
        for task in self._installing.values():
            task.cancel()
        await asyncio.gather(*self._installing.values(), return_exceptions=True)
        if self._downloads is not None:
            await self._downloads.close()

    async def _find(self, reference: Reference) -> FoundPackage:
        query = urlencode({"application": reference.application, "version": reference.version})
        url = f"{self._spec.service_url}{FIND.format(node=self._spec.node_id)}?{query}"
        try:
            content = await self._client().content(url, PACKAGE, _LONGEST_ANSWER)
            answer = msgspec.json.decode(content, type=Answer)
        except RunError as error:
            raise _failed(reference, error.failure) from None
        if answer.found is None:
            details = {"ApplicationId": reference.application, "Version": reference.version or "default"}
            raise RunError(failures.user(PACKAGE_ERROR, f"{answer.why}.", **details))
        return answer.found

    async def _see_to(self, found: FoundPackage, directory: str) -> None:
        if self._sandbox.has((PLACE, directory)):
            return
        task = self._installing.get(directory)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._install(found, directory))
            task.add_done_callback(lambda _: self._installing.pop(directory, None))
            self._installing[directory] = task
        await asyncio.shield(task)

    async def _install(self, found: FoundPackage, directory: str) -> None:
        from batchite.machine.zips import ZipError  # only here: few nodes are given packages

        what = f"application package {found.application} {found.version}"
        try:
            with noticed(f"the {what} is still being installed", NOTICE_SECONDS):
                await self._fetch_and_unpack(found, directory)
        except RunError as error:
            raise _failed(found, error.failure) from None
        except ZipError as error:
            raise _failed(found, failures.user(PACKAGE_ERROR, str(error))) from None
        except OSError as error:
            raise _failed(found, failures.of_system(error, PACKAGE_ERROR, "unpacking the package")) from None

    async def _fetch_and_unpack(self, found: FoundPackage, directory: str) -> None:
        parcel = self._sandbox.parcel((PLACE, directory))
        try:
            url = f"{self._spec.service_url}{content_path(self._spec.node_id, found.digest)}"
            await self._client().to_file(url, parcel.archive, PACKAGE)
            await in_thread(parcel.unpack, RESERVED_DISK_BYTES)
        finally:
            parcel.close()

    def _client(self) -> Downloads:
        if self._downloads is None:
            from batchite.nodes.downloads import Downloads
            from batchite.nodes.patience import Patience

            patience = self._patience or Patience(served=self._served)
            self._downloads = Downloads(patience, self._way, trust_env=False)
        return self._downloads

    def _way(self, url: str) -> tuple[str, dict[str, str]]:
        return url, {"Authorization": f"Bearer {self._spec.token}"}


def directory_of(found: FoundPackage) -> str:
    return f"{found.application}-{found.version}-{found.digest[:16]}"


def told(
    reference: Reference, found: FoundPackage, path: str, *, is_windows: bool = False
) -> Mapping[str, str]:
    """Variables with the package's directory: with the version, and without it where none was named; by the
    id as it was given and as the application has it, and in lower case. Command lines for Windows have a name
    of their own for it."""
    versions = [found.version] if reference.version else [found.version, ""]
    names = (reference.application, found.application)
    spelled = ["_".join(filter(None, (name, version))) for name in names for version in versions]
    ends = [_NOT_IN_NAMES.sub("_", text) for text in (*spelled, *(text.lower() for text in spelled))]
    if is_windows:
        ends += ["#".join(filter(None, (found.application.upper(), version))) for version in versions]
    return {_VARIABLE + end: path for end in ends}


def _failed(package: Reference | FoundPackage, failure: Failure) -> RunError:
    """With the code that clients know; a full disk has its own."""
    version = package.version or "(the default)"
    message = (
        f"The application package {package.application} {version} cannot be installed: {failure.message}"
    )
    code = failure.code if failure.code == failures.DISK_FULL else PACKAGE_ERROR
    return RunError(msgspec.structs.replace(failure, code=code, message=message))
