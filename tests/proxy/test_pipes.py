"""Two joined connections hold each other back, and end together."""

import asyncio

from batchite.proxy.pipes import Pipe


class Wire(asyncio.Transport):
    """Records what is done to it."""

    def __init__(self, *, halves: bool = True) -> None:
        super().__init__()
        self.done: list[object] = []
        self._halves = halves

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.done.append(data)

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")

    def can_write_eof(self) -> bool:
        return self._halves

    def write_eof(self) -> None:
        self.done.append("eof")

    def close(self) -> None:
        self.done.append("close")

    def is_closing(self) -> bool:
        return "close" in self.done


def joined(*, halves: bool = True) -> tuple[Pipe, Wire, Pipe, Wire]:
    near, far, near_wire, far_wire = Pipe(), Pipe(), Wire(), Wire(halves=halves)
    near.connection_made(near_wire)
    far.connection_made(far_wire)
    near.join(far)
    near.flow()
    assert near_wire.done == far_wire.done == ["pause", "resume"]
    near_wire.done.clear()
    far_wire.done.clear()
    return near, near_wire, far, far_wire


def test_what_comes_on_one_goes_out_on_the_other_no_faster_than_it_is_taken() -> None:
    near, near_wire, far, far_wire = joined()
    near.data_received(b"there")
    far.data_received(b"and back")
    far.pause_writing()
    far.resume_writing()
    assert far_wire.done == [b"there"]
    assert near_wire.done == [b"and back", "pause", "resume"]


def test_who_sends_no_more_still_gets_an_answer() -> None:
    near, near_wire, far, far_wire = joined()
    assert near.eof_received()
    far.data_received(b"the answer")
    assert not far.eof_received()
    assert far_wire.done == ["eof", "close"]
    assert near_wire.done == [b"the answer", "close"]


def test_where_there_are_no_halves_both_end() -> None:
    near, near_wire, _, far_wire = joined(halves=False)
    assert not near.eof_received()
    assert near_wire.done == far_wire.done == ["close"]


def test_one_that_is_lost_ends_the_other() -> None:
    near, _, _, far_wire = joined()
    near.connection_lost(ConnectionResetError())
    assert far_wire.done == ["close"]


def test_one_that_is_closing_is_left_alone() -> None:
    _, near_wire, far, _ = joined()
    near_wire.close()
    far.data_received(b"for nobody")
    far.pause_writing()
    far.resume_writing()
    assert near_wire.done == ["close"]


def test_who_comes_to_one_that_has_gone_goes_as_well() -> None:
    near, far, near_wire, far_wire = Pipe(), Pipe(), Wire(), Wire()
    near.connection_made(near_wire)
    far.connection_made(far_wire)
    near_wire.close()
    near.join(far)
    near.flow()
    assert far_wire.done[-1] == "close"
