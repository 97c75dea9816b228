"""Packages that few need: what is said where they are missing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from batchite.blobs.content.opening import WrongStorageError, open_storage
from batchite.machine import extras
from batchite.machine.extras import EXTRAS, MissingPackageError
from batchite.store.database import create_engine
from batchite.tls import certificates

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an environment without any extra."""
    monkeypatch.setattr(extras, "find_spec", lambda _: None)


def test_extras_are_those_of_the_package() -> None:
    declared = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    for package, extra in EXTRAS.items():
        assert any(wanted.startswith(package) for wanted in declared[extra])
        assert extra in declared["all"][0]


def test_what_is_there_is_not_complained_about() -> None:
    for package in EXTRAS:
        extras.require(package, "A test")


@pytest.mark.usefixtures("missing")
def test_an_object_store_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(WrongStorageError, match=r"s3://bucket needs .* pip install 'batchite\[stores\]'"):
        open_storage("s3://bucket", tmp_path)
    assert open_storage("", tmp_path)


@pytest.mark.usefixtures("missing")
def test_making_certificates_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingPackageError, match=r"pip install 'batchite\[tls\]'"):
        certificates.init(tmp_path, ["localhost"])


@pytest.mark.usefixtures("missing")
def test_another_database_names_the_command() -> None:
    with pytest.raises(MissingPackageError, match=r"pip install 'batchite\[postgres\]'"):
        create_engine("postgresql+psycopg://postgres@/batch")
