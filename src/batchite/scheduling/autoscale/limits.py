"""What a formula may be and cost, so that none takes a service's time or memory."""

from __future__ import annotations

from typing import Final

CHARACTERS: Final = 8192
STATEMENTS: Final = 100
NESTING: Final = 64
"""Values within values, as they are written; parentheses and calls above all."""
DEPTH: Final = 100
"""The same, as they are evaluated."""
ELEMENTS: Final = 50_000
"""Of one doubleVec; a fortnight of samples, half a minute apart, is 40,320."""
STEPS: Final = 2_000_000
"""Values and elements of doubleVecs that are looked at in one evaluation."""
