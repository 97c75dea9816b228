"""From a command line that is written for Windows to the words of a program call.

`cmd` reads its own line, so it is given as it is. For other programs blanks divide and double quotes hold
together; backslashes mean nothing but before a double quote, as programs of Windows read their lines.
"""

from __future__ import annotations

_BLANK = " \t"
_SHELLS = ("cmd", "cmd.exe")


def split(command_line: str) -> list[str]:
    """Raises ValueError saying what is wrong."""
    if "\0" in command_line:
        raise ValueError("the command line holds a null character")
    program, rest = _first(command_line.strip())
    if not program:
        raise ValueError("the command line is empty")
    name = program.replace("\\", "/")
    if name.rpartition("/")[2].lower() in _SHELLS:
        return ["cmd", rest.strip()]
    return [name, *_arguments(rest)]


def _first(line: str) -> tuple[str, str]:
    """The program, in which backslashes only divide directories, and what follows."""
    if line.startswith('"'):
        program, _, rest = line[1:].partition('"')
        return program, rest
    end = next((index for index, mark in enumerate(line) if mark in _BLANK), len(line))
    return line[:end], line[end:]


def _arguments(line: str) -> list[str]:
    found: list[str] = []
    word, quoted, begun, slashes = "", False, False, 0
    for mark in line:
        if mark == "\\":
            slashes, begun = slashes + 1, True
            continue
        if mark == '"':
            word += "\\" * (slashes // 2)
            if slashes % 2:
                word += mark
            else:
                quoted = not quoted
            begun = True
        else:
            word += "\\" * slashes
            if mark in _BLANK and not quoted:
                if begun:
                    found.append(word)
                word, begun = "", False
            else:
                word, begun = word + mark, True
        slashes = 0
    word += "\\" * slashes
    return [*found, word] if begun else found
