"""What programs are told: proxy, exceptions, authorities."""

import pytest

from batchite.proxy import variables

URL = "http://batchite:secret@127.0.0.1:1"


def through(given: dict[str, str], *, offline: bool = False) -> dict[str, str]:
    return variables.through(URL, "/b.pem", given, offline=offline)


def test_every_spelling_is_set() -> None:
    made = through({})
    assert {made[name] for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")} == {URL}
    trust = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    assert {made[name] for name in trust} == {"/b.pem"}
    assert made["NO_PROXY"] == made["no_proxy"] == "localhost,.localhost,127.0.0.1,127.0.0.0/8,::1"


@pytest.mark.parametrize(
    ("exception", "stays"),
    [
        ("corp.example", True),
        (".internal:8080", True),
        ("10.0.0.0/8", True),
        ("*", False),
        ("windows.net", False),
        (".windows.net", False),
        ("*.azure.com", False),
        ("net", False),
        ("blob.core.windows.net:443", False),
        ("films.blob.core.windows.net", False),
        ("graph.windows.net", True),
    ],
)
def test_exceptions_of_the_environment_stay_unless_they_are_for_our_names(
    exception: str, stays: bool
) -> None:
    made = through({"no_proxy": f"{exception}, other.example"})
    assert (exception in made["NO_PROXY"].split(",")) is stays
    assert "other.example" in made["NO_PROXY"].split(",")


def test_offline_has_no_exceptions_but_this_machine() -> None:
    assert "corp.example" not in through({"NO_PROXY": "corp.example"}, offline=True)["NO_PROXY"]


def test_authorities_that_the_environment_names_are_known() -> None:
    given = {"SSL_CERT_FILE": "/a", "REQUESTS_CA_BUNDLE": "/c", "CURL_CA_BUNDLE": "/a", "HOME": "/h"}
    assert variables.trusted_files(given) == ["/a", "/c"]
