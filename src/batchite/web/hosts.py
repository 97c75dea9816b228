"""Which names this service answers to and gives itself, and whose pages may ask it something.

A browser makes the requests of every page it shows: so a stranger's page can ask what only this machine
reaches, and under a name which the stranger lets mean this machine (DNS rebinding) read the answers, too.
The headers Host and Origin, which no page can choose, tell such requests from others.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import msgspec

from batchite.web.problems import Foreign, MalformedRequest

_LOCAL = "localhost"
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{1,45}\])(?::\d{1,5})?", re.ASCII)
_PORT = re.compile(r":\d+\Z", re.ASCII)

_HOST_RULE = (
    "has to be localhost or below, a loopback address (any address where the service listens for other "
    "machines), or a name from the settings public_host, batch_public_url, blob_public_url, allowed_hosts, "
    "batch_host_suffix, blob_host_suffixes and web_host_suffixes"
)
_ORIGIN_RULE = "has to be the origin of the URL itself; this service is not for pages of other origins"


class Hosts(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the service besides localhost, what is below that, and loopback addresses.

    `names` are names and addresses, `suffixes` names that those of the service are below. With
    `any_address` it may be called by any address: no page can make one mean another machine. `public` is
    its URL, without a path, for those who come through a proxy, which may tell neither name nor scheme.
    `cloud` is the suffix of the names that the cloud has for the service's accounts. Whoever comes by such
    a name has been led here, over HTTPS, by somebody of this machine who speaks plain HTTP with the service.
    """

    names: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    any_address: bool = False
    public: str = ""
    cloud: str = ""

    def check(self, host: str) -> None:
        """Raises Foreign for a Host header that names another service, MalformedRequest for none at all."""
        checked(host)
        name = _name(host)
        if not (self._is_name(name) or self._is_address(name)):
            raise Foreign("Host", host, _HOST_RULE)

    def checked_url(self, scheme: str, host: str) -> str:
        """As `url`. Raises as `check` does."""
        self.check(host)
        return self.url(scheme, host)

    def url(self, scheme: str, host: str) -> str:
        """Of the service, without a path, for the answer to a request that came by this scheme and to this
        host. A name with an account in it is kept: a proxy that knows it has left it as it was."""
        name = _name(host)
        if self.cloud and _is_below(name, (self.cloud,)):
            return f"https://{host}"
        if not self.public or name.endswith(f".{_LOCAL}"):
            return f"{scheme}://{host}"
        if _is_below(name, self.suffixes):
            return f"{self.public.partition(':')[0]}://{host}"
        return self.public

    def _is_name(self, name: str) -> bool:
        public = _name(self.public.partition("://")[2]) if self.public else None
        cloud = (self.cloud,) if self.cloud else ()
        return name in self.names or name == public or _is_below(name, (_LOCAL, *self.suffixes, *cloud))

    def _is_address(self, name: str) -> bool:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return self.any_address or mapped.is_loopback


LOCAL_HOSTS = Hosts()
"""of a service that has no other names"""


def _name(host: str) -> str:
    return _PORT.sub("", host).strip("[]").lower().removesuffix(".")


def _is_below(name: str, suffixes: Iterable[str]) -> bool:
    """Or is one of them."""
    return any(f".{name}".endswith(f".{suffix}") for suffix in suffixes)


def checked(host: str) -> str:
    """The Host header as it is. Raises MalformedRequest if it is no host."""
    if not _HOST.fullmatch(host):
        raise MalformedRequest(f"The Host header {host[:100]!r} is not a name with an optional port.")
    return host


def is_own(origin: str, host: str, url: str) -> bool:
    """Whether a page of `origin` was served by `host`, whichever scheme a proxy in between has left, or
    from the service's `url`."""
    netloc = origin.partition("://")[2].lower()
    return netloc != "" and netloc in (host.lower(), url.partition("://")[2])


def check_origin(origin: str, host: str, url: str) -> None:
    """For a service without pages of other origins. Raises Foreign."""
    if not is_own(origin, host, url):
        raise Foreign("Origin", origin, _ORIGIN_RULE)
