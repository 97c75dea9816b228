"""What is asked of bubblewrap, and what is told of it where it fails."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from batchite.link.wrapping import Wrapping
from batchite.nodes.sandbox import bubblewrap
from batchite.nodes.sandbox.bubblewrap import TEMPORARY, NoWallError

WRAPPING = Wrapping(name="node", why="A test asked for it.", processes=100)
FORBIDDEN = "bwrap: No permissions to create new namespace, likely because the kernel does not allow it.\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system's programs are, of which there are none, and no package either."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setattr(bubblewrap, "PLACES", str(directory))
    monkeypatch.setattr(bubblewrap, "PACKAGE", "no_such_package")
    return directory


def fake(directory: Path, script: str) -> Path:
    path = directory / "bwrap"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def refusal(node: Path) -> str:
    with pytest.raises(NoWallError) as refused:
        bubblewrap.start(str(node), WRAPPING)
    return refused.value.reason


def test_the_package_is_taken_where_the_system_has_none(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packaged_bwrap.py").write_text("def bwrap_path(): return '/packaged/bwrap'")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(bubblewrap, "PACKAGE", "packaged_bwrap")
    assert bubblewrap.program() == "/packaged/bwrap"
    assert bubblewrap.program() != str(fake(programs, "exit 0")) == bubblewrap.program()


def test_who_has_none_is_told_which_package_brings_it(programs: Path, tmp_path: Path) -> None:
    said = refusal(tmp_path)
    assert "apt-get install bubblewrap" in said
    assert "pip install 'batchite[bwrap]'" in said


@pytest.mark.parametrize("script", ["exit 1", "kill -9 $$"])
def test_a_wall_that_cannot_be_made_is_told_of_in_a_sentence(
    programs: Path, tmp_path: Path, script: str
) -> None:
    fake(programs, f"echo more >&2; echo 'bwrap: Cannot do that' >&2; {script}")
    assert refusal(tmp_path) == "bwrap could not make a node: Cannot do that."


def test_one_that_says_nothing_is_no_wall_either(programs: Path, tmp_path: Path) -> None:
    fake(programs, "exit 0")
    assert refusal(tmp_path) == "bwrap could not make a node: it said nothing."


@pytest.mark.parametrize(
    ("file", "value", "told"),
    [
        ("kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ],
)
def test_what_forbids_it_is_told_with_what_allows_it(file: str, value: str, told: str) -> None:
    said = bubblewrap.explanation(FORBIDDEN, {f"/proc/sys/{file}": value})
    assert said.endswith(f"its root allows them with: {told}.")
    assert "No permissions to create new namespace" in said
    assert "\n" not in said


def marked(shared: tuple[str, ...], hidden: tuple[str, ...]) -> list[str]:
    """What is told of these paths, each with how."""
    told = bubblewrap.words("/node", Wrapping(name="x", why="y", processes=100, shared=shared, hidden=hidden))
    kinds = {"--ro-bind": "seen", "--tmpfs": "empty", "/dev/null": "closed"}
    return [
        f"{kinds.get(told[at - 1]) or kinds[told[at - 2]]} {path}"
        for at, path in enumerate(told)
        if path in {*shared, *hidden} and told[at + 1] != path
    ]


def test_of_two_paths_the_lower_one_has_the_last_word(tmp_path: Path) -> None:
    """What is hidden may be below what is shared, and the other way round."""
    for name in ("shared/hidden/shared", "other"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "other/file").touch()
    shared = (f"{tmp_path}/shared/hidden/shared", f"{tmp_path}/other", f"{tmp_path}/shared")
    hidden = (f"{tmp_path}/other/file", f"{tmp_path}/shared/hidden", f"{tmp_path}/shared/not-there")
    assert marked(shared, hidden) == [
        f"seen {tmp_path}/other",
        f"closed {tmp_path}/other/file",
        f"seen {tmp_path}/shared",
        f"empty {tmp_path}/shared/hidden",
        f"seen {tmp_path}/shared/hidden/shared",
    ]


@pytest.mark.parametrize("place", TEMPORARY.values())
def test_what_nobody_would_see_is_not_even_named(place: str) -> None:
    """Though it lies in a directory of the system, if the node has one of its own instead."""
    with TemporaryDirectory(dir=place) as there:
        assert marked((), (there,)) == []
        Path(there, "hidden").mkdir()
        hidden = f"{there}/hidden"
        assert marked((there,), (hidden,)) == [f"seen {there}", f"empty {hidden}"]


def test_what_is_hidden_is_not_seen_through_a_link_that_is_shared(tmp_path: Path) -> None:
    (tmp_path / "real/hidden").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    told = bubblewrap.words(
        "/node",
        Wrapping(
            name="x",
            why="y",
            processes=100,
            shared=(f"{tmp_path}/link",),
            hidden=(f"{tmp_path}/real/hidden",),
        ),
    )
    assert told[told.index(f"{tmp_path}/link/hidden") - 1] == "--tmpfs"
