"""Operations of the protocol that are not there yet."""

import pytest
from azure.core.exceptions import HttpResponseError
from tests.batch.service import Api

from batchite.batch import absent
from batchite.batch.app import ABSENT, OPERATIONS
from batchite.wire.batch.versions import NEWEST


def test_no_operation_is_in_both_tables() -> None:
    requests = [(entry.verb, entry.path) for entry in OPERATIONS]
    assert len(requests) == len(set(requests))


@pytest.mark.parametrize("entry", ABSENT, ids=lambda entry: str(entry.name))
async def test_they_are_refused_by_name(api: Api, entry: absent.Operation) -> None:
    target = entry.path.replace("{", "").replace("}", "")
    answer = await api.raw(entry.verb, f"{target}?api-version={entry.until or NEWEST}")
    assert answer.status == 501
    if entry.verb != "HEAD":
        assert answer.error == (501, "NotImplemented")
        assert entry.name in answer.message
        assert f"{api.url}/-/supported lists what is" in answer.message


async def test_the_page_they_name_tells_what_there_is(api: Api) -> None:
    page = await api.raw("GET", absent.PAGE, signed=False)
    assert page.status == 200
    text = page.body.decode()
    there, _, missing = text.partition("## Not there yet")
    assert "| Job_Add | `POST /jobs` |" in there
    assert all(f"| {entry.name} |" in missing for entry in ABSENT)
    assert "| `usesTaskDependencies` | refused |" in missing


async def test_clients_do_not_take_it_for_the_absence_of_what_they_named(api: Api) -> None:
    async with api.async_client() as client:
        with pytest.raises(HttpResponseError, match="Job_Disable is not supported") as refused:
            await client.begin_disable_job("j", {"disableTasks": "requeue"})
        assert type(refused.value) is HttpResponseError
