"""Errors of the Batch service: their codes, statuses, texts and body.

An error is raised where the rule is known and turned into an answer in one place. Operations never
choose a status: the code decides it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from batchite.wire.ticks import Timestamp

METADATA_TYPE = "Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element"
"""The entity type after `$metadata#` in an error's `odata.metadata`."""

_LONGEST_QUOTE = 200

CODES: Final[dict[str, tuple[int, str]]] = {
    "ConditionNotMet": (412, "A condition given in the request headers does not hold for this resource."),
    # 400
    "MissingRequiredHeader": (400, "A required header is missing from the request."),
    "MissingRequiredProperty": (400, "A required property is missing from the request body."),
    "UnsupportedHeader": (400, "The request has a header that this operation does not support."),
    "UnsupportedProperty": (400, "The request body has a property that is not supported."),
    "InvalidHeaderValue": (400, "A request header has a value that is not allowed."),
    "InvalidPropertyValue": (400, "A property of the request body has a value that is not allowed."),
    "MissingRequiredQueryParameter": (400, "A required query parameter is missing from the request."),
    "UnsupportedQueryParameter": (400, "The request has a query parameter that is not supported."),
    "InvalidQueryParameterValue": (400, "A query parameter has a value that is not allowed."),
    "OutOfRangeQueryParameterValue": (400, "A query parameter is outside of its permitted range."),
    "RequestUrlFailedToParse": (400, "The URL of the request cannot be parsed."),
    "InvalidUri": (400, "The URL of the request names no resource of this service."),
    "InvalidHttpVerb": (400, "The HTTP verb of the request is not known."),
    "EmptyMetadataKey": (400, "The name of a metadata item is empty."),
    "InvalidRequestBody": (400, "The request body cannot be read."),
    "OutOfRangeInput": (400, "An input of the request is outside of its permitted range."),
    "InvalidAuthenticationInfo": (400, "The Authorization header is not well-formed."),
    "InvalidInput": (400, "An input of the request is not valid."),
    "InvalidMetadata": (400, "The metadata of the request is not valid."),
    "MetadataTooLarge": (400, "The metadata of the request is too large."),
    "MultipleConditionHeadersNotSupported": (400, "This mixture of conditional headers is not supported."),
    "UnsupportedRequestVersion": (400, "The API version of the request is not supported."),
    "InvalidAutoScalingSettings": (400, "The autoscale settings of the pool are not valid."),
    "PoolNotEligibleForOSVersionUpgrade": (400, "The pool is none whose operating system can be upgraded."),
    "PoolVersionEqualsUpgradeVersion": (400, "The pool has this version of the operating system already."),
    "AutoScalingFormulaSyntaxError": (400, "The autoscale formula has a syntax error."),
    "AutoScaleFormulaTooLong": (400, "The autoscale formula is longer than 8192 characters."),
    "TaskDependenciesNotSpecifiedOnJob": (400, "The job of the task does not use task dependencies."),
    "TaskDependencyListTooLong": (400, "The ids of the task's dependencies are too long together."),
    "TaskDependencyRangesTooLong": (400, "The ranges of the task's dependencies are too long together."),
    # 403
    "AuthenticationFailed": (
        403,
        "The request could not be authenticated. Check account name, key and Authorization header.",
    ),
    "InsufficientAccountPermissions": (403, "The account may not do this operation."),
    # 404
    "ResourceNotFound": (404, "The specified resource does not exist."),
    "PoolNotFound": (404, "The specified pool does not exist."),
    "NodeNotFound": (404, "The specified node does not exist."),
    "NodeUserNotFound": (404, "The node has no user of this name."),
    "JobScheduleNotFound": (404, "The specified job schedule does not exist."),
    "JobNotFound": (404, "The specified job does not exist."),
    "TaskNotFound": (404, "The specified task does not exist."),
    "ApplicationNotFound": (404, "The account has no such application with packages."),
    "JobPreparationTaskNotRunOnNode": (404, "The job's preparation task has not run on the specified node."),
    "JobReleaseTaskNotRunOnNode": (404, "The job's release task has not run on the specified node."),
    "CertificateNotFound": (404, "The account has no certificate of this thumbprint."),
    "FileNotFound": (404, "The specified file does not exist."),
    # 405 to 416
    "UnsupportedHttpVerb": (405, "The resource does not support this HTTP verb."),
    "MissingContentLengthHeader": (411, "The Content-Length header is missing."),
    "RequestBodyTooLarge": (413, "The request body is larger than the service takes."),
    "RequestEntityTooLarge": (413, "A list of resource files is larger than the service takes."),
    "InvalidRange": (416, "The range asked for is outside of the file."),
    # 409
    "PoolExists": (409, "The specified pool already exists."),
    "JobExists": (409, "The specified job already exists."),
    "JobScheduleExists": (409, "The specified job schedule already exists."),
    "TaskExists": (409, "The specified task already exists."),
    "CertificateExists": (409, "The account has a certificate of this thumbprint already."),
    "CertificateStateActive": (409, "The certificate is active: there is no deletion to cancel."),
    "NodeUserExists": (409, "The node has a user of this name already."),
    "PoolBeingCreated": (409, "The specified pool is being created."),
    "PoolBeingResized": (409, "The specified pool is being resized."),
    "PoolBeingDeleted": (409, "The specified pool is being deleted."),
    "PoolQuotaReached": (409, "The account has as many pools as its quota allows."),
    "NodeBeingCreated": (409, "The specified node is being created."),
    "NodeBeingStarted": (409, "The specified node is being started."),
    "NodeBeingRebooted": (409, "The specified node is being rebooted."),
    "NodeBeingReimaged": (409, "The specified node is being reimaged."),
    "NodeAlreadyInTargetSchedulingState": (409, "The specified node is in that scheduling state already."),
    "NodeStateUnusable": (409, "The specified node is unusable."),
    "OperationNotValidOnNode": (409, "The operation is not valid on the specified node."),
    "OperationNotValidOnPool": (409, "The operation is not valid on the specified pool."),
    "JobBeingTerminated": (409, "The specified job is being terminated."),
    "JobBeingDeleted": (409, "The specified job is being deleted."),
    "JobDisabled": (409, "The specified job is disabled."),
    "JobCompleted": (409, "The specified job is completed."),
    "JobNotActive": (409, "The specified job is not active."),
    "JobScheduleBeingTerminated": (409, "The specified job schedule is being terminated."),
    "JobScheduleBeingDeleted": (409, "The specified job schedule is being deleted."),
    "JobScheduleDisabled": (409, "The specified job schedule is disabled."),
    "JobScheduleCompleted": (409, "The specified job schedule is completed."),
    "JobWithSameIdExists": (409, "A job with the same id already exists."),
    "JobScheduleWithSameIdExists": (409, "A job schedule with the same id already exists."),
    "ActiveJobAndScheduleQuotaReached": (
        409,
        "The account has as many active jobs and job schedules as its quota allows.",
    ),
    "JobPreparationTaskNotSpecified": (409, "The specified job has no preparation task."),
    "JobReleaseTaskNotSpecified": (409, "The specified job has no release task."),
    "TaskIdSameAsJobPreparationTask": (409, "The task has the id of the job's preparation task."),
    "TaskIdSameAsJobReleaseTask": (409, "The task has the id of the job's release task."),
    "TaskCompleted": (409, "The specified task is already completed."),
    "TaskNotCompleted": (409, "The specified task is not completed."),
    "TaskSucceeded": (409, "The specified task has succeeded."),
    "TaskFilesUnavailable": (
        409,
        "The files of the task are not available: it never ran or its node is gone.",
    ),
    "TaskFilesCleanedup": (409, "The files of the task have been cleaned up."),
    "InvalidApplicationPackageReferences": (
        409,
        "One or more of the application packages that are referred to do not exist.",
    ),
    "StorageAccountNotFound": (409, "No storage account is linked to the Batch account."),
    "OperationInvalidForCurrentState": (409, "The operation is not valid in the resource's present state."),
    # 410, of the feed
    "EventsExpired": (410, "The events after the cursor are not kept any more."),
    # 500 and 503
    "InternalError": (500, "The service met an internal error; send the request again."),
    "OperationTimedOut": (500, "The operation did not finish in the time it was given; ask for its outcome."),
    "TooManyEnableAutoScaleRequests": (
        503,
        "Requests to enable autoscale of the same pool must be at least 30 seconds apart.",
    ),
    "ServerBusy": (503, "The service is busy; send the request again later."),
    # 507, of application packages
    "InsufficientStorage": (507, "The service's disk is full; nothing of this request was stored."),
}
"""Every code the service answers with: its HTTP status and its text."""


