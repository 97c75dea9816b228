from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    AccountSasPermissions,
    BlobAnalyticsLogging,
    CorsRule,
    Metrics,
    ResourceTypes,
    RetentionPolicy,
    StaticWebsite,
    generate_account_sas,
    generate_container_sas,
)
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.server import KEY, NAME, Server

ORIGIN = "https://app.example.org"


def token(permissions: str) -> str:
    """For the account as a whole."""
    permission = AccountSasPermissions.from_string(permissions)
    later = datetime.now(UTC) + timedelta(hours=1)
    return str(generate_account_sas(NAME, KEY, ResourceTypes(service=True), permission, later))


async def test_the_properties_begin_with_everything_off(client: BlobServiceClient) -> None:
    shown: dict[str, Any] = await client.get_service_properties()
    assert not shown["delete_retention_policy"].enabled
    assert not shown["analytics_logging"].read
    assert not shown["hour_metrics"].enabled
    assert shown["cors"] == []
    assert not shown["static_website"].enabled


async def test_properties_are_kept_and_only_those_given_change(client: BlobServiceClient) -> None:
    await client.set_service_properties(
        analytics_logging=BlobAnalyticsLogging(read=True, retention_policy=RetentionPolicy(True, 5)),
        hour_metrics=Metrics(enabled=True, include_apis=True),
        cors=[CorsRule([ORIGIN], ["GET", "PUT"], allowed_headers=["x-ms-*"], max_age_in_seconds=60)],
        target_version="2021-08-06",
        delete_retention_policy=RetentionPolicy(True, 7),
    )
    await client.set_service_properties(minute_metrics=Metrics(enabled=True, include_apis=False))
    shown: dict[str, Any] = await client.get_service_properties()
    assert shown["analytics_logging"].read
    assert shown["analytics_logging"].retention_policy.days == 5
    assert shown["hour_metrics"].include_apis
    assert shown["minute_metrics"].enabled
    assert [rule.allowed_origins for rule in shown["cors"]] == [ORIGIN]
    assert shown["target_version"] == "2021-08-06"
    assert (shown["delete_retention_policy"].enabled, shown["delete_retention_policy"].days) == (True, 7)
    await client.set_service_properties(cors=[], delete_retention_policy=RetentionPolicy(False))
    shown = await client.get_service_properties()
    assert shown["cors"] == []
    assert not shown["delete_retention_policy"].enabled
    assert shown["hour_metrics"].enabled


async def test_what_is_not_done_is_not_accepted(client: BlobServiceClient) -> None:
    website = StaticWebsite(enabled=True, index_document="pages/index.html")
    with pytest.raises(HttpResponseError) as refused:
        await client.set_service_properties(
            static_website=website, delete_retention_policy=RetentionPolicy(True, 1)
        )
    assert refused.value.error_code == "InvalidXmlNodeValue"
    shown: dict[str, Any] = await client.get_service_properties()
    assert not shown["delete_retention_policy"].enabled
    with pytest.raises(HttpResponseError) as days:
        await client.set_service_properties(delete_retention_policy=RetentionPolicy(True, 366))
    assert days.value.error_code == "InvalidXmlNodeValue"


async def test_the_stats_are_at_the_secondary_endpoint(client: BlobServiceClient, server: Server) -> None:
    asked = f"restype=service&comp=stats&{token('r')}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}-secondary?{asked}") as answer:
            assert answer.status == 200
            body = await answer.text()
            assert "<Status>live</Status>" in body
            assert " GMT</LastSyncTime>" in body
        async with session.get(f"{server.url}?{asked}") as answer:
            assert (answer.status, "-secondary" in await answer.text()) == (400, True)
        async with session.get(f"{server.url}-secondary?restype=service&comp=stats") as answer:
            assert answer.status == 401


