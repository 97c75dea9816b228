"""What programs are told so that they take the way by the proxy: variables of their environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from batchite.tls.identity import TRUSTING, trusting
from batchite.wire import cloud

USER = "batchite"
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
EXCEPTIONS = ("NO_PROXY", "no_proxy")
LOCAL = ("localhost", ".localhost", "127.0.0.1", "127.0.0.0/8", "::1")
"""What every program reaches by itself."""
OF_NODE = "NODE_USE_ENV_PROXY"
"""by which Node.js, from 22.21 on, heeds the others"""
_OURS = (cloud.BATCH, cloud.BLOB)


def url(port: int, secret: str) -> str:
    """Of a proxy of ours on the loopback address, with what its users have to know."""
    return f"http://{USER}:{secret}@127.0.0.1:{port}"


def through(url: str, bundle: str, given: Mapping[str, str], *, offline: bool) -> dict[str, str]:
    """The variables for the proxy at `url`; `given` are those of the environment, whose exceptions stay as
    long as they are none for our names. With `offline` there are none."""
    kept = [] if offline else [name for name in _exceptions(given) if not _is_for_ours(name)]
    exceptions = ",".join(dict.fromkeys((*LOCAL, *kept)))
    return {
        **dict.fromkeys(PROXIES, url),
        **dict.fromkeys(EXCEPTIONS, exceptions),
        OF_NODE: "1",
        **trusting(bundle),
    }


def trusted_files(given: Mapping[str, str]) -> list[str]:
    """Files of authorities that the environment names already."""
    return list(dict.fromkeys(given[name] for name in TRUSTING if given.get(name)))


def _exceptions(given: Mapping[str, str]) -> Iterable[str]:
    texts = [given[name] for name in EXCEPTIONS if given.get(name)]
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]


def _is_for_ours(exception: str) -> bool:
    """Whether programs would take some name of ours for excepted."""
    if exception == "*":
        return True
    name = exception.lower().lstrip("*.").partition(":")[0]
    return any(f".{name}".endswith(f".{ours}") or f".{ours}".endswith(f".{name}") for ours in _OURS)
