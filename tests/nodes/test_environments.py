"""Which of the documented variables each kind of run has, and with which values."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Final

import pytest
from tests.nodes.peer import NODE, node_spec

from batchite.link.messages import Run
from batchite.nodes import definition
from batchite.nodes.directories import NodeDirectories
from batchite.nodes.environment import RESERVED_DISK_BYTES, Environments
from batchite.nodes.places import Places
from batchite.nodes.sandbox.base import Tier
from batchite.nodes.users import Users
from batchite.wire.batch.runs import Kind

ROOT: Final = "/mnt/batch/tasks"
JOB: Final = f"{ROOT}/workitems/nightly/job-3"
EVERYWHERE: Final[Mapping[str, str]] = {
    "AZ_BATCH_ACCOUNT_NAME": "devbatch",
    "AZ_BATCH_ACCOUNT_URL": "http://127.0.0.1:10003/",
    "AZ_BATCH_APP_PACKAGE_tool_1": f"{ROOT}/applications/tool",
    "AZ_BATCH_NODE_ID": NODE,
    "AZ_BATCH_POOL_ID": "pool",
    "AZ_BATCH_NODE_IS_DEDICATED": "false",
    "AZ_BATCH_NODE_ROOT_DIR": ROOT,
    "AZ_BATCH_NODE_SHARED_DIR": f"{ROOT}/shared",
    "AZ_BATCH_NODE_STARTUP_DIR": f"{ROOT}/startup",
    "AZ_BATCH_NODE_STARTUP_WORKING_DIR": f"{ROOT}/startup/wd",
    "AZ_BATCH_NODE_MOUNTS_DIR": f"{ROOT}/fsmounts",
    "AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": str(RESERVED_DISK_BYTES),
    "AZ_BATCH_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": str(RESERVED_DISK_BYTES),
    "AZ_BATCH_RESERVED_DISK_SPACE_BYTES": str(RESERVED_DISK_BYTES),
    "AZ_BATCH_OS_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": "0",
}
OF_A_JOB: Final = {"AZ_BATCH_JOB_ID": "nightly:job-3"}
PREPARED: Final = {
    "AZ_BATCH_JOB_PREP_DIR": f"{JOB}/ready",
    "AZ_BATCH_JOB_PREP_WORKING_DIR": f"{JOB}/ready/wd",
}
POOL_USER: Final = ("_azbatch", "PoolNonAdmin")


@pytest.mark.parametrize(
    ("kind", "task_id", "preparation", "directory", "user", "own"),
    [
        ("task", "t", "", f"{JOB}/t", POOL_USER, {**OF_A_JOB, "AZ_BATCH_TASK_ID": "t"}),
        ("task", "t", "ready", f"{JOB}/t", POOL_USER, {**OF_A_JOB, "AZ_BATCH_TASK_ID": "t", **PREPARED}),
        (
            "preparation",
            "ready",
            "",
            f"{JOB}/ready",
            ("_azbatchtask_prep7", "TaskNonAdmin"),
            {**OF_A_JOB, "AZ_BATCH_TASK_ID": "ready"},
        ),
        (
            "release",
            "clear",
            "ready",
            f"{JOB}/clear",
            ("_azbatchtask_prep7", "TaskNonAdmin"),
            {**OF_A_JOB, "AZ_BATCH_TASK_ID": "clear", **PREPARED},
        ),
        ("starttask", "", "", f"{ROOT}/startup", ("_azbatchtask_start", "TaskNonAdmin"), {}),
    ],
)
def test_what_each_kind_of_run_is_told(
    kind: Kind, task_id: str, preparation: str, directory: str, user: tuple[str, str], own: dict[str, str]
) -> None:
    sandbox = SimpleNamespace(environment={"PATH": "/bin"}, tier=Tier("process", ""))
    directories = NodeDirectories(ROOT)
    environments = Environments(node_spec("http://h", dedicated=False), directories, sandbox)  # type: ignore[arg-type]
    environments.know({"AZ_BATCH_APP_PACKAGE_tool_1": f"{ROOT}/applications/tool"})
    content = b'{"commandLine":"true","environmentSettings":[{"name":"AZ_BATCH_POOL_ID","value":"forged"}]}'
    job_id = "" if kind == "starttask" else "nightly:job-3"
    run = Run(7, 1, job_id, task_id, 1, content, kind=kind, preparation=preparation)
    place = Places(directories, Users()).of(run, definition.decode(content))
    told = environments.of(place)
    name, identity = user
    of_batch = {key: value for key, value in told.items() if key.startswith("AZ_BATCH_")}
    assert of_batch == {
        **EVERYWHERE,
        **own,
        "AZ_BATCH_TASK_DIR": directory,
        "AZ_BATCH_TASK_WORKING_DIR": f"{directory}/wd",
        "AZ_BATCH_TASK_USER": name,
        "AZ_BATCH_TASK_USER_IDENTITY": identity,
        "AZ_BATCH_CERTIFICATES_DIR": f"{directory}/certs",
    }
    assert (told["USER"], told["HOME"]) == (name, f"{directory}/wd")
    assert told["PATH"].endswith(f":{ROOT}/shared:{directory}/wd")
