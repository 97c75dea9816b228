"""What `batchite serve` says before it starts anything, and how it announces itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests import needs

from batchite import __version__
from batchite.cli.announcement import announcement, document
from batchite.cli.exits import FAILED, USAGE
from batchite.configuration.endpoints import Endpoints
from batchite.configuration.settings import SETTINGS, load
from batchite.machine.directory_lock import held


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command, environment = [sys.executable, "-m", "batchite", *arguments], {**os.environ, **variables}
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)


def refusal(*arguments: str, code: int = FAILED) -> str:
    answer = run("serve", *arguments)
    assert answer.returncode == code
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    return answer.stderr


def test_version_without_a_commit(tmp_path: Path) -> None:
    """As installed from an index."""
    assert version_of_an_installation(tmp_path, None) == f"batchite {__version__}\n"


def test_version_names_the_commit_it_was_installed_from(tmp_path: Path) -> None:
    origin = {
        "url": "https://example.org/batchite",
        "vcs_info": {"vcs": "git", "commit_id": "0123456789abcdef"},
    }
    assert version_of_an_installation(tmp_path, origin) == f"batchite {__version__} (commit 0123456789)\n"


def test_version_names_the_commit_it_is_run_from(tmp_path: Path) -> None:
    needs.programs("git")
    source = tmp_path / "a source"
    git = ["git", "-c", "user.name=somebody", "-c", "user.email=", "-C", str(source)]
    source.mkdir()
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "Begin"], check=True)
    commit = subprocess.check_output([*git, "rev-parse", "--short=10", "HEAD"], text=True).strip()
    origin = {"url": source.as_uri(), "dir_info": {"editable": True}}
    assert version_of_an_installation(tmp_path, origin) == f"batchite {__version__} (commit {commit})\n"


def version_of_an_installation(tmp_path: Path, origin: object) -> str:
    """What `--version` says where installers noted this."""
    noted = tmp_path / "batchite-9.dist-info"
    noted.mkdir()
    (noted / "METADATA").write_text("Name: batchite\nVersion: 9\n")
    if origin is not None:
        (noted / "direct_url.json").write_text(json.dumps(origin))
    return run("--version", PYTHONPATH=str(tmp_path)).stdout


def test_help_lists_every_setting() -> None:
    text = run("serve", "--help").stdout
    for setting in SETTINGS:
        assert setting.flag in text


def test_development_keys_are_refused_where_others_can_connect(tmp_path: Path) -> None:
    said = refusal("--host", "0.0.0.0", "--data-dir", str(tmp_path / "data"))
    assert "--allow-development-keys" in said
    assert not (tmp_path / "data").exists()


def test_a_directory_in_use_is_refused_with_its_holder(tmp_path: Path) -> None:
    with held(tmp_path / "lock"):
        said = refusal("--data-dir", str(tmp_path), "--batch-port", "0", "--blob-port", "0")
    assert "in use by process" in said
    assert not (tmp_path / "endpoints.json").exists()


@pytest.mark.parametrize("name", ["batch", "blobs"])
def test_a_database_that_cannot_be_used_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    database = tmp_path / f"{name}.db"
    database.write_bytes(b"cut off")
    said = refusal("--data-dir", str(tmp_path), "--batch-port", "0", "--blob-port", "0")
    assert said == (
        f"batchite: {database} is damaged (it has 7 bytes): put a copy of it in its place, "
        "or give another --data-dir.\n"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"lock", database.name}
    assert database.read_bytes() == b"cut off"


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be used" in refusal("--data-dir", str(tmp_path / "file"))


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refusal("--batch-port", port, "--data-dir", str(tmp_path))
    assert said == (
        f"batchite: The Batch service cannot listen on 127.0.0.1, port {port}: Address already in use. "
        "Choose another --batch-port (0 takes any free one) or --host.\n"
    )


def test_a_setting_that_cannot_be_read_is_named() -> None:
    assert "--batch-port = 'x'" in refusal("--batch-port", "x", code=USAGE)


def test_output_without_room_is_told_in_a_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "batchite", "completion", "bash"]
        ended = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stderr) == (
        FAILED,
        "batchite: the output cannot be written: No space left on device\n",
    )


@pytest.mark.parametrize(("services", "absent"), [(("blob",), "Batch "), (("batch",), "Blob ")])
def test_announcement_of_one_service(services: tuple[str, ...], absent: str) -> None:
    settings = load({"data_dir": "/some where"}, {})
    lines = announcement(settings, Endpoints(host="127.0.0.1", batch_port=3, blob_port=4), services)  # type: ignore[arg-type]
    assert not [line for line in lines if line.startswith(absent)]
    assert "--data-dir '/some where'" in "\n".join(lines)
    assert lines[-1].startswith("Ready in ")


def test_announcement_of_a_root_file_system_that_nobody_has_added(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[[images]]\noffer = "*"\nroot = "mine"\n')
    settings = load({"data_dir": str(tmp_path / "data")}, {}, config)
    endpoints = Endpoints(host="127.0.0.1", batch_port=3, blob_port=4)
    (line,) = (line for line in announcement(settings, endpoints, ("batch",)) if "mine" in line)
    assert line.startswith("        [[images]] means the root file system 'mine', which is not there; add it")
    assert document(settings, endpoints, ("batch",))["images"] == [line.strip()]
    assert "images" not in document(settings, endpoints, ("blob",))


def test_announcement_behind_a_proxy() -> None:
    """The public URL for clients, and the address that the proxy has to be given."""
    public = Endpoints(host="127.0.0.1", batch_port=3, blob_port=4, batch_public_url="https://b.example.org")
    lines = announcement(load({}, {}), public, ("batch", "blob"))
    assert lines[1:3] == ["Batch   https://b.example.org", "        listens at http://127.0.0.1:3"]
    assert "Blob    http://127.0.0.1:4" in lines
    assert len([line for line in lines if "listens at" in line]) == 1


@pytest.mark.parametrize("name", ["lock", "endpoints.json", "accounts.json", "endpoints.json.new"])
def test_a_directory_where_a_file_should_be(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    said = refusal("blob", "--data-dir", str(tmp_path), "--blob-port", "0")
    assert f"{tmp_path} cannot be used: Is a directory" in said
