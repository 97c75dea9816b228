"""What tests choose at random: anew each time, or as `BATCHITE_TEST_SEED` says, if it is set."""

import os
import secrets
from typing import Final

SEED: Final = "BATCHITE_TEST_SEED"
IS_GIVEN: Final = bool(os.environ.get(SEED))
"""A change that breaks something is told apart from what was broken all the while."""


def seed() -> int:
    return int(os.environ.get(SEED) or secrets.randbits(32))
