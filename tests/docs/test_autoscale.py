"""docs/autoscale.md: its formulas come to a size, and its tables have what there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs import page
from tests.scheduling.autoscale.surroundings import PERIOD, SAMPLES, come_to

from batchite.scheduling.autoscale.functions import FUNCTIONS, STOP
from batchite.scheduling.autoscale.methods import METHODS
from batchite.scheduling.autoscale.samples import Samples
from batchite.scheduling.autoscale.targets import Targets
from batchite.scheduling.autoscale.variables import DEALLOCATIONS, SAMPLED

PAGE = Path(__file__).parents[2] / "docs" / "autoscale.md"
TEXT = PAGE.read_text(encoding="utf-8")
FORMULAS = [block.text for block in page.blocks(PAGE) if block.language == "autoscale"]
ASKED = (
    # with the samples of tests, and without any: the pool has 4 and 2 nodes, of 4 slots
    (Targets(2, 2, "taskcompletion"), Targets(0, 2, "taskcompletion")),
    (Targets(14, 2, "taskcompletion"), Targets(2, 2, "taskcompletion")),
    (Targets(8, 2), Targets(8, 2)),
    (Targets(4, 2), Targets(4, 2)),
    (Targets(3, 2), Targets(0, 2)),
    (Targets(2, 5), Targets(0, 0)),
)


@pytest.mark.parametrize(("formula", "asked"), list(zip(FORMULAS, ASKED, strict=True)))
@pytest.mark.parametrize("at_first", [False, True])
def test_its_formulas_come_to_a_size(formula: str, asked: tuple[Targets, Targets], at_first: bool) -> None:
    outcome = come_to(formula, Samples(PERIOD) if at_first else SAMPLES)
    assert outcome.error is None
    assert outcome.targets == asked[at_first]


@pytest.mark.parametrize("name", [*FUNCTIONS, STOP, *METHODS, *SAMPLED, *DEALLOCATIONS])
def test_every_name_of_the_language_stands_in_it(name: str) -> None:
    assert f"`{name}`" in TEXT or f"`{name}(" in TEXT
