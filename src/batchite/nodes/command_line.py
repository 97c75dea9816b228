"""From a command line to the words of a program call, without a shell.

Quotes and backslashes work as in a POSIX shell (between double quotes a backslash protects only a
double quote or a backslash); variables, wildcards, pipes and redirections mean
nothing, exactly as on Azure. Who wants them starts a shell: `/bin/sh -c "..."`.
"""

from __future__ import annotations


def split(command_line: str) -> list[str]:
    """Raises ValueError saying what is wrong."""
    if any(special in command_line for special in "'\"\\"):
        words = _lexed(command_line)
    else:
        words = command_line.split()
    if not words:
        raise ValueError("the command line is empty")
    if "\0" in command_line:
        raise ValueError("the command line holds a null character")
    return words


def _lexed(command_line: str) -> list[str]:
    import shlex  # most command lines have no quotes, and then this is never loaded

    try:
        return shlex.split(command_line)
    except ValueError as error:
        raise ValueError(f"the command line has unbalanced quotes ({error})") from None
