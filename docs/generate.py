"""Writes the pages and files that are made of data in the code: `make docs`. With --check, only compares."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from batchite.batch import supported
from batchite.batch.explaining import catalogue
from batchite.blobs import refusals
from batchite.blobs.authentication import Needs
from batchite.blobs.operations import OPERATIONS, Operation
from batchite.cli import exits
from batchite.cli.commands import application
from batchite.cli.grammar import leaf_commands
from batchite.configuration.settings import CONFIG, FIDELITY, SANDBOX, SCHEDULING, SETTINGS, Setting
from batchite.wire.batch import errors as batch_errors
from batchite.wire.blob import errors as blob_errors

HERE = Path(__file__).resolve().parent
MARK = "<!-- made by docs/generate.py; below this line nothing is written by hand -->\n"


def settings_table() -> str:
    """All settings, a row each."""
    head = "| flag | variable | in the config file | default | what it decides |\n"
    return (
        head
        + "| --- | --- | --- | --- | --- |\n"
        + "".join(_settings_row(setting) for setting in (*SETTINGS, CONFIG))
        + _fidelity_table()
        + _sandbox_table()
        + _scheduling_table()
    )


def _fidelity_table() -> str:
    return (
        "\n## As the cloud does, or otherwise\n\n"
        "The defaults of `[fidelity]` are what the cloud does, though sooner where it takes hours.\n\n"
        + _rows_of_a_table(FIDELITY)
    )


def _sandbox_table() -> str:
    return (
        "\n## What nodes are kept apart by\n\n"
        "[How nodes are kept apart](sandbox.md) says what each tier is.\n\n" + _rows_of_a_table(SANDBOX)
    )


def _scheduling_table() -> str:
    return (
        "\n## In which order tasks start\n\n"
        "As in the cloud, unless something is said here; "
        "[what it means](batch.md#in-which-order-tasks-start).\n\n" + _rows_of_a_table(SCHEDULING)
    )


def _rows_of_a_table(settings: Sequence[Setting]) -> str:
    head = "| in the config file | variable | default | what it decides |\n| --- | --- | --- | --- |\n"
    return head + "".join(
        f"| `{setting.place}` | `{setting.variable}` | {_default(setting)} | {setting.help} |\n"
        for setting in settings
    )


def _default(setting: Setting) -> str:
    return setting.shown_default or f"`{setting.default_text}`"


def _settings_row(setting: Setting) -> str:
    name = "" if setting is CONFIG else f"`{setting.name}`"
    return f"| `{setting.flag}` | `{setting.variable}` | {name} | {_default(setting)} | {setting.help} |\n"


def blob_tables() -> str:
    """The operations of the Blob service with what they need, then what is refused by name."""
    return f"{_operations_table()}\n{_refusals_table()}"


def _operations_table() -> str:
    head = (
        "## Operations\n\n| | on a | query | account SAS | service or user delegation SAS | anybody |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "".join(_operation_row(*key, operation) for key, operation in OPERATIONS.items())


def _operation_row(level: str, kind: str, component: str, verb: str, operation: Operation) -> str:
    needs = operation.needs
    pairs = (("restype", kind), ("comp", component))
    query = "&".join(f"{name}={value}" for name, value in pairs if value)
    public = f"public access `{needs.public}`" if needs.public else ""
    if needs.public == "blob":
        public += " or `container`"
    account = "bearer token only" if needs.bearer else _granting(operation, lambda needs: needs.account)
    service = _granting(operation, lambda needs: needs.service)
    return f"| {verb} | {level} | {f'`{query}`' if query else ''} | {account} | {service} | {public} |\n"


def _granting(operation: Operation, letters: Callable[[Needs], frozenset[str]]) -> str:
    """The permissions that allow it, and those for special cases."""
    cases = [
        ("", operation.needs),
        *((f" with `{name}`", needs) for name, needs in operation.narrower.items()),
    ]
    if operation.breaking is not None:
        cases.append((" to break", operation.breaking))
    return ", ".join(f"{_letters(letters(needs))}{case}" for case, needs in cases if letters(needs))


def _letters(letters: frozenset[str]) -> str:
    return " or ".join(f"`{letter}`" for letter in sorted(letters)) if len(letters) < 5 else "any"


def _refusals_table() -> str:
    head = "## Refused by name\n\n| where | what | why |\n| --- | --- | --- |\n"
    headers = "".join(f"| header | `{name}` | {why} |\n" for name, why in sorted(refusals.HEADERS.items()))
    components = "".join(
        f"| query, on a {level} | `comp={component}` | not supported |\n"
        for level, names in refusals.COMPONENTS.items()
        for component in sorted(names)
    )
    return head + headers + components


def command_tables() -> str:
    """The commands, and what their exit codes mean."""
    commands = "".join(
        f"| `batchite {' '.join(path)}` | {(command.help or '').replace('|', '&#124;')} |\n"
        for path, command in leaf_commands(application())
    )
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in exits.MEANINGS.items())
    return (
        "| command | what it does |\n| --- | --- |\n" + commands + "\n"
        "| exit code | |\n| --- | --- |\n" + codes
    )


PAGES = {
    "command-line.md": command_tables,
    "batch.md": supported.operations,
    "explain.md": catalogue.page,
    "settings.md": settings_table,
    "honoured.md": supported.properties,
    "blob.md": blob_tables,
    "batch-errors.md": lambda: errors_table(batch_errors.CODES),
    "blob-errors.md": lambda: errors_table(blob_errors.CODES),
}


DATA = {"honoured.json": supported.data}
"""What pages say, for programs."""


def errors_table(codes: Mapping[str, tuple[int, str]]) -> str:
    """Every code with its status and text, below a heading that can be pointed to."""
    return "\n".join(f"## {code}\n\n{status}. {text}\n" for code, (status, text) in sorted(codes.items()))


def _page(text: str, made: str) -> str:
    """A page whose first part is written by hand."""
    return text.partition(MARK)[0] + MARK + "\n" + made


def _files() -> Iterator[tuple[Path, str]]:
    """Every file that is made, and what it has to say."""
    for name, make in PAGES.items():
        yield HERE / name, _page((HERE / name).read_text(encoding="utf-8"), make())
    for name, data in DATA.items():
        yield HERE / name, json.dumps(data(), indent=1) + "\n"


def main(check: bool) -> int:
    """Bring every file up to date, or say which ones are not; the exit code."""
    stale = []
    for path, made in _files():
        if not path.exists() or path.read_text(encoding="utf-8") != made:
            stale.append(path.name)
            if not check:
                path.write_text(made, encoding="utf-8")
    if stale and check:
        print(f"{', '.join(stale)}: not as the code says; run: make docs", file=sys.stderr)
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
