"""Whatever comes over the wire: an answer that is documented, and a service that goes on."""

import os
import secrets
from pathlib import Path

import pytest
from tests.fuzz.campaign import fuzz

SEED = "BATCHITE_TEST_SEED"
REQUESTS = 5000


@pytest.mark.long
def test_no_request_makes_a_service_fail(tmp_path: Path) -> None:
    seed = int(os.environ.get(SEED) or secrets.randbits(32))
    print(f"{SEED}={seed} repeats the requests of this run")
    wrong, told = fuzz(tmp_path, seed, range(REQUESTS))
    print(told)
    assert wrong == []
