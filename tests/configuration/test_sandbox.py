"""The table `[sandbox]`."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchite.configuration.config_file import SettingsError
from batchite.configuration.sandbox import Sandbox
from batchite.configuration.settings import load


def write(directory: Path, text: str) -> Path:
    path = directory / "batchite.toml"
    path.write_text(text)
    return path


def test_a_table_of_the_file_and_variables(tmp_path: Path) -> None:
    config = write(tmp_path, f'[sandbox]\ntier = "auto"\nshare = ["{tmp_path}/"]\n')
    found = load({}, {"BATCHITE_SANDBOX_REQUIRE": "Machine"}, config).sandbox
    assert found == Sandbox(tier="auto", require="machine", share=(str(tmp_path),))
    assert load({}, {}).sandbox == Sandbox()


@pytest.mark.parametrize(
    ("sandbox", "wanted"),
    [
        (Sandbox(), ("machine", "user", "process")),
        (Sandbox(tier="process"), ("process",)),
        (Sandbox(tier="auto"), ("machine", "user", "process")),
        (Sandbox(tier="machine"), ("machine",)),
        (Sandbox(tier="user"), ("user",)),
        (Sandbox(require="machine"), ("machine",)),
        (Sandbox(require="user"), ("machine", "user")),
        (Sandbox(tier="auto", require="user"), ("machine", "user")),
        (Sandbox(tier="user", require="machine"), ("machine",)),
        (Sandbox(tier="process", require="process"), ("process",)),
    ],
)
def test_what_is_asked_for(sandbox: Sandbox, wanted: tuple[str, ...]) -> None:
    assert sandbox.wanted == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('tier = "docker"', ("sandbox.tier = 'docker'", "auto, machine, user, process")),
        ('require = "auto"', ("sandbox.require = 'auto'", "machine")),
        ('share = "relative"', ("sandbox.share", "'relative'", "from the root on")),
        ('share = ["/"]', ("sandbox.share", "'/'", "may see")),
        ('share = ["/usr"]', ("sandbox.share", "'/usr'")),
        ('share = ["/no/such/path"]', ("sandbox.share", "'/no/such/path' is not there")),
        ("share = 1", ("sandbox.share", "list of paths")),
        ("limits = 1", ("sandbox: limits", "tier")),
    ],
)
def test_what_cannot_be(tmp_path: Path, text: str, said: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as refused:
        load({}, {}, write(tmp_path, f"[sandbox]\n{text}\n"))
    assert all(words in str(refused.value) for words in said), str(refused.value)
