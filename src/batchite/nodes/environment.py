"""The environment of a run, built from nothing.

In this order, later ones win: a few defaults, what the operator gives to every task, the task's own
settings, and the AZ_BATCH_ variables. The last cannot be overridden, because the node's processes
are recognised by AZ_BATCH_NODE_ROOT_DIR.

PATH begins with the node's own Python, so that what a start task installs is there for the tasks, also by
the names of its programs; then come the programs that are installed beside the service. Whatever PATH is
given, it ends with the shared directory and the run's own, as on Azure, so that a script that was fetched
starts by its bare name. TMPDIR is left alone: it is the machine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from batchite.link.spec import ROOT_MARK, NodeSpec
from batchite.nodes.definition import EnvironmentSetting
from batchite.nodes.directories import NodeDirectories, RunDirectory
from batchite.nodes.sandbox.base import TASK_MARK, User

RESERVED_DISK_BYTES = 64 * 1024 * 1024
"""Below this much free space no files are fetched any more."""


class Environments:
    """Makes the environments of one node's runs."""

    def __init__(self, spec: NodeSpec, directories: NodeDirectories, defaults: Mapping[str, str]) -> None:
        """`defaults`: the sandbox's."""
        self._defaults = {**defaults, "LANG": "C.UTF-8"}
        self._operators = spec.environment
        self._shared = directories.shared
        reserved = str(RESERVED_DISK_BYTES)
        self._documented = {
            "AZ_BATCH_ACCOUNT_NAME": spec.account,
            "AZ_BATCH_ACCOUNT_URL": spec.account_url.rstrip("/") + "/",
            "AZ_BATCH_POOL_ID": spec.pool_id,
            "AZ_BATCH_NODE_ID": spec.node_id,
            "AZ_BATCH_NODE_IS_DEDICATED": "true" if spec.dedicated else "false",
            ROOT_MARK: directories.root,
            "AZ_BATCH_NODE_SHARED_DIR": directories.shared,
            "AZ_BATCH_NODE_STARTUP_DIR": directories.start_task.path,
            "AZ_BATCH_NODE_STARTUP_WORKING_DIR": directories.start_task.working,
            "AZ_BATCH_NODE_MOUNTS_DIR": directories.mounts,
            "AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": reserved,
            "AZ_BATCH_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": reserved,
            "AZ_BATCH_RESERVED_DISK_SPACE_BYTES": reserved,
            "AZ_BATCH_OS_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": "0",
        }

    def of_start_task(
        self, directory: RunDirectory, user: User, settings: Iterable[EnvironmentSetting]
    ) -> dict[str, str]:
        return self._of_run(directory, user, settings, {})

    def of_task(
        self,
        job_id: str,
        task_id: str,
        directory: RunDirectory,
        user: User,
        settings: Iterable[EnvironmentSetting],
    ) -> dict[str, str]:
        ids = {"AZ_BATCH_JOB_ID": job_id, "AZ_BATCH_TASK_ID": task_id}
        return self._of_run(directory, user, settings, ids)

    def _of_run(
        self,
        directory: RunDirectory,
        user: User,
        settings: Iterable[EnvironmentSetting],
        ids: Mapping[str, str],
    ) -> dict[str, str]:
        working = directory.working
        environment = {
            **self._defaults,
            "HOME": working,
            "PWD": working,
            "USER": user.name,
            **self._operators,
            **{setting.name: setting.value or "" for setting in settings},
            **self._documented,
            **ids,
            TASK_MARK: directory.path,
            "AZ_BATCH_TASK_WORKING_DIR": working,
            "AZ_BATCH_TASK_USER": user.name,
            "AZ_BATCH_TASK_USER_IDENTITY": user.identity,
            "AZ_BATCH_CERTIFICATES_DIR": f"{directory.path}/certs",
        }
        path = (environment["PATH"], self._shared, working)
        environment["PATH"] = ":".join(filter(None, path))
        return environment
