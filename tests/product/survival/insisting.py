"""A client whose service may be gone at any time: it asks until it is answered, as programs do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.rest import HttpRequest

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
            if _is_answer(error):
                raise
            if time.monotonic() > deadline or (stopping is not None and stopping.is_set()):
                raise
        (stopping or threading.Event()).wait(PAUSE)


def _is_answer(error: AzureError) -> bool:
    """Rather than that none came, that it broke off, or that there will be one later."""
    is_refusal = isinstance(error, HttpResponseError) and not isinstance(error, IncompleteReadError)
    return is_refusal and error.status_code != BUSY


def insist_late(
    call: Callable[[], object], late: Collection[str], stopping: threading.Event | None = None
) -> None:
    """As `insist`, of what a request may have done whose answer was lost: `late` are the refusals then."""
    try:
        insist(call, stopping)
    except HttpResponseError as error:
        if code_of(error) not in late:
            raise


def send(client: BatchClient, verb: str, path: str, body: Mapping[str, Any] | bytes | None = None) -> Any:
    """What the client has no method for. Raises HttpResponseError, as its methods do."""
    is_json = isinstance(body, Mapping)
    request = HttpRequest(verb, path, json=body if is_json else None, content=None if is_json else body)
    if is_json:
        request.headers["Content-Type"] = "application/json; odata=minimalmetadata"
    answer = client.send_request(request)
    if answer.status_code >= 400:
        raise HttpResponseError(response=answer)
    return answer


def code_of(error: HttpResponseError) -> str:
    """Why the service refused."""
    return str(json.loads(error.response.text())["code"]) if error.response else ""
