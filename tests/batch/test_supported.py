"""What of the protocol is there."""

from tests.batch.service import Api

from batchite.batch import supported
from batchite.batch.app import OPERATIONS
from batchite.wire.batch.requests import REQUESTS


def test_every_operation_of_the_protocol_is_there_once() -> None:
    assert sorted(entry.name for entry in OPERATIONS) == sorted(REQUESTS)
    requests = [(entry.verb, entry.path) for entry in OPERATIONS]
    assert len(requests) == len(set(requests))


async def test_a_page_tells_what_there_is_and_what_is_refused(api: Api) -> None:
    page = await api.raw("GET", supported.PAGE, signed=False)
    assert page.status == 200
    text = page.body.decode()
    assert "| Job_Add | `POST /jobs` |" in text
    assert "| `multiInstanceSettings` | refused |" in text
