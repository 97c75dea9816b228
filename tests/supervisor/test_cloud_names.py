"""What there is so that tasks find the cloud's names."""

import ipaddress
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from batchite.configuration.endpoints import Endpoints
from batchite.configuration.settings import Settings, load
from batchite.supervisor import cloud_names, supervisor
from batchite.supervisor.supervisor import CannotStartError


def settings(data_dir: Path, environment: dict[str, str] | None = None, **flags: object) -> Settings:
    loaded = load({"data_dir": str(data_dir), **flags}, {})
    return msgspec.structs.replace(loaded, environment=environment or {})


def test_they_are_wanted_where_there_are_nodes_and_need_the_blob_service(tmp_path: Path) -> None:
    wanting = settings(tmp_path, cloud_names="yes", batch_port=0)
    assert cloud_names.are_wanted(wanting, ["batch", "blob"])
    assert not cloud_names.are_wanted(wanting, ["blob"])
    assert not cloud_names.are_wanted(settings(tmp_path), ["batch"])
    with pytest.raises(CannotStartError, match="Start both services, or give --no-cloud-names"):
        supervisor.supervise(wanting, [OnlyBatch()], lambda _: None)  # type: ignore[list-item]


class OnlyBatch:
    service = "batch"


def test_tasks_are_told_of_the_proxy_which_takes_the_way_that_they_would(tmp_path: Path) -> None:
    others = tmp_path / "others.pem"
    others.write_text("# of others\n")
    (tmp_path / "data").mkdir()
    theirs = {
        "HTTPS_PROXY": "http://p.example",
        "NO_PROXY": "corp.example",
        "SSL_CERT_FILE": str(others),
        "X": "y",
    }
    given = settings(tmp_path / "data", theirs, cloud_names="yes", public_host="big.example")
    chosen = Endpoints(host="0.0.0.0", batch_port=1, blob_port=2, public_host="big.example")
    proxy = cloud_names.proxy(given, 15001)
    made = cloud_names.environment(given, chosen, proxy)
    assert proxy.proxies == {"https": "http://p.example", "no": "corp.example"}
    assert made["HTTPS_PROXY"] == f"http://batchite:{proxy.secret}@127.0.0.1:15001"
    assert {"corp.example", "big.example", "127.0.0.1"} <= set(made["NO_PROXY"].split(","))
    assert made["X"] == "y"
    bundle = Path(made["SSL_CERT_FILE"]).read_bytes()
    assert b"# of others" in bundle
    assert (tmp_path / "data" / "tls" / "ca.pem").read_bytes() in bundle
    assert cloud_names.authorities(given, made) == made["SSL_CERT_FILE"]
    assert cloud_names.environment(given, chosen, None) == theirs
    assert cloud_names.authorities(given, theirs) == ""


def test_the_port_stays_unless_somebody_else_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PREDECESSOR_SECONDS", 0)
    given = settings(tmp_path, cloud_names="yes")

    def listen(kept: int | None) -> int:
        found = Endpoints(host="127.0.0.1", cloud_proxy_port=kept)
        (sock,) = supervisor._listen_for_tasks(given, ["batch", "blob"], found)
        held.append(sock)
        return int(sock.getsockname()[1])

    held: list[object] = []
    try:
        port = listen(None)
        assert listen(port) != port
        held.pop(0).close()  # type: ignore[attr-defined]
        assert listen(port) == port
    finally:
        for sock in held:
            sock.close()  # type: ignore[attr-defined]


def test_hosts_files_lead_to_an_address_of_this_directory_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cloud_names, "HTTPS", 0)
    with (
        cloud_names.listen(tmp_path) or fail() as one,
        cloud_names.listen(tmp_path / "other") or fail() as other,
    ):
        addresses = {one.getsockname()[0], other.getsockname()[0]}
        assert len(addresses) == 2
        assert all(ipaddress.ip_address(address).is_loopback for address in addresses)
        monkeypatch.setattr(cloud_names, "HTTPS", one.getsockname()[1])
        assert cloud_names.listen(tmp_path) is None  # nodes do without
    assert "Address already in use" in caplog.text


def fail() -> NoReturn:
    pytest.fail("nothing listens")


def test_where_names_stand_in_hosts_files_tasks_are_told_authorities_only(tmp_path: Path) -> None:
    given = settings(tmp_path, {"X": "y"})
    made = cloud_names.environment(given, Endpoints(host="127.0.0.1"), None, in_hosts=True)
    trust = {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"}
    assert made.keys() == {"X", *trust}
    assert cloud_names.authorities(given, made) == str(tmp_path / "tls" / "cloud-bundle.pem")
