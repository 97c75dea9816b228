"""What an operator decides, as data: flags, variables, the config file and the docs' table come from it.

A value comes from the first of: flag, `BATCHITE_…` variable, config file, default. Accounts and the
environment of tasks have no flag; they are tables of the config file.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from batchite.configuration import config_file, images
from batchite.configuration.accounts import Accounts
from batchite.configuration.config_file import checked, read_text
from batchite.configuration.fidelity import Fidelity
from batchite.configuration.images import ImageRule
from batchite.configuration.sandbox import MACHINE, ORDER, PROCESS, TIERS, USER, Sandbox
from batchite.machine import memory

Value = str | int | float | bool | Path | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing to decide.

    `read` makes the value of what a flag, a variable (both text) or the config file gave; it raises
    ValueError with the rule that was broken.
    """

    name: str
    default: Value
    read: Callable[[object], Value]
    help: str
    shown_default: str = ""
    table: str = ""
    """of the config file in which it stands; what stands in a table has no flag"""

    @property
    def flag(self) -> str:
        return "" if self.table else "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "_".join(filter(None, ["BATCHITE", self.table.upper(), self.name.upper()]))

    @property
    def place(self) -> str:
        """As the config file's errors and the docs name it."""
        return ".".join(filter(None, [self.table, self.name]))

    @property
    def is_path(self) -> bool:
        """Whether it names a file or directory, so that shells complete it."""
        return self.read in (_path, _file)

    @property
    def default_text(self) -> str:
        if isinstance(self.default, float):
            return f"{self.default:g}"
        return self.shown_default or str(self.default).lower()


def _port(given: object) -> int:
    try:
        port = int(given) if isinstance(given, str | int) and not isinstance(given, bool) else -1
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise ValueError("a port is a whole number from 0 (any free port) to 65535")
    return port


def _path(given: object) -> Path:
    return Path(read_text(given)).expanduser().absolute()


def _file(given: object) -> str:
    return str(_path(given).absolute())


def _switch(given: object) -> bool:
    if isinstance(given, bool):
        return given
    known = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    answer = known.get(given.strip().lower()) if isinstance(given, str) else None
    if answer is None:
        raise ValueError("must be true or false")
    return answer


