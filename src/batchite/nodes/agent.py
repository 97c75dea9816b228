"""The agent: joins the link, the runs and the files of one node."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import traceback
from collections.abc import Sequence

import msgspec

import batchite
from batchite.link import messages
from batchite.link.messages import FilesOf, FilesRemoved, FromAgent, Hello, RunKey, ToAgent
from batchite.link.spec import HOST, TIER_LINE, NodeSpec
from batchite.nodes import command_line, windows_line
from batchite.nodes.directories import NodeDirectories
from batchite.nodes.environment import Environments
from batchite.nodes.files import Files
from batchite.nodes.kept_files import KeptFiles
from batchite.nodes.link import Link, UnwantedError
from batchite.nodes.log_uploads import LogUploads
from batchite.nodes.measuring import Measuring
from batchite.nodes.outputs.uploading import OutputUploads
from batchite.nodes.packages import Packages
from batchite.nodes.places import Places
from batchite.nodes.preparing import Preparing
from batchite.nodes.reports import Reports
from batchite.nodes.runs.held import Held
from batchite.nodes.runs.tools import KILL_GRACE_SECONDS, Tools
from batchite.nodes.sandbox.choosing import choose
from batchite.nodes.shells import Shells
from batchite.nodes.staging import Staging
from batchite.nodes.uploader import Uploader
from batchite.nodes.users import Users
from batchite.wire.ticks import Clock


class Limits(msgspec.Struct, frozen=True):
    """How long the agent waits, in seconds."""

    unanswered: float = 600.0
    """without any answer of the service the node ends itself after this"""
    grace: float = KILL_GRACE_SECONDS
    """between SIGTERM and SIGKILL"""
    check: float = 1.0
    """between two looks whether the node's directory is still there"""


