"""One thing that is done again and again, whatever is killed meanwhile, and what has to hold of it then."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from tests.product.survival.house import House
from tests.product.survival.insisting import client_of, insist, insist_late
from tests.product.survival.strands.jobs import Jobs
from tests.product.survival.toll import Toll

T = TypeVar("T")

PATIENCE = 240.0
"""Seconds that anything may take: a node that is silent is there for most of a minute."""
PAUSE = 0.25


class Strand:
    """Has a thread, a client and jobs of its own. `house` and `toll` are only looked at."""

    rest = 1.0
    """seconds between two steps"""

    def __init__(self, house: House, toll: Toll, seed: int) -> None:
        self.house, self.toll = house, toll
        self.dice = random.Random(f"{seed} {type(self).__name__}")  # noqa: S311 - no secrets
        self.client = client_of(house.service)
        self.stopping = threading.Event()
        self.jobs = Jobs(self.client, toll, self.stopping)
        self.failure: BaseException | None = None
        self._full, self._done, self._finishing = (threading.Event() for _ in range(3))
        self._thread = threading.Thread(target=self._run, name=type(self).__name__)

    # what each is

    def begin(self) -> None:
        """Before anything is killed."""

    def step(self) -> None:
        """Do it once."""
        raise NotImplementedError

    def finish(self) -> None:
        """See all of it come to its end; nobody is killed any more."""
        self.until(lambda: not self.jobs.open, f"{self.jobs.open} end")

    def check(self) -> None:
        """What has to hold of it then."""
        raise NotImplementedError

    # for the test

    def start(self) -> None:
        self._thread.start()

    def no_more(self) -> None:
        """It returns when the last step is done."""
        self._full.set()
        self._done.wait()
        self.raise_failure()

    def see_out(self) -> None:
        self._finishing.set()
        self._thread.join()
        self.raise_failure()

    def stop(self) -> None:
        for event in (self._full, self.stopping, self._finishing):
            event.set()
        if self._thread.is_alive():
            self._thread.join()

    def raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            while not self._full.wait(self.rest):
                self.step()
            self._done.set()
            self._finishing.wait()
            self.finish()
        except BaseException as error:
            if not self.stopping.is_set():
                self.failure = error
            self._done.set()

    # for each

    def insist(self, call: Callable[[], T]) -> T:
        return insist(call, self.stopping)

    def insist_late(self, call: Callable[[], object], late: Collection[str]) -> None:
        insist_late(call, late, self.stopping)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"{type(self).__name__}: not in {PATIENCE} s: {what}"
            assert not self.stopping.wait(PAUSE), "the test is over"
