"""What is kept for the proxy of tasks."""

from pathlib import Path

from batchite.configuration import cloud_proxy


def test_the_secret_stays_is_long_and_for_its_owner_only(tmp_path: Path) -> None:
    secret = cloud_proxy.secret(tmp_path)
    assert cloud_proxy.secret(tmp_path) == secret
    place = tmp_path / cloud_proxy.FILE_NAME
    assert place.stat().st_mode & 0o077 == 0
    place.write_bytes(place.read_bytes()[:5])  # as somebody may have left it
    assert len(cloud_proxy.secret(tmp_path)) == len(secret) == 64


def test_proxies_are_those_of_an_environment() -> None:
    given = {
        "HTTPS_PROXY": "http://a",
        "https_proxy": "http://b",
        "NO_PROXY": "c",
        "http_proxy": "",
        "X": "y",
    }
    assert cloud_proxy.proxies(given) == {"https": "http://b", "no": "c"}
