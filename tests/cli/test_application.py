"""`application`, against a running service."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from batchite.cli import exits
from batchite.cli.commands import application
from batchite.testing import RunningService, running_service


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with running_service() as running:
        yield running


def run(service: RunningService, *words: str) -> Result:
    return CliRunner().invoke(application(), ["application", *words, "--data-dir", str(service.data_dir)])


def told(service: RunningService, *words: str) -> Any:
    answer = run(service, *words, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.output)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    file = tmp_path / "tool.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tool", "#!/bin/sh\n")
        archive.writestr("data", b"x" * (3 << 20))
    return file


def test_packages_are_added_looked_at_and_deleted(service: RunningService, package: Path) -> None:
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    added = run(service, "add", "Tool", "1.0", str(package), "--default", "--display-name", "A tool")
    assert added.output == f"application Tool version 1.0: 2 files, {10 + (3 << 20)} bytes, sha256 {digest}\n"
    shown = told(service, "show", "tool")
    assert shown == told(service, "list")[0]
    assert (shown["defaultVersion"], shown["displayName"], shown["allowUpdates"]) == ("1.0", "A tool", True)
    assert [(one["version"], one["sha256"]) for one in shown["packages"]] == [("1.0", digest)]
    assert told(service, "add", "tool", "2", str(package))["packages"][1]["version"] == "2"
    assert run(service, "list").output.splitlines()[1].split("\t")[:4] == ["Tool", "1.0", "1.0 2", "true"]
    told_so = run(service, "set", "tool", "--no-updates", "--default", "2").output
    assert told_so == "application Tool: default version 2, packages may not be replaced\n"
    protected = run(service, "delete", "tool", "--version", "2")
    assert protected.exit_code == exits.FAILED
    assert "batchite application set Tool --allow-updates" in protected.output
    assert "defaultVersion" not in told(service, "set", "tool", "--allow-updates", "--default", "")
    assert run(service, "delete", "tool", "--version", "2").output == "application tool version 2: deleted\n"
    assert told(service, "delete", "tool") == {"id": "tool", "state": "deleted"}
    assert run(service, "show", "tool").exit_code == exits.NOT_FOUND


def test_what_is_no_package_is_said(service: RunningService, package: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.zip"
    wrong.write_text(str(package))
    refused = run(service, "add", "tool", "1", str(wrong))
    assert refused.exit_code == exits.FAILED
    assert "It is no zip archive that can be read" in refused.output
    missing = run(service, "add", "tool", "1", str(tmp_path / "none"))
    assert missing.exit_code == exits.USAGE
    assert "cannot be read: No such file or directory" in missing.output
    assert run(service, "set", "tool").exit_code == exits.USAGE
    assert told(service, "list") == []
