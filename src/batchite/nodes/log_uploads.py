"""Uploading what the node has said: the agent's own log, and what the start task printed.

Which files are uploaded is answered at once; how that ends can only be said in the log itself, where whoever
misses them looks.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from batchite.link.messages import FromAgent, LogsChosen, UploadLogs
from batchite.nodes.failures import RunError
from batchite.nodes.sandbox.tree import Tree, TreeError
from batchite.nodes.shown import shown
from batchite.nodes.uploader import Uploader
from batchite.wire.batch import directories

AGENT_LOG = "agent.log"
_OWN_LOG = "/proc/self/fd/2"
_START_TASK = ("stdout.txt", "stderr.txt", "stdout.txt.1", "stderr.txt.1")
_TEXT = {"Content-Type": "text/plain"}
_TICKS = 10_000_000
_AT_ONCE = 4
"""uploads of this node that go on at the same time"""


class _File(NamedTuple):
    name: str
    descriptor: int
    size: int


class LogUploads:
    """`booted` is when this agent began to say something, in ticks."""

    def __init__(
        self, files: Tree, uploader: Uploader, booted: int, send: Callable[[FromAgent], None]
    ) -> None:
        self._files = files
        self._uploader = uploader
        self._booted = booted
        self._send = send
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._uploading: set[asyncio.Task[None]] = set()

    def serve(self, message: UploadLogs) -> None:
        chosen = [*self._chosen(message)]
        self._send(LogsChosen(message.request, len(chosen)))
        task = asyncio.get_running_loop().create_task(self._upload(message, chosen))
        self._uploading.add(task)
        task.add_done_callback(self._uploading.discard)

    async def close(self) -> None:
        for task in self._uploading:
            task.cancel()
        if self._uploading:
            await asyncio.wait(self._uploading)

    def _chosen(self, message: UploadLogs) -> Iterator[_File]:
        """Those with something said in the span of time: changed after it began, and begun before its end."""
        if message.end is not None and message.end < self._booted:
            return
        for name, descriptor in self._opened():
            status = os.fstat(descriptor)
            is_file = stat.S_ISREG(status.st_mode)
            if is_file and status.st_mtime_ns // 100 + _TICKS >= message.start:  # file systems round down
                yield _File(name, descriptor, status.st_size)
            else:
                os.close(descriptor)

    def _opened(self) -> Iterator[tuple[str, int]]:
        try:
            yield AGENT_LOG, os.open(_OWN_LOG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            _say(f"The agent's own log cannot be read: {error}.")
        for name in _START_TASK:
            try:
                path = f"{directories.STARTUP}/{name}"
                yield path, self._files.open(path)
            except TreeError:
                continue

    async def _upload(self, message: UploadLogs, files: list[_File]) -> None:
        place = f"{shown(message.container_url)}/{message.directory}"
        try:
            async with self._turns:
                for file in files:
                    url, name = message.container_url, f"{message.directory}/{file.name}"
                    await self._uploader.uploads.put(url, name, file.descriptor, file.size, _TEXT)
            _say(f"Logs uploaded to {place}: {len(files)} files.")
        except RunError as error:
            _say(f"Logs could not be uploaded to {place}: {error.failure.message}")
        finally:
            for file in files:
                os.close(file.descriptor)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
