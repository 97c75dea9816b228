"""Layers as directories, and what is in them."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import msgspec
import pytest

from batchite.images import pip_conf as pip_conf_of
from batchite.images.building import build, contents
from batchite.images.layer import Layer, LayerFile, layers

PERIOD = layers()["period"]


def test_a_layer_is_made_once_and_named_after_its_content(tmp_path: Path) -> None:
    layer = Layer("a test", (), files={"/etc/x": LayerFile("x\n"), "/opt/y/z": LayerFile("z", mode=0o755)})
    made = build(tmp_path, "test", layer, Path("/"))
    assert (made / "etc/x").read_text() == "x\n"
    assert stat.S_IMODE((made / "opt/y/z").stat().st_mode) == 0o755
    before = made.stat().st_mtime_ns
    assert build(tmp_path, "test", layer, Path("/")) == made
    assert made.stat().st_mtime_ns == before
    other = msgspec.structs.replace(layer, files={"/etc/x": LayerFile("other")})
    assert build(tmp_path, "test", other, Path("/")) != made
    assert sorted(os.listdir(made.parent)) == sorted(
        [made.name, build(tmp_path, "test", other, Path("/")).name]
    )


def test_what_cannot_be_made_whole_is_not_there(tmp_path: Path) -> None:
    layer = Layer("a test", (), files={"/etc/x": LayerFile("x"), "/etc/x/y": LayerFile("y")})
    with pytest.raises(OSError, match="etc/x"):
        build(tmp_path, "test", layer, Path("/"))
    assert os.listdir(tmp_path) == []


def test_directories_keep_the_mode_of_those_that_they_hide(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "opt/closed").mkdir(parents=True)
    (root / "opt/closed").chmod(0o710)
    layer = Layer("a test", (), files={"/opt/closed/x": LayerFile("x"), "/opt/new/x": LayerFile("x")})
    made = build(tmp_path / "data", "test", layer, root)
    assert stat.S_IMODE((made / "opt/closed").stat().st_mode) == 0o710
    assert stat.S_IMODE((made / "opt/new").stat().st_mode) == 0o755


def pip_conf(root: Path) -> str:
    return contents(PERIOD, root)["/etc/pip.conf"].data.decode()


def test_pip_keeps_its_index(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    own = "[global]\nindex-url = https://pypi.example.org/simple\ncert = /none.pem\n"
    (tmp_path / "etc/pip.conf").write_text(own + "[install]\nno-warn-script-location = 1\n")
    found = pip_conf(tmp_path)
    assert "index-url = https://pypi.example.org/simple\n" in found
    assert "constraint = /etc/pip.constraints\n" in found
    assert "break-system-packages = true\n" in found
    assert "none.pem" not in found  # it has no such file
    assert "no-warn-script-location = 1\n" in found


def test_a_system_from_elsewhere_trusts_whom_this_machines_pip_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"/": {pip_conf_of.PLACE: b"[global]\ncert = /own.pem\n", "/own.pem": b"own"}, str(tmp_path): {}}
    monkeypatch.setattr(pip_conf_of.openat2, "read", lambda system, path, _: of(said[system], path))
    found = pip_conf_of.files({}, tmp_path)
    assert found[pip_conf_of.CERTIFICATES].data == b"own"
    assert f"cert = {pip_conf_of.CERTIFICATES}\n" in found[pip_conf_of.PLACE].data.decode()
    here = pip_conf_of.files({}, Path("/"))
    assert [*here] == [pip_conf_of.PLACE]
    assert "cert = /own.pem\n" in here[pip_conf_of.PLACE].data.decode()
    said[str(tmp_path)] = {pip_conf_of.PLACE: b"[global]\ncert = /theirs.pem\n", "/theirs.pem": b"theirs"}
    theirs = pip_conf_of.files({}, tmp_path)[pip_conf_of.PLACE].data.decode()
    assert "cert = /theirs.pem\n" in theirs


def of(files: dict[str, bytes], path: str) -> bytes:
    if path not in files:
        raise FileNotFoundError(path)
    return files[path]


def test_no_link_of_a_root_file_system_leads_to_files_of_this_machine(tmp_path: Path) -> None:
    root, secret = tmp_path / "root", tmp_path / "secret"
    (root / "etc").mkdir(parents=True)
    secret.write_text("[secret]\nkey = 1\n")
    (root / "etc/pip.conf").symlink_to(secret)
    assert "secret" not in pip_conf(root)


def test_the_period_layer_has_what_scripts_of_then_look_for(tmp_path: Path) -> None:
    made = build(tmp_path, "period", PERIOD, Path("/"))
    assert os.readlink(made / "usr/bin/python") == "python3"
    assert (made / "etc/pip.constraints").read_text() == "azure-storage<0.37\n"
    assert (made / "etc/dpkg/dpkg.cfg.d/batchite").read_text() == "force-unsafe-io\n"
    source = (made / "etc/apt/sources.list.d/batchite-period.list").read_text()
    assert source == "deb [trusted=yes] file:/usr/share/batchite/period ./\n"
    assert (made / "usr/share/batchite/period/python-pip.deb").exists()
    assert subprocess.run([made / "usr/sbin/policy-rc.d", "ssh", "start"], check=False).returncode == 101


@pytest.mark.system
def test_what_is_in_the_way_is_hidden(tmp_path: Path) -> None:
    packages = tmp_path / "root/usr/lib/python3/dist-packages"
    for name in ("azure", "azure_core-1.dist-info", "azurite"):
        (packages / name).mkdir(parents=True)
    made = build(tmp_path, "period", PERIOD, tmp_path / "root") / "usr/lib/python3/dist-packages"
    assert sorted(os.listdir(made)) == ["azure", "azure_core-1.dist-info"]
    status = (made / "azure").lstat()
    assert (stat.S_ISCHR(status.st_mode), status.st_rdev) == (True, 0)


@pytest.mark.parametrize(
    ("words", "passed_on"),
    [
        ("-y install python-numpy gcc", "-y install python3-numpy gcc"),
        ("install -y python-pip python-yaml", "install -y python-pip python3-yaml"),
        ("update", "update"),
        ("remove python-numpy", "remove python-numpy"),
        ("install a*b", "install a*b"),
    ],
)
def test_apt_get_knows_retired_names(words: str, passed_on: str, tmp_path: Path) -> None:
    text = contents(PERIOD, Path("/"))["/usr/local/sbin/apt-get"].data
    (tmp_path / "apt-get").write_bytes(text.replace(b"/usr/bin/${0##*/}", b"/bin/echo"))
    command = ["/bin/sh", str(tmp_path / "apt-get"), *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == passed_on + "\n"
    assert ("Note: " in done.stderr) == (words != passed_on)
