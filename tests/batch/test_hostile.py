"""Requests that nobody should send: each gets its documented error and changes nothing."""

import io
import json

import pytest
from tests.batch.service import VERSION, Answer, Api
from tests.starving import descriptors_left

from batchite.batch.app import fallback
from batchite.batch.authentication import authenticate
from batchite.configuration.accounts import Accounts, BatchAccount
from batchite.machine.clock import SystemClock
from batchite.web.problems import BodyIncomplete
from batchite.web.request import Incoming
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.odata import paging

DEEP = b"[" * 100_000
TASK = {"id": "t", "commandLine": "true"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "InvalidRequestBody"),
        (b"{", "InvalidRequestBody"),
        (b'{"id": NaN}', "InvalidRequestBody"),
        (b'{"id":"\xff","commandLine":"a"}', "InvalidRequestBody"),
        (DEEP, "InvalidRequestBody"),
        (b"[]", "InvalidRequestBody"),
        (b"null", "InvalidRequestBody"),
        (b"{}", "MissingRequiredProperty"),
        (b'{"id":"t"}', "MissingRequiredProperty"),
        (b'{"id":1,"commandLine":"a"}', "InvalidRequestBody"),
        (b'{"id":"t","commandLine":"a","requiredSlots":"one"}', "InvalidRequestBody"),
        (b'{"id":"t","commandLine":"a","requiredSlots":1e99}', "InvalidRequestBody"),
        (b'{"id":"t","commandLine":"a","requiredSlots":"0"}', "InvalidPropertyValue"),
        (b'{"id":"t","commandLine":"a","colour":"red"}', "InvalidRequestBody"),
        (b'{"id":"../t","commandLine":"a"}', "InvalidPropertyValue"),
        (b'{"id":"","commandLine":"a"}', "InvalidPropertyValue"),
        (b'{"id":"' + b"x" * 65 + b'","commandLine":"a"}', "InvalidPropertyValue"),
    ],
)
async def test_bad_bodies(api: Api, body: bytes, code: str) -> None:
    await api.add_job()
    before = await api.content()
    answer = await api.raw("POST", f"/jobs/job/tasks?{VERSION}", body)
    assert answer.status == 400
    assert answer.json["code"] == code
    assert await api.content() == before
    whole = b'{"value":[' + json.dumps(TASK).encode() + b"," + body + b"]}"
    if code in ("InvalidRequestBody", "MissingRequiredProperty"):
        answer = await api.raw("POST", f"/jobs/job/addtaskcollection?{VERSION}", whole)
        assert answer.error in ((400, code), (400, "MissingRequiredProperty"))
        assert await api.content() == before


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/pools", {"id": "p", "vmSize": "huge"}, "vmSize"),
        ("/jobs", {"id": "j", "poolInfo": {"poolId": "p"}, "priority": 1001}, "priority"),
        (
            "/jobs",
            {"id": "j", "poolInfo": {"poolId": "p"}, "constraints": {"maxWallClockTime": "1h"}},
            "maxWall",
        ),
        ("/jobs", {"id": "j", "poolInfo": {"poolId": "p"}, "allowTaskPreemption": "yes"}, "allowTaskPre"),
        ("/jobs", {"id": "j", "poolInfo": {}}, "poolInfo.poolId"),
    ],
)
async def test_refusals_name_the_property(api: Api, path: str, body: object, named: str) -> None:
    answer = await api.post(path, body)
    assert answer.status == 400
    assert named in answer.message
    assert all(not rows for rows in (await api.content()).values())


async def test_a_value_too_deep_to_be_quoted_is_refused_all_the_same(api: Api) -> None:
    """Somewhere below the depth at which a body is refused lies one that can be read but not quoted."""
    for depth in range(900, 1000, 4):
        nested = b"[" * depth + b"]" * depth
        answer = await api.raw("POST", f"/jobs?{VERSION}", b'{"id":' + nested + b"}")
        assert answer.error in ((400, "InvalidPropertyValue"), (400, "InvalidRequestBody"))


@pytest.mark.parametrize("position", ["abc", "-1", "9" * 30, "1_0", " 1", "\u0663"])
async def test_skip_tokens_that_somebody_made_up(api: Api, position: str) -> None:
    """How a token is made is no secret, so its position is not to be trusted either."""
    token = paging.make_token("devbatch\n/jobs\n", position)
    answer = await api.raw("GET", f"/jobs?$skiptoken={token}&{VERSION}")
    assert answer.error == (400, "InvalidQueryParameterValue")


async def test_a_header_names_only_so_many_entity_tags(api: Api) -> None:
    await api.add_job()
    for name in ("If-Match", "If-None-Match"):
        tags = ",".join(f"0x{number:X}" for number in range(101))
        answer = await api.raw("GET", f"/jobs/job?{VERSION}", None, {name: tags})
        assert answer.error == (400, "InvalidHeaderValue")