def _networks(given: object) -> tuple[str, ...]:
    parts = [part for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ValueError("must be a list of IP addresses or networks such as 10.0.0.0/8")
    return tuple(_network(part) for part in parts)


def _network(given: object) -> str:
    try:
        return str(ipaddress.ip_network(read_text(given), strict=False))
    except ValueError:
        raise ValueError(f"{given!r} is no IP address or network such as 10.0.0.0/8") from None


def _suffixes(given: object) -> tuple[str, ...]:
    parts = [part for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ValueError("must be a list of host name suffixes such as blob.example.org")
    return tuple(_suffix(part) for part in parts)


def _origins(given: object) -> tuple[str, ...]:
    parts = [part for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ValueError("must be a list of origins such as https://data.example.org")
    return tuple(_origin(part) for part in parts)


def _origin(given: object) -> str:
    text = read_text(given).strip().rstrip("/")
    if text != "*" and not _is_origin(text):
        raise ValueError("an origin looks like https://data.example.org or http://10.0.0.7:8080")
    return text


def _is_origin(text: str) -> bool:
    scheme, _, host = text.partition("://")
    port = host.rpartition(":")[2] if ":" in host.rpartition("]")[2] else "80"
    return scheme in ("http", "https") and host != "" and port.isdigit() and not set("/?#@") & set(host)


def _public_url(given: object) -> str:
    text = read_text(given).rstrip("/").lower()
    if not _is_origin(text):
        raise ValueError(
            "must look like https://batch.example.org or http://10.0.0.7:8080. It has no path: clients sign "
            "the path they send, so a proxy must not change it"
        )
    return text


def _host(given: object) -> str:
    host = read_text(given).strip("[]").lower()
    if not all(character.isalnum() or character in ".-:" for character in host) or not host.isascii():
        raise ValueError("must be a host name or an IP address, without a port")
    return host


def _allowed_hosts(given: object) -> tuple[str, ...]:
    parts = [part for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ValueError("must be a list of host names such as batch or *.example.org")
    return tuple(_allowed_host(part) for part in parts)


def _allowed_host(given: object) -> str:
    text = read_text(given)
    return f"*.{_suffix(text[2:])}" if text.startswith("*.") else _host(text)


def _suffix(given: object) -> str:
    suffix = read_text(given).strip().strip(".").lower()
    if not all(label.replace("-", "").isalnum() for label in suffix.split(".")):
        raise ValueError("a host name suffix looks like batch.example.org")
    return suffix


STORES = ("s3", "gs", "az")


def _content(given: object) -> str:
    url = read_text(given).rstrip("/")
    scheme, _, rest = url.partition("://")
    if scheme not in STORES or not rest:
        raise ValueError(f"must be the URL of an object store, beginning with {', '.join(STORES)} and ://")
    return url


MAX_SECONDS = 86_400.0


def _seconds(given: object) -> float:
    try:
        seconds = float(given) if isinstance(given, str | int | float) and given is not True else -1.0
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"must be a number of seconds from 0 to {MAX_SECONDS:.0f}")
    return seconds


def _count(given: object) -> int:
    try:
        count = int(given) if isinstance(given, str | int) and not isinstance(given, bool) else 0
    except ValueError:
        count = 0
    if count < 1:
        raise ValueError("must be a whole number from 1 on")
    return count


NODE_BYTES = 40_000_000
"""What the agent of a node takes, and a little for its tasks."""


def default_max_nodes() -> int:
    """A quarter of the memory for nodes leaves the rest to what their tasks do."""
    return max(1, memory.memory_bytes() // 4 // NODE_BYTES)


PORTALS = ("on", "read-only", "off")


def _portal(given: object) -> str:
    word = {True: "on", False: "off"}.get(given, given) if isinstance(given, bool) else given
    word = read_text(word).lower()
    if word not in PORTALS:
        raise ValueError(f"must be one of {', '.join(PORTALS)}")
    return word


LEVELS = ("debug", "info", "warning", "error")


def _level(given: object) -> str:
    level = read_text(given).lower()
    if level not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}")
    return level


def _tier(given: object) -> str:
    tier = read_text(given).lower()
    if tier not in TIERS:
        raise ValueError(f"must be one of {', '.join(TIERS)}")
    return tier


def _required(given: object) -> str:
    required = read_text(given).lower()
    if required not in ORDER:
        raise ValueError(f"must be {MACHINE}, {USER}, or {PROCESS}, which is always there")
    return required


def _shared(given: object) -> tuple[str, ...]:
    parts = [part for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ValueError("must be a list of paths such as /srv/models")
    return tuple(_shared_path(part) for part in parts)


def _shared_path(given: object) -> str:
    path = os.path.normpath(Path(read_text(given)).expanduser())
    if not os.path.isabs(path) or path in _NEVER_SHARED:
        raise ValueError(f"{given!r} is not the path, from the root on, of something that nodes may see")
    if not os.path.exists(path):
        raise ValueError(f"{given!r} is not there")
    return path


_NEVER_SHARED = frozenset({"/", "//", "/proc", "/sys", "/dev", "/run", "/usr", "/etc", "/var", "/opt"})
"""what nodes have of their own, or as a whole"""


def default_data_dir(variables: Mapping[str, str] = os.environ) -> Path:
    """`batchite` below the user's data directory, so that every shell finds the same service."""
    home = variables.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "batchite"


SETTINGS = (
    Setting("host", "127.0.0.1", read_text, "Address both services listen on."),
    Setting(
        "batch_port", 10003, _port, "Port of the Batch service; 0 takes any free port, once, and keeps it."
    ),
    Setting(
        "blob_port", 10000, _port, "Port of the Blob service; 0 takes any free port, once, and keeps it."
    ),
    Setting(
        "data_dir",
        default_data_dir(),
        _path,
        "Directory that holds everything the services store. One running service a directory.",
        "`batchite` below `$XDG_DATA_HOME`, else below `~/.local/share`",
    ),
    Setting(
        "allow_development_keys",
        False,
        _switch,
        "Start with the well-known development keys even where other machines can connect.",
    ),
    Setting(
        "trusted_proxies",
        (),
        _networks,
        "Addresses or networks of proxies whose forwarding headers are believed, separated by commas.",
        "none",
    ),
    Setting(
        "batch_host_suffix",
        "",
        _suffix,
        "With `batch.example.org`, requests to `NAME.batch.example.org` are for the Batch account NAME.",
        "none",
    ),
    Setting(
        "content",
        "",
        _content,
        "Object store that keeps the bytes of blobs: `s3://BUCKET/PATH`, `gs://BUCKET/PATH` or "
        "`az://CONTAINER/PATH`, with a path that nothing else uses. Credentials and endpoint come "
        "from that store's usual environment variables.",
        "`blobs` below the data directory",
    ),
    Setting(
        "blob_host_suffixes",
        ("blob.localhost",),
        _suffixes,
        "With `blob.example.org`, requests to `NAME.blob.example.org` are for the storage account NAME. "
        "Suffixes are separated by commas.",
        "`blob.localhost`",
    ),
    Setting(
        "web_host_suffixes",
        ("web.localhost",),
        _suffixes,
        "With `web.example.org`, requests to `NAME.web.example.org` at the Blob service's port are for the "
        "static website of the storage account NAME. Suffixes are separated by commas.",
        "`web.localhost`",
    ),
    Setting(
        "copy_origins",
        (),
        _origins,
        "Other services that blobs may be copied from, such as `https://data.example.org`, separated by "
        "commas; `*` for all, which lets clients fetch whatever this machine can reach.",
        "none",
    ),
    Setting(
        "public_host",
        "",
        _host,
        "Host name or address in the URLs that are printed and given to nodes.",
        "the address listened on",
    ),
    Setting(
        "batch_public_url",
        "",
        _public_url,
        "URL by which clients reach the Batch service through a proxy, such as `https://batch.example.org`: "
        "in answers, in what is printed, and for tasks. Nodes use the address listened on.",
        "none",
    ),
    Setting(
        "blob_public_url",
        "",
        _public_url,
        "Likewise for the Blob service.",
        "none",
    ),
    Setting(
        "allowed_hosts",
        (),
        _allowed_hosts,
        "Further names that clients call the services by, such as `batch` or `*.example.org`, separated by "
        "commas. Requests to names the services do not know are refused.",
        "none",
    ),
    Setting(
        "tls",
        False,
        _switch,
        "Speak HTTPS only, with the certificate that `batchite tls init` has made.",
    ),
    Setting(
        "tls_certificate",
        "",
        _file,
        "PEM file with the certificate to speak HTTPS with, followed by those that signed it.",
        "none",
    ),
    Setting("tls_key", "", _file, "PEM file with its private key.", "in the certificate's file"),
    Setting(
        "tls_ca",
        "",
        _file,
        "PEM file with the authority that signed the certificate, if programs do not know it.",
        "none",
    ),
    Setting(
        "cloud_names",
        False,
        _switch,
        "Let the cloud's names of accounts, such as `NAME.blob.core.windows.net`, lead to the services for "
        "tasks, too: by a proxy, which variables of their environment name.",
    ),
    Setting(
        "max_nodes",
        default_max_nodes(),
        _count,
        "Compute nodes there may be at a time, in all pools together. Each is a process of about 40 MB, "
        "beside what its tasks take.",
        "as many as fit into a quarter of this machine's memory",
    ),
    Setting(
        "portal",
        "on",
        _portal,
        "Whether the Batch service shows its portal below `/-/portal`: `on`, `read-only` (nothing can be "
        "changed there) or `off`.",
    ),
    Setting(
        "events_kept",
        1_000_000,
        _count,
        "State changes of pools, nodes, jobs and tasks that are kept for readers of the feed, at most; a "
        "million take about 50 MB.",
    ),
    Setting("events_hours", 24, _count, "Hours after which they are removed in any case."),
    Setting("log_level", "warning", _level, f"How much is logged to standard error: {', '.join(LEVELS)}."),
)


def _choice(name: str, read: Callable[[object], Value], help: str) -> Setting:
    """Of `[fidelity]`; the default is what the cloud does and stands in `Fidelity`."""
    return Setting(name, getattr(Fidelity(), name), read, help, table="fidelity")


FIDELITY = (
    _choice(
        "empty_job_pause",
        _seconds,
        "Seconds after which a job with `onAllTasksComplete: terminatejob` ends that never had a task; "
        "0 leaves it active.",
    ),
    _choice(
        "rehydration",
        _seconds,
        "Seconds for which a blob that leaves the archive tier is `rehydrate-pending-to-…`; with 0 it is "
        "there at once.",
    ),
)
"""As the cloud does, or otherwise: a row for each field of `Fidelity`."""

SANDBOX = (
    Setting(
        "tier",
        Sandbox().tier,
        _tier,
        "How far nodes are kept apart from this machine: `machine` (small machines of their own, which takes "
        "root), `user` (behind a wall, by bubblewrap, without root), `process` (processes of the service's "
        "user) or `auto`, the highest that this machine can have.",
        table="sandbox",
    ),
    Setting(
        "require",
        Sandbox().require,
        _required,
        "The least that nodes must be: the service does not start where they can only be less.",
        "nothing",
        table="sandbox",
    ),
    Setting(
        "share",
        Sandbox().share,
        _shared,
        "Paths that nodes of the tiers `machine` and `user` see beside the system, and cannot change: a "
        "list, or in the variable separated by commas.",
        "none",
        table="sandbox",
    ),
)
"""A row for each field of `Sandbox`."""

CONFIG = Setting("config", "", _file, "TOML file with settings, accounts and the tasks' environment.", "none")
"""Where the config file is; the one setting that cannot stand in it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings together; the fields are those of `SETTINGS`, then the tables of the config file."""

    host: str
    batch_port: int
    blob_port: int
    data_dir: Path
    allow_development_keys: bool
    trusted_proxies: tuple[str, ...]
    batch_host_suffix: str
    content: str
    blob_host_suffixes: tuple[str, ...]
    web_host_suffixes: tuple[str, ...]
    copy_origins: tuple[str, ...]
    public_host: str
    batch_public_url: str
    blob_public_url: str
    allowed_hosts: tuple[str, ...]
    tls: bool
    tls_certificate: str
    tls_key: str
    tls_ca: str
    cloud_names: bool
    max_nodes: int
    portal: str
    events_kept: int
    events_hours: int
    log_level: str
    accounts: Accounts
    environment: dict[str, str]
    fidelity: Fidelity
    sandbox: Sandbox
    images: tuple[ImageRule, ...]


def load(
    flags: Mapping[str, object] | None = None,
    variables: Mapping[str, str] = os.environ,
    config: Path | None = None,
) -> Settings:
    """Settle every setting. `flags` holds those given, by name. Raises SettingsError."""
    if config is None and variables.get(CONFIG.variable):
        config = Path(variables[CONFIG.variable])
    document = config_file.read(config) if config else {}
    place = str(config)
    names = {setting.name for setting in SETTINGS}
    config_file.refuse_unknown(document, names | config_file.TABLES, place)
    values: dict[str, Any] = {
        setting.name: _settle(setting, flags or {}, variables, document, place) for setting in SETTINGS
    }
    return Settings(
        **values,
        accounts=config_file.accounts(document, place),
        environment=config_file.environment(document, place),
        fidelity=Fidelity(**_table("fidelity", FIDELITY, variables, document, place)),
        sandbox=Sandbox(**_table("sandbox", SANDBOX, variables, document, place)),
        images=images.rules(document, place),
    )


def _table(
    name: str,
    settings: Sequence[Setting],
    variables: Mapping[str, str],
    document: Mapping[str, object],
    place: str,
) -> dict[str, Any]:
    table = config_file.table(document, name, {setting.name for setting in settings}, place)
    return {setting.name: _settle(setting, {}, variables, table, place) for setting in settings}


def _settle(
    setting: Setting,
    flags: Mapping[str, object],
    variables: Mapping[str, str],
    document: Mapping[str, object],
    place: str,
) -> Value:
    if flags.get(setting.name) is not None:
        return checked(setting.read, flags[setting.name], setting.flag)
    if variables.get(setting.variable):
        return checked(setting.read, variables[setting.variable], setting.variable)
    if setting.name in document:
        return checked(setting.read, document[setting.name], f"{place}: {setting.place}")
    return setting.default


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to `host`; a name other than localhost counts as not."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
