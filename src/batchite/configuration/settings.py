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

from batchite.configuration import config_file, images, readers
from batchite.configuration.accounts import Accounts
from batchite.configuration.config_file import checked, read_text
from batchite.configuration.fidelity import Fidelity
from batchite.configuration.images import ImageRule
from batchite.configuration.sandbox import Sandbox
from batchite.configuration.scheduling import IN_ORDER, Scheduling
from batchite.machine import memory
from batchite.wire import cloud

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
        return self.read in (readers.path, readers.file)

    @property
    def default_text(self) -> str:
        if isinstance(self.default, float):
            return f"{self.default:g}"
        return self.shown_default or str(self.default).lower()


NODE_BYTES = 40_000_000
"""What the agent of a node takes, and a little for its tasks."""


def default_max_nodes() -> int:
    """A quarter of the memory for nodes leaves the rest to what their tasks do."""
    return max(1, memory.memory_bytes() // 4 // NODE_BYTES)


def default_data_dir(variables: Mapping[str, str] = os.environ) -> Path:
    """`batchite` below the user's data directory, so that every shell finds the same service."""
    home = variables.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "batchite"


SETTINGS = (
    Setting("host", "127.0.0.1", read_text, "Address both services listen on."),
    Setting(
        "batch_port",
        10003,
        readers.port,
        "Port of the Batch service; 0 takes any free port, once, and keeps it.",
    ),
    Setting(
        "blob_port",
        10000,
        readers.port,
        "Port of the Blob service; 0 takes any free port, once, and keeps it.",
    ),
    Setting(
        "data_dir",
        default_data_dir(),
        readers.path,
        "Directory that holds everything the services store. One running service a directory.",
        "`batchite` below `$XDG_DATA_HOME`, else below `~/.local/share`",
    ),
    Setting(
        "allow_development_keys",
        False,
        readers.switch,
        "Start with the well-known development keys even where other machines can connect.",
    ),
    Setting(
        "trusted_proxies",
        (),
        readers.networks,
        "Addresses or networks of proxies whose forwarding headers are believed, separated by commas.",
        "none",
    ),
    Setting(
        "batch_host_suffix",
        "",
        readers.suffix,
        "With `batch.example.org`, requests to `NAME.batch.example.org` are for the Batch account NAME.",
        "none",
    ),
    Setting(
        "content",
        "",
        readers.content,
        "Object store that keeps the bytes of blobs: `s3://BUCKET/PATH`, `gs://BUCKET/PATH` or "
        "`az://CONTAINER/PATH`, with a path that nothing else uses. Credentials and endpoint come "
        "from that store's usual environment variables.",
        "`blobs` below the data directory",
    ),
    Setting(
        "blob_host_suffixes",
        ("blob.localhost",),
        readers.suffixes,
        "With `blob.example.org`, requests to `NAME.blob.example.org` are for the storage account NAME. "
        "Suffixes are separated by commas.",
        "`blob.localhost`",
    ),
    Setting(
        "web_host_suffixes",
        ("web.localhost",),
        readers.suffixes,
        "With `web.example.org`, requests to `NAME.web.example.org` at the Blob service's port are for the "
        "static website of the storage account NAME. Suffixes are separated by commas.",
        "`web.localhost`",
    ),
    Setting(
        "copy_origins",
        (),
        readers.origins,
        "Other services that blobs may be copied from, such as `https://data.example.org`, separated by "
        "commas; `*` for all, which lets clients fetch whatever this machine can reach.",
        "none",
    ),
    Setting(
        "public_host",
        "",
        readers.host,
        "Host name or address in the URLs that are printed and given to nodes.",
        "the address listened on",
    ),
    Setting(
        "batch_public_url",
        "",
        readers.public_url,
        "URL by which clients reach the Batch service through a proxy, such as `https://batch.example.org`: "
        "in answers, in what is printed, and for tasks. Nodes use the address listened on.",
        "none",
    ),
    Setting(
        "blob_public_url",
        "",
        readers.public_url,
        "Likewise for the Blob service.",
        "none",
    ),
    Setting(
        "allowed_hosts",
        (),
        readers.allowed_hosts,
        "Further names that clients call the services by, such as `batch` or `*.example.org`, separated by "
        "commas. Requests to names the services do not know are refused.",
        "none",
    ),
    Setting(
        "tls",
        False,
        readers.switch,
        "Speak HTTPS only, with the certificate that `batchite tls init` has made.",
    ),
    Setting(
        "tls_certificate",
        "",
        readers.file,
        "PEM file with the certificate to speak HTTPS with, followed by those that signed it.",
        "none",
    ),
    Setting("tls_key", "", readers.file, "PEM file with its private key.", "in the certificate's file"),
    Setting(
        "tls_ca",
        "",
        readers.file,
        "PEM file with the authority that signed the certificate, if programs do not know it.",
        "none",
    ),
    Setting(
        "cloud_names",
        False,
        readers.switch,
        "Let the cloud's names of accounts, such as `NAME.blob.core.windows.net`, lead to the services for "
        "tasks, too: by a proxy, which variables of their environment name.",
    ),
    Setting(
        "cloud_regions",
        cloud.REGIONS,
        readers.regions,
        "Regions in which nodes that are machines find our Batch accounts under the cloud's names, such as "
        "`NAME.westeurope.batch.azure.com`, separated by commas.",
        "those of the public cloud",
    ),
    Setting(
        "max_nodes",
        default_max_nodes(),
        readers.count,
        "Compute nodes there may be at a time, in all pools together. Each is a process of about 40 MB, "
        "beside what its tasks take.",
        "as many as fit into a quarter of this machine's memory",
    ),
    Setting(
        "portal",
        "on",
        readers.portal,
        "Whether the Batch service shows its portal below `/-/portal`: `on`, `read-only` (nothing can be "
        "changed there) or `off`.",
    ),
    Setting(
        "events_kept",
        1_000_000,
        readers.count,
        "State changes of pools, nodes, jobs and tasks that are kept for readers of the feed, at most; a "
        "million take about 50 MB.",
    ),
    Setting("events_hours", 24, readers.count, "Hours after which they are removed in any case."),
    Setting(
        "log_level",
        "warning",
        readers.level,
        f"How much is logged to standard error: {', '.join(readers.LEVELS)}.",
    ),
)


def _choice(name: str, read: Callable[[object], Value], help: str) -> Setting:
    """Of `[fidelity]`; the default is what the cloud does and stands in `Fidelity`."""
    return Setting(name, getattr(Fidelity(), name), read, help, table="fidelity")


FIDELITY = (
    _choice(
        "empty_job_pause",
        readers.seconds,
        "Seconds after which a job with `onAllTasksComplete: terminatejob` ends that never had a task; "
        "0 leaves it active.",
    ),
    _choice(
        "room_pause",
        readers.seconds,
        "Seconds after which a pool that could not have all of its nodes (a quota, `max_nodes`) asks for the "
        "rest again; with 0 it keeps what it has until it is resized.",
    ),
    _choice(
        "autoscale_interval",
        readers.seconds,
        "Seconds that have to lie between evaluations of an autoscale formula: the least "
        "`autoScaleEvaluationInterval`.",
    ),
    _choice(
        "autoscale_pause",
        readers.seconds,
        "Seconds for which autoscale of a pool is not enabled again.",
    ),
    _choice(
        "autoscale_sample",
        readers.some_seconds,
        "Seconds from one sample of what autoscale formulas look at to the next.",
    ),
    _choice(
        "usage_delay",
        readers.seconds,
        "Seconds after which usage metrics of pools (`poolusagemetrics`) tell of a half hour that is over; "
        "with 0 they do at once.",
    ),
    _choice(
        "rehydration",
        readers.seconds,
        "Seconds for which a blob that leaves the archive tier is `rehydrate-pending-to-…`; with 0 it is "
        "there at once.",
    ),
    _choice(
        "preemption_notice",
        readers.seconds,
        "Seconds between SIGTERM for what runs on a low-priority node that is preempted, and its end.",
    ),
    _choice(
        "preemption_absence",
        readers.seconds,
        "Seconds for which a node stays `preempted` before it is made anew under its id.",
    ),
    _choice(
        "preemptions_per_hour",
        readers.rate,
        "How often each low-priority node is preempted unasked, in the mean; with 0 it never is. "
        "`batchite node preempt` does it in any case.",
    ),
    _choice(
        "reimages_all",
        readers.switch,
        "Nodes of any pool can be reimaged by the protocol. The cloud answers 409 OperationNotValidOnNode "
        "unless the pool is one of cloud services; `batchite node reimage` does it in any case.",
    ),
)
"""As the cloud does, or otherwise: a row for each field of `Fidelity`."""

SANDBOX = (
    Setting(
        "tier",
        Sandbox().tier,
        readers.tier,
        "How far nodes are kept apart from this machine: `machine` (small machines of their own, which takes "
        "root), `user` (behind a wall, by bubblewrap, without root), `process` (processes of the service's "
        "user) or `auto`, the highest that this machine can have.",
        table="sandbox",
    ),
    Setting(
        "require",
        Sandbox().require,
        readers.required,
        "The least that nodes must be: the service does not start where they can only be less.",
        "nothing",
        table="sandbox",
    ),
    Setting(
        "share",
        Sandbox().share,
        readers.shared,
        "Paths that nodes of the tiers `machine` and `user` see beside the system, and cannot change: a "
        "list, or in the variable separated by commas.",
        "none",
        table="sandbox",
    ),
)
"""A row for each field of `Sandbox`."""

SCHEDULING = (
    Setting(
        "share_by",
        IN_ORDER.share_by,
        read_text,
        "Name of a metadata item of jobs, such as `team`: jobs of the same priority in a pool share its "
        "slots evenly by the values of that item. A job without it counts as a value of its own.",
        "none: jobs take turns",
        table="scheduling",
    ),
    Setting(
        "task_priority",
        IN_ORDER.task_priority,
        read_text,
        "Name of an environment setting of tasks, such as `BATCHITE_PRIORITY`, whose value is the task's "
        "priority among those of its job: a whole number from -1000 to 1000, 0 where a task has none.",
        "none: tasks go in the order they were added",
        table="scheduling",
    ),
)
"""A row for each field of `Scheduling`."""

CONFIG = Setting(
    "config", "", readers.file, "TOML file with settings, accounts and the tasks' environment.", "none"
)
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
    cloud_regions: tuple[str, ...]
    max_nodes: int
    portal: str
    events_kept: int
    events_hours: int
    log_level: str
    accounts: Accounts
    environment: dict[str, str]
    fidelity: Fidelity
    sandbox: Sandbox
    scheduling: Scheduling
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
        scheduling=Scheduling(**_table("scheduling", SCHEDULING, variables, document, place)),
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
