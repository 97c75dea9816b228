"""Templates: plain values in, HTML out.

Whatever a template writes is escaped, and characters that do more than be seen are made visible first, so
no author of a page can forget it. What is absent shows as a dash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from batchite import __version__
from batchite.portal import durations, static, tones
from batchite.portal.naming import visible
from batchite.portal.visit import DOCS, address
from batchite.wire.ticks import Duration

HERE = Path(__file__).resolve().parent
ABSENT = "–"
LIVE = "live"
"""the block that is rendered again when what it shows has changed"""


def shown(value: object) -> object:
    """A value as it is written into a page, before it is escaped."""
    if isinstance(value, Markup):
        return value
    if value is None or value is msgspec.UNSET:
        return ABSENT
    if isinstance(value, Enum):
        return shown(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Duration):
        return durations.words(value)
    return visible(str(value))


@cache
def environment() -> Environment:
    """Made when the first page is asked for."""
    made = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    made.globals.update(
        static=static.url, address=address, tone=tones.tone, spoken=tones.spoken, version=__version__
    )
    made.globals["docs_path"] = DOCS
    made.filters["digest"] = digest
    made.filters["trusted"] = Markup  # HTML of our own making: nothing of strangers
    made.globals["ui"] = _macros(made)
    return made


def _macros(made: Environment) -> Any:
    """Of `layout/ui.html`, for every template without an import: `{{ ui.state(pool.state) }}`."""
    return made.get_template("layout/ui.html").module


def digest(text: str) -> str:
    """Tells a text from others."""
    return hashlib.blake2s(text.encode(), digest_size=8).hexdigest()


def page(template: str, values: Mapping[str, object]) -> str:
    return environment().get_template(template).render(values)


def live_block(template: str, values: Mapping[str, object]) -> str:
    """Only what changes of the page."""
    found: Template = environment().get_template(template)
    context = found.new_context(dict(values))
    return "".join(found.blocks[LIVE](context))
