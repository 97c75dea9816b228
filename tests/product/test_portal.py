"""The portal of the whole product, as its setting has it."""

import http.cookiejar
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from batchite.testing.service import RunningService, running_service


def portal_lines(service: RunningService) -> list[str]:
    return [line.split()[1] for line in service.lines if line.startswith("Portal")]


def test_a_portal_for_reading_says_so_and_who_came_in_is_logged(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("wb") as log,
        running_service(arguments=["--portal", "read-only"], stderr=log) as service,
    ):
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        browser = urllib.request.build_opener(cookies)
        (link,) = portal_lines(service)
        browser.open(link).close()
        with browser.open(f"{service.batch_url}/-/portal/accounts") as page:
            text = page.read().decode()
        assert "read-only" in text
        assert service.blob_url in text
        with pytest.raises(urllib.error.HTTPError) as refused:
            browser.open(link)
        assert refused.value.code == 403
        refused.value.close()
    said = (tmp_path / "log").read_text()
    assert "batchite.portal.audit: operator: opens the portal by a link from 127.0.0.1: done" in said
    assert "batchite.portal.audit: somebody: opens the portal by a link from 127.0.0.1: refused" in said


def test_without_a_portal_there_is_nothing(tmp_path: Path) -> None:
    with running_service(only="batch", arguments=["--portal", "off"]) as service:
        assert portal_lines(service) == []
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{service.batch_url}/-/portal/")  # noqa: S310
        assert refused.value.code == 404
        refused.value.close()
