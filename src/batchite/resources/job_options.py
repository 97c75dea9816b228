"""What becomes of the tasks that a job has on nodes, once it is to start no more: a column of its row, so
whoever owns the shard next goes on with it. Afterwards it stays there without meaning.
"""

from __future__ import annotations

from typing import Final, Literal

DisableOption = Literal["requeue", "terminate", "wait"]
"""While the job is being disabled: the API's disableTasks."""
FORCE: Final = "force"
TasksOption = DisableOption | Literal["force"]
"""While it ends or goes, `force`: nodes are told, and not waited for."""
