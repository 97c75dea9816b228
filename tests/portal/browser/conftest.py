from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.portal.browser import seeing

from batchite.testing.service import RunningService, running_service


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with seeing.chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def service() -> Iterator[RunningService]:
    with running_service() as service:
        client = seeing.client(service)
        client.create_pool(seeing.pool("films", 1, display_name="<b>of the night</b>\u202e"))
        client.create_pool(seeing.pool("empty"))
        yield service