class BatchError(Exception):
    """A refusal or failure with a documented code, as clients see it.

    `detail` is added to the text of the code and names what was wrong, why, and what to do instead.
    `values` are pairs for programs. A code that is not in `CODES` is a KeyError: it is our mistake.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        values: tuple[tuple[str, str], ...] = (),
        *,
        status: int | None = None,
    ) -> None:
        documented_status, text = CODES[code]
        self.status = status or documented_status
        self.code = code
        self.message = f"{text} {detail}" if detail else text
        self.values = values
        super().__init__(f"({code}) {self.message}")


def quote(value: object) -> str:
    """`value` as JSON for an error text, cut where it gets long and safe to encode."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:  # the reader of JSON goes a little deeper than its writer
        return f"a deeply nested {'list' if isinstance(value, list | tuple) else 'object'}"
    text = text.encode(errors="replace").decode()
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


class PropertyError(BatchError):
    """The refusal of a property of a request's body.

    `name` is its path. `form` is the sentence with `name`, `value` (as JSON; None: it is not told) and
    `reason` in it.
    """

    def __init__(self, code: str, form: str, name: str, reason: str, value: str | None = None) -> None:
        values = [("PropertyName", name), ("Reason", reason)]
        if value is not None:
            values.insert(1, ("PropertyValue", value))
        super().__init__(code, form.format(name=name, value=value, reason=reason), tuple(values))
        self.name = name
        self._form, self._reason, self._value = form, reason, value

    def respelled(self, name: str, words: Mapping[str, str]) -> PropertyError:
        """The same with other names: of the property itself, and of those that the reason speaks of."""
        reason = _WORD.sub(lambda word: words.get(word[0], word[0]), self._reason)
        return PropertyError(self.code, self._form, name, reason, self._value)


