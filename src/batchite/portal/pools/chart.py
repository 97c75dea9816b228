"""What was sampled of a pool over time, as lines to be drawn and as a table. A gap stays one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from batchite.batch.pools.trials import History
from batchite.resources.evaluations import AutoScaleEvaluation
from batchite.wire.ticks import Timestamp

Point: TypeAlias = tuple[int, float]
"""A moment in ticks, and a value."""

WIDTH, HEIGHT, MARGIN = 600, 120, 2
"""Of a figure, in its own units: a page stretches it. Above and below is room, so that no line is cut."""
BOX: Final = f"0 0 {WIDTH} {HEIGHT}"
GRID: Final = "".join(f"M0 {y}H{WIDTH}" for y in (MARGIN, HEIGHT // 2, HEIGHT - MARGIN))
"""Lines at the top, in the middle and at the bottom, as a path."""
MOST_POINTS = 240
"""Of a line: where there are more samples, each point is the highest of its stretch of time."""
MOST_ROWS = 48
"""Of the table."""
SAMPLED: Final = ("$CurrentDedicatedNodes", "$CurrentLowPriorityNodes", "$ActiveTasks", "$RunningTasks")
_TARGETS: Final = re.compile(r"\$TargetDedicatedNodes=(\d+);\$TargetLowPriorityNodes=(\d+)(?:;|$)")
_STALE_SAMPLES: Final = 3
"""After so many that are missing there is a gap."""


@dataclass(frozen=True, slots=True)
class Line:
    """`look`: its class; `pieces`: the corners of each piece between two gaps, as SVG has them."""

    name: str
    look: str
    pieces: Sequence[str]


@dataclass(frozen=True, slots=True)
class Figure:
    """Lines over the same scale, which ends at `top`; the sentence says what is seen."""

    title: str
    top: int
    lines: Sequence[Line]
    sentence: str


@dataclass(frozen=True, slots=True)
class Chart:
    begin: Timestamp
    end: Timestamp
    figures: Sequence[Figure]
    columns: Sequence[str]
    rows: Sequence[tuple[Timestamp, Sequence[str]]]
    """of the table, the newest first; empty where nothing was sampled"""


@dataclass(frozen=True, slots=True)
class _Series:
    name: str
    look: str
    points: Sequence[Point]
    is_stepped: bool = False
    """it keeps a value until the next"""


def of(history: History, log: Sequence[AutoScaleEvaluation], span: int) -> Chart | None:
    """The last so many ticks of it, up to the newest sample; None if there is none. `log`: the turns of the
    formula, the newest first, by which its targets are known."""
    sampled = [history.samples.get(name, ()) for name in SAMPLED]
    ends = [points[-1][0] for points in sampled if points]
    if not ends:
        return None
    begin, end = max(ends) - span, max(ends)
    dedicated, low_priority, active, running = (_thinned(each, begin, end) for each in sampled)
    wanted = _wanted(log)
    nodes = [
        _Series("dedicated nodes", "busy", dedicated),
        _Series("target of dedicated nodes", "busy target", _steps(wanted, 0, begin, end), True),
        _Series("low-priority nodes", "waiting", low_priority),
        _Series("target of low-priority nodes", "waiting target", _steps(wanted, 1, begin, end), True),
    ]
    tasks = [_Series("active tasks", "waiting", active), _Series("running tasks", "good", running)]
    gap = max(_STALE_SAMPLES * history.every.ticks, 2 * span // MOST_POINTS)
    if not any(value for each in nodes[2:] for _, value in each.points):
        nodes = nodes[:2]
    series = [*nodes, *tasks]
    return Chart(
        Timestamp(begin),
        Timestamp(end),
        [_figure("Nodes", nodes, begin, end, gap), _figure("Tasks", tasks, begin, end, gap)],
        [each.name for each in series],
        list(_rows(series)),
    )


def _wanted(log: Sequence[AutoScaleEvaluation]) -> Sequence[tuple[int, tuple[int, int]]]:
    """The targets from each turn on, the oldest first."""
    found = ((turn.time.ticks, _TARGETS.match(turn.results or "")) for turn in reversed(log))
    return [(at, (int(match[1]), int(match[2]))) for at, match in found if match is not None]


def _steps(
    wanted: Iterable[tuple[int, tuple[int, int]]], which: int, begin: int, end: int
) -> Sequence[Point]:
    """From the value that holds at the beginning to the one that holds at the end."""
    before: list[Point] = []
    within: list[Point] = []
    for at, targets in wanted:
        if at <= begin:
            before = [(begin, float(targets[which]))]
        elif at <= end:
            within.append((at, float(targets[which])))
    points = [*before, *within]
    return [*points, (end, points[-1][1])] if points else []


def _thinned(points: Sequence[Point], begin: int, end: int) -> Sequence[Point]:
    kept: dict[int, Point] = {}
    for at, value in points:
        if at <= begin:
            continue
        stretch = (at - begin) * MOST_POINTS // (end - begin + 1)
        if stretch not in kept or value >= kept[stretch][1]:
            kept[stretch] = (at, value)
    return list(kept.values())


def _figure(title: str, series: Sequence[_Series], begin: int, end: int, gap: int) -> Figure:
    top = _top(max((value for each in series for _, value in each.points), default=0.0))
    lines = [Line(each.name, each.look, _pieces(each, begin, end, top, gap)) for each in series]
    last = ", ".join(f"{each.points[-1][1]:.0f} {each.name}" for each in series if each.points)
    return Figure(title, top, lines, f"{title} over time; at the end {last}.")


def _top(highest: float) -> int:
    """A round number that is not below it."""
    if highest <= 4:
        return max(math.ceil(highest), 1)
    step = int(10 ** math.floor(math.log10(highest)))
    return next(step * part for part in (1, 2, 3, 4, 5, 6, 8, 10) if step * part >= highest)


def _pieces(series: _Series, begin: int, end: int, top: int, gap: int) -> Sequence[str]:
    pieces: list[list[Point]] = []
    before: Point | None = None
    for point in series.points:
        if before is None or (point[0] - before[0] > gap and not series.is_stepped):
            pieces.append([])
        elif series.is_stepped:
            pieces[-1].append((point[0], before[1]))
        pieces[-1].append(point)
        before = point
    return [_corners(piece if len(piece) > 1 else piece * 2, begin, end, top) for piece in pieces]


def _corners(points: Sequence[Point], begin: int, end: int, top: int) -> str:
    corners = []
    for at, value in points:
        x = WIDTH * (at - begin) / max(end - begin, 1)
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * value / top
        corners.append(f"{x:.6g},{y:.6g}")
    return " ".join(corners)


def _rows(series: Sequence[_Series]) -> Iterable[tuple[Timestamp, Sequence[str]]]:
    moments = sorted({at for each in series if not each.is_stepped for at, _ in each.points}, reverse=True)
    for at in moments[:: math.ceil(len(moments) / MOST_ROWS) or 1]:
        yield Timestamp(at), [_value(each, at) for each in series]


def _value(series: _Series, at: int) -> str:
    """At that moment, of what was sampled then; a target holds until the next."""
    known = [value for moment, value in series.points if moment == at or (series.is_stepped and moment < at)]
    return f"{known[-1]:.0f}" if known else "–"
