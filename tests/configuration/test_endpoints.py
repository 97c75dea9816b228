"""Ports: any free one, but none that an outgoing connection could take meanwhile."""

from pathlib import Path

import pytest

from batchite.configuration import endpoints
from batchite.configuration.endpoints import Endpoints


def test_a_free_port_is_none_of_those_for_outgoing_connections() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    with endpoints.listen("127.0.0.1", 0) as one, endpoints.listen("127.0.0.1", 0) as other:
        ports = {one.getsockname()[1], other.getsockname()[1]}
    assert len(ports) == 2
    assert all(1024 < port < first for port in ports)


def test_a_taken_port_is_refused() -> None:
    with endpoints.listen("127.0.0.1", 0) as taken, pytest.raises(OSError, match="in use"):
        endpoints.listen("127.0.0.1", taken.getsockname()[1])


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    chosen = Endpoints(host="127.0.0.1", batch_port=1, blob_port=2, pid=3)
    endpoints.save(chosen, tmp_path)
    assert endpoints.load(tmp_path) == chosen


def test_a_damaged_file_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / endpoints.FILE_NAME).write_text("{")
    assert endpoints.load(tmp_path) is None


def test_a_file_that_is_no_text_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / endpoints.FILE_NAME).write_bytes(b'{"host": "\xff"}')
    assert endpoints.load(tmp_path) is None


def test_a_service_that_was_not_started_has_its_port_kept_and_no_address(tmp_path: Path) -> None:
    chosen = Endpoints(host="127.0.0.1", batch_port=1003, blob_port=1000, serving=("blob",))
    endpoints.save(chosen, tmp_path)
    loaded = endpoints.load(tmp_path)
    assert loaded is not None
    assert loaded.port("batch") == 1003
    assert (loaded.of_those_serving.url("batch"), loaded.of_those_serving.port("blob")) == (None, 1000)
