"""`batchite --version`: the version, and the commit where the installation has one."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from batchite import __version__

_DESCRIBE = ("describe", "--always", "--dirty", "--exclude=*", "--abbrev=10")


class _Vcs(msgspec.Struct):
    commit_id: str


class _Origin(msgspec.Struct):
    """What an installer notes of a package that did not come from an index (PEP 610)."""

    url: str
    vcs_info: _Vcs | None = None


def text() -> str:
    commit = _commit()
    return f"batchite {__version__} (commit {commit})" if commit else f"batchite {__version__}"


def _commit() -> str:
    """Of the repository this was installed from, or which it is run in; "" if it is not known."""
    try:
        noted = metadata.distribution("batchite").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return ""
    if noted is None:
        return ""
    origin = msgspec.json.decode(noted, type=_Origin)
    if origin.vcs_info is not None:
        return origin.vcs_info.commit_id[:10]
    source = Path(unquote(urlsplit(origin.url).path))
    return _described(source) if (source / ".git").exists() else ""


def _described(repository: Path) -> str:
    command = ["git", "-C", str(repository), *_DESCRIBE]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):  # no git, or it will not read another user's repository
        return ""
