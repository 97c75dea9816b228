"""`batchite image` where no node is concerned; the trees themselves are tested in the room `images`."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batchite.cli import exits
from batchite.cli.commands import application


def run(tmp_path: Path, *words: str, given: bytes = b"") -> Result:
    command = ["image", words[0], "--data-dir", str(tmp_path / "data"), *words[1:]]
    return CliRunner().invoke(application(), command, input=given)


def test_what_images_mean(tmp_path: Path) -> None:
    config = tmp_path / "batchite.toml"
    config.write_text('[[images]]\nsku = "16.04*"\nroot = "xenial"\nlayer = false\n')
    answer = run(tmp_path, "list", "--config", str(config), "--json")
    assert answer.exit_code == 0
    document = json.loads(answer.output)
    assert document["rootFileSystems"] == []
    images = [(one["images"], one["root"], one["layer"]) for one in document["images"]]
    assert images[0] == ("sku=16.04*", "xenial", "")
    assert ("batch.node.windows*", "host", "windows") in images
    assert images[-1] == ("all others", "host", "")
    table = run(tmp_path, "list", "--config", str(config)).output.splitlines()
    assert table[0] == "IMAGES\tROOT\tLAYER\tWHAT IT IS"
    assert table[1].startswith("sku=16.04*\txenial\t-\t")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "a"), exits.USAGE, "say what it is made of: --from-tar FILE or --debootstrap SUITE"),
        (("add", "a", "--from-tar", "x", "--debootstrap", "y"), exits.USAGE, "say what it is made of"),
        (("add", "a", "--from-tar", "/none"), exits.FAILED, "--from-tar /none: cannot be read: No such file"),
        (("add", "Up", "--debootstrap", "sid"), exits.FAILED, "NAME = 'Up': a root file system's name is"),
        (("add", "a", "--debootstrap", "-x"), exits.FAILED, "--debootstrap = '-x': a suite is"),
        (("delete", "a"), exits.FAILED, "there is no root file system 'a'; see: batchite image list"),
    ],
)
def test_refusals(words: tuple[str, ...], code: int, said: str, tmp_path: Path) -> None:
    answer = run(tmp_path, *words)
    assert answer.exit_code == code
    assert answer.stderr.startswith(f"batchite: {said}")
    assert answer.stderr.count("\n") == 1


@pytest.mark.system
def test_one_is_added_listed_and_deleted(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        shell = tarfile.TarInfo("bin/sh")
        shell.size = 3
        archive.addfile(shell, io.BytesIO(b"sh\n"))
    answer = run(tmp_path, "add", "period", "--from-tar", "-", "--json", given=out.getvalue())
    assert answer.exit_code == 0, answer.stderr
    made = {"name": "period", "system": "", "source": "-", "files": 1, "bytes": 3}
    assert json.loads(answer.output) == made
    document = json.loads(run(tmp_path, "list", "--json").output)
    assert document["rootFileSystems"] == [made]
    assert {one["layer"]: one["root"] for one in document["images"]}["period"] == "period"
    assert run(tmp_path, "delete", "period").exit_code == 0
    assert json.loads(run(tmp_path, "list", "--json").output)["rootFileSystems"] == []
