"""Start tasks as people write them in a form, and as it shows one that there is.

What one does not change in the form stays exactly as it is, also what the form cannot say: a line of it that
is left alone stands for the same file or setting, whatever else that has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from batchite.portal import resource_files
from batchite.portal.definitions import Fields
from batchite.portal.naming import visible
from batchite.portal.visit import Visit
from batchite.wire.batch import codec
from batchite.wire.batch.models.start_tasks import BatchStartTask


def plain(task: BatchStartTask | None) -> Mapping[str, Any]:
    """In the words of the API; empty: there is none."""
    return msgspec.json.decode(codec.encode(task)) if task else {}


def typed(task: Mapping[str, Any]) -> Mapping[str, str]:
    """The fields of the form."""
    if not task:
        return {"wait": "yes"}
    return {
        "command": _shown(task["commandLine"]),
        "files": "\n".join(map(_file, task.get("resourceFiles") or ())),
        "environment": "\n".join(map(_setting, task.get("environmentSettings") or ())),
        "retries": str(task.get("maxTaskRetryCount") or ""),
        "wait": "" if task.get("waitForSuccess") is False else "yes",
        "elevated": "yes" if _is_elevated(task) else "",
    }


async def read(visit: Visit, was: Mapping[str, Any]) -> dict[str, Any]:
    """What the form makes of the task that there `was`; empty if nothing was said of one, as that tasks wait
    for it is no reason to have one. Raises Refused."""
    fields, before = Fields(visit.form), typed(was)
    files, settings = was.get("resourceFiles") or (), was.get("environmentSettings") or ()
    command, elevated = fields.text("command"), fields.text("elevated") or ""
    is_same = bool(was) and command == before["command"]
    task: dict[str, Any] = {
        "commandLine": was["commandLine"] if is_same else command,
        "maxTaskRetryCount": fields.number("retries"),
        "resourceFiles": await resource_files.read(
            visit, visit.form.get("files", ""), dict(zip(map(_file, files), files, strict=True))
        ),
        "environmentSettings": fields.pairs(
            "environment", dict(zip(map(_setting, settings), settings, strict=True))
        ),
        "userIdentity": was.get("userIdentity")
        if bool(elevated) == bool(before.get("elevated"))
        else fields.identity("elevated"),
    }
    if not was and not any(task.values()):
        return {}
    return {**was, **task, "waitForSuccess": fields.text("wait") is not None}


def _is_elevated(task: Mapping[str, Any]) -> bool:
    identity = task.get("userIdentity") or {}
    return (identity.get("autoUser") or {}).get("elevationLevel") == "admin"


def _file(file: Mapping[str, Any]) -> str:
    """Its line; that of several blobs is none that could be written."""
    if url := file.get("httpUrl"):
        return _line(f"{url} {file.get('filePath') or ''}")
    source = file.get("storageContainerUrl") or file.get("autoStorageContainerName")
    return _line(f"all of {source} {file.get('blobPrefix') or ''} {file.get('filePath') or ''}")


def _setting(setting: Mapping[str, Any]) -> str:
    return _line(f"{setting['name']}={setting.get('value') or ''}")


def _line(text: str) -> str:
    return _shown(text).replace("\n", "⟨000A⟩")


def _shown(text: str) -> str:
    """As a page shows it, and a form sends it back."""
    return visible(text).strip()
