"""A start task of 2016, command by command, on a node of an image of then. It fetches from mirrors."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.nodes.sandbox.hosted import ADMIN, USER, Hosted

from batchite.images import roots
from batchite.images.bootstrapping import bootstrap
from batchite.images.node_images import NodeImages
from batchite.nodes.sandbox.base import User

pytestmark = pytest.mark.system

IMAGE = "Canonical:UbuntuServer:14.04.5-LTS:latest"
MIRRORS = ("http://deb.debian.org/debian/dists/bookworm/InRelease", "https://pypi.org/simple/azure-storage/")
SECONDS = 300.0
START = ("startup",)
TASK = ("workitems", "job", "job-1", "task")
START_TASK = (
    "cp -r $AZ_BATCH_TASK_WORKING_DIR/* $AZ_BATCH_NODE_SHARED_DIR",
    "apt-get update",
    "apt-get -y install python-pip",
    "apt-get -y install build-essential libssl-dev libffi-dev python-dev",
    "pip install azure-storage",
)
SCRIPT = "import sys; from azure.storage.blob import BlockBlobService as b; print(b.__name__, sys.argv[1])"
SYSTEM = ("/etc", "/usr", "/opt", "/var/lib/dpkg")


@pytest.fixture(scope="module", autouse=True)
def mirrors() -> None:
    for url in MIRRORS:
        try:
            urllib.request.urlopen(url, timeout=10).close()  # noqa: S310 - see above
        except OSError as error:
            pytest.skip(f"{url} cannot be reached: {error}")


@pytest.fixture
def untouched() -> Iterator[None]:
    """No file of this machine's system is another one afterwards."""
    before = files_of_the_system()
    yield
    assert files_of_the_system() == before


def files_of_the_system() -> set[str]:
    find = ["find", *SYSTEM, "-xdev", "!", "-type", "d", "-printf", "%p %s %m %U %T@ %l\n"]
    return set(subprocess.run(find, check=True, capture_output=True, text=True).stdout.splitlines())


def begin(node: Hosted, directory: Sequence[str], user: User) -> None:
    node.prepare(directory, user)
    node.land(directory, "task.py", SCRIPT, user=user)


def do(node: Hosted, directory: Sequence[str], command: str, user: User) -> str:
    variables = {
        "AZ_BATCH_NODE_SHARED_DIR": f"{node.root}/shared",
        "AZ_BATCH_TASK_WORKING_DIR": "/".join((node.root, *directory, "wd")),
        "DEBIAN_FRONTEND": "noninteractive",
        "LANG": "C.UTF-8",
    }
    over = node.spawn(directory, "/bin/bash", "-c", command, environment=variables, user=user).over(SECONDS)
    said = node.said(directory)
    assert over.exit_code == 0, f"{command}\n{said[-2000:]}\n{node.said(directory, 'stderr')[-2000:]}"
    return said


@pytest.fixture(params=["this machine", "a clean system"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A service's directory, in which a root file system for images of then may have been added."""
    directory = tmp_path / "data"
    if request.param == "a clean system":
        if not (shutil.which("mmdebstrap") or shutil.which("debootstrap")):
            pytest.skip("needs mmdebstrap (apt-get install mmdebstrap)")
        roots.add(directory, "period", "bookworm", lambda tree: bootstrap("bookworm", "", tree))
    return directory


def test_the_start_task_of_then_and_a_task_of_another_user(
    untouched: None, data: Path, tmp_path: Path
) -> None:
    image = NodeImages(data, ()).of(IMAGE)
    node = Hosted("machine", tmp_path / "node", image=image)
    try:
        begin(node, START, ADMIN)
        for command in START_TASK:
            do(node, START, command, ADMIN)
        begin(node, TASK, USER)
        said = do(node, TASK, "python $AZ_BATCH_NODE_SHARED_DIR/task.py $(id -u)", USER)
        assert said == "BlockBlobService 1000\n"
    finally:
        node.close()
