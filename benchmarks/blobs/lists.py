"""One Put Block List of as many blocks as there can be."""

from __future__ import annotations

import base64
import http.client
import time

from benchmarks.blobs import sides
from benchmarks.blobs.rows import Compared
from benchmarks.blobs.sides import Side
from benchmarks.figures import Measured
from benchmarks.operations import PATIENCE_SECONDS, WorkloadError
from benchmarks.scale import Scale

REMARK = (
    "The list names one staged block of 4 MiB as often as a blob may have blocks; at 50,000 that is a blob "
    "of 200 GB. Each repeat lists the blocks that were committed before it."
)
BLOCK = b"x" * 4 * 1024 * 1024
BLOCK_ID = base64.b64encode(b"block").decode()


def measure(scale: Scale) -> Measured:
    compared = Compared()
    with sides.both() as pair:
        for side in pair:
            with side.awake():
                _put(side, f"comp=block&blockid={BLOCK_ID}", BLOCK)
        for repeat in range(scale.repeats):
            for side in sides.in_turns(pair, repeat):
                with side.awake():
                    compared.add(side.name, _commit(side, scale.listed_blocks))
    what = f"committing a list of {scale.listed_blocks:,} blocks"
    return Measured(compared.rows(what, "s", put=True, goal=False, higher_is_better=False), [REMARK])


def _commit(side: Side, blocks: int) -> float:
    document = f"<BlockList>{f'<Latest>{BLOCK_ID}</Latest>' * blocks}</BlockList>".encode()
    began = time.monotonic()
    _put(side, "comp=blocklist", document)
    return time.monotonic() - began


def _put(side: Side, query: str, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", side.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("PUT", f"{side.target('listed')}&{query}", body, {"x-ms-version": "2024-11-04"})
        answer = connection.getresponse()
        told = answer.read()
    finally:
        connection.close()
    if answer.status != 201:
        raise WorkloadError(f"{side.name} answers {answer.status} to {query[:30]}: {told[:300]!r}")
