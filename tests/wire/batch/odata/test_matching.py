"""Filters of lists that lie in no database."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.enums import OSType
from batchite.wire.batch.models.images import BatchSupportedImage
from batchite.wire.batch.odata.fields import NAME, NUMBER, PATH, Table, one_of, read
from batchite.wire.batch.odata.matching import Matched, passes


class Item(NamedTuple):
    path: str
    system: str
    agent: str
    size: int


TABLE: Matched[Item] = Table(
    BatchSupportedImage,
    {
        "name": (PATH, lambda item: item.path),
        "osType": (one_of(OSType), lambda item: item.system),
        "nodeAgentSKUId": (NAME, lambda item: item.agent),
        "size": (NUMBER, lambda item: item.size),
    },
)
ITEM = Item("wd/Out.txt", "linux", "batch.node.debian 12", 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, True),
        ("startswith(name,'wd/')", True),
        ("startswith(name,'wd/o')", False),
        ("osType eq 'Linux' and nodeAgentSKUId eq 'Batch.Node.Debian 12'", True),
        ("osType eq 'windows' or nodeAgentSKUId ne 'batch.node.debian 12'", False),
        ("osType ne 'windows' and (size gt 5 or size le 5)", True),
        ("size lt 5 or size ge 6", False),
    ],
)
def test_items_pass_or_not(text: str | None, expected: bool) -> None:
    wanted = None if text is None else read(text, TABLE.properties)
    assert passes(ITEM, wanted, TABLE) is expected


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("name eq 'x'", "startswith only"),
        ("osType eq 'plan9'", "linux, windows"),
        ("id eq 'a'", "filters by id"),
    ],
)
def test_a_filter_that_means_nothing_here_is_refused(text: str, finding: str) -> None:
    with pytest.raises(BatchError, match="InvalidQueryParameterValue") as caught:
        read(text, TABLE.properties)
    assert finding in caught.value.message
