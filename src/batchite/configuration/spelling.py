"""What a mistyped word was meant to be."""

from __future__ import annotations

from collections.abc import Collection


def hint(word: str, known: Collection[str]) -> str:
    """The known word nearest to it as a question, or all of them where none is near."""
    import difflib  # only here: most words are right

    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
