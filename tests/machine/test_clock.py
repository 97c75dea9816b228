from concurrent.futures import ThreadPoolExecutor

from batchite.machine.clock import SystemClock
from batchite.wire.ticks import TICKS_PER_SECOND, Timestamp

START = Timestamp.parse("2026-01-31T12:00:00Z").ticks
HOUR = 3600.0


class Machine:
    """Its clock, which people may set, and the time that passes whatever they do."""

    def __init__(self) -> None:
        self.wall = START * 100
        self.steady = 5_000_000_000_000

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.steady)

    def pass_(self, seconds: float) -> None:
        self.wall += int(seconds * 1e9)
        self.steady += int(seconds * 1e9)

    def set(self, seconds: float) -> None:
        self.wall += int(seconds * 1e9)


def seconds(time: Timestamp) -> float:
    return (time.ticks - START) / TICKS_PER_SECOND


def test_moments_are_those_of_the_machine_and_no_two_are_the_same() -> None:
    machine = Machine()
    clock = machine.clock()
    assert [clock.now().ticks - START for _ in range(3)] == [0, 1, 2]
    machine.pass_(60)
    assert seconds(clock.now()) == 60
    machine.set(HOUR)
    assert seconds(clock.now()) == HOUR + 60


def test_the_wall_clock_goes_back_where_moments_do_not() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.set(2 * HOUR)
    ahead = clock.now()
    machine.set(-2 * HOUR)
    assert clock.now() > ahead
    assert clock.wall().ticks == START


def test_after_it_was_set_back_moments_go_on_slowly_until_they_are_met() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.set(HOUR)
    clock.now()
    machine.set(-HOUR)
    clock.now()
    machine.pass_(30 * 60)
    assert round(seconds(clock.now()), 3) == HOUR + 15 * 60
    machine.pass_(1.5 * HOUR)
    assert round(seconds(clock.now()), 3) == 2 * HOUR
    machine.pass_(60)
    assert seconds(clock.now()) == seconds(clock.wall()) == 2 * HOUR + 60
    machine.set(-1)
    assert round(seconds(clock.now()), 3) == 2 * HOUR + 60


def test_threads_never_get_the_same_moment() -> None:
    clock = Machine().clock()
    with ThreadPoolExecutor(4) as threads:
        moments = [
            moment.ticks
            for part in threads.map(lambda _: [clock.now() for _ in range(2000)], range(4))
            for moment in part
        ]
    assert sorted(moments) == list(range(START, START + 8000))
