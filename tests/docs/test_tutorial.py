"""docs/tutorial.md: its commands are run and print what it shows, its code is that of the examples.

So are those of the README, where they are not the tutorial's; a program of its own is run as well.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.clients import installing
from tests.docs import page
from tests.docs.page import Block

from batchite.testing.service import RunningService, running_service

ROOT = Path(__file__).parents[2]
BLOCKS = list(page.blocks(ROOT / "docs" / "tutorial.md"))
README = list(page.blocks(ROOT / "README.md"))
COMMANDS = [block for block in BLOCKS if block.language == "sh"]
SOURCES = sorted((ROOT / "examples").glob("tutorial*/*.py"))

ELSEWHERE = {"make tutorial\n", ".venv/bin/batchite serve\n"}
"""The first has a test of its own, the second is what the tests do themselves."""
SOONER = {"--seconds 5": "--seconds 0.2", "--seconds 1": "--seconds 0.2"}
"""Nobody watches."""
DIFFERS = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<date>"),
    (r"\d{8}-\d{6}", "<moment>"),
    (r"tvmps_[0-9a-f]{64}_d", "<node>"),
    (r"\b\d+(\.\d)? s\b", "<seconds>"),
    (r"Elapsed time: .*", "Elapsed time: <time>"),
    (r"file /\S*/examples/", "file <here>/examples/"),
    (r"(data_dir +)\S+", r"\1<directory>"),
    (r"(pid +)\d+", r"\1<number>"),
    (r"127\.0\.0\.1:\d+", "<address>"),
    # on a terminal one line is written over, and questions wait for an answer
    (r"(timeout in 0:20:00)\.+( 3 of 3 completed)?", r"\1 <progress>"),
    (r"\[Y/n\].*", "[Y/n]"),
    # how many changes are seen is chance, the last one is not
    (r"(?m)(^active \d, running \d, completed \d\n)+(?=active)", ""),
)
"""What is another time otherwise, and what stands for it."""


def same(text: str) -> str:
    for pattern, name in DIFFERS:
        text = re.sub(pattern, name, text)
    return text.strip()


def tried(chosen: Sequence[Block], service: RunningService, home: Path, path: str = "") -> None:
    """Runs the commands of these blocks in a directory that looks like a checkout."""
    (home / "examples").symlink_to(ROOT / "examples")
    (home / ".venv").symlink_to(sys.prefix)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    variables |= {"BATCHITE_DATA_DIR": str(service.data_dir), "AZURE_CONFIG_DIR": str(home / "az")}
    variables |= {"PATH": f"{path}{os.environ['PATH']}", "AZURE_CORE_COLLECT_TELEMETRY": "no"}
    blocks = [block for block in chosen if block.text not in ELSEWHERE]
    outputs = page.printed([quick(block.text) for block in blocks], home, variables)
    for block, output in zip(blocks, outputs, strict=True):
        if block.shown is not None:
            assert same(output) == same(block.shown), block.text


def quick(command: str) -> str:
    for patient, short in SOONER.items():
        command = command.replace(patient, short)
    return command


def test_what_a_newcomer_does_first(tmp_path: Path) -> None:
    first = [block for block in COMMANDS if block.section == "Run it"]
    assert {block.text for block in first} > ELSEWHERE
    blobs = [block for block in README if block.section == "Blob storage alone" and block.shown]
    assert blobs
    with running_service() as service:
        tried([*first, *blobs], service, tmp_path)


def test_what_the_readme_begins_with_is_tried() -> None:
    first = [block for block in README if block.section == "First result in a minute"]
    lines = {line for block in first for line in typed(block)}
    assert len(lines) > len(ELSEWHERE)
    assert lines <= {line for block in COMMANDS for line in typed(block)}


def typed(block: Block) -> list[str]:
    """Its lines, without what they say to people."""
    return [line.partition("  #")[0].rstrip() for line in block.text.splitlines()]


def test_the_test_that_the_readme_shows() -> None:
    shown, _ = (block for block in README if block.language == "python")
    names: dict[str, Any] = {}
    exec(shown.text, names)  # noqa: S102
    names["test_my_program"]()


@pytest.mark.clients
def test_every_command_of_the_page(tmp_path: Path) -> None:
    python = installing.python_client("azure-cli")
    programs = tmp_path / "bin"
    programs.mkdir()
    az = programs / "az"
    az.write_text(f'#!/bin/sh\nexec "{python}" -I -W ignore -m azure.cli "$@"\n')
    az.chmod(0o755)
    know_the_version(python, tmp_path / "az")
    with running_service() as service:
        tried(COMMANDS, service, tmp_path, f"{programs}:")


def know_the_version(python: Path, directory: Path) -> None:
    """Without it, at its first start, az looks in the cloud for a newer one."""
    ask = [python, "-I", "-c", "from azure.cli.core import __version__ as version; print(version)"]
    version = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    directory.mkdir()
    (directory / "versionCheck.json").write_text(json.dumps({"versions": {"core": {"local": version}}}))


def test_its_code_is_that_of_the_examples() -> None:
    texts = [path.read_text(encoding="utf-8") for path in SOURCES]
    snippets = [block.text for block in BLOCKS if block.language == "python"]
    assert snippets
    for snippet in snippets:
        assert any(has(text, snippet) for text in texts), f"not in {SOURCES}:\n{snippet}"


def has(text: str, snippet: str) -> bool:
    """All of it, in this order and indented alike; a line of three dots stands for lines left out."""
    parts = re.split(r"^ *\.\.\.\n", snippet, flags=re.MULTILINE)
    for depth in range(0, 20, 4):
        at = 0
        for part in parts:
            at = text.find(textwrap.indent(part, " " * depth), at)
            if at < 0:
                break
        else:
            return True
    return False


def test_code_that_is_not_there_is_missed() -> None:
    text = "def f():\n    first()\n    second()\n    third()\n"
    assert has(text, "first()\n...\nthird()\n")
    assert not has(text, "third()\n...\nfirst()\n")
    assert not has(text, "first()\nthird()\n")
