"""What the conditions of headers mean, in a statement and for what has been read already."""

import pytest
import sqlalchemy as sa

from batchite.batch.conditions import Conditions
from batchite.wire.batch.errors import BatchError
from batchite.wire.ticks import TICKS_PER_SECOND

SECOND = 1_000
MODIFIED = SECOND * TICKS_PER_SECOND + 5
"""Headers know seconds only: it was modified within this one."""


@pytest.mark.parametrize(
    ("conditions", "is_met"),
    [
        (Conditions(), True),
        (Conditions(since=SECOND - 1), True),
        (Conditions(since=SECOND), False),
        (Conditions(since=SECOND + 1), False),
        (Conditions(unmodified=SECOND - 1), False),
        (Conditions(unmodified=SECOND), True),
        (Conditions(unmodified=SECOND + 1), True),
        (Conditions(match=(MODIFIED,)), True),
        (Conditions(match=(MODIFIED + 1,)), False),
        (Conditions(none_match=(MODIFIED,)), False),
        (Conditions(none_match=(MODIFIED + 1,)), True),
        (Conditions(never=True), False),
    ],
    ids=repr,
)
def test_a_change_and_a_look_see_a_condition_alike(conditions: Conditions, is_met: bool) -> None:
    clause = conditions.clause(sa.literal(MODIFIED))
    with sa.create_engine("sqlite://").connect() as connection:
        assert connection.scalar(sa.select(clause)) == is_met
    if is_met:
        conditions.check_read(MODIFIED)
    else:
        with pytest.raises(BatchError) as refused:
            conditions.check_read(MODIFIED)
        assert refused.value.code == "ConditionNotMet"
