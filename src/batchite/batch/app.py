"""The Batch API: the way of a request from its bytes to an operation and back."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from batchite.batch import conditions, images, queries, refusals, task_access
from batchite.batch.applications import api as applications
from batchite.batch.applications import own as applications_own
from batchite.batch.authentication import Keys, KeysAndTokens
from batchite.batch.call import Call
from batchite.batch.certificates import api as certificates
from batchite.batch.explaining import api as explaining
from batchite.batch.files import api as files
from batchite.batch.job_nodes import api as job_nodes
from batchite.batch.job_schedules import api as job_schedules
from batchite.batch.jobs import api as jobs
from batchite.batch.jobs import own as jobs_own
from batchite.batch.logins import api as logins
from batchite.batch.logins import own as logins_own
from batchite.batch.nodes import api as nodes
from batchite.batch.nodes import own as nodes_own
from batchite.batch.operations import Operation
from batchite.batch.own import Endpoint, OwnApp
from batchite.batch.pools import api as pools
from batchite.batch.pools import own as pools_own
from batchite.batch.services import Services
from batchite.batch.tasks import api as tasks
from batchite.batch.tasks import own as tasks_own
from batchite.batch.usage import api as usage
from batchite.batch.usage import own as usage_own
from batchite.configuration.accounts import KnownAccounts
from batchite.configuration.fidelity import Fidelity
from batchite.configuration.scheduling import IN_ORDER, Scheduling
from batchite.machine.clock import SystemClock
from batchite.ports.node_files import NodeFiles
from batchite.ports.owner import Owner
from batchite.store.batch.walking import USUAL, Effort
from batchite.store.database import Database
from batchite.store.package_files import PackageFiles
from batchite.web.faults import Faults
from batchite.web.request import Incoming
from batchite.web.router import Router
from batchite.wire.batch import errors, versions
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.versions.registry import PARAMETER, Registry, Version
from batchite.wire.ticks import Clock

log = logging.getLogger(__name__)

_AS_THE_CLOUD = Fidelity()
OPERATIONS: tuple[Operation, ...] = (
    *pools.OPERATIONS,
    *usage.OPERATIONS,
    *nodes.OPERATIONS,
    *logins.OPERATIONS,
    *images.OPERATIONS,
    *applications.OPERATIONS,
    *certificates.OPERATIONS,
    *job_schedules.OPERATIONS,
    *jobs.OPERATIONS,
    *job_nodes.OPERATIONS,
    *tasks.OPERATIONS,
    *files.OPERATIONS,
)
"""All that the protocol has."""

fallback = refusals.Fallback(SystemClock())
"""For the guard of the Batch service: what it answers when something escapes."""


def own_endpoints(services: Services) -> Sequence[Endpoint]:
    """All that is ours and asked of what the API has."""
    rooms = (
        usage_own, jobs_own, tasks_own, nodes_own, pools_own, logins_own, applications_own, explaining,
    )  # fmt: skip
    return [endpoint for room in rooms for endpoint in room.endpoints(services)]


class BatchApp:
    """An ASGI application for HTTP.

    `host_suffixes`: hosts of the form `account.suffix` name their account. `known_versions` are the API
    versions it speaks. `testing_token` is for the test that may ask for faults. `effort` is what a page of a
    filtered list may take.
    """

    def __init__(
        self,
        database: Database,
        accounts: KnownAccounts,
        clock: Clock,
        owner: Owner,
        files: NodeFiles,
        packages: PackageFiles,
        *,
        fidelity: Fidelity = _AS_THE_CLOUD,
        scheduling: Scheduling = IN_ORDER,
        host_suffixes: Sequence[str] = (),
        known_versions: Registry = versions.REGISTRY,
        testing_token: str = "",
        effort: Effort = USUAL,
    ) -> None:
        self.services = Services(
            database, accounts, clock, owner, files, fidelity, packages, scheduling, effort
        )
        """what its operations work with"""
        self._authenticate = KeysAndTokens(accounts, host_suffixes, clock)
        self._versions = known_versions
        self._newest_seen = known_versions.newest.text
        self.faults = Faults((entry.name for entry in OPERATIONS), errors.CODES, testing_token)
        ours = own_endpoints(self.services)
        self.own = OwnApp(ours, Keys(accounts, host_suffixes, clock), clock)
        """what is ours below `/-/`"""
        self._router = Router((entry.verb, entry.path, entry) for entry in OPERATIONS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await refusals.serve(self._answer, self.services.clock, scope, receive, send)

    async def _answer(self, request: Incoming) -> Response:
        call, operation = self._call(request)
        await task_access.check(call.principal, operation, call.params.get("jobId"), self.services.database)
        self.faults.check(operation.name)
        if operation.changes:
            self.services.check_not_stopping()
        try:
            return await operation.run(call)
        except BatchError as error:
            raise call.respelled(error) from None

    def _call(self, request: Incoming) -> tuple[Call, Operation]:
        """In this order: a client of another version is not to look for its mistake in path or query."""
        clock = self.services.clock
        account, principal = self._authenticate(request)
        version = self._version(request.parameters.get(PARAMETER))
        match = self._router.match(request.verb, request.raw_path)
        operation = match.target
        operation.check(version.text)
        query = queries.parse(request.query, operation.parameters(version.text))
        call = Call(
            request=request,
            services=self.services,
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
