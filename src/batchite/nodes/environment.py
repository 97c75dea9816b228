"""The environment of a run, built from nothing.

In this order, later ones win: a few defaults, what the operator gives to every task, the task's own
settings, and the AZ_BATCH_ variables. The last cannot be overridden, because the node's processes
are recognised by AZ_BATCH_NODE_ROOT_DIR.

PATH begins with the node's own Python, so that what a start task installs is there for the tasks, also by
the names of its programs; then come the programs that are installed beside the service. HOME belongs to the
node, not to the task: tasks run as the pool's user. TMPDIR is left alone, since paths below a node's
directory are too long for the sockets that programs put there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from batchite.link.spec import ROOT_MARK, NodeSpec
from batchite.nodes.definition import EnvironmentSetting
from batchite.nodes.directories import NodeDirectories, RunDirectory

TASK_MARK = "AZ_BATCH_TASK_DIR"

RESERVED_DISK_BYTES = 64 * 1024 * 1024
"""Below this much free space no files are fetched any more."""

_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


class Environments:
    """Makes the environments of one node's runs."""

    def __init__(self, spec: NodeSpec, directories: NodeDirectories) -> None:
        python = directories.python
        path = (*python.programs, os.path.dirname(sys.executable), *_SYSTEM_PATH)
        self._base = {
            "PATH": ":".join(dict.fromkeys(path)),
            "LANG": "C.UTF-8",
            "HOME": directories.home,
            "PYTHONUSERBASE": python.user,
            **spec.environment,
        }
        self._documented = {
            "AZ_BATCH_ACCOUNT_NAME": spec.account,
            "AZ_BATCH_ACCOUNT_URL": spec.account_url,
            "AZ_BATCH_POOL_ID": spec.pool_id,
            "AZ_BATCH_NODE_ID": spec.node_id,
            "AZ_BATCH_NODE_IS_DEDICATED": "true" if spec.dedicated else "false",
            ROOT_MARK: directories.root,
            "AZ_BATCH_NODE_SHARED_DIR": directories.shared,
            "AZ_BATCH_NODE_STARTUP_DIR": directories.startup,
            "AZ_BATCH_NODE_MOUNTS_DIR": directories.mounts,
            "AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": str(RESERVED_DISK_BYTES),
        }

    def of_start_task(
        self, directory: RunDirectory, settings: Iterable[EnvironmentSetting]
    ) -> dict[str, str]:
        own = {setting.name: setting.value or "" for setting in settings}
        return {
            **self._base,
            **own,
            **self._documented,
            TASK_MARK: directory.path,
            "AZ_BATCH_TASK_WORKING_DIR": directory.working,
        }

    def of_task(
        self, job_id: str, task_id: str, directory: RunDirectory, settings: Iterable[EnvironmentSetting]
    ) -> dict[str, str]:
        environment = self.of_start_task(directory, settings)
        environment["AZ_BATCH_JOB_ID"] = job_id
        environment["AZ_BATCH_TASK_ID"] = task_id
        return environment
