"""Lists: which page is asked for, what passes the filter, and the answer with a link to the next page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.responses import Response

from batchite.batch import answers
from batchite.batch.call import Call
from batchite.store.batch import filtering
from batchite.store.batch.pages import Part, Wanted
from batchite.wire.batch.errors import invalid_query
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.odata import fields, paging
from batchite.wire.batch.odata.fields import Table
from batchite.wire.batch.odata.filter import PARAMETER, Expression

R = TypeVar("R")
M = TypeVar("M", bound=Model)

_ROW = re.compile(r"\d{1,18}", re.ASCII)


def wanted(call: Call, table: filtering.Columns, largest: int = paging.LIMIT) -> Wanted:
    """What is asked for of a list of the database that has these properties. Raises BatchError."""
    most, after, asked = limit(call, largest), row_number(position(call)), expression(call, table)
    condition = filtering.clause(asked, table)
    return Wanted(most, after, condition, expression=asked, effort=call.services.effort)


def limit(call: Call, largest: int = paging.LIMIT) -> int:
    """The most items that are to be on the page. Raises BatchError."""
    return paging.parse_max_results(call.query.get(paging.MAX_RESULTS), largest)


def position(call: Call) -> str:
    """What the page begins after: nothing on the first. Raises BatchError."""
    token = call.query.get(paging.SKIP)
    return "" if token is None else paging.read_token(_context(call), token)


def row_number(text: str) -> int:
    """A position as the number of a row. Raises BatchError for a token that was made up."""
    if not text:
        return 0
    if _ROW.fullmatch(text) is None:
        raise invalid_query(paging.SKIP, text, "names no row; follow odata.nextLink as it is")
    return int(text)


def expression(call: Call, table: Table[Any]) -> Expression | None:
    """The filter with the newest names of properties, None if there is none. Raises BatchError."""
    text, known = call.query.get(PARAMETER), table.properties
    if text is None:
        return None
    if call.version.is_newest:
        return fields.read(text, known)
    paths = call.version.paths(table.model, known)
    return fields.renamed(fields.read(text, {own: known[newest] for own, newest in paths.items()}), paths)


def answer(
    call: Call,
    kind: str,
    part: Part[R],
    model: type[M],
    shapes: Iterable[M],
    position: Callable[[R], object],
) -> Response:
    """200 with a page of things of a kind (`pools`), as far as `$select` asks for them. `shapes` are the
    page's rows as they are shown; `position` is what the page after a row begins after."""
    return answers.page(call, kind, model, shapes, _more(call, part, position))


def _more(call: Call, part: Part[R], position: Callable[[R], object]) -> str | None:
    if not part.more:
        return None
    return _next_link(call, str(position(part.rows[-1]) if part.reached is None else part.reached))


def _next_link(call: Call, position: str) -> str:
    """The URL of the page after `position`, with the parameters of this one."""
    given = dict(call.request.query)
    kept = {name: value for name, value in given.items() if name.lower() != paging.SKIP}
    parameters = {**kept, paging.SKIP: paging.make_token(_context(call), position)}
    pairs = (f"{quote(name, safe='$-')}={quote(value, safe='')}" for name, value in parameters.items())
    return f"{call.request.base_url}{call.request.raw_path}?{'&'.join(pairs)}"


def _context(call: Call) -> str:
    """What tells this list from any other: tokens of another one are not for it."""
    return "\n".join([call.account.name, call.request.raw_path, call.query.get(PARAMETER, "")])
