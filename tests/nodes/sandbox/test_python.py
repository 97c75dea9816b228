"""The node's own Python: what the service can import is visible in it, what pip installs stays in it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.nodes.conftest import RunningAgent
from tests.nodes.peer import Peer, start_task, task, task_directory
from tests.nodes.sandbox.hosted import hosted

from batchite.link.messages import RunEnded
from batchite.nodes.sandbox.python import NodePython

SEEN = "import json, sys; print(json.dumps([sys.prefix, sys.path]))"
MAKE = "import sys; from batchite.nodes.sandbox.python import NodePython; NodePython(sys.argv[1]).make()"


def wheel(directory: Path, name: str, version: str = "1.0") -> Path:
    """A package with one module, which says its version, and one program of the same name, which does too."""
    said = f'def main() -> None:\n    print("{name} {version}")\n'
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": said,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    hashes = {path: hashlib.sha256(text.encode()).digest() for path, text in files.items()}
    record = [
        f"{path},sha256={base64.urlsafe_b64encode(digest).decode().rstrip('=')},{len(files[path])}"
        for path, digest in hashes.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    path = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            archive.writestr(inner, text)
    return path


def installed() -> dict[str, int]:
    """What lies in the environment of this process, which is the service's, and when it was changed last.

    Compiled modules do not count: a Python writes them as it imports.
    """
    places = [Path(sys.prefix, "bin"), *(Path(place) for place in sys.path if place.endswith("-packages"))]
    return {
        str(path): path.stat().st_mtime_ns
        for place in places
        for path in place.iterdir()
        if path.name != "__pycache__"
    }


async def run(service: Peer, node: Path, number: int, command: str) -> str:
    """What a task says, both ways; it must succeed."""
    await service.send(task(number, command))
    ended = await service.ended(number)
    directory = task_directory(node, number)
    said = (directory / "stdout.txt").read_text() + (directory / "stderr.txt").read_text()
    assert ended.exit_code == 0, said
    return said


@pytest.mark.parametrize("pip", ["pip install", "python3 -m pip install --user"])
async def test_what_a_start_task_installs_is_there_for_tasks_and_nobody_else(
    service: Peer, agent: RunningAgent, node: Path, tmp_path: Path, pip: str
) -> None:
    before = installed()
    command = f"{pip} --no-index --no-cache-dir {wheel(tmp_path, 'tinytool')}"
    await service.send(start_task(1, json.dumps({"commandLine": command}).encode()))
    ended = await service.first(RunEnded)
    assert ended.exit_code == 0, (node / "root" / "startup" / "stderr.txt").read_text()
    assert await run(service, node, 1, "tinytool") == "tinytool 1.0\n"
    for number, name in enumerate(("python", "python3", f"python3.{sys.version_info.minor}"), 2):
        said = await run(
            service, node, number, f"{name} -c 'import tinytool, msgspec; print(tinytool.__file__)'"
        )
        assert Path(said.strip()).is_relative_to(node)
    assert installed() == before


async def test_packages_of_the_service_are_replaced_for_the_node_alone(
    service: Peer, agent: RunningAgent, node: Path, tmp_path: Path
) -> None:
    """Also those it runs on itself, in either way, and pip by any of its names."""
    before = installed()
    options = "--no-index --no-cache-dir --no-deps"
    for number, (pip, name) in enumerate(
        [(f"pip3.{sys.version_info.minor} install", "click"), ("pip3 install --user", "msgspec")]
    ):
        said = await run(service, node, number, f"{pip} {options} {wheel(tmp_path, name, '99.0')}")
        assert f"Successfully installed {name}-99.0" in said
    said = await run(service, node, 2, "python -c 'import click, msgspec; click.main(); msgspec.main()'")
    assert said == "click 99.0\nmsgspec 99.0\n"
    assert installed() == before


@pytest.mark.parametrize("kind", ["venv", "venv on a venv", "system"])
def test_it_is_made_by_any_interpreter(tmp_path: Path, kind: str) -> None:
    """Neither `venv` nor `ensurepip` is needed for it."""
    service = sys.executable
    if kind == "venv on a venv":
        words = [
            sys.executable,
            "-m",
            "venv",
            "--system-site-packages",
            "--without-pip",
            str(tmp_path / "venv"),
        ]
        subprocess.run(words, check=True)
        service = str(tmp_path / "venv" / "bin" / "python")
    elif kind == "system":
        service = sys._base_executable
    path = json.loads(subprocess.check_output([service, "-c", SEEN], text=True))[1]
    source = str(Path(__file__).parents[3] / "src")
    environment = {"PYTHONPATH": os.pathsep.join([source, *filter(None, path)])}
    made = tmp_path / "python"
    subprocess.run([service, "-S", "-P", "-c", MAKE, str(made)], env=environment, check=True)
    prefix, seen = json.loads(subprocess.check_output([made / "bin" / "python", "-c", SEEN], text=True))
    assert prefix == str(made)
    assert {place for place in path if place.endswith("-packages")} <= set(seen)
    assert seen.index(str(made / "lib" / f"python3.{sys.version_info.minor}" / "site-packages")) < min(
        seen.index(place) for place in path if place.endswith("-packages")
    )


def begin(node: Path) -> None:
    """As a node does whenever it begins anew."""
    with hosted("process", node):
        pass


def test_it_is_kept_as_long_as_it_fits(tmp_path: Path) -> None:
    begin(tmp_path)
    packages = tmp_path / "python" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (packages / "mine.py").touch()
    begin(tmp_path)
    assert (packages / "mine.py").exists()
    configuration = tmp_path / "python" / "pyvenv.cfg"
    configuration.write_text(configuration.read_text().replace("version = 3.", "version = 2."))
    begin(tmp_path)
    assert not (packages / "mine.py").exists()
    assert NodePython(str(tmp_path / "python")).is_made


@pytest.mark.parametrize("plant", ["fifo", "directory", "device", "other"])
def test_what_tasks_put_in_its_place_is_not_followed(tmp_path: Path, plant: str) -> None:
    elsewhere = NodePython(str(tmp_path / "elsewhere"))
    elsewhere.make()
    made = NodePython(str(tmp_path / "node" / "python"))
    made.make()
    configuration = Path(made.path, "pyvenv.cfg")
    configuration.unlink()
    {
        "fifo": lambda: os.mkfifo(configuration),
        "directory": lambda: configuration.mkdir(),
        "device": lambda: configuration.symlink_to("/dev/zero"),
        "other": lambda: configuration.symlink_to(tmp_path / "elsewhere" / "pyvenv.cfg"),
    }[plant]()
    assert not made.is_made


def test_what_is_no_python_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    begin(tmp_path)
    assert not (tmp_path / "python").is_symlink()
    assert NodePython(str(tmp_path / "python")).is_made
    assert os.listdir(tmp_path / "elsewhere") == []
