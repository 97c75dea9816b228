"""Which names this service answers to, and whose pages may ask it something.

A browser makes the requests of every page it shows: so a stranger's page can ask what only this machine
reaches, and under a name which the stranger lets mean this machine (DNS rebinding) read the answers, too.
The headers Host and Origin, which no page can choose, tell such requests from others.
"""

from __future__ import annotations

import ipaddress
import re

import msgspec

from batchite.web.problems import Foreign, MalformedRequest

_LOCAL = "localhost"
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{1,45}\])(?::\d{1,5})?", re.ASCII)
_PORT = re.compile(r":\d+\Z", re.ASCII)

_HOST_RULE = (
    "has to be localhost or below, a loopback address (any address where the service listens for other "
    "machines), or a name from the settings public_host, allowed_hosts, batch_host_suffix and "
    "blob_host_suffixes"
)
_ORIGIN_RULE = "has to be the origin of the URL itself; this service is not for pages of other origins"


class Hosts(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the service besides localhost, what is below that, and loopback addresses.

    `names` are names and addresses, `suffixes` names that those of the service are below. With
    `any_address` it may be called by any address: no page can make one mean another machine.
    """

    names: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    any_address: bool = False

    def check(self, host: str) -> None:
        """Raises Foreign for a Host header that names another service, MalformedRequest for none at all."""
        checked(host)
        name = _PORT.sub("", host).strip("[]").lower().removesuffix(".")
        if not (self._is_name(name) or self._is_address(name)):
            raise Foreign("Host", host, _HOST_RULE)

    def _is_name(self, name: str) -> bool:
        return name in self.names or any(
            f".{name}".endswith(f".{suffix}") for suffix in (_LOCAL, *self.suffixes)
        )

    def _is_address(self, name: str) -> bool:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return self.any_address or mapped.is_loopback


LOCAL_HOSTS = Hosts()
"""of a service that has no other names"""


def checked(host: str) -> str:
    """The Host header as it is. Raises MalformedRequest if it is no host."""
    if not _HOST.fullmatch(host):
        raise MalformedRequest(f"The Host header {host[:100]!r} is not a name with an optional port.")
    return host


def is_own(origin: str, host: str) -> bool:
    """Whether a page of `origin` was served by `host`, whichever scheme a proxy in between has left."""
    return origin.partition("://")[2].lower() == host.lower()


def check_origin(origin: str, host: str) -> None:
    """For a service without pages of other origins. Raises Foreign."""
    if not is_own(origin, host):
        raise Foreign("Origin", origin, _ORIGIN_RULE)