async def test_a_letter_that_only_looks_like_an_id_is_no_id(api: Api) -> None:
    """The lower case of the Kelvin sign is an ordinary k."""
    await api.add_job("k1")
    assert (await api.raw("GET", f"/jobs/K1?{VERSION}")).status == 200
    assert (await api.raw("GET", f"/jobs/%E2%84%AA1?{VERSION}")).error == (404, "JobNotFound")


async def test_a_body_is_a_body_whatever_else_the_client_would_rather_speak(api: Api) -> None:
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"}
    body = {"id": "upgraded", "poolInfo": {"poolId": "pool"}}
    assert (await api.raw("POST", f"/jobs?{VERSION}", body, upgrade)).status == 201
    assert (await api.get("/jobs/upgraded")).status == 200


def test_a_body_of_another_length_than_announced_is_refused() -> None:
    assert fallback(BodyIncomplete("5 bytes were announced, and 4 came."), "id").status_code == 400


async def test_without_descriptors_the_service_is_busy_for_the_moment(api: Api) -> None:
    async with api.session.get(f"{api.url}/healthz") as answer:  # and the connection stays
        assert answer.status == 200
    with descriptors_left(0):
        refused = await api.get("/jobs")  # the first to read needs a connection to the database
        assert refused.error == (503, "ServerBusy")
        assert int(refused.headers["Retry-After"]) > 0
        assert "short of" in refused.message
    assert (await api.get("/jobs")).json["value"] == []


@pytest.mark.parametrize(
    ("header", "value", "rule"),
    [("Host", "rebound.example.org", "allowed_hosts"), ("Origin", "https://page.example.org", "origin")],
)
async def test_pages_of_strangers_are_refused_even_with_a_key(
    api: Api, header: str, value: str, rule: str
) -> None:
    for path in (f"/jobs?{VERSION}", "/healthz"):
        answer = await api.raw("GET", path, None, {header: value})
        assert answer.error == (400, "InvalidHeaderValue")
        assert {"key": "HeaderName", "value": header} in answer.json["values"]
        assert value in answer.message
        assert rule in answer.message


async def test_collections_have_a_limit(api: Api) -> None:
    await api.add_job()
    before = await api.content()
    for count in (0, 101):
        group = {"value": [{**TASK, "id": str(number)} for number in range(count)]}
        assert (await api.post("/jobs/job/addtaskcollection", group)).error == (400, "InvalidPropertyValue")
    large = json.dumps({"value": [{**TASK, "commandLine": "x" * 1024 * 1024}]}).encode()
    target = f"/jobs/job/addtaskcollection?{VERSION}"
    signed = api.signed("POST", target, large, {})
    async with api.session.post(api.url + target, data=io.BytesIO(large), headers=signed) as response:
        answer = Answer(response.status, response.headers, await response.read())
    assert answer.error == (413, "RequestBodyTooLarge")
    details = {item["key"]: item["value"] for item in answer.json["values"]}
    assert details["MaxLimit"] == str(1024 * 1024)
    assert int(details["RequestBodySize"]) > 1024 * 1024
    assert await api.content() == before


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "text/plain"}, "InvalidHeaderValue"),
        ({"Content-Type": "application/jsonp"}, "InvalidHeaderValue"),
        ({"Content-Encoding": "gzip"}, "UnsupportedHeader"),
    ],
)
async def test_bodies_of_other_types(api: Api, headers: dict[str, str], code: str) -> None:
    answer = await api.raw("POST", f"/jobs?{VERSION}", b"{}", headers)
    assert answer.error == (400, code)


async def test_a_body_needs_a_type(api: Api) -> None:
    target = f"/jobs?{VERSION}"
    sent = api.signed("POST", target, b"{}", {"Content-Type": ""})
    del sent["Content-Type"]
    assert (await api.raw("POST", target, b"{}", sent, signed=False)).error == (400, "MissingRequiredHeader")


async def tampered(api: Api, **changes: str | None) -> tuple[int, str, str]:
    """A signed request changed on its way: `verb`, `target` or headers (None removes one)."""
    target = f"/pools?maxresults=7&{VERSION}"
    headers = api.signed("GET", target, None, {})
    for name, value in changes.items():
        if name in ("verb", "target"):
            continue
        headers.pop(name.replace("_", "-"), None)
        if value is not None:
            headers[name.replace("_", "-")] = value
    answer = await api.raw(
        changes.get("verb") or "GET", changes.get("target") or target, None, headers, signed=False
    )
    return answer.status, answer.json["code"] if answer.status != 200 else "", answer.body.decode()


