"""Endpoints of our own: authenticated as the API is, refused in its form."""

from collections.abc import AsyncIterator

import pytest
from starlette.responses import JSONResponse, Response
from tests.batch.service import Api, serving

from batchite.batch.own import Endpoint, OwnCall
from batchite.store.database import Database


async def _tell(call: OwnCall) -> Response:
    told = {"account": call.account.name, "scheme": call.principal.scheme, "query": dict(call.query)}
    return JSONResponse({**told, **call.params})


ENDPOINTS = (Endpoint("GET", "/-/tell/{word}", _tell, query=frozenset({"how"})),)


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with serving(database, own=ENDPOINTS) as api:
        yield api


async def test_who_asks_and_for_what(api: Api) -> None:
    answer = await api.raw("GET", "/-/tell/a%2Fb?How=so")
    assert answer.status == 200
    assert answer.json == {
        "account": "devbatch",
        "scheme": "sharedkey",
        "query": {"how": "so"},
        "word": "a/b",
    }


async def test_credentials_are_those_of_the_api(api: Api) -> None:
    assert (await api.raw("GET", "/-/tell/x", signed=False)).error == (403, "AuthenticationFailed")
    forged = {"Authorization": "SharedKey devbatch:AAAA"}
    answer = await api.raw("GET", "/-/tell/x", headers=forged, signed=False)
    assert answer.error == (403, "AuthenticationFailed")
    assert (await api.raw("GET", "/-/tell/nothing/here", signed=False)).status == 403


@pytest.mark.parametrize(
    ("verb", "target", "error"),
    [
        ("GET", "/-/tell/x?what=1", (400, "UnsupportedQueryParameter")),
        ("GET", "/-/tell/x?how=1&how=2", (400, "InvalidQueryParameterValue")),
        ("GET", "/-/tell/%00", (400, "RequestUrlFailedToParse")),
        ("GET", "/-/tell", (404, "ResourceNotFound")),
        ("POST", "/-/tell/x", (405, "UnsupportedHttpVerb")),
    ],
)
async def test_refusals_have_the_form_of_the_api(
    api: Api, verb: str, target: str, error: tuple[int, str]
) -> None:
    answer = await api.raw(
        verb, target, headers={"client-request-id": "mine", "return-client-request-id": "true"}
    )
    assert answer.error == error
    assert answer.headers["client-request-id"] == "mine"
    assert answer.headers["request-id"] in answer.message


async def test_the_api_version_may_stay_in_the_query(api: Api) -> None:
    assert (await api.get("/-/tell/x")).status == 200
