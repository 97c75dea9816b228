"""Root file systems of Debian and its relatives, by the system's own tool."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from batchite.images.errors import ImageError
from batchite.images.roots import Filled
from batchite.images.unpacking import unpack

INCLUDED = "python3,ca-certificates"
"""what the layers need"""
_APART = ("unshare", "--mount")
"""What debootstrap mounts and leaves behind when it fails goes with it."""
_SUITE = re.compile(r"[a-z][a-z0-9.-]{0,63}")
_MIRROR = re.compile(r"(https?|file):/[\x21-\x7e]+")
_SHOWN_BYTES = 2000


def bootstrap(suite: str, mirror: str, tree: Path) -> Filled:
    """Fill a tree with a suite, such as bookworm, by mmdebstrap, else by debootstrap. Raises ImageError."""
    check(suite, mirror)
    if program := shutil.which("mmdebstrap"):
        options = ["--mode=root", "--format=tar", "--variant=minbase", f"--include={INCLUDED}"]
        return _unpacked([program, *options, suite, "-", *filter(None, [mirror])], suite, tree)
    if program := shutil.which("debootstrap"):
        with tempfile.TemporaryDirectory(dir=tree.parent) as made:
            options = ["--variant=minbase", f"--include={INCLUDED}"]
            _run([*_APART, program, *options, suite, made, *filter(None, [mirror])], suite)
            return _unpacked(["tar", "--numeric-owner", "-C", made, "-c", "."], suite, tree)
    raise ImageError(
        "neither mmdebstrap nor debootstrap is installed; install one with: apt-get install mmdebstrap, "
        "or make a tar elsewhere and give it with --from-tar"
    )


def check(suite: str, mirror: str) -> None:
    """Raises ImageError."""
    if not _SUITE.fullmatch(suite):
        raise ImageError(
            f"--debootstrap = {suite!r}: a suite is lower-case letters, digits, '.' and '-'; give one such "
            "as bookworm"
        )
    if mirror and not _MIRROR.fullmatch(mirror):
        raise ImageError(
            f"--mirror = {mirror!r}: must be a URL such as http://deb.debian.org/debian; leave it out for "
            "the suite's own"
        )


def _run(command: list[str], suite: str) -> None:
    ended = subprocess.run(  # noqa: S603 - a program of the system, and words that were checked
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if ended.returncode:
        raise _failure("debootstrap", suite, ended.stdout)


def _unpacked(command: list[str], suite: str, tree: Path) -> Filled:
    """What a program writes as a tar. It is given a whole environment, since apt takes proxies from there."""
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(  # noqa: S603 - as above
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        ) as process:
            if process.stdout is None:
                raise ImageError(f"{command[0]} has no output")
            problem: ImageError | None = None
            filled = Filled(0, 0)
            try:
                filled = unpack(process.stdout, tree)
            except ImageError as error:
                problem = error
            while process.stdout.read(1 << 20):
                pass
        if process.returncode:
            said.seek(max(0, said.seek(0, os.SEEK_END) - _SHOWN_BYTES))
            raise _failure(command[0], suite, said.read())
    if problem is not None:
        raise problem
    return filled


def _failure(program: str, suite: str, said: bytes) -> ImageError:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "E ", "W:"))]
    why = errors[0] if errors else (lines or ["it said nothing"])[-1]
    return ImageError(
        f"{os.path.basename(program)} could not make {suite!r}: {why}; look whether the suite is spelled "
        "right and its mirror can be reached, or give another one with --mirror"
    )
