"""What nodes say of themselves, uploaded where a client wants it."""

from __future__ import annotations

import uuid

from batchite.batch.acting import Acting
from batchite.batch.nodes import actions
from batchite.ports.node_files import NodeUnreachableError
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.logs import UploadBatchServiceLogsOptions, UploadBatchServiceLogsResult
from batchite.wire.batch.validation.logs import accept


async def upload(
    acting: Acting, pool_id: str, node_id: str, options: UploadBatchServiceLogsOptions
) -> UploadBatchServiceLogsResult:
    """Have the node begin to upload its logs; how that ends, its agent's log says. Raises BatchError."""
    wanted = accept(options)
    node = await actions.find(acting, pool_id, node_id)
    directory = f"{node.pool_id}/{node.id}/{uuid.uuid4()}"
    until = wanted.end_time.ticks if wanted.end_time else None
    try:
        number = await acting.services.owner.upload_logs(
            node.id, wanted.container_url, directory, wanted.start_time.ticks, until
        )
    except NodeUnreachableError:
        detail = "Its agent does not answer at present; batchite node log prints what it said last."
        raise BatchError("NodeStateUnusable", detail) from None
    return UploadBatchServiceLogsResult(virtual_directory_name=directory, number_of_files_uploaded=number)
