"""$select and $expand."""

from __future__ import annotations

import json

import pytest

from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.pools import BatchPool
from batchite.wire.batch.models.tasks import BatchTask
from batchite.wire.batch.odata.select import parse_expand, parse_select, pick
from batchite.wire.batch.versions import REGISTRY

known = REGISTRY.newest.names

IMAGE = BatchVmImageReference(publisher="canonical", offer="ubuntu", sku="server")


@pytest.mark.parametrize("text", ["", " "])
def test_nothing_selected_means_everything(text: str) -> None:
    assert parse_select(text, known(BatchTask)) is None
    assert pick(IMAGE, None) is IMAGE


def test_selected_properties_are_written_in_their_own_order() -> None:
    names = parse_select("sku, publisher,version", known(BatchVmImageReference))
    assert json.loads(codec.encode(pick(IMAGE, names))) == {"publisher": "canonical", "sku": "server"}
    assert codec.encode(pick(IMAGE, names)).startswith(b'{"publisher"')


def test_names_are_those_of_the_wire() -> None:
    assert parse_select("id,eTag,stats", known(BatchTask)) == frozenset({"id", "eTag", "stats"})


@pytest.mark.parametrize("text", ["ID", "id,", "e_tag", "id;state", "executionInfo/exitCode"])
def test_unknown_names_are_refused(text: str) -> None:
    with pytest.raises(BatchError, match=r"\$select") as caught:
        parse_select(text, known(BatchTask))
    assert caught.value.code == "InvalidQueryParameterValue"


def test_a_near_miss_is_told_the_right_name() -> None:
    with pytest.raises(BatchError, match="did you mean vmSize"):
        parse_select("vmsize", known(BatchPool))


def test_only_statistics_can_be_expanded() -> None:
    assert parse_expand("stats")
    assert not parse_expand(None)
    with pytest.raises(BatchError, match=r"\$expand"):
        parse_expand("tasks")
