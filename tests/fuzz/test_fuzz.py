"""Whatever comes over the wire: an answer that is documented, and a service that goes on."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.fuzz import formulas
from tests.fuzz.campaign import fuzz
from tests.seeds import seed

REQUESTS = 1000
FORMULAS = 2000


@pytest.mark.long
def test_no_request_makes_a_service_fail(tmp_path: Path) -> None:
    chosen = seed()
    wrong, told = fuzz(tmp_path, chosen, range(REQUESTS))
    print(told)
    assert not wrong, _report(f"make fuzz N={REQUESTS} SEED={chosen}", wrong)


def test_no_formula_makes_an_evaluation_fail() -> None:
    chosen = seed()
    campaign = formulas.Campaign()
    campaign.go(chosen, range(FORMULAS))
    print(campaign)
    again = f"make fuzz-formulas N={FORMULAS} SEED={chosen}"
    assert not campaign.wrong, _report(again, campaign.wrong)
    assert campaign.outcomes["NoneType"] > FORMULAS // 10, again


def _report(again: str, wrong: Sequence[str]) -> str:
    return "\n".join((f"{again} repeats this run. Faults that it found:", *wrong))
