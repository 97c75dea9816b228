import pytest

from batchite.wire.blob import cors, service_properties
from batchite.wire.blob.cors import CorsRule
from batchite.wire.blob.errors import BlobError

RULE = CorsRule(("https://a.org",), ("GET",), ("x-ms-*",), ("etag", "x-ms-meta-*"), 5)


@pytest.mark.parametrize(
    ("allowed", "origin", "fits"),
    [
        ("https://a.org", "https://a.org", True),
        ("https://a.org", "https://A.org", False),
        ("https://a.org", "http://a.org", False),
        ("*", "null", True),
        ("https://*.a.org", "https://b.a.org", True),
        ("https://*.a.org", "https://.a.org", False),
        ("https://*.a.org", "https://a.org", False),
        ("https://*.a.org", "https://b.a.org.evil.net", False),
    ],
)
def test_origins(allowed: str, origin: str, fits: bool) -> None:
    assert CorsRule((allowed,), ("GET",), (), (), 0).fits(origin, "GET") is fits


def test_the_first_rule_that_fits_decides() -> None:
    everybody = CorsRule(("*",), ("GET",), (), (), 9)
    assert ("Access-Control-Allow-Origin", "*") in cors.answer([everybody, RULE], "https://a.org", "GET")
    assert ("Vary", "Origin") in cors.answer([RULE, everybody], "https://a.org", "GET")
    assert cors.answer([], "https://a.org", "GET") == []


def test_only_headers_that_are_there_are_exposed() -> None:
    shown = cors.answer([RULE], "https://a.org", "GET")
    names = ["ETag", "x-ms-meta-Colour", "x-ms-version"]
    assert (cors.EXPOSE, "ETag,x-ms-meta-Colour") in cors.expose(shown, names)
    assert cors.EXPOSE not in dict(cors.expose(shown, ["Date"]))


BODY = "<StorageServiceProperties>{}</StorageServiceProperties>"
RULE_XML = (
    "<CorsRule><AllowedOrigins>{0}</AllowedOrigins><AllowedMethods>{1}</AllowedMethods>"
    "<AllowedHeaders>{2}</AllowedHeaders><ExposedHeaders/>"
    "<MaxAgeInSeconds>{3}</MaxAgeInSeconds></CorsRule>"
)


@pytest.mark.parametrize(
    "inner",
    [
        "<Cors>" + RULE_XML.format("*", "GET", "", "1") * 6 + "</Cors>",
        "<Cors>" + RULE_XML.format("", "GET", "", "1") + "</Cors>",
        "<Cors>" + RULE_XML.format("*", "", "", "1") + "</Cors>",
        "<Cors>" + RULE_XML.format("*", "TRACE", "", "1") + "</Cors>",
        "<Cors>" + RULE_XML.format("*", "GET", "a*,b*,c*", "1") + "</Cors>",
        "<Cors>" + RULE_XML.format("*", "GET", "a b", "1") + "</Cors>",
        "<Cors>" + RULE_XML.format("*", "GET", "", "-1") + "</Cors>",
        "<Cors><Rule/></Cors>",
        "<Unknown/>",
        "<Logging><Version>1.0</Version></Logging>",
        "<DeleteRetentionPolicy><Enabled>true</Enabled></DeleteRetentionPolicy>",
        "<DeleteRetentionPolicy><Enabled>true</Enabled><Days>0</Days></DeleteRetentionPolicy>",
        "<DefaultServiceVersion>newest</DefaultServiceVersion>",
        "<Cors/><Cors/>",
        "<a>" * 20 + "</a>" * 20,
    ],
)
def test_properties_that_cannot_be_are_refused(inner: str) -> None:
    with pytest.raises(BlobError) as refused:
        service_properties.read(BODY.format(inner).encode())
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "document", [b"", b"<x/>", b"no xml", b"<!DOCTYPE x [<!ENTITY a 'b'>]><StorageServiceProperties/>"]
)
def test_documents_that_are_none_are_refused(document: bytes) -> None:
    with pytest.raises(BlobError) as refused:
        service_properties.read(document)
    assert refused.value.code == "InvalidXmlDocument"


def test_properties_are_read_as_they_are_written() -> None:
    inner = (
        "<Logging><Version>1.0</Version><Delete>true</Delete><Read>false</Read><Write>true</Write>"
        "<RetentionPolicy><Enabled>true</Enabled><Days>3</Days></RetentionPolicy></Logging>"
        f"<Cors>{RULE_XML.format('https://a.org,https://b.org', 'GET,PUT', 'x-ms-*', '7')}</Cors>"
        "<DeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days>"
        "<AllowPermanentDelete>true</AllowPermanentDelete></DeleteRetentionPolicy>"
        "<ContainerDeleteRetentionPolicy><Enabled>true</Enabled><Days>2</Days></ContainerDeleteRetentionPolicy>"
        "<IsVersioningEnabled>true</IsVersioningEnabled>"
    )
    start = service_properties.ServiceProperties()
    changed = service_properties.read(BODY.format(inner).encode()).apply(start)
    assert changed.versioning
    assert changed.container_retention.days == 2
    assert changed.blob_retention.permanent_delete
    assert service_properties.read(service_properties.write(changed)).apply(start) == changed
