"""What tests of sandboxes have in common."""

from __future__ import annotations

from itertools import count

import pytest
from tests.nodes.sandbox.hosted import Directory

_numbers = count(1)


@pytest.fixture
def run() -> Directory:
    """Of a task that no other test has."""
    return ("workitems", "job", "job-1", f"task{next(_numbers)}")
