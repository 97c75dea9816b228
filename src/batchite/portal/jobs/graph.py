"""Which tasks wait for which, as a drawing: left to right, each as far as its longest way from a beginning.

Tasks that wait for the same several tasks are joined to them by one point, so that a hundred which wait for
a hundred are two hundred lines, not ten thousand.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from batchite.portal.jobs import circles
from batchite.resources.graph import GraphTask, Range

MOST_TASKS: Final = 500
"""that are drawn one by one"""
MOST_LINES: Final = 4_000
MOST_PARENTS: Final = 400_000
"""of all tasks together; of more a picture would be a wall"""
WIDTH, HEIGHT, STEP, ROW, MARGIN = 132, 20, 196, 28, 8
"""Of a task's box; from a column to the next, from a row to the next; around all."""
_SWEEPS: Final = 4

Kind: TypeAlias = Literal["task", "missing", "joint"]


class TangledError(Exception):
    """More tasks wait for more others than anybody could look through."""


class Group(NamedTuple):
    """Tasks as far from a beginning as each other, by state."""

    level: int
    tasks: int
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Box:
    """`text` is what it is called: a task's id, or how many are missing of which numbers."""

    kind: Kind
    text: str
    state: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Line:
    """A path, as SVG has it; `state` is that of the task it comes from."""

    path: str
    state: str


@dataclass(frozen=True, slots=True)
class Graph:
    width: int
    height: int
    boxes: Sequence[Box]
    lines: Sequence[Line]
    in_circle: Sequence[str]
    """ids of tasks that wait for themselves, by way of others or at once"""
    hidden_lines: int = 0


@dataclass(slots=True)
class _Vertex:
    kind: Kind
    text: str
    state: str
    parents: list[int]
    is_blocked: bool = False
    """waits, and no other task is of the same number, which might be what is waited for"""
    level: int = 0
    place: float = 0.0


def of(tasks: Sequence[GraphTask]) -> Graph:
    """Of at most MOST_TASKS. Raises TangledError."""
    vertices = _vertices(tasks)
    _level(vertices)
    columns = _columns(vertices)
    _order(vertices, columns)
    boxes, lines, hidden = _draw(vertices, columns)
    ids = sorted(vertices[each].text for each in _in_circle(vertices) if vertices[each].kind == "task")
    return Graph(
        2 * MARGIN + STEP * (len(columns) - 1) + WIDTH,
        2 * MARGIN + ROW * max(map(len, columns)) - (ROW - HEIGHT),
        boxes,
        lines,
        ids,
        hidden,
    )


def levels(tasks: Sequence[GraphTask]) -> tuple[Sequence[Group], int]:
    """By how far they are from a beginning, and how many of the tasks wait in a circle or for one, which have
    no such place. Raises TangledError."""
    vertices = _vertices(tasks)
    _level(vertices)
    circle = _behind(vertices, _in_circle(vertices))
    counted: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    depths = sorted({v.level for v in vertices if v.kind == "task"})
    places = {level: place for place, level in enumerate(depths)}
    for number, vertex in enumerate(vertices):
        if vertex.kind == "task" and number not in circle:
            counted[places[vertex.level]][vertex.state] += 1
    groups = [Group(level, sum(of.values()), dict(of)) for level, of in sorted(counted.items())]
    return groups, sum(vertices[each].kind == "task" for each in circle)


def _vertices(tasks: Sequence[GraphTask]) -> list[_Vertex]:
    """The tasks first, in their order."""
    numbers = sorted((task.number, place) for place, task in enumerate(tasks) if task.number is not None)
    counts = Counter(number for number, _ in numbers)
    vertices = [
        _Vertex(
            "task",
            task.id,
            task.state,
            [],
            task.is_blocked and (task.number is None or counts[task.number] == 1),
        )
        for task in tasks
    ]
    by_key = {task.key: place for place, task in enumerate(tasks)}
    joints: dict[tuple[int, ...], int] = {}
    missing: dict[str, int] = {}
    known: dict[tuple[tuple[str, ...], tuple[Range, ...]], tuple[int, ...]] = {}
    sets: list[tuple[int, ...]] = []
    all_parents = 0
    for task in tasks:
        wanted = (task.keys, task.ranges)
        if wanted not in known:
            known[wanted] = _parents(task, by_key, numbers, vertices, missing)
            all_parents += len(known[wanted])
            if all_parents > MOST_PARENTS:
                raise TangledError
        sets.append(known[wanted])
    shared: dict[tuple[int, ...], int] = defaultdict(int)
    for of_task in sets:
        shared[of_task] += 1
    for place, of_task in enumerate(sets):
        if len(of_task) > 1 and shared[of_task] > 1:
            if of_task not in joints:
                joints[of_task] = len(vertices)
                vertices.append(_Vertex("joint", "", "", list(of_task), is_blocked=True))
            vertices[place].parents = [joints[of_task]]
        else:
            vertices[place].parents = list(of_task)
    return vertices


