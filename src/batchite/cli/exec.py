"""`batchite exec`: a command for which the cloud's names lead to the running services.

The command takes the place of this process: its exit code, its signals and its terminal are its own. The
proxy is a process beside it, which ends with it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from batchite.cli import exits, options
from batchite.configuration import endpoints
from batchite.configuration.settings import Settings
from batchite.machine import beside
from batchite.machine.directory_lock import LockedError
from batchite.machine.extras import MissingPackageError

if TYPE_CHECKING:
    from batchite.tls.authority import Authority

HELP = (
    "Run a command that finds the services by the cloud's names. These are NAME.REGION.batch.azure.com and "
    "NAME.blob.core.windows.net of the accounts here; nothing else of the machine changes."
)


def command() -> click.Command:
    """`exec`."""
    offline = click.Option(["--offline"], is_flag=True, help="Refuse what leads elsewhere.")
    words = click.Argument(["words"], nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND…")
    as_json = click.Option(["--json", "as_json"], is_flag=True, help="Tell what is refused as lines of JSON.")
    made = options.command(
        "exec", _exec, help=HELP, settings=("data_dir", "config"), more=(offline, words, as_json)
    )
    made.allow_interspersed_args = False
    return made


def _exec(settings: Settings, offline: bool, words: Sequence[str], as_json: bool) -> None:
    program = _program(words[0])
    options.running_endpoints(settings.data_dir)
    variables = _start_proxy(settings.data_dir, offline, as_json)
    _become(program, words, {**os.environ, **variables})


def _program(word: str) -> str:
    """The file of the command. Ends this one if there is none."""
    found = shutil.which(word)
    if found is None and os.path.exists(word) and os.sep in word:
        exits.fail(f"{word} is no program that can be executed: check its mode", exits.CANNOT_EXECUTE)
    if found is None:
        where = "" if os.sep in word else " in the directories of PATH"
        exits.fail(f"there is no program {word}{where}", exits.NO_PROGRAM)
    return found


def _become(program: str, words: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores both, and programs inherit it
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execve(program, list(words), environment)  # noqa: S606 - what was asked for
    except OSError as error:
        exits.fail(f"{program} cannot be executed: {error.strerror}", exits.CANNOT_EXECUTE)


def _start_proxy(data_dir: Path, offline: bool, as_json: bool) -> dict[str, str]:
    """The variables by which programs find it. Ends the command if there can be none."""
    from batchite.proxy import variables
    from batchite.tls import authority, certificates

    secret = secrets.token_urlsafe(32)
    try:
        signer = authority.own(data_dir)
        kept = Path(tempfile.mkdtemp(prefix="batchite-exec-"))
        bundle = kept / "bundle.pem"
        bundle.write_bytes(
            certificates.bundle([*_readable(variables.trusted_files(os.environ)), signer.file])
        )
        listening = endpoints.listen("127.0.0.1", 0)
        ended = os.pidfd_open(os.getpid())

        def serve() -> None:
            try:
                _serve(data_dir, offline, signer, secret, _saying(as_json), listening, ended)
            finally:
                shutil.rmtree(kept, ignore_errors=True)

        beside.start(serve, (listening.fileno(), ended))
    except (OSError, LockedError, MissingPackageError) as error:
        exits.fail(f"the cloud's names cannot be answered for: {error}")
    url = variables.url(listening.getsockname()[1], secret)
    return variables.through(url, str(bundle), os.environ, offline=offline)


def _readable(files: Sequence[str]) -> list[str]:
    """Of the files that the environment names; a program would not find the others either."""
    return [file for file in files if os.access(file, os.R_OK) and os.path.isfile(file)]


def _serve(
    data_dir: Path,
    offline: bool,
    signer: Authority,
    secret: str,
    say: Callable[[str, str], None],
    listening: socket.socket,
    ended: int,
) -> None:
    """In the process beside the command, until that has ended. What it takes is loaded while that starts."""
    import uvloop

    from batchite.configuration.followed import FollowedAccounts
    from batchite.proxy import outside, server
    from batchite.proxy.connection import Leading
    from batchite.proxy.names import Names
    from batchite.proxy.reaching import Services

    names = Names(FollowedAccounts(data_dir), offline=offline)
    leading = Leading(names, Services(data_dir), outside.of_environment(), signer, secret, say)
    uvloop.run(server.serve(leading, listening, ended))


def _saying(as_json: bool) -> Callable[[str, str], None]:
    """Tells the people at the command what is refused, each thing once: most programs do not show it."""
    told: set[str] = set()

    def say(what: str, sentence: str) -> None:
        if what in told:
            return
        told.add(what)
        line = json.dumps({"refused": sentence}) if as_json else f"batchite exec: {sentence}"
        # In a thread, since whoever should read it may not.
        threading.Thread(target=_print, args=(line,), daemon=True).start()

    return say


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
