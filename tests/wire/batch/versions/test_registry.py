"""Which versions requests may name."""

from __future__ import annotations

import pytest

from batchite.wire.batch import versions
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.transfers import ResourceFile
from batchite.wire.batch.versions import REGISTRY
from batchite.wire.batch.versions.changes import Renamed
from batchite.wire.batch.versions.registry import Registry


@pytest.mark.parametrize("text", [None, ""])
def test_a_missing_version_is_the_documented_error(text: str | None) -> None:
    with pytest.raises(BatchError) as caught:
        REGISTRY.resolve(text)
    assert (caught.value.status, caught.value.code) == (400, "MissingRequiredQueryParameter")
    assert caught.value.values == (("QueryParameterName", "api-version"),)


@pytest.mark.parametrize(
    "text",
    ["2014-10-01.1.0", "2025-06-01 ", "newest", "x" * 10_000, "2030-13-01", "2030-02-30", "2030-01-01.1",
     "2030-01-01-preview", "2030-01-01.1.0.0", "２０３０-01-01", "2020-01-01.1.0", "9999"],
)  # fmt: skip
def test_a_version_that_is_not_spoken_is_the_documented_error(text: str) -> None:
    with pytest.raises(BatchError) as caught:
        REGISTRY.resolve(text)
    assert (caught.value.status, caught.value.code) == (400, "UnsupportedRequestVersion")
    assert versions.NEWEST in caught.value.message
    assert len(caught.value.message) < 1000


def test_the_service_speaks_the_newest_version() -> None:
    assert REGISTRY.resolve("2025-06-01").is_newest


@pytest.mark.parametrize("text", ["2025-06-02", "2030-01-01", "2030-02-28.25.0"])
def test_a_later_date_is_served_as_the_newest(text: str) -> None:
    assert REGISTRY.resolve(text) is REGISTRY.newest


def test_versions_lead_over_those_between() -> None:
    registry = Registry(
        "2003-01-01",
        {
            "2001-01-01.1.0": (Renamed(ResourceFile, a="b"),),
            "2002-01-01.2.0": (),
            "2002-06-01.3.0": (Renamed(ResourceFile, b="httpUrl"),),
        },
    )
    assert [one.text for one in registry] == [
        "2003-01-01", "2002-06-01.3.0", "2002-01-01.2.0", "2001-01-01.1.0",
    ]  # fmt: skip
    found = {one.text: one.names(ResourceFile) & {"a", "b", "httpUrl"} for one in registry}
    assert found == {
        "2003-01-01": {"httpUrl"},
        "2002-06-01.3.0": {"b"},
        "2002-01-01.2.0": {"b"},
        "2001-01-01.1.0": {"a"},
    }
