from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from batchite.testing.service import RunningService, running_service

if TYPE_CHECKING:
    from playwright.sync_api import Browser

if importlib.util.find_spec("playwright") is None:  # an environment of before: `make install` brings it
    collect_ignore_glob = ["*.py"]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    from tests.portal.browser import seeing

    with seeing.chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def service() -> Iterator[RunningService]:
    from tests.portal.browser import seeing

    with running_service() as service:
        client = seeing.client(service)
        client.create_pool(seeing.pool("films", 1, display_name="<b>of the night</b>\u202e"))
        client.create_pool(seeing.pool("empty"))
        yield service
