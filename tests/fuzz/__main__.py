"""`python -m tests.fuzz N [SEED [FIRST]]`: N requests or stories of a printed seed, from number FIRST on."""

import secrets
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import fuzz


def main(count: int, seed: int, first: int) -> None:
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="batchite-fuzz-") as directory:
        wrong, told = fuzz(Path(directory), seed, range(first, first + count))
    print(told)
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*given, *[5000, secrets.randbits(32), 0][len(given) :])
