"""What a runner runs: the state of one shard, and what is decided about it."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import sqlalchemy as sa

from batchite.dispatch.inputs import Input
from batchite.store.groups import Unit

R = TypeVar("R")


class Heard(NamedTuple):
    """Events that were read, and decided about as far as can be."""

    events: Sequence[int]
    unended: Mapping[int, int]
    """those that are not settled yet, and what has to end before"""
    is_all: bool
    """there were no more"""


class Reactor(Protocol[R]):
    """One kind of shard.

    Its memory is only ever as the store has it, but for what it has decided and that is not stored yet, which
    it keeps meanwhile. Its runner has it `load`, and `begin` once what that leads to is stored. Then, turn by
    turn, it is to `hear` events and `apply` inputs, to `conclude` what is to be stored, and once it is, to
    `follow` it. If anything fails it is to `recover`, and begins with `load` again.
    """

    @property
    def is_idle(self) -> bool:
        """There is nothing to decide until something changes in the store, or a time comes."""
        ...

    @property
    def is_flooded(self) -> bool:
        """So much was told in the last turn that more had better come together before the next."""
        ...

    @property
    def unended(self) -> Container[int]:
        """What has not ended yet, by the numbers that `Heard` names."""
        ...

    async def load(self) -> None:
        """Have the state of the store, and decide what was left to do."""
        ...

    async def begin(self) -> None: ...

    async def hear(self) -> Heard: ...

    def apply(self, items: Sequence[Input]) -> None: ...

    async def conclude(self) -> Unit[R] | None:
        """What is to be stored; None if nothing is."""
        ...

    async def follow(self, stored: R | None) -> bool:
        """It is on disk, with what it returned: do what may be done now. Returns whether there is more to
        conclude at once."""
        ...

    async def recover(self) -> None:
        """Memory is wrong: make sure that those tell again who have told what is lost with it."""
        ...

    def comes_again(self, item: Input) -> bool:
        """Whether it does so of itself, or by `recover`: it has not to be heard then."""
        ...

    def look(self) -> None:
        """It is time to look for what should have been heard of and was not."""
        ...

    def sent_home(self, connection: sa.Connection) -> int:
        """An orderly stop has ended all that ran: store what follows, going by the store alone. Returns how
        many tasks that has interrupted."""
        ...
