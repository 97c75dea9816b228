"""Bringing a run's output files to their containers, once its command has ended.

What one pattern means is uploaded several at a time; the first file that fails ends that, and the other
patterns are gone on with. Two journals beside stdout.txt say how it went.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final, NamedTuple

import msgspec

from batchite.nodes import failures
from batchite.nodes.definition import OutputFile
from batchite.nodes.failures import RunError
from batchite.nodes.outputs import journal
from batchite.nodes.outputs.finding import Found, TooManyError, found
from batchite.nodes.outputs.journal import Journal
from batchite.nodes.outputs.naming import blob_name
from batchite.nodes.outputs.pattern import Pattern, expanded, of_windows, parse
from batchite.nodes.places import Place
from batchite.nodes.sandbox.base import Sandbox
from batchite.nodes.sandbox.spelling import spelled
from batchite.nodes.sandbox.tree import TreeError
from batchite.nodes.shown import shown
from batchite.nodes.slowness import NOTICE_SECONDS, noticed
from batchite.nodes.threads import in_thread
from batchite.nodes.together import together
from batchite.nodes.uploader import Uploader
from batchite.wire.batch.directories import WORKING
from batchite.wire.batch.outcome import Failure
from batchite.wire.ticks import Clock

AT_ONCE: Final = 8
"""Files of one pattern."""
LOOKED_FOR: Final = 500
"""Files that are found before the first of them is uploaded."""
_NO_CONTAINER: Final = "FileUploadContainerNotFound"
_NOT_FOUND: Final = (
    "One of the specified Azure container(s) was not found while attempting to upload an output file"
)
"""In the service's own words, which programs compare."""
_SKIPPED: Final[Mapping[str, str]] = {
    "is-directory": "is a directory",
    "not-found": "is not there any more",
    "outside": "leads out of the node's directory",
    "unreadable": "is no file that can be read",
}


class OutputUploads:
    """For all runs of a node; `is_windows`: their definitions are written for Windows."""

    def __init__(
        self, sandbox: Sandbox, uploader: Uploader, clock: Clock, *, is_windows: bool = False
    ) -> None:
        self._is_windows = is_windows
        self._sandbox = sandbox
        self._uploader = uploader
        self._clock = clock

    async def upload(self, files: Sequence[OutputFile], place: Place, variables: Mapping[str, str]) -> None:
        """`variables`: those of the command's environment. Raises RunError with the first failure."""
        failure: Failure | None = None
        where = place.directory.path
        with journal.opened(self._sandbox, place, self._clock) as log:
            for file in files:
                one = _OutputFile(self._sandbox, self._uploader, place, self._read(file, variables), log)
                try:
                    with noticed(f"{file.file_pattern!r} of {where} is still being uploaded", NOTICE_SECONDS):
                        await one.upload()
                except RunError as error:
                    log.complain(f"Failed: {error.failure.code}. {error.failure.message}")
                    failure = failure or error.failure
        if failure is not None:
            raise RunError(failure)

    def _read(self, file: OutputFile, variables: Mapping[str, str]) -> _Asked:
        pattern = expanded(file.file_pattern, variables, is_windows=self._is_windows)
        container = file.destination.container
        path = container.path and expanded(container.path, variables, is_windows=self._is_windows)
        headers = {one.name: one.value or "" for one in container.upload_headers or ()}
        return _Asked(
            of_windows(pattern) if self._is_windows else pattern, container.container_url, path, headers
        )


class _Asked(NamedTuple):
    """What one entry of `outputFiles` asks for, without variables."""

    pattern: str
    container_url: str
    path: str | None
    headers: Mapping[str, str]