_BROKEN_RULE = "{name} is {value}: {reason}."
_MISSING = "{name} is required; add it to the request body."
_UNWANTED = "{name}: {reason}"
_WORD = re.compile(r"[A-Za-z]+")


def invalid_property(name: str, value: object, reason: str) -> PropertyError:
    """The property's value breaks a rule; `reason` reads after "it"."""
    return PropertyError("InvalidPropertyValue", _BROKEN_RULE, name, f"it {reason}", _told(name, value))


def taken_property(code: str, name: str, value: object, reason: str) -> PropertyError:
    """The property's value is something else's already; `reason` reads after "it"."""
    return PropertyError(code, _BROKEN_RULE, name, f"it {reason}", _told(name, value))


def missing_property(name: str) -> PropertyError:
    """A required property is absent or null."""
    return PropertyError("MissingRequiredProperty", _MISSING, name, "it is required")


def unreadable_property(name: str, value: object, reason: str) -> PropertyError:
    """The property's value is not of the type that is due; `reason` reads after "it"."""
    return PropertyError("InvalidRequestBody", _BROKEN_RULE, name, f"it {reason}", _told(name, value))


def unknown_property(name: str, reason: str, value: object = None) -> PropertyError:
    """There is no such property; `reason` is a sentence."""
    return PropertyError("InvalidRequestBody", _UNWANTED, name, reason, _plain(name, value))


def unsupported_property(name: str, reason: str, value: object = None) -> PropertyError:
    """The property cannot be used; `reason` is a sentence."""
    return PropertyError("UnsupportedProperty", _UNWANTED, name, reason, _plain(name, value))


_SECRETS = frozenset({"password", "sshprivatekey", "accountkey", "saskey", "protectedsettings"})
"""Names of properties, in lower case."""
_UNTOLD = "not told here"


def _told(name: str, value: object) -> str:
    """The value in the words of an error, unless it is a secret or holds one."""
    if not _SECRETS.isdisjoint(word.lower() for word in _WORD.findall(name)):
        return _UNTOLD
    text = quote(value)
    is_composite = isinstance(value, dict | list | tuple)
    return _UNTOLD if is_composite and any(f'"{word}"' in text.lower() for word in _SECRETS) else text


def _plain(name: str, value: object) -> str | None:
    """A plain value is quoted, a composite one is not: it may be long and hold secrets."""
    return _told(name, value) if isinstance(value, str | int | float) else None


def invalid_query(name: str, value: str, reason: str) -> BatchError:
    """The query parameter's value breaks a rule; `reason` reads after "it"."""
    return _query_error("InvalidQueryParameterValue", name, value, reason)


def out_of_range_query(name: str, value: str, reason: str) -> BatchError:
    """The query parameter's value lies outside of its limits; `reason` reads after "it"."""
    return _query_error("OutOfRangeQueryParameterValue", name, value, reason)


def missing_query(name: str, example: str) -> BatchError:
    """A required query parameter is absent; `example` is a value it may have."""
    values = (("QueryParameterName", name),)
    return BatchError(
        "MissingRequiredQueryParameter", f"Add {name}={example} to the query of the URL.", values
    )


def invalid_header(name: str, value: str, reason: str) -> BatchError:
    """The header's value breaks a rule; `reason` reads after "it"."""
    values = (("HeaderName", name), ("HeaderValue", value[:_LONGEST_QUOTE]), ("Reason", f"it {reason}"))
    return BatchError("InvalidHeaderValue", f"{name} is {quote(value)}: it {reason}.", values)


def _query_error(code: str, name: str, value: str, reason: str) -> BatchError:
    values = (
        ("QueryParameterName", name),
        ("QueryParameterValue", value[:_LONGEST_QUOTE]),
        ("Reason", f"it {reason}"),
    )
    return BatchError(code, f"{name} is {quote(value)}: it {reason}.", values)


def content(error: BatchError, request_id: str, now: Timestamp) -> dict[str, object]:
    """The error as plain JSON values: also what an item of a task collection carries."""
    text = f"{error.message}\nRequestId:{request_id}\nTime:{now}"
    found: dict[str, object] = {"code": error.code, "message": {"lang": "en-US", "value": text}}
    if error.values:
        found["values"] = [{"key": key, "value": value} for key, value in error.values]
    return found


def body(error: BatchError, request_id: str, now: Timestamp, base_url: str = "") -> bytes:
    """The whole body of an error answer; `base_url` is the scheme and host the client used."""
    answer = {"odata.metadata": f"{base_url}/$metadata#{METADATA_TYPE}", **content(error, request_id, now)}
    return json.dumps(answer, separators=(",", ":")).encode()
