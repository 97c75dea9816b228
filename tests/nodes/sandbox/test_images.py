"""Machines with a system of their own, and with layers over it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.nodes.sandbox.hosted import ADMIN, Hosted

from batchite.link.spec import NodeImage, NodeLayer

pytestmark = pytest.mark.system
RUN = ("workitems", "job", "job-1", "task")
PROGRAMS = ("sh", "cat", "ls", "id", "rm", "mkdir")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small system: some programs of this machine, with what they load."""
    tree = tmp_path / "tree"
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "etc").mkdir()
    (tree / "app").mkdir()
    (tree / "bin").symlink_to("usr/bin")
    for name in PROGRAMS:
        shutil.copy(f"/bin/{name}", tree / "usr/bin" / name)
        said = subprocess.run(["ldd", f"/bin/{name}"], check=True, capture_output=True, text=True).stdout
        for library in re.findall(r"(?:=> )?(/\S+) \(0x", said):
            place = tree / os.path.realpath(os.path.dirname(library))[1:] / os.path.basename(library)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, place)
    for name in ("lib", "lib64"):
        if os.path.islink(f"/{name}"):
            (tree / name).symlink_to(os.readlink(f"/{name}"))
    (tree / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
    (tree / "etc/mine").write_text("of the image\n")
    (tree / "app/run").write_text("app\n")
    return tree


@contextmanager
def node(tmp_path: Path, image: NodeImage) -> Iterator[Hosted]:
    hosted = Hosted("machine", tmp_path / "node", image=image)
    try:
        yield hosted
    finally:
        hosted.close()


def said(hosted: Hosted, script: str) -> str:
    over = hosted.shell(RUN, script, ADMIN).over()
    assert over.exit_code == 0, hosted.said(RUN, "stderr")
    return hosted.said(RUN)


def test_a_node_has_the_system_of_its_image(tmp_path: Path, root: Path) -> None:
    with node(tmp_path, NodeImage(root=str(root), has_system_python=True)) as hosted:
        assert said(hosted, "cat /etc/mine /app/run; ls /usr/bin") == "of the image\napp\n" + "".join(
            f"{name}\n" for name in sorted(PROGRAMS)
        )
        users = said(hosted, "cat /etc/passwd")
        assert "root:" in users
        assert "_azbatch:" in users
        assert "ann" not in users
        assert said(hosted, "cat /etc/resolv.conf") == Path("/etc/resolv.conf").read_text()
        assert "conforming" in said(hosted, "cat /etc/hosts /etc/hostname")
        assert hosted.environment == {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def test_what_it_changes_stays_in_the_node(tmp_path: Path, root: Path) -> None:
    with node(tmp_path, NodeImage(root=str(root), has_system_python=True)) as hosted:
        said(hosted, "echo x > /etc/mine; rm /app/run; mkdir /usr/new; echo x > /usr/bin/new")
        assert said(hosted, "cat /etc/mine; ls /app /usr/new") == "x\n/app:\n\n/usr/new:\n"
    assert (root / "etc/mine").read_text() == "of the image\n"
    assert (root / "app/run").exists()
    assert not (root / "usr/new").exists()


def test_what_a_node_changed_goes_with_the_system_that_it_changed(tmp_path: Path, root: Path) -> None:
    with node(tmp_path, NodeImage(root=str(root), has_system_python=True)) as hosted:
        said(hosted, "echo x > /etc/mine; echo x > /usr/new")
    with node(tmp_path, NodeImage(root=str(root), has_system_python=True)) as hosted:
        assert said(hosted, "cat /etc/mine /usr/new") == "x\nx\n"
    with node(tmp_path, NodeImage()) as hosted:
        assert said(hosted, "ls -d /etc/mine /usr/new 2> /dev/null || echo gone") == "gone\n"


def test_layers_lie_over_the_system(tmp_path: Path, root: Path) -> None:
    layer = tmp_path / "layer"
    (layer / "etc").mkdir(parents=True)
    (layer / "usr/bin").mkdir(parents=True)
    (layer / "etc/mine").write_text("of the layer\n")
    os.mknod(layer / "usr/bin/id", 0o020000, os.makedev(0, 0))
    image = NodeImage(root=str(root), layers=(NodeLayer(str(layer)),), has_system_python=True)
    with node(tmp_path, image) as hosted:
        assert said(hosted, "cat /etc/mine") == "of the layer\n"
        assert "id" not in said(hosted, "ls /usr/bin").split()
        said(hosted, "echo x > /etc/mine")
    assert (layer / "etc/mine").read_text() == "of the layer\n"


def test_no_link_of_an_image_leads_to_this_machine(tmp_path: Path, root: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret\n")
    for name in ("opt", "srv", "data"):
        (root / name).symlink_to(outside)
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").symlink_to("/etc/shadow")
    (root / "var").mkdir()
    (root / "var/link").symlink_to(outside)
    with node(tmp_path, NodeImage(root=str(root), has_system_python=True)) as hosted:
        assert "secret" not in said(hosted, "ls / /opt /srv /data /var/link 2>&1 || exit 0")
        assert "root" not in said(hosted, "cat /etc/passwd")
