"""What leads back to itself in a graph: its strongly connected components of several members, as Tarjan
finds them, and members that lead to themselves at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def members(ahead: Sequence[Sequence[int]]) -> set[int]:
    """Of a graph in which each leads to those ahead of it."""
    found = {one for one, others in enumerate(ahead) if one in others}
    for component in _components(ahead):
        if len(component) > 1:
            found.update(component)
    return found


def _components(ahead: Sequence[Sequence[int]]) -> Iterator[Sequence[int]]:
    order: dict[int, int] = {}
    earliest: dict[int, int] = {}
    stack: list[int] = []
    closed: set[int] = set()
    for start in range(len(ahead)):
        way = [] if start in order else [(start, iter(ahead[start]))]
        while way:
            one, others = way[-1]
            if one not in order:
                order[one] = earliest[one] = len(order)
                stack.append(one)
            for other in others:
                if other not in order:
                    way.append((other, iter(ahead[other])))
                    break
                if other not in closed:
                    earliest[one] = min(earliest[one], order[other])
            else:
                way.pop()
                if way:
                    before = way[-1][0]
                    earliest[before] = min(earliest[before], earliest[one])
                if earliest[one] == order[one]:
                    place = len(stack) - 1
                    while stack[place] != one:
                        place -= 1
                    component = stack[place:]
                    del stack[place:]
                    closed.update(component)
                    yield component
