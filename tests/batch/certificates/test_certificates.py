"""Certificates, which older versions of the API have: taken, listed, deleted, and never given to anybody."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from tests.batch.service import Answer, Api

V = "api-version=2024-02-01.19.0"
PUBLIC = b"\x30\x82" + b"certificate"
THUMBPRINT = hashlib.sha1(PUBLIC, usedforsecurity=False).hexdigest()
ONE = f"/certificates(thumbprintAlgorithm=sha1,thumbprint={THUMBPRINT.upper()})"
SECRET = "the password of a key"


def body(**changes: object) -> dict[str, Any]:
    given = {"thumbprint": THUMBPRINT.upper(), "thumbprintAlgorithm": "sha1", "certificateFormat": "cer"}
    return {**given, "data": base64.b64encode(PUBLIC).decode(), **changes}


async def add(api: Api, **changes: object) -> Answer:
    return await api.raw("POST", f"/certificates?{V}", body(**changes))


async def test_it_is_added_shown_and_deleted(api: Api) -> None:
    added = await add(api)
    assert added.status == 201, added.body
    address = f"{api.url}/certificates(thumbprintAlgorithm=sha1,thumbprint={THUMBPRINT})"
    assert added.headers["location"] == address
    shown = (await api.raw("GET", f"{ONE}?{V}")).json
    assert shown["url"] == address
    assert (shown["state"], shown["thumbprint"]) == ("active", THUMBPRINT)
    assert base64.b64decode(shown["publicData"]) == PUBLIC
    assert (await add(api)).json["code"] == "CertificateExists"
    listed = (await api.raw("GET", f"/certificates?{V}&$filter=state%20eq%20'active'")).json["value"]
    assert [one["thumbprint"] for one in listed] == [THUMBPRINT]
    assert (await api.raw("GET", f"/certificates?{V}&$filter=state%20eq%20'deleting'")).json["value"] == []
    picked = (await api.raw("GET", f"{ONE}?{V}&$select=state")).json
    assert {name for name in picked if name != "odata.metadata"} == {"state"}
    assert (await api.raw("POST", f"{ONE}/canceldelete?{V}")).json["code"] == "CertificateStateActive"
    assert (await api.raw("DELETE", f"{ONE}?{V}")).status == 202
    assert (await api.raw("GET", f"{ONE}?{V}")).json["code"] == "CertificateNotFound"
    assert (await api.raw("DELETE", f"{ONE}?{V}")).status == 404


async def test_one_that_a_pool_refers_to_stays_and_says_why(api: Api) -> None:
    await add(api)
    machine = {
        "imageReference": {"publisher": "debian", "offer": "debian-12", "sku": "12"},
        "nodeAgentSKUId": "batch.node.debian 12",
    }
    reference = {"thumbprint": THUMBPRINT, "thumbprintAlgorithm": "sha1"}
    pool = {"id": "films", "vmSize": "Standard_D2s_v3", "virtualMachineConfiguration": machine}
    pool["certificateReferences"] = [reference]
    assert (await api.raw("POST", f"/pools?{V}", pool)).status == 201
    assert (await api.raw("DELETE", f"{ONE}?{V}")).status == 202
    shown = (await api.raw("GET", f"{ONE}?{V}")).json
    assert (shown["state"], shown["previousState"]) == ("deletefailed", "active")
    assert shown["deleteCertificateError"]["values"] == [{"name": "PoolId", "value": "films"}]
    assert (await api.raw("POST", f"{ONE}/canceldelete?{V}")).status == 204
    shown = (await api.raw("GET", f"{ONE}?{V}")).json
    assert shown["state"] == "active"
    assert "deleteCertificateError" not in shown


async def test_private_keys_and_passwords_are_not_kept(api: Api) -> None:
    key = base64.b64encode(b"\x30private").decode()
    added = await add(api, thumbprint="a" * 40, data=key, certificateFormat="pfx", password=SECRET)
    assert added.status == 201
    content = str(await api.content())
    assert SECRET not in content
    assert "private" not in content
    one = f"/certificates(thumbprintAlgorithm=sha1,thumbprint={'a' * 40})"
    assert "publicData" not in (await api.raw("GET", f"{one}?{V}")).json


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"thumbprint": "b" * 40}, "InvalidPropertyValue"),
        ({"thumbprint": "short"}, "InvalidPropertyValue"),
        ({"thumbprintAlgorithm": "md5"}, "InvalidPropertyValue"),
        ({"data": "no base64!"}, "InvalidPropertyValue"),
        ({"data": base64.b64encode(b"text").decode()}, "InvalidPropertyValue"),
        ({"data": base64.b64encode(b"\x30" * 20_000).decode()}, "InvalidPropertyValue"),
        ({"password": SECRET}, "InvalidPropertyValue"),
        ({"certificateFormat": "pem"}, "InvalidPropertyValue"),
        ({"data": None}, "MissingRequiredProperty"),
    ],
)
async def test_what_is_no_certificate_is_refused(api: Api, changes: dict[str, object], code: str) -> None:
    refused = await add(api, **changes)
    assert refused.status == 400, refused.body
    assert refused.json["code"] == code
    assert SECRET not in refused.body.decode()
    assert (await api.raw("GET", f"/certificates?{V}")).json["value"] == []


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("certificates(thumbprintAlgorithm=md5,thumbprint=00)", 404),
        ("certificates(thumbprintAlgorithm=sha1)", 400),
        ("certificates()", 400),
        ("certificates(a=b=c,,)", 400),
        ("certificates(thumbprint", 404),
    ],
)
async def test_strange_names_name_nothing(api: Api, name: str, status: int) -> None:
    assert (await api.raw("GET", f"/{name}?{V}")).status == status


async def test_the_newest_version_has_none(api: Api) -> None:
    for verb, path in (("GET", "/certificates"), ("GET", ONE), ("DELETE", ONE)):
        assert (await api.raw(verb, f"{path}?api-version=2025-06-01")).status == 404