def _parents(
    task: GraphTask,
    by_key: Mapping[str, int],
    numbers: Sequence[tuple[int, int]],
    vertices: list[_Vertex],
    missing: dict[str, int],
) -> tuple[int, ...]:
    """Their places; what is not there yet becomes a vertex."""
    found: list[int] = []
    for key in task.keys:
        found.append(by_key[key] if key in by_key else _missing(key, vertices, missing))
    for first, last in task.ranges:
        begin = bisect_left(numbers, (first, -1))
        end = bisect_right(numbers, (last, len(vertices)))
        found += [place for _, place in numbers[begin:end]]
        absent = last - first + 1 - len({number for number, _ in numbers[begin:end]})
        if absent > 0:
            found.append(_missing(f"{absent} of {first}–{last}", vertices, missing))
    return tuple(sorted(set(found)))


def _missing(text: str, vertices: list[_Vertex], missing: dict[str, int]) -> int:
    if text not in missing:
        missing[text] = len(vertices)
        vertices.append(_Vertex("missing", text, "", []))
    return missing[text]


def _level(vertices: Sequence[_Vertex]) -> None:
    """Give each its level; those in circles, and behind them, stand as far as was come."""
    children = _children(vertices)
    waits = [len(vertex.parents) for vertex in vertices]
    ready = [place for place, count in enumerate(waits) if count == 0]
    for place in ready:  # grows while it is gone through
        for child in children[place]:
            vertices[child].level = max(vertices[child].level, vertices[place].level + 1)
            waits[child] -= 1
            if waits[child] == 0:
                ready.append(child)


def _children(vertices: Sequence[_Vertex]) -> Sequence[list[int]]:
    children: list[list[int]] = [[] for _ in vertices]
    for place, vertex in enumerate(vertices):
        for parent in vertex.parents:
            children[parent].append(place)
    return children


def _in_circle(vertices: Sequence[_Vertex]) -> set[int]:
    return circles.members(
        [
            [one for one in vertex.parents if vertices[one].is_blocked] if vertex.is_blocked else ()
            for vertex in vertices
        ]
    )


def _behind(vertices: Sequence[_Vertex], circle: Iterable[int]) -> set[int]:
    """Those in a circle, and those that wait for them."""
    children = _children(vertices)
    found = set(circle)
    rest = list(found)
    while rest:
        new = {child for child in children[rest.pop()] if vertices[child].is_blocked} - found
        found |= new
        rest += new
    return found


def _columns(vertices: Sequence[_Vertex]) -> list[list[int]]:
    columns: dict[int, list[int]] = defaultdict(list)
    for place, vertex in enumerate(vertices):
        columns[vertex.level].append(place)
    return [columns[level] for level in sorted(columns)]


def _order(vertices: Sequence[_Vertex], columns: Sequence[list[int]]) -> None:
    """Each beside what it is joined to, as far as that goes, so that few lines cross."""
    children = _children(vertices)
    for column in columns:
        _place(vertices, column)
    for sweep in range(_SWEEPS):
        is_forward = sweep % 2 == 0
        for column in columns if is_forward else reversed(columns):
            beside = {
                each: _mean(vertices, vertices[each].parents if is_forward else children[each], each)
                for each in column
            }
            column.sort(key=beside.__getitem__)
            _place(vertices, column)


def _place(vertices: Sequence[_Vertex], column: Sequence[int]) -> None:
    """In the middle of all columns, whose heights differ."""
    for place, each in enumerate(column):
        vertices[each].place = place - (len(column) - 1) / 2


def _mean(vertices: Sequence[_Vertex], others: Iterable[int], own: int) -> float:
    places = [vertices[other].place for other in others]
    return sum(places) / len(places) if places else vertices[own].place


def _draw(vertices: Sequence[_Vertex], columns: Sequence[Sequence[int]]) -> tuple[list[Box], list[Line], int]:
    middle = (max(map(len, columns)) - 1) / 2
    at: dict[int, tuple[int, int]] = {}
    for depth, column in enumerate(columns):
        for each in column:
            at[each] = MARGIN + depth * STEP, MARGIN + round((middle + vertices[each].place) * ROW)
    boxes = [Box(vertex.kind, vertex.text, vertex.state, *at[each]) for each, vertex in enumerate(vertices)]
    pairs = [(parent, each) for each, vertex in enumerate(vertices) for parent in vertex.parents]
    lines = [
        Line(_path(boxes[parent], boxes[each]), vertices[parent].state) for parent, each in pairs[:MOST_LINES]
    ]
    return boxes, lines, len(pairs) - len(lines)


def _path(parent: Box, child: Box) -> str:
    """From the right of one to the left of the other; a joint is a point in the middle of its box."""
    x1 = parent.x + (WIDTH // 2 if parent.kind == "joint" else WIDTH)
    x2 = child.x + (WIDTH // 2 if child.kind == "joint" else 0)
    y1, y2 = parent.y + HEIGHT // 2, child.y + HEIGHT // 2
    bend = (x2 - x1) // 2 if x2 > x1 else STEP - WIDTH
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
