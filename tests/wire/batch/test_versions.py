"""API versions, with two made-up older ones."""

from __future__ import annotations

from typing import Any

import pytest

from batchite.wire.batch import versions
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.versions.registry import Change, Registry


def rename(old: str, new: str) -> Any:
    return lambda body: {(new if key == old else key): value for key, value in body.items()}


OLDEST = Change(
    "2001-01-01.1.0",
    lift={"Task_Add": rename("cmd", "command")},
    lower={"Task_Get": rename("command", "cmd")},
)
OLDER = Change(
    "2002-01-01.2.0",
    lift={"Task_Add": rename("command", "commandLine")},
    lower={"Task_Get": rename("commandLine", "command")},
)
REGISTRY = Registry("2003-01-01", (OLDEST, OLDER))


def test_the_newest_is_the_identity() -> None:
    newest = REGISTRY.resolve("2003-01-01")
    assert newest.is_newest
    assert newest is REGISTRY.newest
    body = {"commandLine": "x"}
    assert newest.lift("Task_Add", body) is body
    assert newest.lower("Task_Get", body) is body


def test_requests_are_lifted_change_by_change() -> None:
    oldest = REGISTRY.resolve("2001-01-01.1.0")
    assert not oldest.is_newest
    assert oldest.lift("Task_Add", {"id": "t", "cmd": "x"}) == {"id": "t", "commandLine": "x"}
    assert REGISTRY.resolve("2002-01-01.2.0").lift("Task_Add", {"command": "x"}) == {"commandLine": "x"}


def test_answers_are_lowered_change_by_change() -> None:
    assert REGISTRY.resolve("2001-01-01.1.0").lower("Task_Get", {"commandLine": "x"}) == {"cmd": "x"}
    assert REGISTRY.resolve("2002-01-01.2.0").lower("Task_Get", {"commandLine": "x"}) == {"command": "x"}


def test_operations_without_a_change_go_through() -> None:
    body = {"cmd": "x"}
    assert REGISTRY.resolve("2001-01-01.1.0").lift("Job_Add", body) is body


@pytest.mark.parametrize("text", [None, ""])
def test_a_missing_version_is_the_documented_error(text: str | None) -> None:
    with pytest.raises(BatchError) as caught:
        versions.resolve(text)
    assert (caught.value.status, caught.value.code) == (400, "MissingRequiredQueryParameter")
    assert caught.value.values == (("QueryParameterName", "api-version"),)


@pytest.mark.parametrize("text", ["2014-10-01.1.0", "2025-06-01 ", "newest", "x" * 10_000])
def test_an_unknown_version_is_the_documented_error(text: str) -> None:
    with pytest.raises(BatchError) as caught:
        versions.resolve(text)
    assert (caught.value.status, caught.value.code) == (400, "UnsupportedRequestVersion")
    assert versions.NEWEST in caught.value.message
    assert len(caught.value.message) < 500


def test_the_service_speaks_the_newest_version() -> None:
    assert versions.resolve("2025-06-01").is_newest
