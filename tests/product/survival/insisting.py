"""A client whose service may be gone at any time: it asks until it is answered, as programs do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

from batchite.testing import RunningService

T = TypeVar("T")

PAUSE = 0.25
PATIENCE = 120.0
BUSY = 503


def client_of(service: RunningService) -> BatchClient:
    """Without the client's own retries: those of `insist` are enough."""
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    return BatchClient(service.batch_url, credential, retry_total=0, connection_timeout=5, read_timeout=15)


def insist(call: Callable[[], T], stopping: threading.Event | None = None) -> T:
    """Call until an answer comes; a refusal is an answer, but for one because the service is stopping."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except (ServiceRequestError, ServiceResponseError, HttpResponseError) as error:
            if isinstance(error, HttpResponseError) and error.status_code != BUSY:
                raise
            if time.monotonic() > deadline or (stopping is not None and stopping.is_set()):
                raise
        (stopping or threading.Event()).wait(PAUSE)


def insist_late(call: Callable[[], object], late: Collection[str], stopping: threading.Event) -> None:
    """As `insist`, of what a request may have done whose answer was lost: `late` are the refusals then."""
    try:
        insist(call, stopping)
    except HttpResponseError as error:
        if _code(error) not in late:
            raise


def _code(error: HttpResponseError) -> str:
    """Why the service refused."""
    return str(json.loads(error.response.text())["code"]) if error.response else ""