async def test_a_token_reads_or_writes_the_properties(client: BlobServiceClient, server: Server) -> None:
    url = f"{server.url}?restype=service&comp=properties&"
    async with aiohttp.ClientSession() as session:
        async with session.get(url + token("r")) as answer:
            assert answer.status == 200
        async with session.put(url + token("r"), data=b"<StorageServiceProperties/>") as answer:
            assert answer.status == 403
        async with session.put(url + token("w"), data=b"<StorageServiceProperties/>") as answer:
            assert answer.status == 202


async def test_the_account_tells_what_it_is(client: BlobServiceClient, container: ContainerClient) -> None:
    for asked in (client, container, container.get_blob_client("none")):
        shown = await asked.get_account_information()
        assert shown["account_kind"] == "StorageV2"
        assert shown["is_hns_enabled"] is False


@pytest.mark.parametrize("permission", ["r", "l", "d"])
async def test_a_token_of_a_container_tells_what_its_account_is(
    container: ContainerClient, permission: str
) -> None:
    expiry = datetime.now(UTC) + timedelta(hours=1)
    token = generate_container_sas(NAME, "things", account_key=KEY, permission=permission, expiry=expiry)
    async with ContainerClient.from_container_url(container.url, token, retry_total=0) as limited:
        assert (await limited.get_account_information())["account_kind"] == "StorageV2"
        blob = limited.get_blob_client("none")
        assert (await blob.get_account_information())["account_kind"] == "StorageV2"
    other = container.url.replace("things", "others")
    async with ContainerClient.from_container_url(other, token, retry_total=0) as stranger:
        with pytest.raises(HttpResponseError) as refused:
            await stranger.get_account_information()
    assert refused.value.status_code == 403


async def set_rules(client: BlobServiceClient) -> None:
    await client.set_service_properties(
        cors=[
            CorsRule(
                [ORIGIN],
                ["GET", "PUT"],
                allowed_headers=["x-ms-*", "content-type"],
                exposed_headers=["x-ms-meta-*", "etag"],
                max_age_in_seconds=60,
            ),
            CorsRule(["*"], ["HEAD"]),
        ]
    )


async def test_a_browser_may_ask_beforehand(client: BlobServiceClient, server: Server) -> None:
    await set_rules(client)
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "x-ms-blob-type,Content-Type",
    }
    refused = [
        {**asked, "Origin": "https://other.example.org"},
        {**asked, "Access-Control-Request-Method": "DELETE"},
        {**asked, "Access-Control-Request-Headers": "authorization"},
    ]
    async with aiohttp.ClientSession() as session:
        async with session.options(f"{server.url}/any/blob", headers=asked) as answer:
            assert answer.status == 200
            assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert answer.headers["Access-Control-Allow-Methods"] == "PUT"
            assert answer.headers["Access-Control-Allow-Headers"] == "x-ms-blob-type,Content-Type"
            assert answer.headers["Access-Control-Max-Age"] == "60"
        for headers in refused:
            async with session.options(f"{server.url}/any/blob", headers=headers) as answer:
                assert (answer.status, answer.headers["x-ms-error-code"]) == (403, "CorsPreflightFailure")
        async with session.options(f"{server.url}/any/blob", headers={"Origin": ORIGIN}) as answer:
            assert answer.status == 400


async def test_answers_carry_what_a_browser_needs(
    client: BlobServiceClient, container: ContainerClient, server: Server
) -> None:
    await set_rules(client)
    await container.set_container_access_policy({}, public_access="blob")
    await container.upload_blob("one", b"data", metadata={"Colour": "red"})
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/things/one", headers={"Origin": ORIGIN}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert answer.headers["Access-Control-Allow-Credentials"] == "true"
            exposed = answer.headers["Access-Control-Expose-Headers"].lower().split(",")
            assert {"x-ms-meta-colour", "etag"} <= set(exposed)
        async with session.get(f"{server.url}/things/none", headers={"Origin": ORIGIN}) as answer:
            assert answer.status == 404
            assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        async with session.head(f"{server.url}/things/one", headers={"Origin": "https://b.org"}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        async with session.get(f"{server.url}/things/one", headers={"Origin": "https://b.org"}) as answer:
            assert answer.status == 200
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert answer.headers["Vary"] == "Origin"
