"""Clients that cannot live in our own environment, each installed into a folder of its own.

SDKs and tools for Python get a virtual environment each, made from a lock file with hashes; those for
JavaScript get what their package-lock.json says. All is kept in `.cache/clients` until a lock file
changes. `make clients` does it before the tests, which otherwise do it when they first need it.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "clients"
OF_2016 = "sdks-of-2016"
PYTHON_LOCKS = {
    OF_2016: ROOT / "examples" / "tutorial_2016" / "requirements.txt",
    **{path.stem: path for path in sorted((HERE / "locks").glob("*.txt"))},
}
JAVASCRIPT = {path.parent.name: path.parent for path in sorted(HERE.glob("javascript/*/package-lock.json"))}
AT_ONCE = 2
"""Much of an installation is waiting for an index."""


class ClientMissingError(Exception):
    """A client could not be installed; the text says which, why, and what to do."""


def python_client(name: str) -> Path:
    """The interpreter that has this client. Raises ClientMissingError."""
    lock = PYTHON_LOCKS[name]
    release = ".".join(map(str, sys.version_info[:3]))
    folder = _installed(
        name, lock.read_bytes() + release.encode(), lambda folder: _install_python(folder, lock)
    )
    return folder / "bin" / "python"


def javascript_client(name: str) -> Path:
    """The folder in which node finds the client. Raises ClientMissingError."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise ClientMissingError(
                f"{program} is needed to test with {name}: install nodejs and npm"
                " (.ci/run does so when it runs as root)"
            )
    source = JAVASCRIPT[name]
    lock = (source / "package-lock.json").read_bytes()
    return _installed(f"javascript-{name}", lock, lambda folder: _install_javascript(folder, source))


def _install_python(folder: Path, lock: Path) -> None:
    venv.create(folder, symlinks=True, with_pip=False)
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    command += ["--disable-pip-version-check", "--no-compile", "--require-hashes", "--no-deps"]
    command += ["--requirement", str(lock)]
    _run(command, folder, f"{lock.relative_to(ROOT)} could not be installed")


def _install_javascript(folder: Path, source: Path) -> None:
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _run(command, folder, f"{source.relative_to(ROOT)} could not be installed")


def _run(command: list[str], folder: Path, failure: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = f"{command[0]} said:\n{done.stdout}\n{done.stderr}".rstrip()
        raise ClientMissingError(f"{failure}; the package index must be reachable. {said}")


def _installed(name: str, version: bytes, install: Callable[[Path], None]) -> Path:
    """The folder of this version; a half-made or older one is replaced."""
    digest = hashlib.sha256(version).hexdigest()
    folder = CACHE / name
    stamp = CACHE / f"{name}.installed"
    with _alone(CACHE / f"{name}.lock"):
        if not (folder.exists() and stamp.exists() and stamp.read_text() == digest):
            stamp.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            install(folder)
            stamp.write_text(digest)
    return folder


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two runs of the tests may want the same client."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        installs = [pool.submit(python_client, name) for name in PYTHON_LOCKS]
        installs += [pool.submit(javascript_client, name) for name in JAVASCRIPT]
        for install in installs:
            install.result()


if __name__ == "__main__":
    try:
        main()
    except ClientMissingError as missing:
        sys.exit(str(missing))
