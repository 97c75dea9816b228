"""The environment of a run, built from nothing.

In this order, later ones win: a few defaults, what belongs to the pool's image, what the operator gives to
every task, the task's own settings, and the AZ_BATCH_ variables. The last cannot be overridden, because the
node's processes are recognised by AZ_BATCH_NODE_ROOT_DIR.

PATH begins with the node's own Python, so that what a start task installs is there for the tasks, also by
the names of its programs; then come the programs that are installed beside the service. Whatever PATH is
given, it begins with what belongs to the image, and ends with the shared directory and the run's own, as on
Azure, so that a script that was fetched starts by its bare name. TMPDIR is left alone: it is the machine's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from types import MappingProxyType

from batchite.link.spec import ROOT_MARK, NodeImage, NodeSpec
from batchite.nodes.directories import NodeDirectories
from batchite.nodes.places import Place
from batchite.nodes.sandbox.base import TASK_MARK, Sandbox, Tier

RESERVED_DISK_BYTES = 64 * 1024 * 1024
"""Below this much free space no files are fetched any more."""


class Environments:
    """Makes the environments of one node's runs."""

    def __init__(self, spec: NodeSpec, directories: NodeDirectories, sandbox: Sandbox) -> None:
        self._defaults = {**sandbox.environment, "LANG": "C.UTF-8"}
        layers = _Layers(spec.image, sandbox.tier)
        self._image_path = (*spec.image.path, *layers.path)
        self._given = layers.environment | spec.image.environment | _readable(spec, sandbox)
        self._shared = directories.shared
        self._packages: Mapping[str, str] = {}
        reserved = str(RESERVED_DISK_BYTES)
        self._documented = {
            "AZ_BATCH_ACCOUNT_NAME": spec.account,
            "AZ_BATCH_ACCOUNT_URL": spec.account_url.rstrip("/") + "/",
            "AZ_BATCH_POOL_ID": spec.pool_id,
            "AZ_BATCH_NODE_ID": spec.node_id,
            "AZ_BATCH_NODE_IS_DEDICATED": "true" if spec.dedicated else "false",
            ROOT_MARK: directories.root,
            "AZ_BATCH_NODE_SHARED_DIR": directories.shared,
            "AZ_BATCH_NODE_STARTUP_DIR": directories.start_task.path,
            "AZ_BATCH_NODE_STARTUP_WORKING_DIR": directories.start_task.working,
            "AZ_BATCH_NODE_MOUNTS_DIR": directories.mounts,
            "AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": reserved,
            "AZ_BATCH_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": reserved,
            "AZ_BATCH_RESERVED_DISK_SPACE_BYTES": reserved,
            "AZ_BATCH_OS_RESERVED_EPHEMERAL_DISK_SPACE_BYTES": "0",
        }

    def know(self, packages: Mapping[str, str]) -> None:
        """Variables of the pool's application packages, which are there for whatever runs from now on."""
        self._packages = packages

    def of(self, run: Place, packages: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
        """`packages`: variables of the application packages that are its own."""
        directory, user = run.directory, run.user
        working = directory.working
        environment = {
            **self._defaults,
            "HOME": working,
            "PWD": working,
            "USER": user.name,
            **self._given,
            **{setting.name: setting.value or "" for setting in run.settings},
            **self._documented,
            **self._packages,
            **packages,
            **run.variables,
            TASK_MARK: directory.path,
            "AZ_BATCH_TASK_WORKING_DIR": working,
            "AZ_BATCH_TASK_USER": user.name,
            "AZ_BATCH_TASK_USER_IDENTITY": user.identity,
            "AZ_BATCH_CERTIFICATES_DIR": f"{directory.path}/certs",
        }
        path = (*self._image_path, environment["PATH"], self._shared, working)
        environment["PATH"] = ":".join(filter(None, path))
        return environment


def _readable(spec: NodeSpec, sandbox: Sandbox) -> dict[str, str]:
    """What the operator gives, with the service's file by the path that tasks have for it."""
    if not spec.authorities:
        return spec.environment
    with contextlib.suppress(OSError):  # whoever needs it will say so, and others can do without
        lent = sandbox.lend(spec.authorities)
        return {
            name: lent if value == spec.authorities else value for name, value in spec.environment.items()
        }
    return spec.environment


class _Layers:
    """What the layers of an image say to tasks, by where their files are in this tier."""

    def __init__(self, image: NodeImage, tier: Tier) -> None:
        is_in_place = tier.name == "machine"
        self.path = [
            layer.words(part, is_in_place=is_in_place) for layer in image.layers for part in layer.path
        ]
        self.environment = {
            name: layer.words(value, is_in_place=is_in_place)
            for layer in reversed(image.layers)
            for name, value in layer.environment.items()
        }
