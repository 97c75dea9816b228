"""Where and as whom a command of a node runs, and what it is told of that by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from batchite.link.messages import Run
from batchite.nodes.definition import Definition, EnvironmentSetting
from batchite.nodes.directories import NodeDirectories, RunDirectory
from batchite.nodes.sandbox.base import User
from batchite.nodes.users import Users


class Place(NamedTuple):
    directory: RunDirectory
    user: User
    settings: tuple[EnvironmentSetting, ...] = ()
    """what its definition sets"""
    variables: Mapping[str, str] = {}
    """that the service sets for runs of its kind"""


class Places:
    """Of the runs of one node."""

    def __init__(self, directories: NodeDirectories, users: Users) -> None:
        self._directories = directories
        self._users = users

    def of(self, run: Run, definition: Definition) -> Place:
        """Raises RunError for a user that the node has not, ValueError for ids that nothing can have."""
        return Place(
            self._directory(run),
            self._users.of(run.kind, run.number, definition.user_identity),
            definition.environment_settings or (),
            self._variables(run),
        )

    def _directory(self, run: Run) -> RunDirectory:
        if run.kind == "starttask":
            return self._directories.start_task
        return self._directories.task(run.job_id, run.task_id)

    def _variables(self, run: Run) -> Mapping[str, str]:
        if run.kind == "starttask":
            return {}
        variables = {"AZ_BATCH_JOB_ID": run.job_id, "AZ_BATCH_TASK_ID": run.task_id}
        if run.preparation:
            of_preparation = self._directories.task(run.job_id, run.preparation)
            variables["AZ_BATCH_JOB_PREP_DIR"] = of_preparation.path
            variables["AZ_BATCH_JOB_PREP_WORKING_DIR"] = of_preparation.working
        return variables
