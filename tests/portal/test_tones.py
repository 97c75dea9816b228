"""Every state has a tone, and those that say that something is wrong are red."""

import pytest

from batchite.portal import tones
from batchite.wire.batch.models.enums import BatchNodeState

WRONG = {"unusable", "starttaskfailed", "unknown", "preempted"}
QUIET = {"leavingpool", "deallocated"}


@pytest.mark.parametrize("state", BatchNodeState)
def test_states_of_nodes(state: BatchNodeState) -> None:
    assert (tones.tone(state) == "bad") == (state in WRONG)
    assert (tones.tone(state) == "plain") == (state in QUIET)
    assert tones.spoken(state)
