"""What the supervisor decides from the settings before anything is started."""

import pytest

from batchite.configuration.settings import load
from batchite.supervisor import supervisor
from batchite.web.hosts import Hosts
from batchite.web.problems import Foreign


def hosts(**flags: object) -> Hosts:
    return supervisor.hosts(load(flags, {}), "batch", machine="Big.example.org")


def is_known(hosts: Hosts, host: str) -> bool:
    try:
        hosts.check(host)
    except Foreign:
        return False
    return True


@pytest.mark.parametrize("host", ["big", "big.example.org", "192.0.2.1"])
def test_names_of_the_machine_are_known_where_others_can_connect(host: str) -> None:
    assert is_known(hosts(host="0.0.0.0"), host)
    assert is_known(hosts(host="192.0.2.1"), host)
    assert not is_known(hosts(), host)


def test_names_that_the_settings_give_are_known() -> None:
    given = hosts(
        public_host="Batch.example.org",
        allowed_hosts="batch, *.inside",
        batch_host_suffix="b.example.org",
        blob_host_suffixes="s.example.org",
        web_host_suffixes="w.example.org",
    )
    for host in ("batch.example.org", "batch", "a.inside"):
        assert is_known(given, host)
    for host in ("a.b.example.org", "a.s.example.org:1", "a.w.example.org"):
        assert is_known(given, host)
    for host in ("other.example.org", "a.batch", "a.blob.example.org", "big"):
        assert not is_known(given, host)
    assert is_known(hosts(host="Name.example.org"), "name.example.org")


def test_names_that_the_cloud_has_for_accounts_are_those_of_one_service() -> None:
    assert is_known(hosts(), "devbatch.westeurope.batch.azure.com")
    assert not is_known(hosts(), "devstoreaccount1.blob.core.windows.net")
