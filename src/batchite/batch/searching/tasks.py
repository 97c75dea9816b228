"""Tasks of a job as people search for them."""

from __future__ import annotations

from batchite.batch.searching.language import Parsed, Qualifier, parse
from batchite.resources.searches import BY, STATES, By, Pattern, TaskSearch, Term

QUALIFIERS = (
    Qualifier("state", "what has become of it", STATES),
    Qualifier("id", "the task's id", takes_prefix=True),
    Qualifier("node", "where it runs, or ran last", takes_prefix=True),
    Qualifier("exit", "the exit code", is_number=True),
    Qualifier("retries", "how often it was retried", is_number=True),
    Qualifier("cause", "the cause of its failure"),
)


def read(text: str) -> tuple[TaskSearch | None, Parsed]:
    """What the text searches for; None if it has problems."""
    parsed = parse(text, QUALIFIERS)
    if parsed.problems:
        return None, parsed
    names: dict[str, By] = {by: by for by in BY}
    terms = (
        Term(
            names[word.name],
            tuple(Pattern(value.text.lower(), value.is_prefix) for value in word.values),
            word.is_excluded,
        )
        for word in parsed.words
    )
    return TaskSearch(tuple(terms)), parsed
