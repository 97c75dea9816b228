"""Properties of an account's Blob service: the XML of Get and Set Blob Service Properties.

Two elements come from the management API, which this service has not: `IsVersioningEnabled` and
`ContainerDeleteRetentionPolicy`.
"""

from __future__ import annotations

import re

import msgspec

from batchite.wire.blob import websites
from batchite.wire.blob.cors import MAX_RULES, CorsRule, check_rule
from batchite.wire.blob.errors import xml_text
from batchite.wire.blob.websites import Website
from batchite.wire.blob.xml import Element, invalid_node, malformed, parse

MAX_BODY_BYTES = 64 * 1024
MAX_DAYS = 365
_VERSION = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Retention(msgspec.Struct, frozen=True, omit_defaults=True):
    """For how many days something is kept; None: this is switched off."""

    days: int | None = None
    permanent_delete: bool = False


class Logging(msgspec.Struct, frozen=True, omit_defaults=True):
    version: str = "1.0"
    delete: bool = False
    read: bool = False
    write: bool = False
    retention: Retention = Retention()


class Metrics(msgspec.Struct, frozen=True, omit_defaults=True):
    version: str = "1.0"
    enabled: bool = False
    apis: bool | None = None
    retention: Retention = Retention()


class ServiceProperties(msgspec.Struct, frozen=True, omit_defaults=True):
    """Logging, metrics and the default version are kept for clients, and have no effect."""

    logging: Logging = Logging()
    hour_metrics: Metrics = Metrics()
    minute_metrics: Metrics = Metrics()
    cors: tuple[CorsRule, ...] = ()
    default_version: str = ""
    blob_retention: Retention = Retention()
    container_retention: Retention = Retention()
    versioning: bool = False
    website: Website = Website()


_ELEMENTS = (
    "Logging", "HourMetrics", "MinuteMetrics", "Cors", "DefaultServiceVersion", "DeleteRetentionPolicy",
    "StaticWebsite", "ContainerDeleteRetentionPolicy", "IsVersioningEnabled",
)  # fmt: skip


class Change(msgspec.Struct, frozen=True):
    """What a document sets; the rest stays as it is."""

    logging: Logging | None = None
    hour_metrics: Metrics | None = None
    minute_metrics: Metrics | None = None
    cors: tuple[CorsRule, ...] | None = None
    default_version: str | None = None
    blob_retention: Retention | None = None
    container_retention: Retention | None = None
    versioning: bool | None = None
    website: Website | None = None

    def apply(self, properties: ServiceProperties) -> ServiceProperties:
        given = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        return msgspec.structs.replace(properties, **given)


def read(document: bytes) -> Change:
    """The body of Set Blob Service Properties. Raises BlobError."""
    root = parse(document, "StorageServiceProperties")
    root.expect(*_ELEMENTS)
    logging, hour, minute = root.child("Logging"), root.child("HourMetrics"), root.child("MinuteMetrics")
    cors, website = root.child("Cors"), root.child("StaticWebsite")
    blobs, containers = root.child("DeleteRetentionPolicy"), root.child("ContainerDeleteRetentionPolicy")
    return Change(
        None if logging is None else _read_logging(logging),
        None if hour is None else _read_metrics(hour),
        None if minute is None else _read_metrics(minute),
        None if cors is None else _read_cors(cors),
        _read_version(root),
        None if blobs is None else _read_retention(blobs),
        None if containers is None else _read_retention(containers),
        None if root.child("IsVersioningEnabled") is None else _switch(root, "IsVersioningEnabled"),
        None if website is None else _read_website(website),
    )


def _read_version(root: Element) -> str | None:
    text = root.value("DefaultServiceVersion")
    if text and not _VERSION.fullmatch(text):
        raise invalid_node("DefaultServiceVersion", text, "a version is a date such as 2026-10-06")
    return text


def _read_logging(element: Element) -> Logging:
    element.expect("Version", "Delete", "Read", "Write", "RetentionPolicy")
    return Logging(
        element.value("Version") or "1.0",
        _switch(element, "Delete"),
        _switch(element, "Read"),
        _switch(element, "Write"),
        _read_retention(element.child("RetentionPolicy")),
    )


def _read_metrics(element: Element) -> Metrics:
    element.expect("Version", "Enabled", "IncludeAPIs", "RetentionPolicy")
    return Metrics(
        element.value("Version") or "1.0",
        _switch(element, "Enabled"),
        None if element.child("IncludeAPIs") is None else _switch(element, "IncludeAPIs"),
        _read_retention(element.child("RetentionPolicy")),
    )


def _read_retention(element: Element | None) -> Retention:
    if element is None:
        return Retention()
    element.expect("Enabled", "Days", "AllowPermanentDelete")
    if not _switch(element, "Enabled"):
        return Retention()
    days = _number(element, "Days")
    if not 1 <= days <= MAX_DAYS:
        raise invalid_node("Days", str(days), f"1 to {MAX_DAYS}")
    return Retention(days, _switch(element, "AllowPermanentDelete", default=False))