class _OutputFile:
    """One entry of `outputFiles` of a run."""

    def __init__(
        self,
        sandbox: Sandbox,
        uploader: Uploader,
        place: Place,
        asked: _Asked,
        log: Journal,
    ) -> None:
        self._sandbox = sandbox
        self._uploader = uploader
        self._working = (*place.directory.names, WORKING)
        self._user = place.user
        self._asked = asked
        self._text = asked.pattern
        self._log = log
        self._met = 0

    async def upload(self) -> None:
        """Raises RunError."""
        self._log.say(f"Uploading what {self._text} means to {shown(self._asked.container_url)}.")
        try:
            pattern = parse(self._text, self._working, self._sandbox.root)
        except ValueError:
            raise RunError(self._leads_out()) from None
        await together(self._uploads(pattern), AT_ONCE)
        if not self._met:
            self._log.complain(f"No file matches {self._text}; nothing is uploaded for it.")

    async def _uploads(self, pattern: Pattern) -> AsyncIterator[Coroutine[None, None, None]]:
        with closing(self._found(pattern)) as files:
            while portion := await in_thread(self._next, files):
                for one in portion:
                    yield self._upload(pattern, one)

    def _found(self, pattern: Pattern) -> Generator[Found, None, None]:
        def closed(directory: str) -> None:
            self._log.complain(f"The directory {spelled(directory)} cannot be looked at, and is left out.")

        return found(self._sandbox.files, pattern, closed)

    def _next(self, files: Iterator[Found]) -> list[Found]:
        try:
            return list(itertools.islice(files, LOOKED_FOR))
        except TreeError as error:
            reason = f"the directory in which is to be looked {_SKIPPED[error.reason]}"
            raise RunError(self._failure(reason)) from None
        except TooManyError:
            raise RunError(self._failure("there are too many directories to look at; name fewer")) from None

    async def _upload(self, pattern: Pattern, one: Found) -> None:
        try:
            descriptor = await in_thread(self._sandbox.files.open, one.path)
        except TreeError as error:
            self._skip(pattern, one, _SKIPPED.get(error.reason, "cannot be read"))
            return
        try:
            status = os.fstat(descriptor)
            if not self._is_own(status) and not self._sandbox.files.lies_at(descriptor, one.path):
                self._skip(pattern, one, "leads to a file that is closed to the task's user")
                return
            self._met += 1
            size = status.st_size
            name = blob_name(one, self._asked.path, is_wild=pattern.is_wild)
            url, headers = self._asked.container_url, self._asked.headers
            await self._uploader.uploads.put(url, name, descriptor, size, headers)
        except RunError as error:
            raise RunError(self._of_file(error.failure, one)) from None
        finally:
            os.close(descriptor)
        self._log.say(f"Uploaded {spelled(one.path)}, {size} bytes, as {name}.")

    def _is_own(self, status: os.stat_result) -> bool:
        """Whether the task's user may read a file, to which a link that a task has made may lead. The agent
        may read more, and does for whoever names it in a pattern."""
        is_open = bool(status.st_mode & stat.S_IROTH)
        return is_open or self._user.is_admin or status.st_uid == self._log.owner

    def _skip(self, pattern: Pattern, one: Found, why: str) -> None:
        """A file that was asked for by name has to be uploaded."""
        if pattern.is_wild and why == _SKIPPED["is-directory"]:
            return
        if not pattern.is_wild and why != _SKIPPED["not-found"]:
            raise RunError(self._failure(f"{spelled(one.path)} {why}"))
        self._log.complain(f"{spelled(one.path)} {why}, and is left out.")

    def _of_file(self, failure: Failure, one: Found) -> Failure:
        told = (("FilePattern", self._text), ("FilePath", spelled(one.path)), *failure.details)
        if failure.code == _NO_CONTAINER:
            told = (*told, ("Message", failure.message))
            failure = msgspec.structs.replace(failure, message=_NOT_FOUND)
        return msgspec.structs.replace(failure, details=told)

    def _leads_out(self) -> Failure:
        message = (
            f"Output files are uploaded from below {self._sandbox.root}, the node's root directory, and the "
            "filePattern leads out of it. Have the task put them into its working directory."
        )
        return failures.user("FileUploadMiscError", message, FilePattern=self._text)

    def _failure(self, reason: str) -> Failure:
        return failures.user("FileUploadMiscError", f"The upload failed: {reason}.", FilePattern=self._text)
