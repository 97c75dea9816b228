"""Tests in an emulated machine, whose control groups are those of version 2 alone, under systemd.

`python -m tests.guest [PYTEST ARGUMENT …]`, as root, with Debian's `mmdebstrap` and `qemu-system-x86`: for
hosts that have version 1 as well, to which the controllers are bound then. The guest is a Debian with this
checkout, as it is committed, and its Python, without a network. Making it takes some minutes once
(`.cache/guest`); a test takes some ten times as long as here, since every instruction is emulated. Ends with
pytest's exit code.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
CACHE = CHECKOUT / ".cache" / "guest"
PACKAGES = "systemd-sysv,linux-image-amd64,python3,ca-certificates,curl,openssl,procps,attr,kmod,iproute2"
DEFAULT = (
    "-m",
    "system",
    "tests/engines/test_cgroups.py",
    "tests/engines/test_machines.py",
    "tests/nodes/sandbox/test_machine.py",
)
SIZE = "6G"
MEMORY_MIB = 3000
MOST_SECONDS = 3600
SAID, CODE = "/said", "/code"
"""files of the guest"""
UNIT = """[Service]
Type=oneshot
ExecStart=/bin/sh /test
[Install]
WantedBy=multi-user.target
"""


def script(arguments: Sequence[str]) -> str:
    """Run by the guest's systemd when it has begun."""
    call = shlex.join([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", "-n0", *arguments])
    return f"""exec > {SAID} 2>&1
ip link set lo up
cat /proc/self/cgroup /sys/fs/cgroup/cgroup.controllers
cd {shlex.quote(str(CHECKOUT))} && PYTHONDONTWRITEBYTECODE=1 {call}
echo $? > {CODE}
sync
systemctl poweroff --force --force
"""


def system() -> Path:
    """A Debian in a directory, made if it is not there."""
    root = CACHE / "debian"
    if not (root / "boot").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        new = CACHE / "new"
        shutil.rmtree(new, ignore_errors=True)
        run("mmdebstrap", "--variant=apt", f"--include={PACKAGES}", "bookworm", str(new))
        new.rename(root)
    return root


def fill(root: Path, arguments: Sequence[str]) -> None:
    """With this checkout, as it is committed, its environment, and what is to be run."""
    inside = root / str(CHECKOUT).lstrip("/")
    shutil.rmtree(inside, ignore_errors=True)
    inside.mkdir(parents=True)
    archive = subprocess.Popen(["git", "archive", "HEAD"], cwd=CHECKOUT, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", str(inside)], stdin=archive.stdout, check=True)
    run(sys.executable, "-m", "compileall", "-q", "-s", str(root), str(inside))  # which takes long in there
    run("cp", "-a", sys.prefix, str(root / str(Path(sys.prefix).parent).lstrip("/")))
    base = root / sys.base_prefix.lstrip("/")
    if not base.exists():
        base.parent.mkdir(parents=True, exist_ok=True)
        run("cp", "-a", sys.base_prefix, str(base))
    (root / "test").write_text(script(arguments))
    unit = root / "etc/systemd/system/test.service"
    unit.write_text(UNIT)
    wants = unit.with_name("multi-user.target.wants")
    wants.mkdir(exist_ok=True)
    (wants / unit.name).unlink(missing_ok=True)
    (wants / unit.name).symlink_to(f"../{unit.name}")


def boot(root: Path) -> Path:
    """Returns when the guest has ended; its disk."""
    disk = CACHE / "disk.img"
    disk.unlink(missing_ok=True)
    run("truncate", "-s", SIZE, str(disk))
    run("mkfs.ext4", "-q", "-d", str(root), str(disk))
    (kernel,) = (root / "boot").glob("vmlinuz-*")
    (first,) = (root / "boot").glob("initrd.img-*")
    words = [
        "qemu-system-x86_64",
        "-accel",
        "tcg,thread=multi",
        "-cpu",
        "max",
        "-smp",
        str(os.cpu_count() or 1),
    ]
    words += ["-m", str(MEMORY_MIB), "-nographic", "-no-reboot", "-net", "none"]
    words += ["-kernel", str(kernel), "-initrd", str(first)]
    words += ["-append", "root=/dev/vda rw console=ttyS0", "-drive", f"file={disk},if=virtio,format=raw"]
    with (CACHE / "console.log").open("wb") as console:
        subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=console, stderr=console, timeout=MOST_SECONDS, check=True
        )
    return disk


def content(disk: Path, path: str) -> str:
    found = subprocess.run(["debugfs", "-R", f"cat {path}", str(disk)], capture_output=True, check=True)
    return found.stdout.decode("utf-8", "replace")


def run(*words: str) -> None:
    subprocess.run(words, check=True)


def main() -> int:
    root = system()
    fill(root, sys.argv[1:] or DEFAULT)
    disk = boot(root)
    print(content(disk, SAID))
    return int(content(disk, CODE).strip() or 1)


if __name__ == "__main__":
    sys.exit(main())
