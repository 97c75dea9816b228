"""Links into the portal: what `batchite serve` says of it, and `batchite portal`."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from batchite.cli.commands import application
from batchite.cli.exits import NOT_RUNNING
from batchite.cli.portal import announced
from batchite.configuration import endpoints, entrance
from batchite.configuration.endpoints import LOCK_FILE, Endpoints
from batchite.configuration.settings import load
from batchite.machine.directory_lock import held

LOCAL = Endpoints(host="127.0.0.1", batch_port=1, blob_port=2)


def token_of(url: str) -> str:
    return url.partition("?token=")[2]


def test_where_only_this_machine_can_connect_a_start_says_a_link(tmp_path: Path) -> None:
    url = announced(load({"data_dir": str(tmp_path)}, {}), LOCAL)
    assert url.startswith("http://127.0.0.1:1/-/portal/enter?token=")
    assert entrance.redeem(tmp_path, token_of(url), time.time())


@pytest.mark.parametrize(
    ("flags", "where", "said"),
    [
        ({"portal": "off"}, LOCAL, ""),
        ({"host": "0.0.0.0"}, Endpoints(host="0.0.0.0", batch_port=1), "http://127.0.0.1:1/-/portal/"),
        (
            {},
            Endpoints(host="127.0.0.1", batch_port=1, batch_public_url="https://batch.example.org"),
            "https://batch.example.org/-/portal/",
        ),
    ],
)
def test_elsewhere_a_start_gives_nobody_a_key(
    tmp_path: Path, flags: dict[str, str], where: Endpoints, said: str
) -> None:
    assert announced(load({"data_dir": str(tmp_path), **flags}, {}), where) == said
    assert not (tmp_path / entrance.DIRECTORY).exists()


def test_a_link_is_printed_for_the_service_that_runs(tmp_path: Path) -> None:
    endpoints.save(LOCAL, tmp_path)
    words = ["portal", "--data-dir", str(tmp_path)]
    answer = CliRunner().invoke(application(), words)
    assert answer.exit_code == NOT_RUNNING
    with held(tmp_path / LOCK_FILE):
        first = CliRunner().invoke(application(), words).output.strip()
        second = json.loads(CliRunner().invoke(application(), [*words, "--json"]).output)["portal"]
    for url in (first, second):
        assert entrance.redeem(tmp_path, token_of(url), time.time())
        assert not entrance.redeem(tmp_path, token_of(url), time.time())


def test_links_that_nobody_used_in_time_go(tmp_path: Path) -> None:
    old = entrance.issue(tmp_path, 0)
    new = entrance.issue(tmp_path, entrance.SECONDS)
    assert [place.name for place in (tmp_path / entrance.DIRECTORY).iterdir()] == [new]
    assert not entrance.redeem(tmp_path, old, 0)
    place = tmp_path / entrance.DIRECTORY
    assert (place.stat().st_mode & 0o777, (place / new).stat().st_mode & 0o777) == (0o700, 0o600)