async def test_signatures_are_checked(api: Api) -> None:
    assert (await tampered(api))[0] == 200
    for changes in (
        {"target": f"/pools?maxresults=8&{VERSION}"},
        {"target": f"/jobs?maxresults=7&{VERSION}"},
        {"ocp_range": "bytes=0-1"},
        {"If_Match": "*"},
        {"Content_Type": "text/plain"},
        {"Authorization": "SharedKey devbatch:AAAA"},
        {"Authorization": "SharedKey other:AAAA"},
        {"Authorization": None},
        {"ocp_date": None},
    ):
        status, code, text = await tampered(api, **changes)
        assert (status, code) == (403, "AuthenticationFailed"), changes
        assert "poolInfo" not in text
    status, _, text = await tampered(api, target=f"/pools?maxresults=9&{VERSION}")
    assert "maxresults:9" in text  # the text the service would have signed


@pytest.mark.parametrize("header", ["", "Bearer x", "SharedKey devbatch", "SharedKey a:b:c d", "x" * 5000])
async def test_authorization_that_cannot_be_read(api: Api, header: str) -> None:
    answer = await api.raw("GET", f"/pools?{VERSION}", headers={"Authorization": header}, signed=False)
    assert answer.error == (400, "InvalidAuthenticationInfo")


@pytest.mark.parametrize("date", ["Thu, 01 Jan 2015 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT", "now"])
async def test_skewed_clocks(api: Api, date: str) -> None:
    answer = await api.raw("GET", f"/pools?{VERSION}", headers={"ocp-date": date})
    assert answer.error == (403, "AuthenticationFailed")


async def test_paths_and_verbs_that_do_not_exist(api: Api) -> None:
    assert (await api.get("/nowhere")).error == (404, "ResourceNotFound")
    assert (await api.get("/pools/")).error == (404, "PoolNotFound")
    assert (await api.get("/jobs/%2e%2e%2fpools")).error == (404, "JobNotFound")
    assert (await api.get("/jobs/%zz")).error == (400, "RequestUrlFailedToParse")
    answer = await api.raw("PATCH", f"/pools?{VERSION}")
    assert answer.error == (405, "UnsupportedHttpVerb")
    assert answer.headers["Allow"] == "GET, POST"


async def test_versions(api: Api) -> None:
    missing = await api.raw("GET", "/pools")
    assert missing.error == (400, "MissingRequiredQueryParameter")
    assert missing.json["values"] == [{"key": "QueryParameterName", "value": "api-version"}]
    unknown = await api.raw("GET", "/pools?api-version=2014-10-01.1.0")
    assert unknown.error == (400, "UnsupportedRequestVersion")


async def test_errors_have_the_documented_form(api: Api) -> None:
    mine = {"client-request-id": "mine", "return-client-request-id": "True"}
    answer = await api.raw("GET", f"/pools/none?{VERSION}", headers=mine)
    assert list(answer.json) == ["odata.metadata", "code", "message"]
    assert answer.json["odata.metadata"].startswith(f"{api.url}/$metadata#")
    request_id = answer.headers["request-id"]
    assert answer.message.startswith("The specified pool does not exist.")
    assert f"\nRequestId:{request_id}\nTime:" in answer.message
    assert answer.headers["client-request-id"] == "mine"
    assert answer.headers["Content-Type"] == "application/json;odata=minimalmetadata"
    assert answer.headers["DataServiceVersion"] == "3.0"
    quiet = await api.raw("GET", f"/pools?{VERSION}", headers={"client-request-id": "mine"})
    assert "client-request-id" not in quiet.headers


ACCOUNTS = Accounts((BatchAccount("one", ("a2V5",)), BatchAccount("two", ("a2V5",))), ())


@pytest.mark.parametrize("host", ["two.batch.example", "TWO.region.batch.example:443", "none.batch.example"])
def test_a_host_of_another_account_is_refused(host: str) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "raw_path": b"/pools",
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"host", host.encode()), (b"authorization", b"SharedKey one:AAAA")],
    }

    async def nothing() -> dict[str, object]:
        return {"type": "http.disconnect"}

    with pytest.raises(BatchError, match="The host belongs to"):
        authenticate(Incoming(scope, nothing), ACCOUNTS, ("batch.example",), SystemClock().wall())


async def test_a_service_that_stops_takes_no_changes_and_says_when_to_come_back(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    before = await api.content()
    api.owner.is_stopping = True
    for answer in (
        await api.add_pool(),
        await api.add_job("other"),
        await api.add_task("u"),
        await api.post("/jobs/job/addtaskcollection", {"value": [TASK]}),
        await api.post("/jobs/job/tasks/t/terminate"),
        await api.delete("/jobs/job/tasks/t"),
        await api.post("/jobs/job/terminate"),
        await api.delete("/jobs/job"),
        await api.delete("/pools/pool"),
        await api.delete("/jobs/job/tasks/t/files/stdout.txt"),
    ):
        assert answer.error == (503, "ServerBusy")
        assert int(answer.headers["Retry-After"]) > 0
    assert (await api.get("/jobs/job/tasks/t")).status == 200
    assert await api.content() == before
    assert api.owner.awaited == []
