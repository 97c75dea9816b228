"""How the rest of the world is reached: directly, or by the proxy that the environment names."""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from batchite.proxy.problems import RefusedError

_PORTS = {"http": 80, "https": 443}


class NextProxy(NamedTuple):
    """A proxy behind ours; `tls` of the way to it, `authorization` for its `Proxy-Authorization`, if any."""

    host: str
    port: int
    tls: bool
    authorization: str


class Outside:
    """`proxies` are those of the environment, as `urllib` finds them: `https`, `http`, `all` and `no`."""

    def __init__(self, proxies: Mapping[str, str]) -> None:
        self._proxies = dict(proxies)

    def proxy(self, scheme: str, host: str, port: int) -> NextProxy | None:
        """By which a host is reached for this scheme; None: directly. Raises RefusedError."""
        url = self._proxies.get(scheme) or self._proxies.get("all")
        if not url or _is_excepted(f"{host}:{port}", self._proxies):
            return None
        return _read(url)


def of_environment() -> Outside:
    return Outside(urllib.request.getproxies_environment())


def _is_excepted(host: str, proxies: Mapping[str, str]) -> bool:
    excepted: bool = urllib.request.proxy_bypass_environment(host, proxies)  # type: ignore[attr-defined]
    return excepted


def _read(url: str) -> NextProxy:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _unusable() from None
    if not host or parts.scheme not in _PORTS:
        raise _unusable()
    user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    authorization = f"Basic {base64.b64encode(user.encode()).decode()}" if user != ":" else ""
    return NextProxy(host, port or _PORTS[parts.scheme], parts.scheme == "https", authorization)


def _unusable() -> RefusedError:
    """Without the URL, which may have a password in it."""
    return RefusedError(
        HTTPStatus.BAD_GATEWAY,
        "the proxy that the environment names cannot be used: HTTPS_PROXY and HTTP_PROXY have to be URLs "
        "that begin with http:// or https://",
    )
