"""A machine whose clock somebody sets wrong, and right again."""

import time


class Machine:
    ahead_seconds = 0

    def time_ns(self) -> int:
        return time.time_ns() + self.ahead_seconds * 1_000_000_000
