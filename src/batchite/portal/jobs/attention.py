"""What of jobs needs attention: tasks that failed lately, each cause once."""

from __future__ import annotations

from collections.abc import Sequence

from batchite.batch.jobs import actions
from batchite.portal.jobs import causes
from batchite.portal.jobs.causes import Cause
from batchite.portal.visit import Visit

MOST = 8
"""causes"""


async def lately(visit: Visit) -> Sequence[Cause]:
    """In the account that is looked at, the latest first."""
    rows = await actions.latest_failures(visit.acting, MOST)
    return [causes.of(visit, row.job_id, row) for row in rows]
