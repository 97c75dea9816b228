"""Which pages of other origins a browser may let use the service (CORS), by the account's rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.xml import invalid_node

METHODS = ("DELETE", "GET", "HEAD", "MERGE", "PATCH", "POST", "OPTIONS", "PUT")
MAX_RULES = 5
MAX_ORIGINS = 64
MAX_ITEM = 256
MAX_PREFIXES = 2
MAX_LITERALS = 64

EXPOSE = "Access-Control-Expose-Headers"

Shown = list[tuple[str, str]]


class CorsRule(msgspec.Struct, frozen=True):
    """`headers` and `exposed` are names, or beginnings of names with a `*` at the end."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: int

    def fits(self, origin: str, method: str) -> bool:
        return method in self.methods and any(_is_origin(allowed, origin) for allowed in self.origins)

    def allows_headers(self, names: Iterable[str]) -> bool:
        return all(_is_named(self.headers, name) for name in names)


def check_rule(rule: CorsRule) -> None:
    """Raises BlobError InvalidXmlNodeValue for a rule that cannot be stored."""
    if not 1 <= len(rule.origins) <= MAX_ORIGINS or any(len(origin) > MAX_ITEM for origin in rule.origins):
        raise invalid_node(
            "AllowedOrigins", ",".join(rule.origins)[:300], f"1 to {MAX_ORIGINS} origins, or *"
        )
    if not rule.methods or not set(rule.methods) <= set(METHODS):
        raise invalid_node("AllowedMethods", ",".join(rule.methods), f"of {', '.join(METHODS)}")
    _check_names("AllowedHeaders", rule.headers)
    _check_names("ExposedHeaders", rule.exposed)
    for origin in rule.origins:
        if not origin.isprintable():
            raise invalid_node("AllowedOrigins", origin, "no control characters")


def _check_names(element: str, names: Sequence[str]) -> None:
    prefixes = sum(name.endswith("*") for name in names)
    fits = prefixes <= MAX_PREFIXES and len(names) - prefixes <= MAX_LITERALS
    if not fits or any(len(name) > MAX_ITEM or not _is_name(name) for name in names):
        raise invalid_node(
            element,
            ",".join(names)[:300],
            f"up to {MAX_LITERALS} header names and {MAX_PREFIXES} beginnings with * at the end",
        )


def _is_name(name: str) -> bool:
    rest = name.removesuffix("*")
    return rest.isascii() and rest.replace("-", "").replace("_", "").isalnum() if rest else name == "*"


def _is_origin(allowed: str, origin: str) -> bool:
    if "*" not in allowed or allowed == "*":
        return allowed in ("*", origin)
    before, _, after = allowed.partition("*")  # https://*.example.org
    return len(origin) > len(before + after) and origin.startswith(before) and origin.endswith(after)


def _is_named(patterns: Iterable[str], name: str) -> bool:
    lower = name.lower()
    return any(
        lower.startswith(pattern[:-1].lower()) if pattern.endswith("*") else lower == pattern.lower()
        for pattern in patterns
    )


def preflight(rules: Iterable[CorsRule], headers: Mapping[str, str]) -> Shown:
    """The headers that answer what a browser asks beforehand (OPTIONS).

    `headers` has lower-case names. Raises BlobError: 400 for a request that is none, 403
    CorsPreflightFailure if no rule allows it.
    """
    origin, method = headers.get("origin"), headers.get("access-control-request-method")
    if not origin or not method:
        missing = "Access-Control-Request-Method" if origin else "Origin"
        raise BlobError(
            "InvalidHeaderValue", "A required CORS header is not present.", details=(("HeaderName", missing),)
        )
    asked = headers.get("access-control-request-headers", "")
    names = [name for part in asked.split(",") if (name := part.strip())]
    for rule in rules:
        if rule.fits(origin, method) and rule.allows_headers(names):
            shown = [*_origin(rule, origin), ("Access-Control-Allow-Methods", method)]
            if names:
                shown.append(("Access-Control-Allow-Headers", ",".join(names)))
            return [*shown, ("Access-Control-Max-Age", str(rule.max_age))]
    raise BlobError("CorsPreflightFailure", headers=(("Vary", "Origin"),))


def answer(rules: Sequence[CorsRule], origin: str, method: str) -> Shown:
    """What is added to the answer of an ordinary request with an Origin header.

    Of the headers exposed the patterns are given; see `expose`.
    """
    for rule in rules:
        if rule.fits(origin, method):
            return [*_origin(rule, origin), (EXPOSE, ",".join(rule.exposed))]
    return [("Vary", "Origin")] if rules else []


def _origin(rule: CorsRule, origin: str) -> Shown:
    if "*" in rule.origins:
        return [("Access-Control-Allow-Origin", "*")]
    return [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    ]


def expose(shown: Shown, names: Iterable[str]) -> Shown:
    """Headers as from `answer`, with the patterns of exposed headers replaced by those of `names`,
    which the answer has: browsers take patterns for names."""
    result: Shown = []
    for name, value in shown:
        if name != EXPOSE:
            result.append((name, value))
            continue
        patterns = value.split(",")
        exposed = list(dict.fromkeys(found for found in names if _is_named(patterns, found)))
        if exposed:
            result.append((name, ",".join(exposed)))
    return result
