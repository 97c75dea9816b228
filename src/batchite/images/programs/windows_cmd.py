"""`cmd` of nodes whose image is one of Windows: what simple task command lines ask of it, and no more.

It becomes a file of the layer `windows` and runs without Batchite, by whatever Python the node has; so it
imports little, and nothing of ours. What it understands is the table in `tests/images/test_windows_cmd.py`.
For everything else it says that this is a Linux node, and ends with 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

NEXT = "Write the command line for Linux, such as /bin/sh -c '...', or give the pool an image of Linux."
SWITCHES = ("/s", "/q", "/d")
"""that change nothing here"""

OTHERWISE = frozenset((
    "assoc", "break", "call", "cls", "color", "date", "del", "dir", "endlocal", "erase", "find",
    "for", "ftype", "goto", "if", "md", "mkdir", "mklink", "more", "move", "path", "pause", "popd",
    "prompt", "pushd", "rd", "ren", "rename", "rmdir", "setlocal", "shift", "sort", "start", "time",
    "timeout", "title", "ver", "verify", "vol", "where",
))  # fmt: skip
"""They mean something else on Linux, or nothing."""

NULL = "nul"
BLANK = " \t"


class RefusalError(Exception):
    """What is not understood: the text names it."""


class Command:
    """One command of a line: its text, where its output goes, and when it runs."""

    def __init__(self, joined_by: str) -> None:
        self.joined_by = joined_by
        self.text = ""
        self.target = ""
        self.appends = False
        self.before = 0
        """how much of the text stands before the target: blanks behind that are none of the text"""


class Exit(Exception):  # noqa: N818 - no error
    def __init__(self, code: int) -> None:
        self.code = code


# -- reading a line


def line_of(arguments: list[str]) -> str:
    """What follows `/c`. Raises RefusalError."""
    rest = " ".join(arguments).strip(BLANK)
    while rest.startswith("/"):
        switch, rest = rest[:2].lower(), rest[2:].lstrip(BLANK)
        if switch == "/c":
            return _unquoted(rest)
        if switch not in SWITCHES:
            raise RefusalError(f"the switch {switch}")
    raise RefusalError("cmd without /c, which waits for somebody to type,")


def _unquoted(line: str) -> str:
    """Without the quotes around the whole line, as cmd takes them off; those of a lone program stay."""
    if not line.startswith('"'):
        return line
    head, _, tail = line[1:].rpartition('"')
    is_program = line.count('"') == 2 and not tail and _found(_path(head))
    return line if is_program or '"' not in line[1:] else head + tail


def expanded(line: str) -> str:
    """With the values of variables, all at once before anything runs; unknown ones stay as written."""
    known = {name.upper(): value for name, value in os.environ.items()}
    known.setdefault("CD", os.getcwd())
    parts = line.split("%")
    done = parts[0]
    index = 1
    while index < len(parts):
        name = parts[index].upper()
        if index + 1 < len(parts) and name in known:
            done += known[name] + parts[index + 1]
            index += 2
        elif ":" in name and name.partition(":")[0] in known:
            raise RefusalError(f"%{parts[index]}%, a part of a variable,")
        else:
            done += "%" + parts[index]
            index += 1
    return done


def commands(line: str) -> list[Command]:
    """The commands of a line, in order. Raises RefusalError."""
    found = [Command("")]
    quoted = False
    into_target = False
    index = 0
    while index < len(line):
        mark, pair = line[index], line[index : index + 2]
        if mark == '"':
            quoted = not quoted
        elif quoted:
            pass
        elif mark == "^" and index + 1 < len(line):
            index += 1
            mark = line[index]
        elif pair in ("&&", "||") or mark == "&":
            found.append(Command(pair if pair in ("&&", "||") else "&"))
            index += len(found[-1].joined_by)
            into_target = False
            continue
        elif mark == ">":
            _begin_target(found[-1], pair == ">>")
            into_target = True
            index += 2 if pair == ">>" else 1
            continue
        elif mark in "|<()":
            raise RefusalError(f"{mark!r} between commands")
        if into_target and mark in BLANK and not quoted and found[-1].target.strip(BLANK):
            into_target = False
        if into_target:
            found[-1].target += mark
        else:
            found[-1].text += mark
        index += 1
    return found


def _begin_target(command: Command, appends: bool) -> None:
    if command.target or (command.text[-1:] in ("0", "1", "2") and command.text[-2:-1] in ("", " ")):
        raise RefusalError("'>' with a number, or twice,")
    command.appends, command.before = appends, len(command.text)


def words(text: str) -> list[str]:
    """Split at blanks; quotes hold together and go."""
    found: list[str] = []
    word, quoted, begun = "", False, False
    for mark in text:
        if mark == '"':
            quoted, begun = not quoted, True
        elif mark in BLANK and not quoted:
            if begun:
                found.append(word)
            word, begun = "", False
        else:
            word, begun = word + mark, True
    return [*found, word] if begun else found


def _path(word: str) -> str:
    """As Linux writes it. Raises RefusalError for a drive."""
    if word[1:2] == ":":
        raise RefusalError(f"the drive of {word!r}")
    return os.devnull if word.lower() == NULL else word.replace("\\", "/")


# -- running


def run(line: str) -> int:
    """The exit code of the last command."""
    code = 0
    for command in commands(expanded(line)):
        if (command.joined_by == "&&" and code) or (command.joined_by == "||" and not code):
            continue
        code = _run(command)
    return code


def _run(command: Command) -> int:
    text = command.text[: command.before] + command.text[command.before :].rstrip(BLANK)
    text = (text if command.target else command.text).lstrip(BLANK + "@")
    if not text.strip(BLANK):
        return 0
    output = _opened(command)
    try:
        name, rest = _name(text)
        if name in BUILT_IN:
            return BUILT_IN[name](rest, output)
        return _call(text, output)
    except RefusalError as refusal:
        return refused(str(refusal))
    except OSError as error:
        return _complain(f"{error.filename or text}: {error.strerror}")
    finally:
        if output != 1:
            os.close(output)


def _opened(command: Command) -> int:
    target = words(command.target)
    if not target:
        return 1
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if command.appends else os.O_TRUNC)
    return os.open(_path(target[0]), flags, 0o666)


def _name(text: str) -> tuple[str, str]:
    """`echo.` and `cd..` need no blank."""
    end = next((index for index, mark in enumerate(text) if mark in BLANK + "./\\,;=:"), len(text))
    name = text[:end].lower()
    if name in BUILT_IN and (name in ("echo", "cd", "chdir") or text[end : end + 1] in ("", *BLANK, "/")):
        return name, text[end:]
    return "", text


def _say(output: int, text: str) -> None:
    data = memoryview(os.fsencode(text))
    while data:
        data = data[os.write(output, data) :]


def _complain(text: str) -> int:
    _say(2, text + "\n")
    return 1


def refused(what: str) -> int:
    return _complain(f"cmd: {what}: a Windows command on a Linux node. {NEXT}")


def _echo(rest: str, output: int) -> int:
    word = rest.strip(BLANK)
    if word.lower() not in ("on", "off"):
        _say(output, (rest[1:] if word else "ECHO is on.") + "\n")
    return 0


def _set(rest: str, output: int) -> int:
    text = rest.lstrip(BLANK)
    if text.startswith("/"):
        raise RefusalError(f"set {text[:2]}")
    if text.startswith('"'):
        text = text[1:].rpartition('"')[0] or text[1:]
    name, is_given, value = text.partition("=")
    if is_given:
        name = next((known for known in os.environ if known.upper() == name.upper()), name)
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)
        return 0
    prefix = name.strip(BLANK).upper()
    found = sorted(known for known in os.environ if known.upper().startswith(prefix))
    _say(output, "".join(f"{known}={os.environ[known]}\n" for known in found))
    return 0 if found else _complain(f"Environment variable {name.strip(BLANK)} not defined")


def _cd(rest: str, output: int) -> int:
    text = rest.strip(BLANK)
    if text[:2].lower() == "/d":
        text = text[2:].strip(BLANK)
    if not text:
        _say(output, os.getcwd() + "\n")
        return 0
    try:
        os.chdir(_path(text.replace('"', "")))
    except OSError:
        return _complain("The system cannot find the path specified.")
    return 0


def _type(rest: str, output: int) -> int:
    names = words(rest)
    if not names:
        return _complain("The syntax of the command is incorrect.")
    for name in names:
        try:
            file = os.open(_path(name), os.O_RDONLY)
        except OSError:
            return _complain("The system cannot find the file specified.")
        try:
            _pour(file, output)
        finally:
            os.close(file)
    return 0


def _pour(file: int, output: int) -> None:
    while part := os.read(file, 1 << 20):
        data = memoryview(part)
        while data:
            data = data[os.write(output, data) :]


def _copy(rest: str, output: int) -> int:
    given = words(rest)
    switches = [word.lower() for word in given if word.startswith("/") and len(word) == 2]
    if set(switches) - {"/y", "/b"} or any("+" in word for word in given):
        raise RefusalError(f"copy{rest}")
    names = [_path(word) for word in given if word.lower() not in switches]
    if not 1 <= len(names) <= 2:
        return _complain("The syntax of the command is incorrect.")
    sources, target = list(_matching(names[0])), names[1] if len(names) == 2 else "."
    if not sources:
        return _complain("The system cannot find the file specified.")
    if len(sources) > 1 and not os.path.isdir(target):
        raise RefusalError(f"copy{rest}, which makes one file of several,")
    for source in sources:
        _copy_file(
            source, os.path.join(target, os.path.basename(source)) if os.path.isdir(target) else target
        )
    _say(output, f"{len(sources):9} file(s) copied.\n")
    return 0


def _matching(name: str) -> Iterator[str]:
    if "*" in name or "?" in name:
        import glob

        found = sorted(glob.glob(name.replace("[", "[[]")))
    elif os.path.isdir(name):
        found = [os.path.join(name, entry) for entry in sorted(os.listdir(name))]
    else:
        found = [name]
    return (one for one in found if os.path.isfile(one))


def _copy_file(source: str, target: str) -> None:
    file = os.open(source, os.O_RDONLY)
    try:
        new = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            _pour(file, new)
        finally:
            os.close(new)
    finally:
        os.close(file)


def _exit(rest: str, _output: int) -> int:
    number = words(rest)
    if number and number[0].lower() == "/b":
        number = number[1:]
    try:
        raise Exit(int(number[0]) if number else 0)
    except ValueError:
        raise RefusalError(f"exit{rest}") from None


def _call(text: str, output: int) -> int:
    """A program of the node, by a name that means nothing else in Windows."""
    line = words(text)
    program = _path(line[0])
    if program.lower() in OTHERWISE or not _found(program):
        raise RefusalError(line[0])
    actions = [(os.POSIX_SPAWN_DUP2, output, 1)] if output != 1 else []
    pid = os.posix_spawnp(program, line, os.environ, file_actions=actions)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code


def _found(program: str) -> bool:
    places = [""] if "/" in program else [f"{part}/" for part in os.environ.get("PATH", "").split(":")]
    return any(os.access(place + program, os.X_OK) and os.path.isfile(place + program) for place in places)


BUILT_IN: dict[str, Callable[[str, int], int]] = {
    "echo": _echo,
    "set": _set,
    "cd": _cd,
    "chdir": _cd,
    "type": _type,
    "copy": _copy,
    "exit": _exit,
}


def main() -> int:
    try:
        return run(line_of(sys.argv[1:]))
    except Exit as exit_:
        return exit_.code & 0xFF
    except RefusalError as refusal:
        return refused(str(refusal))


if __name__ == "__main__":
    sys.exit(main())
