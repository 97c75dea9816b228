"""Builds wheel and sdist, installs each into fresh environments, and runs the tutorial in every one.

`make package`. For each Python named (or found: 3.11 to 3.13), once with the lowest versions of the direct
dependencies that `pyproject.toml` allows and once with the newest. The wheel is installed with the lowest,
the sdist with the newest, so that both are tried.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("python3.11", "python3.12", "python3.13")
CLIENTS = ("azure-batch>=15.1,<16", "azure-storage-blob>=12.24,<13")
"""What the tutorial itself imports."""
TIMEOUT = 900


def main() -> int:
    """The exit code: 0 if every environment ran the tutorial."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="*", help="Python programs; those of 3.11 to 3.13 found if none")
    pythons = parser.parse_args().pythons or [name for name in PYTHONS if _runs(name)]
    with tempfile.TemporaryDirectory(prefix="package-") as place:
        work = Path(place)
        wheel, sdist = _build(work / "dist")
        uv = _uv(work / "uv")
        for python in pythons:
            for resolution, package in (("lowest-direct", wheel), ("highest", sdist)):
                _try(uv, python, resolution, package, work)
    print(f"{2 * len(pythons)} environments ran the tutorial: {', '.join(pythons)}")
    return 0


def _runs(python: str) -> bool:
    """A name on the path may be a shim for a Python that is not there."""
    return (
        shutil.which(python) is not None
        and subprocess.run([python, "-V"], capture_output=True).returncode == 0
    )


def _build(target: Path) -> tuple[Path, Path]:
    _run([sys.executable, "-m", "hatchling", "build", "-d", str(target)], cwd=ROOT)
    (wheel,), (sdist,) = target.glob("*.whl"), target.glob("*.tar.gz")
    return wheel, sdist


def _uv(environment: Path) -> str:
    """Resolves versions, which pip cannot do for the lowest."""
    _run([sys.executable, "-m", "venv", str(environment)])
    _run([str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "uv"])
    return str(environment / "bin" / "uv")


def _try(uv: str, python: str, resolution: str, package: Path, work: Path) -> None:
    print(f"{python}, {resolution} versions, {package.name} ...", flush=True)
    environment = work / f"{Path(python).name}-{resolution}"
    _run([python, "-m", "venv", str(environment)])
    own = str(environment / "bin" / "python")
    install = [uv, "pip", "install", "--quiet", "--python", own]
    _run([*install, "--resolution", resolution, f"batchite[all] @ {package.as_uri()}"])
    _run([*install, *CLIENTS])
    _run([own, "-m", "pip", "check"])
    elsewhere = environment / "elsewhere"
    elsewhere.mkdir()
    _run([str(environment / "bin" / "batchite"), "--version"], cwd=elsewhere)
    _run([own, str(ROOT / "examples" / "run_tutorial.py")], cwd=elsewhere)


def _run(words: Sequence[str], cwd: Path | None = None) -> None:
    """Ends this program, showing what was said, if the command fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
    )
    if done.returncode:
        sys.exit(f"{' '.join(words)}\nended with code {done.returncode}:\n{done.stdout[-4000:]}")


if __name__ == "__main__":
    sys.exit(main())
