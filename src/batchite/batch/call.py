"""One request on its way through an operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from urllib.parse import quote

from batchite.batch import queries
from batchite.batch.acting import Acting
from batchite.batch.conditions import Conditions
from batchite.batch.services import Services
from batchite.configuration.accounts import BatchAccount
from batchite.web.principal import Principal
from batchite.web.request import Incoming
from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError, PropertyError, invalid_header
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.task_rules import BatchTaskConstraints
from batchite.wire.batch.odata import select
from batchite.wire.batch.validation.tasks import RETENTION
from batchite.wire.batch.versions.registry import Version
from batchite.wire.ticks import Duration, Timestamp

M = TypeVar("M", bound=Model)

JSON = "application/json"
LARGEST_BODY = 1024 * 1024
"""Bytes, of a pool, a job, or a collection of tasks."""


@dataclass
class Call:
    """A matched, authenticated request of a known version, and what answers it.

    `body_model` is what its body, of an older version, has been lifted to.
    """

    request: Incoming
    services: Services
    account: BatchAccount
    principal: Principal
    version: Version
    params: dict[str, str]
    query: dict[str, str]
    conditions: Conditions
    now: Timestamp
    body_model: type[Model] | None = field(default=None, init=False)

    def url(self, *segments: str) -> str:
        """An absolute URL as the client sees this service; each segment is encoded."""
        return "/".join([self.request.base_url, *(quote(segment, safe="") for segment in segments)])

    def truth(self, name: str) -> bool:
        """A boolean query parameter. Raises BatchError."""
        return queries.truth(self.query, name)

    @property
    def task_retention(self) -> Duration:
        """How long a task's files are kept if it does not say."""
        older = self.version.default(BatchTaskConstraints, "retentionTime")
        return RETENTION if older is None else Duration.parse(str(older))

    def shown(self, value: Model) -> dict[str, object]:
        """What a client of the request's version sees of this, as plain JSON values."""
        body: dict[str, object] = codec.to_builtins(value)
        self.version.lower(type(value), body)
        return body

    def selected(self, model: type[Model]) -> frozenset[str] | None:
        """The properties that `$select` asks for, as the request's version writes them; None means all.
        Raises BatchError."""
        text = self.query.get(select.SELECT)
        return None if text is None else select.parse_select(text, self.version.names(model))

    def wants_statistics(self, model: type[Model]) -> bool:
        """Whether a resource is to be shown with its statistics: by `$expand`, or by name in `$select`, which
        decides where both are given. Raises BatchError."""
        expanded = select.parse_expand(self.query.get(select.EXPAND))
        names = self.selected(model)
        return expanded if names is None else select.EXPANDABLE in names

    @cached_property
    def acting(self) -> Acting:
        """For whom something is done, when, and with what."""
        return Acting(self.services, self.account.name, self.now)

    async def body(self, model: type[M]) -> M:
        """The request's body in the newest version's shape. Raises BatchError."""
        content = await self.request.body(LARGEST_BODY)
        self._check_content()
        if self.version.is_newest:
            decoded = codec.decode(content, model)
            self.version.check_hidden(decoded)
            return decoded
        parsed = codec.parse(content)
        self.version.lift(model, parsed)
        self.body_model = model
        return codec.convert(parsed, model)

    def respelled(self, error: BatchError) -> BatchError:
        """A refusal with the names that the request's version has for properties of its body."""
        if self.version.is_newest or self.body_model is None or not isinstance(error, PropertyError):
            return error
        return self.version.respelled(error, self.body_model)

    async def optional_body(self, model: type[M]) -> M | None:
        """As `body`, but None if there is none."""
        announced = self.request.headers.get("content-length", "")
        if announced == "0" or (not announced and "transfer-encoding" not in self.request.headers):
            return None
        return await self.body(model)

    def _check_content(self) -> None:
        headers = self.request.headers
        if "content-encoding" in headers:
            detail = "Send the body without Content-Encoding."
            raise BatchError("UnsupportedHeader", detail, (("HeaderName", "Content-Encoding"),))
        given = headers.get("content-type")
        if given is None:
            detail = f"Send Content-Type: {JSON}; odata=minimalmetadata."
            raise BatchError("MissingRequiredHeader", detail, (("HeaderName", "Content-Type"),))
        if given.partition(";")[0].strip().lower() != JSON:
            raise invalid_header("Content-Type", given, f"has to be {JSON}; odata=minimalmetadata")