def _read_cors(element: Element) -> tuple[CorsRule, ...]:
    if len(element.children) > MAX_RULES:
        raise malformed(f"there can be {MAX_RULES} CORS rules")
    return tuple(map(_read_rule, element.children))


def _read_rule(element: Element) -> CorsRule:
    if element.name != "CorsRule":
        raise malformed(f"{element.name!r} is not expected in Cors")
    names = ("AllowedOrigins", "AllowedMethods", "AllowedHeaders", "ExposedHeaders")
    element.expect(*names, "MaxAgeInSeconds")
    origins, methods, headers, exposed = (_items(element, name) for name in names)
    rule = CorsRule(origins, methods, headers, exposed, _number(element, "MaxAgeInSeconds"))
    check_rule(rule)
    return rule


def _read_website(element: Element) -> Website:
    element.expect("Enabled", "IndexDocument", "DefaultIndexDocumentPath", "ErrorDocument404Path")
    if not _switch(element, "Enabled"):
        return Website()
    website = Website(
        True,
        element.value("IndexDocument") or "",
        element.value("DefaultIndexDocumentPath") or "",
        element.value("ErrorDocument404Path") or "",
    )
    websites.check(website)
    return website


def _items(element: Element, name: str) -> tuple[str, ...]:
    text = element.value(name) or ""
    return tuple(item for part in text.split(",") if (item := part.strip()))


def _number(element: Element, name: str) -> int:
    text = element.value(name) or ""
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise invalid_node(name, text, "a whole number")
    return int(text)


def _switch(element: Element, name: str, *, default: bool | None = None) -> bool:
    text = element.value(name)
    if text is None and default is not None:
        return default
    known = {"true": True, "false": False}.get((text or "").lower())
    if known is None:
        raise invalid_node(name, text or "", f"{name} of {element.name} is true or false")
    return known


def write(properties: ServiceProperties) -> bytes:
    """The body of Get Blob Service Properties."""
    version = _element("DefaultServiceVersion", properties.default_version)
    inner = (
        _logging(properties.logging)
        + _metrics("HourMetrics", properties.hour_metrics)
        + _metrics("MinuteMetrics", properties.minute_metrics)
        + f"<Cors>{''.join(map(_rule, properties.cors))}</Cors>"
        + (version if properties.default_version else "")
        + _retention("DeleteRetentionPolicy", properties.blob_retention, permanent=True)
        + _website(properties.website)
        + _retention("ContainerDeleteRetentionPolicy", properties.container_retention)
        + _element("IsVersioningEnabled", _bool(properties.versioning))
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><StorageServiceProperties>{inner}</StorageServiceProperties>'
    ).encode()


def stats(synced: str) -> bytes:
    """The body of Get Blob Service Stats; `synced` is an RFC 1123 time."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><StorageServiceStats><GeoReplication><Status>live</Status>'
        f"<LastSyncTime>{synced}</LastSyncTime></GeoReplication></StorageServiceStats>"
    ).encode()


def _logging(logging: Logging) -> str:
    inner = (
        _element("Version", logging.version)
        + _element("Delete", _bool(logging.delete))
        + _element("Read", _bool(logging.read))
        + _element("Write", _bool(logging.write))
        + _retention("RetentionPolicy", logging.retention)
    )
    return f"<Logging>{inner}</Logging>"


def _metrics(name: str, metrics: Metrics) -> str:
    apis = "" if metrics.apis is None else _element("IncludeAPIs", _bool(metrics.apis))
    inner = _element("Version", metrics.version) + _element("Enabled", _bool(metrics.enabled)) + apis
    return f"<{name}>{inner}{_retention('RetentionPolicy', metrics.retention)}</{name}>"


def _retention(name: str, retention: Retention, *, permanent: bool = False) -> str:
    inner = _element("Enabled", _bool(retention.days is not None))
    if retention.days is not None:
        inner += _element("Days", str(retention.days))
    if permanent:
        inner += _element("AllowPermanentDelete", _bool(retention.permanent_delete))
    return f"<{name}>{inner}</{name}>"


def _rule(rule: CorsRule) -> str:
    inner = (
        _element("AllowedOrigins", ",".join(rule.origins))
        + _element("AllowedMethods", ",".join(rule.methods))
        + _element("AllowedHeaders", ",".join(rule.headers))
        + _element("ExposedHeaders", ",".join(rule.exposed))
        + _element("MaxAgeInSeconds", str(rule.max_age))
    )
    return f"<CorsRule>{inner}</CorsRule>"


def _website(website: Website) -> str:
    given = (
        ("IndexDocument", website.index_document),
        ("DefaultIndexDocumentPath", website.default_index_path),
        ("ErrorDocument404Path", website.error_path),
    )
    inner = "".join(_element(name, text) for name, text in given if text)
    return f"<StaticWebsite>{_element('Enabled', _bool(website.enabled))}{inner}</StaticWebsite>"


def _element(name: str, text: str) -> str:
    return f"<{name}>{xml_text(text)}</{name}>"


def _bool(value: bool) -> str:
    return "true" if value else "false"
