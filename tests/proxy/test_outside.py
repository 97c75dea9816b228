"""By which proxy of the environment the rest of the world is reached."""

import pytest

from batchite.proxy.outside import NextProxy, Outside
from batchite.proxy.problems import RefusedError

PROXIES = {"https": "http://me:p%40ss@proxy.example:3128", "http": "proxy.example", "no": "corp.example"}


@pytest.mark.parametrize(
    ("scheme", "host", "expected"),
    [
        ("https", "example.org", NextProxy("proxy.example", 3128, False, "Basic bWU6cEBzcw==")),
        ("http", "example.org", NextProxy("proxy.example", 80, False, "")),
        ("https", "a.corp.example", None),
    ],
)
def test_scheme_and_exceptions_decide(scheme: str, host: str, expected: NextProxy | None) -> None:
    assert Outside(PROXIES).proxy(scheme, host, 443) == expected


def test_one_for_all_schemes_and_none() -> None:
    tls = Outside({"all": "https://proxy.example"}).proxy("http", "example.org", 80)
    assert tls == NextProxy("proxy.example", 443, True, "")
    assert Outside({}).proxy("https", "example.org", 443) is None


@pytest.mark.parametrize("url", ["socks5://me:secret@proxy.example", "http://", "http://[::1", "http://p:x"])
def test_what_cannot_be_used_is_named_without_its_password(url: str) -> None:
    with pytest.raises(RefusedError, match=r"begin with http:// or https://") as caught:
        Outside({"https": url}).proxy("https", "example.org", 443)
    assert "secret" not in str(caught.value)
