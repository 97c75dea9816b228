"""Whatever comes over the wire: an answer that is documented, and a service that goes on."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.fuzz import formulas
from tests.fuzz.campaign import fuzz

SEED = "BATCHITE_TEST_SEED"
REQUESTS = 1000
FORMULAS = 2000


@pytest.mark.long
def test_no_request_makes_a_service_fail(tmp_path: Path) -> None:
    seed = _seed()
    wrong, told = fuzz(tmp_path, seed, range(REQUESTS))
    print(told)
    assert not wrong, _report(f"make fuzz N={REQUESTS} SEED={seed}", wrong)


def test_no_formula_makes_an_evaluation_fail() -> None:
    seed = _seed()
    campaign = formulas.Campaign()
    campaign.go(seed, range(FORMULAS))
    print(campaign)
    again = f"make fuzz-formulas N={FORMULAS} SEED={seed}"
    assert not campaign.wrong, _report(again, campaign.wrong)
    assert campaign.outcomes["NoneType"] > FORMULAS // 10, again


def _seed() -> int:
    return int(os.environ.get(SEED) or secrets.randbits(32))


def _report(again: str, wrong: Sequence[str]) -> str:
    return "\n".join((f"{again} repeats this run. Faults that it found:", *wrong))
