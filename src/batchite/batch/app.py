"""The Batch API: the way of a request from its bytes to an operation and back."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from batchite.batch import absent, conditions, images, queries, refusals
from batchite.batch.authentication import Keys
from batchite.batch.call import Call
from batchite.batch.explaining import api as explaining
from batchite.batch.files import api as files
from batchite.batch.jobs import api as jobs
from batchite.batch.jobs import own as jobs_own
from batchite.batch.nodes import api as nodes
from batchite.batch.nodes import own as nodes_own
from batchite.batch.operations import Operation
from batchite.batch.own import OwnApp
from batchite.batch.pools import api as pools
from batchite.batch.services import Services
from batchite.batch.tasks import api as tasks
from batchite.batch.tasks import own as tasks_own
from batchite.configuration.accounts import KnownAccounts
from batchite.machine.clock import SystemClock
from batchite.ports.node_files import NodeFiles
from batchite.ports.owner import Owner
from batchite.store.database import Database
from batchite.web.faults import Faults
from batchite.web.request import Incoming
from batchite.web.router import Router
from batchite.wire.batch import errors, versions
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.versions.registry import PARAMETER, Registry, Version
from batchite.wire.ticks import Clock

log = logging.getLogger(__name__)

THERE: tuple[Operation, ...] = (
    *pools.OPERATIONS,
    *nodes.OPERATIONS,
    *images.OPERATIONS,
    *jobs.OPERATIONS,
    *tasks.OPERATIONS,
    *files.OPERATIONS,
)
ABSENT = absent.besides(THERE)
OPERATIONS = THERE + ABSENT

fallback = refusals.Fallback(SystemClock())
"""For the guard of the Batch service: what it answers when something escapes."""


class BatchApp:
    """An ASGI application for HTTP.

    `host_suffixes`: hosts of the form `account.suffix` name their account. `known_versions` are the API
    versions it speaks. `testing_token` is for the test that may ask for faults.
    """

    def __init__(
        self,
        database: Database,
        accounts: KnownAccounts,
        clock: Clock,
        owner: Owner,
        files: NodeFiles,
        *,
        host_suffixes: Sequence[str] = (),
        known_versions: Registry = versions.REGISTRY,
        testing_token: str = "",
    ) -> None:
        self._services = Services(database, accounts, clock, owner, files)
        self._authenticate = Keys(accounts, host_suffixes, clock)
        self._versions = known_versions
        self._newest_seen = known_versions.newest.text
        self.faults = Faults((entry.name for entry in OPERATIONS), errors.CODES, testing_token)
        ours = [
            *jobs_own.endpoints(self._services),
            *tasks_own.endpoints(self._services),
            *nodes_own.endpoints(self._services),
            *explaining.endpoints(self._services),
        ]
        self.own = OwnApp(ours, self._authenticate, clock)
        """what is ours below `/-/`"""
        self._router = Router((entry.verb, entry.path, entry) for entry in OPERATIONS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await refusals.serve(self._answer, self._services.clock, scope, receive, send)

    async def _answer(self, request: Incoming) -> Response:
        call, operation = self._call(request)
        self.faults.check(operation.name)
        if operation.changes and self._services.owner.is_stopping:
            raise BatchError("ServerBusy", "It is stopping and changes nothing until it is started again.")
        try:
            return await operation.run(call)
        except BatchError as error:
            raise call.respelled(error) from None

    def _call(self, request: Incoming) -> tuple[Call, Operation]:
        """In this order: a client of another version is not to look for its mistake in path or query."""
        clock = self._services.clock
        account, principal = self._authenticate(request)
        version = self._version(request.parameters.get(PARAMETER))
        match = self._router.match(request.verb, request.raw_path)
        operation = match.target
        operation.check(version.text)
        absent.check(operation, request.base_url)
        query = queries.parse(request.query, operation.parameters(version.text))
        call = Call(
            request=request,
            services=self._services,
            account=account,
            principal=principal,
            version=version,
            params=dict(match.params),
            query=query,
            conditions=conditions.parse(request.headers, operation.conditions),
            now=clock.now(),
        )
        return call, operation

    def _version(self, asked: str | None) -> Version:
        """What a request's version is served as. Raises BatchError. One that is newer than this program is
        told once, so that whoever wonders about an answer finds the reason."""
        version = self._versions.resolve(asked)
        if asked and asked > self._newest_seen:
            self._newest_seen = asked
            log.info(
                "a client speaks version %s; what is new in it since %s is not known here",
                asked,
                version.text,
            )
        return version
