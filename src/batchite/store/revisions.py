"""The revisions of each schema: files in `store/<name>/migrations`.

One file each, named `<number>_<pre|post>_<purpose>.py` (`pre` works with the release before it still
running, `post` needs this one). What has once been released is never edited: directories made by it exist.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Name = Literal["batch", "blobs"]
NAMES: tuple[Name, ...] = ("batch", "blobs")

HERE = Path(__file__).parent


def directory(name: Name) -> Path:
    return HERE / name / "migrations"


def known(name: Name) -> list[str]:
    """The numbers of all revisions, in order."""
    return sorted(path.name.partition("_")[0] for path in directory(name).glob("[0-9]*.py"))


def head(name: Name) -> str:
    """The number of the present one."""
    return known(name)[-1]


def file(data_dir: Path, name: Name) -> Path:
    """Where a data directory has its database."""
    return data_dir / f"{name}.db"
