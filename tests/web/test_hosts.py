"""Which Host headers are those of the service, and which pages are its own."""

import pytest

from batchite.web.hosts import LOCAL_HOSTS, Hosts, is_own
from batchite.web.problems import Foreign, MalformedRequest

SERVED = Hosts(names=frozenset({"batch", "10.0.0.7", "fe80::7"}), suffixes=("blob.example.org",))
OPEN = Hosts(any_address=True)


def is_known(hosts: Hosts, host: str) -> bool:
    try:
        hosts.check(host)
    except Foreign:
        return False
    return True


THIS_MACHINE = "localhost LOCALHOST:10003 localhost. a.b.localhost:1 127.0.0.1 127.8.9.1:80 [::1] [::1]:10003"


@pytest.mark.parametrize("host", [*THIS_MACHINE.split(), "[::ffff:127.0.0.1]:1"])
def test_this_machine_is_always_known(host: str) -> None:
    for hosts in (LOCAL_HOSTS, SERVED, OPEN):
        assert is_known(hosts, host)


@pytest.mark.parametrize("host", ["example.org", "localhost.example.org", "notlocalhost", "127.0.0.1.nip.io"])
def test_a_name_of_somebody_else_is_known_to_none(host: str) -> None:
    for hosts in (LOCAL_HOSTS, SERVED, OPEN):
        assert not is_known(hosts, host)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.7:80", "[fe80::7]", "[::ffff:10.0.0.7]"])
def test_addresses_are_known_where_other_machines_can_connect(host: str) -> None:
    assert is_known(OPEN, host)
    assert not is_known(LOCAL_HOSTS, host)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("Batch:10003", True),
        ("batch.example.org", False),
        ("account.blob.example.org", True),
        ("blob.example.org", True),
        ("evilblob.example.org", False),
        ("10.0.0.7:1", True),
        ("10.0.0.8", False),
        ("[fe80::7]:1", True),
    ],
)
def test_names_and_suffixes_are_those_that_were_given(host: str, expected: bool) -> None:
    assert is_known(SERVED, host) is expected


def test_the_refusal_names_host_rule_and_setting() -> None:
    with pytest.raises(Foreign, match=r"Host is 'rebound\.example'.*localhost.*allowed_hosts"):
        LOCAL_HOSTS.check("rebound.example")


@pytest.mark.parametrize("host", ["", "a b", "a,b", "u@localhost", "[::1", "[zz]"])
def test_what_is_no_host_is_not_taken_for_one(host: str) -> None:
    with pytest.raises(MalformedRequest):
        LOCAL_HOSTS.check(host)


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        ("http://localhost:10000", "localhost:10000", True),
        ("https://Batch.example.org", "batch.example.org", True),
        ("http://localhost:3000", "localhost:10000", False),
        ("http://example.org", "localhost", False),
        ("null", "localhost", False),
        ("localhost", "localhost", False),
        ("https://batch.example.org:444", "127.0.0.1:10003", True),
        ("https://batch.example.org", "127.0.0.1:10003", False),
    ],
)
def test_a_page_is_the_services_own_by_host_and_port(origin: str, host: str, expected: bool) -> None:
    assert is_own(origin, host, "https://batch.example.org:444") is expected


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1:10003", "https://data.example.org:444"),
        ("localhost:10003", "https://data.example.org:444"),
        ("data.example.org", "https://data.example.org:444"),
        ("", "https://data.example.org:444"),
        ("account.blob.example.org:81", "https://account.blob.example.org:81"),
        ("account.blob.localhost:10000", "http://account.blob.localhost:10000"),
    ],
)
def test_a_public_url_takes_the_place_of_what_a_proxy_may_have_changed(host: str, url: str) -> None:
    hosts = Hosts(suffixes=("blob.example.org", "blob.localhost"), public="https://data.example.org:444")
    assert hosts.url("http", host) == url
    assert not host or is_known(hosts, host)
    assert not is_known(LOCAL_HOSTS, "data.example.org")


def test_without_a_public_url_a_request_says_itself_where_it_went() -> None:
    assert SERVED.url("http", "Batch:10003") == "http://Batch:10003"


@pytest.mark.parametrize("public", ["", "https://data.example.org"])
def test_who_comes_by_the_clouds_name_has_come_over_https(public: str) -> None:
    hosts = Hosts(cloud="blob.core.windows.net", public=public)
    assert hosts.checked_url("http", "films.blob.core.windows.net") == "https://films.blob.core.windows.net"
    assert not is_known(hosts, "films.queue.core.windows.net")
    assert not is_known(LOCAL_HOSTS, "films.blob.core.windows.net")
