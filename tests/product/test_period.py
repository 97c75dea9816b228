"""A start task of 2016 on nodes of an image of then, which are machines. It fetches from mirrors."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.batch import models
from tests.product.test_images import ADMIN, MACHINES, opened, pool_of
from tests.proxy.clients import article
from tests.service.house import sh, until

from batchite.images import roots
from batchite.images.bootstrapping import bootstrap
from batchite.testing import running_service

pytestmark = pytest.mark.system

MIRRORS = ("http://deb.debian.org/debian/dists/bookworm/InRelease", "https://pypi.org/simple/azure-storage/")
SECONDS = 600.0
START_TASK = (
    "cp -r $AZ_BATCH_TASK_WORKING_DIR/* $AZ_BATCH_NODE_SHARED_DIR",
    "apt-get update",
    "apt-get -y install python-pip",
    "apt-get -y install build-essential libssl-dev libffi-dev python-dev",
    "pip install azure-storage",
)
SCRIPT = b"import sys; from azure.storage.blob import BlockBlobService as b; print(b.__name__, sys.argv[1])"
SYSTEM = ("/etc", "/usr", "/opt", "/var/lib/dpkg")
CHECKOUT = Path(__file__).parents[2]


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
    """But for what others keep there: what Python compiles, these sources, if they lie there, and what other
    runs of tests have put there for a while."""
    others = ["-name", "__pycache__", "-o", "-path", str(CHECKOUT), "-o", "-name", "batchite-test-*"]
    told = ["!", "-type", "d", "-printf", "%p %s %m %U %T@ %l\n"]
    find = ["find", *SYSTEM, "-xdev", "-ignore_readdir_race", "(", *others, ")", "-prune", "-o", *told]
    return set(subprocess.run(find, check=True, capture_output=True, text=True).stdout.splitlines())


@pytest.mark.parametrize("system", ["this machine", "a clean system"])
def test_it_runs_unchanged_and_a_task_uses_what_it_installed(
    system: str, untouched: None, tmp_path: Path
) -> None:
    if system == "a clean system":
        if not (shutil.which("mmdebstrap") or shutil.which("debootstrap")):
            pytest.skip("needs mmdebstrap (apt-get install mmdebstrap)")
        roots.add(tmp_path / "data", "period", "bookworm", lambda tree: bootstrap("bookworm", "", tree))
    with opened(tmp_path) as house:
        url = house.blob_with_sas(house.container({"task.py": SCRIPT}), "task.py")
        pool = pool_of("Canonical", "UbuntuServer", "14.04.5-LTS", "batch.node.ubuntu 14.04", nodes=2)
        pool.start_task = models.BatchStartTask(
            command_line=f"/bin/bash -c 'set -e; set -o pipefail; {'; '.join(START_TASK)}; wait'",
            user_identity=ADMIN,
            wait_for_success=True,
            resource_files=[models.ResourceFile(http_url=url, file_path="task.py")],
        )
        house.batch.create_pool(pool)
        nodes = until(
            lambda: list(house.batch.list_nodes(pool.id)),
            lambda nodes: {node.state for node in nodes} in ({"idle"}, {"starttaskfailed"}),
            "the start task is over",
            SECONDS,
        )
        assert [node.state for node in nodes] == ["idle"] * 2, nodes[0].start_task_info
        job = house.add_job(pool.id)
        assert house.output(job, sh("python $AZ_BATCH_NODE_SHARED_DIR/task.py $(id -u)")) == (
            "BlockBlobService 1000\n"
        )


def test_the_article_of_2016_as_it_tells(untouched: None, tmp_path: Path) -> None:
    """Client, start task and tasks are of then, and find the cloud's names; five lines are filled in."""
    with running_service(tmp_path / "data", variables=MACHINES) as service:
        nodes = {"install": "; ".join(START_TASK[1:]), "python": "python"}
        answer = article.run(service, tmp_path, SECONDS, nodes)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == article.RESULTS
    assert answer.stderr == ""  # nothing was refused
