"""Root file systems that are added, listed and deleted."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.nodes.peer import node_spec

from batchite.configuration.images import ImageRule
from batchite.images import bootstrapping, roots
from batchite.images.errors import ImageError
from batchite.images.node_images import NodeImages
from batchite.images.roots import Filled, RootFileSystem
from batchite.link.spec import FILE_NAME, NodeImage

needs_root = pytest.mark.system


def fill(tree: Path) -> Filled:
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "bin").symlink_to("/usr/bin")
    (tree / "usr/bin/sh").symlink_to("dash")
    (tree / "usr/bin/dash").write_text("")
    (tree / "etc").mkdir()
    (tree / "etc/os-release").write_text('NAME=x\nPRETTY_NAME="Debian 12"\n')
    return Filled(6, 100)


@needs_root
def test_one_is_there_once_it_is_whole(tmp_path: Path) -> None:
    def look(tree: Path) -> Filled:
        assert roots.listed(tmp_path) == []
        return fill(tree)

    made = roots.add(tmp_path, "period", "a.tar", look)
    assert made == RootFileSystem("period", "a.tar", "Debian 12", 6, 100)
    assert roots.listed(tmp_path) == [made]
    assert (roots.place(tmp_path, "period") / "usr/bin/dash").exists()
    assert stat.S_IMODE((tmp_path / "images").stat().st_mode) == 0o700
    roots.delete(tmp_path, "period")
    assert roots.listed(tmp_path) == []
    assert os.listdir(tmp_path / "images") == [".lock"]


@needs_root
def test_what_fails_or_is_killed_leaves_nothing_that_is_seen(tmp_path: Path) -> None:
    def full(tree: Path) -> Filled:
        (tree / "x").write_text("")
        raise OSError(28, "No space left on device")

    with pytest.raises(ImageError, match="the root file system 'a' was not made: No space left on device"):
        roots.add(tmp_path, "a", "", full)
    assert os.listdir(tmp_path / "images") == [".lock"]
    (tmp_path / "images/.new-killed/root").mkdir(parents=True)
    assert roots.listed(tmp_path) == []
    roots.add(tmp_path, "a", "", fill)
    assert sorted(os.listdir(tmp_path / "images")) == [".lock", "a"]


@needs_root
def test_one_command_at_a_time(tmp_path: Path) -> None:
    def another(tree: Path) -> Filled:
        for change in (lambda: roots.add(tmp_path, "b", "", fill), lambda: roots.delete(tmp_path, "a")):
            with pytest.raises(ImageError, match=f"process {os.getpid()} is adding or deleting a root file"):
                change()
        return fill(tree)

    roots.add(tmp_path, "a", "", fill)
    roots.add(tmp_path, "c", "", another)
    assert [root.name for root in roots.listed(tmp_path)] == ["a", "c"]


@needs_root
def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="it has no /bin/sh"):
        roots.add(tmp_path, "a", "", lambda tree: Filled(0, 0))
    with pytest.raises(ImageError, match="docker export"):
        roots.add(tmp_path, "a", "", of_docker_save)
    roots.add(tmp_path, "a", "", fill)
    with pytest.raises(ImageError, match="there is a root file system 'a'; delete it with"):
        roots.add(tmp_path, "a", "", fill)


def of_docker_save(tree: Path) -> Filled:
    (tree / "manifest.json").write_text("[]")
    return Filled(1, 2)


@needs_root
def test_one_that_nodes_have_stays(tmp_path: Path) -> None:
    roots.add(tmp_path, "a", "", fill)
    image = NodeImage(root=str(roots.place(tmp_path, "a")))
    told = tmp_path / "nodes" / "tvm-1" / FILE_NAME
    told.parent.mkdir(parents=True)
    told.write_bytes(msgspec.json.encode(node_spec("http://localhost", node_id="tvm-1", image=image)))
    with pytest.raises(ImageError, match="is that of 1 nodes, such as tvm-1; delete their pools first"):
        roots.delete(tmp_path, "a")
    told.unlink()
    roots.delete(tmp_path, "a")


@needs_root
def test_nodes_of_an_image_get_it_while_it_is_there(tmp_path: Path) -> None:
    images = NodeImages(tmp_path, (ImageRule(publisher="canonical", root="mine", layer=""),))
    image = "canonical:ubuntuserver:18.04-lts:latest"
    with pytest.raises(
        ImageError, match="means the root file system 'mine', which is not there; add it with"
    ):
        images.of(image)
    roots.add(tmp_path, "mine", "", fill)
    assert images.of(image).root == str(tmp_path / "images/mine/root")


def test_images_that_mean_this_machine(tmp_path: Path) -> None:
    images = NodeImages(tmp_path, ())
    assert images.of("") == NodeImage()
    assert images.of("debian:debian-12:12:latest") == NodeImage()
    assert os.listdir(tmp_path) == []


def test_layers_are_made_for_the_first_node_that_has_them(tmp_path: Path) -> None:
    found = NodeImages(tmp_path, ()).of("microsoftwindowsserver:windowsserver:2019-datacenter:latest")
    assert found.is_windows
    (layer,) = found.layers
    (path,) = layer.path
    assert os.access(layer.words(path, is_in_place=False) + "/cmd.exe", os.X_OK)
    assert layer.words(path, is_in_place=True) == "/usr/lib/batchite/windows"


@pytest.mark.parametrize("name", ["", "host", "A", "../x", ".x", "x" * 64, "a b"])
def test_names_that_are_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="a root file system's name is 1 to 63"):
        roots.add(tmp_path, name, "", fill)


def test_what_is_not_there_is_not_deleted(tmp_path: Path) -> None:
    for name in ("a", "..", "../images", ".new-x"):
        with pytest.raises(ImageError, match=r"there is no root file system .*; see: batchite image list"):
            roots.delete(tmp_path, name)


@pytest.mark.parametrize(
    ("suite", "mirror", "why"),
    [
        ("--help", "", "--debootstrap = '--help': a suite is"),
        ("", "", "give one such as bookworm"),
        ("bookworm", "--x", "--mirror = '--x': must be a URL"),
    ],
)
def test_words_that_a_tool_could_take_for_options(suite: str, mirror: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        bootstrapping.bootstrap(suite, mirror, tmp_path)
    assert why in str(caught.value)


Tool = Callable[[str, str], None]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Makes the only program that the system has beside a few."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "tar", "mkdir", "touch"):
        (programs / name).symlink_to(f"/bin/{name}")
    (programs / "unshare").write_text('#!/bin/sh\nshift\nexec "$@"\n')  # which takes the rights of root
    (programs / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.chdir(tmp_path)

    def make(name: str, text: str) -> None:
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)

    return make


def test_a_system_without_the_tool(tool: Tool, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="neither mmdebstrap nor debootstrap is installed; install one with"):
        bootstrapping.bootstrap("bookworm", "", tmp_path)


@pytest.mark.parametrize("name", ["mmdebstrap", "debootstrap"])
def test_a_tool_that_fails(name: str, tool: Tool, tmp_path: Path) -> None:
    tool(name, 'echo "E: no such suite $3" >&2; echo "E: failed" >&2; exit 100')
    (tmp_path / "tree").mkdir()
    with pytest.raises(ImageError, match=f"{name} could not make 'nosuch': E: no such suite .*--mirror"):
        bootstrapping.bootstrap("nosuch", "", tmp_path / "tree")


def test_trees_of_either_tool(tool: Tool, tmp_path: Path) -> None:
    for name, target in (("debootstrap", '"$4"'), ("mmdebstrap", "made")):
        making = f"mkdir -p {target}/bin && touch {target}/bin/sh"
        tool(name, making + (" && exec tar -C made -c ." if name == "mmdebstrap" else ""))
        tree = tmp_path / name
        tree.mkdir()
        bootstrapping.bootstrap("bookworm", "http://localhost/debian", tree)
        assert (tree / "bin/sh").exists()
