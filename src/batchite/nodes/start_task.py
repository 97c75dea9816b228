"""The node's start task. Whether to try again, and what a failure means, is the service's to say."""

from __future__ import annotations

import msgspec

from batchite.link.messages import RunStartTask, StartTaskEnded, StartTaskStarted
from batchite.nodes import definition, failures, users
from batchite.nodes.environment import Environments
from batchite.nodes.reports import Reports
from batchite.nodes.run import Run, Tools
from batchite.wire.batch.outcome import Exit


class StartTask:
    """Runs each attempt once, without taking a slot."""

    def __init__(self, tools: Tools, environments: Environments, reports: Reports) -> None:
        self._tools = tools
        self._environments = environments
        self._reports = reports
        self.attempt = 0
        """the last attempt the service asked for"""
        self._failed = False
        """the last run ended with an exit code"""

    def run(self, message: RunStartTask) -> None:
        if message.attempt <= self.attempt:
            return
        self.attempt = message.attempt
        try:
            run = self._make_run(message)
        except msgspec.DecodeError as error:
            now = self._tools.clock.now().ticks
            self._report_end(message.attempt, Exit(None, now, None, failures.unknown(error)))
            return
        self._reports.add(StartTaskStarted(self._reports.next_number, message.attempt, run.started))
        run.begin()

    def _make_run(self, message: RunStartTask) -> Run:
        content = definition.decode(message.definition)
        directory = self._tools.directories.start_task
        user = users.of_start_task(content.user_identity)
        environment = self._environments.of_start_task(directory, user, content.environment_settings or ())

        def ended(exit_: Exit) -> None:
            self._failed = bool(exit_.exit_code)
            self._report_end(message.attempt, exit_)

        return Run(self._tools, content, directory, user, environment, ended, goes_on=self._failed)

    def _report_end(self, attempt: int, exit_: Exit) -> None:
        told = exit_.started, exit_.ended, exit_.exit_code, exit_.failure
        self._reports.add(StartTaskEnded(self._reports.next_number, attempt, *told))