class Agent:
    """One node, from its start until nobody wants it any more."""

    def __init__(self, spec: NodeSpec, node: str, clock: Clock, limits: Limits) -> None:
        self._spec = spec
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._booted = clock.now().ticks
        self._sandbox = choose(spec, node)
        self._directories = NodeDirectories(self._sandbox.root)
        self._leaving: asyncio.Future[str] = self._loop.create_future()
        self._address, self._is_awaited = "", False
        self._link = Link(spec.service_url, spec.node_id, spec.token, self)
        is_windows = spec.image.is_windows
        self._staging = Staging(self._sandbox.landing, served=self._link.up, is_windows=is_windows)
        self._uploader = Uploader(self._staging.own_blobs, served=self._link.up)
        self._reports = Reports(self._link.send)
        self._say_what_it_is()
        environments = Environments(spec, self._directories, self._sandbox)
        self._packages = Packages(spec, self._sandbox, served=self._link.up)
        install = self._packages.install(spec.packages) if spec.packages else None
        self._preparing = Preparing(install, environments.know, self._prepared)
        outputs = OutputUploads(self._sandbox, self._uploader, clock, is_windows=is_windows)
        tools = Tools(
            self._sandbox,
            Places(self._directories, Users(spec.users)),
            environments,
            clock,
            self._staging.stage,
            self._packages.install,
            outputs.upload,
            limits.grace,
            windows_line.split if is_windows else command_line.split,
        )
        self._held = Held(spec.slots, tools, self._reports)
        self._measuring = Measuring(self._sandbox.use, self._link.send)
        self._log_uploads = LogUploads(self._sandbox.files, self._uploader, self._booted, self._link.send)
        self._shells = Shells(node, self._sandbox, environments)
        self._files = Files(self._sandbox.files, spec.service_url, self._link.send)
        self._kept_files = KeptFiles(self._sandbox.files, self._held.directories, self._link.send)

    @property
    def _version(self) -> str:
        """Whoever asked for Windows sees here what he has got."""
        return f"{batchite.__version__} on Linux" if self._spec.image.is_windows else batchite.__version__

    @property
    def _system(self) -> str:
        """The name of the root file system that tasks find, whatever the image says."""
        return self._spec.image.system if self._sandbox.tier.name == "machine" else HOST

    def _say_what_it_is(self) -> None:
        tier = self._sandbox.tier
        print(f"{TIER_LINE}{tier.name}. {tier.why}", file=sys.stderr, flush=True)
        if self._spec.image.root and tier.name != "machine":
            print(
                "The image of the pool has a system of its own, which takes the machine tier; this node has "
                f"the machine's, since it is of the {tier.name} tier: {tier.why}",
                file=sys.stderr,
                flush=True,
            )

    async def run(self) -> str:
        """Work until the node ends; returns why. Nothing of the node runs then."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._leave, f"the agent got {number.name}")
        link = self._loop.create_task(self._link.keep())
        link.add_done_callback(self._link_over)
        self._check()
        try:
            return await self._leaving
        finally:
            self._held.stop()
            self._shells.close()
            link.cancel()
            with contextlib.suppress(asyncio.CancelledError, UnwantedError):
                await link
            await self._sandbox.end(self._limits.grace)
            await self._held.stopped()
            await self._files.close()
            await self._kept_files.close()
            await self._measuring.close()
            await self._log_uploads.close()
            await self._staging.close()
            await self._preparing.close()
            await self._packages.close()
            await self._uploader.close()
            self._sandbox.close()

    # Receiver

    def hello(self, address: str) -> Hello:
        self._address = address
        self._is_awaited = not self._preparing.is_over
        held = (*self._held.keys(), *self._reports.held())
        return Hello(
            protocol=messages.PROTOCOL,
            agent_version=self._version,
            booted=self._booted,
            held=held,
            address=address,
            tier=self._sandbox.tier.name,
            image=" + ".join(filter(None, (self._system, self._spec.image.layer))),
            is_preparing=not self._preparing.is_over,
            unprepared=self._preparing.failure,
        )

    def welcomed(self) -> list[FromAgent]:
        self._kept_files.tell()
        return [*self._news(), *self._reports.pending]

    def received(self, message: ToAgent) -> None:
        try:
            self._handle(message)
        except Exception:
            # One message must not take the link, and with it the whole node, away from the others.
            traceback.print_exc()

    def _handle(self, message: ToAgent) -> None:
        match message:
            case messages.BlobService(url, accounts, hosts):
                self._staging.own_blobs.learn(url, accounts)
                self._sandbox.know(hosts)
            case messages.Run():
                self._held.take(message)
            case messages.Acknowledge(report):
                self._reports.acknowledge(report)
            case messages.EndRun():
                self._held.end(message)
            case messages.LimitRun():
                self._held.limit(message)
            case messages.RecallRun():
                self._held.recall(message)
            case messages.RemoveFiles(tasks):
                self._remove(tasks)
            case messages.RemoveTaskFiles(job_id, task_id):
                self._sandbox.discard(self._directories.task(job_id, task_id).names)
            case messages.RemoveJobFiles(job_id):
                self._sandbox.discard(self._directories.job(job_id))
            case messages.ListFiles() | messages.StatFile() | messages.SendFile() | messages.DeleteFile():
                self._files.serve(message)
            case messages.SetLogins(logins):
                self._sandbox.introduce(logins)
            case messages.UploadLogs():
                self._log_uploads.serve(message)
            case messages.MeasureUse(request):
                self._measuring.serve(request)
            case messages.Leave():
                self._leave("the service removed the node")
            case messages.Welcome():
                pass  # the link's own

    def _prepared(self) -> None:
        """A service that is away hears of it when it is back."""
        if self._link.up.is_set():
            for news in self._news():
                self._link.send(news)

    def _news(self) -> list[FromAgent]:
        """That the node is prepared, or cannot be, if its first words were that it is not yet."""
        return [self.hello(self._address)] if self._is_awaited and self._preparing.is_over else []

    def _remove(self, tasks: Sequence[FilesOf]) -> None:
        """What cannot be removed is told as if it had been: nobody is to come back for it for ever."""
        for one in tasks:
            try:
                self._sandbox.discard(self._directories.task(one.job_id, one.task_id).names)
            except (OSError, ValueError):
                traceback.print_exc()
        self._link.send(FilesRemoved(tuple(RunKey(one.number, one.attempt, one.kind) for one in tasks)))

    # the end

    def _leave(self, reason: str) -> None:
        if not self._leaving.done():
            self._leaving.set_result(reason)

    def _link_over(self, link: asyncio.Task[None]) -> None:
        if link.cancelled():
            return
        error = link.exception()
        if error is not None and not isinstance(error, UnwantedError):
            traceback.print_exception(error, file=sys.stderr)
        self._leave(f"the link is over: {error}")

    def _check(self) -> None:
        """Nodes end themselves when nobody can find them any more."""
        if not self._sandbox.keep():
            self._leave("the node's directory is gone")
        elif self._loop.time() - self._link.answered > self._limits.unanswered:
            self._leave(f"the service did not answer for {self._limits.unanswered:g} seconds")
        else:
            self._loop.call_later(self._limits.check, self._check)
