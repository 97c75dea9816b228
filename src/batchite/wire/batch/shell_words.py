"""What of a command line means something to a shell, and nothing where none is started.

Commands run without a shell, as in Azure. `echo $HOME > out.txt` prints its three words, which is rarely what
was meant. Found are words, or the beginnings of words, that no quote and no backslash protects; where a shell
is the program, or is started by the usual ones that start others, nothing is. A wildcard behind an option is
left alone: `find . -name *.txt` is meant for the program.
"""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 3
"""Words that are named."""
LONGEST: Final = 40
"""Characters of each."""
_EXAMINED: Final = 4096
"""Characters of a command line that are looked at."""

_MARKS = re.compile(r"[$|>&*]")
_SHELLS = frozenset(
    ("sh", "bash", "dash", "zsh", "ksh", "fish", "csh", "tcsh", "busybox", "cmd", "powershell", "pwsh")
)
_WORD = re.compile(
    r"""(?: [^\s'"\\] | '[^']*' | "(?:\\.|[^"\\])*" | \\. )+""",
    re.VERBOSE | re.DOTALL,
)
_PROTECTED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.""", re.DOTALL)
_OPERATOR = re.compile(r"(?:\|\|?|&&|[0-9&]?>>?)")
_VARIABLE = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})")


def may_need(command_line: str) -> bool:
    """Whether it is worth a look; nearly nothing for the most."""
    return _MARKS.search(command_line) is not None


def needing(command_line: str) -> tuple[str, ...]:
    """Such words as they are written, the first ones; none if a shell sees them."""
    if not may_need(command_line):
        return ()
    examined = command_line[:_EXAMINED]
    words = _WORD.findall(examined)
    if _WORD.sub("", examined).strip() or any(map(_is_shell, words)):
        return ()  # a quote that does not end is told when the task runs
    found: list[str] = []
    before = ""
    for place, word in enumerate(words):
        if place and _means_something(word, before):
            found.append(word[:LONGEST])
            if len(found) == MOST:
                break
        before = word
    return tuple(found)


def _is_shell(word: str) -> bool:
    """Wherever it stands: `timeout 60 sh -c "..."`, too."""
    name = word.strip("\"'").replace("\\", "/").rpartition("/")[2].lower()
    return name.removesuffix(".exe") in _SHELLS


def _means_something(word: str, before: str) -> bool:
    bare = _PROTECTED.sub("", word)
    if _VARIABLE.search(bare):
        return True
    operator = _OPERATOR.match(word)
    if operator is not None:
        return True
    return "*" in bare and not word.startswith("-") and not before.startswith("-")
