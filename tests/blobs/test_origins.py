import pytest

from batchite.blobs.origins import Origins, origin
from batchite.wire.blob.errors import BlobError


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://Example.org/a?b", "https://example.org:443"),
        ("http://10.0.0.1:8080/", "http://10.0.0.1:8080"),
        ("http://[::1]/x", "http://[::1]:80"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, found: str) -> None:
    assert origin(url) == found


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org/",
        "http:///x",
        "//example.org/",
        "http://example.org@evil.test/",
        "http://example.org\\@evil.test/",
        "http://example.org\t.evil.test/",
        "http://example.org:x/",
        "http://example.org:99999/",
        "http://example.org:0/",
        "http://[::1/",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_origin(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        origin(url)


@pytest.mark.parametrize(
    "url", ["http://example.org/", "https://example.org:8443/", "https://example.org.evil.test/"]
)
def test_only_the_very_origin_is_allowed(url: str) -> None:
    origins = Origins(("https://example.org",))
    origins.check("https://example.org/x")
    with pytest.raises(BlobError) as refused:
        origins.check(url)
    assert (refused.value.status, refused.value.code) == (403, "CannotVerifyCopySource")


def test_a_star_allows_all() -> None:
    Origins(("*",)).check("http://anywhere.test:99/")
