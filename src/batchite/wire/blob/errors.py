"""Errors of the Blob service: documented codes, and the XML body that carries them."""

from __future__ import annotations

import re
from html import escape

from batchite.wire.ticks import Timestamp

CODES: dict[str, tuple[int, str]] = {
    "AppendPositionConditionNotMet": (412, "The append position condition specified was not met."),
    "AuthenticationFailed": (
        403,
        (
            "Server failed to authenticate the request. Make sure the value of Authorization header is "
            "formed correctly including the signature."
        ),
    ),
    "AuthorizationFailure": (403, "This request is not authorized to perform this operation."),
    "AuthorizationPermissionMismatch": (
        403,
        "This request is not authorized to perform this operation using this permission.",
    ),
    "AuthorizationProtocolMismatch": (
        403,
        "This request is not authorized to perform this operation using this protocol.",
    ),
    "AuthorizationResourceTypeMismatch": (
        403,
        "This request is not authorized to perform this operation using this resource type.",
    ),
    "AuthorizationServiceMismatch": (
        403,
        "This request is not authorized to perform this operation using this service.",
    ),
    "AuthorizationSourceIPMismatch": (
        403,
        "This request is not authorized to perform this operation using this source IP {address}.",
    ),
    "BlobAlreadyExists": (409, "The specified blob already exists."),
    "BlobNotFound": (404, "The specified blob does not exist."),
    "BlobArchived": (409, "This operation is not permitted on an archived blob."),
    "BlobBeingRehydrated": (
        409,
        "This operation is not permitted because the blob is being rehydrated.",
    ),
    "BlobCustomerSpecifiedEncryptionMismatch": (
        409,
        "The given customer specified encryption does not match the encryption used to encrypt the blob.",
    ),
    "BlobDoesNotUseCustomerSpecifiedEncryption": (
        409,
        "The blob is not encrypted, but customer specified encryption was provided in the request.",
    ),
    "BlobIsSealed": (
        409,
        "The specified blob is sealed and its contents cannot be modified unless it is created again.",
    ),
    "BlobOverwritten": (409, "The blob has been recreated since the previous snapshot was taken."),
    "BlobUsesCustomerSpecifiedEncryption": (
        409,
        "The blob is encrypted with customer specified encryption, but it was not provided in the request.",
    ),
    "BothCrc64AndMd5HeaderPresent": (
        400,
        "Both x-ms-content-crc64 header and Content-MD5 header are present.",
    ),
    "BlockCountExceedsLimit": (
        409,
        "The committed block count cannot exceed the maximum limit of 50,000 blocks.",
    ),
    "BlockListTooLong": (400, "The block list may not contain more than 50,000 blocks."),
    "CannotVerifyCopySource": (404, "The copy source cannot be read."),
    "ConditionNotMet": (412, "The condition specified using HTTP conditional header(s) is not met."),
    "ContainerAlreadyExists": (409, "The specified container already exists."),
    "CopyIdMismatch": (
        409,
        "The specified copy ID did not match the copy ID for the pending copy operation.",
    ),
    "CorsPreflightFailure": (403, "CORS not enabled or no matching rule found for this request."),
    "ContainerNotFound": (404, "The specified container does not exist."),
    "Crc64Mismatch": (
        400,
        "The CRC64 value specified in the request did not match the one calculated by the server.",
    ),
    "DuplicateTagNames": (400, "The tags specified contain duplicate names."),
    "EmptyMetadataKey": (400, "The key for one of the metadata key-value pairs is empty."),
    "EmptyTagName": (400, "The name of one of the tags is empty."),
    "InsufficientAccountPermissions": (403, "The account may not do this operation."),
    "InsufficientStorage": (507, "The service's disk is full; nothing of this request was stored."),
    "InternalError": (500, "The server encountered an internal error. Please retry the request."),
    "InvalidAuthenticationInfo": (
        400,
        (
            "Authentication information is not given in the correct format. Check the value of Authorization "
            "header."
        ),
    ),
    "InvalidBlobOrBlock": (400, "The specified blob or block content is invalid."),
    "InvalidBlobType": (409, "The blob type is invalid for this operation."),
    "InvalidBlockId": (400, "The specified block ID is invalid. The block ID must be Base64-encoded."),
    "InvalidBlockList": (400, "The specified block list is invalid."),
    "InvalidHeaderValue": (400, "The value for one of the HTTP headers is not in the correct format."),
    "InvalidInput": (400, "One of the request inputs is not valid."),
    "InvalidMd5": (
        400,
        "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64-encoded.",
    ),
    "InvalidMetadata": (400, "The metadata specified is invalid. It has characters that are not permitted."),
    "InvalidPageRange": (416, "The page range specified is invalid."),
    "InvalidQueryParameterValue": (
        400,
        "Value for one of the query parameters specified in the request URI is invalid.",
    ),
    "InvalidRange": (416, "The range specified is invalid for the current size of the resource."),
    "InvalidResourceName": (400, "The specified resource name contains invalid characters."),
    "InvalidTag": (
        400,
        "The tags specified are invalid. They have characters that are not permitted, or another form.",
    ),
    "InvalidUri": (400, "The requested URI does not represent any resource on the server."),
    "InvalidXmlDocument": (400, "XML specified is not syntactically valid."),
    "InvalidXmlNodeValue": (
        400,
        "The value for one of the XML nodes is not in the correct format.",
    ),
    "LeaseAlreadyPresent": (409, "There is already a lease present."),
    "LeaseIdMismatchWithBlobOperation": (
        412,
        "The lease ID specified did not match the lease ID for the blob.",
    ),
    "LeaseIdMismatchWithContainerOperation": (
        412,
        "The lease ID specified did not match the lease ID for the container.",
    ),
    "LeaseIdMismatchWithLeaseOperation": (409, "The lease ID specified did not match the lease ID."),
    "LeaseIdMissing": (412, "There is currently a lease and no lease ID was specified in the request."),
    "LeaseIsBreakingAndCannotBeAcquired": (
        409,
        "The lease is breaking and cannot be acquired until it has been broken.",
    ),
    "LeaseIsBreakingAndCannotBeChanged": (409, "The lease is breaking and cannot be changed."),
    "LeaseIsBrokenAndCannotBeRenewed": (409, "The lease has been broken explicitly and cannot be renewed."),
    "LeaseLost": (412, "A lease ID was specified, but the lease has expired or been broken."),
    "LeaseNotPresentWithBlobOperation": (412, "There is currently no lease on the blob."),
    "LeaseNotPresentWithContainerOperation": (412, "There is currently no lease on the container."),
    "LeaseNotPresentWithLeaseOperation": (409, "There is currently no lease."),
    "MaxBlobSizeConditionNotMet": (412, "The max blob size condition specified was not met."),
    "Md5Mismatch": (
        400,
        "The MD5 value specified in the request did not match with the MD5 value calculated by the server.",
    ),
    "MetadataTooLarge": (400, "The metadata specified exceeds the maximum allowed limit (8KB)."),
    "MissingContentLengthHeader": (411, "The Content-Length header was not specified."),
    "MissingRequiredHeader": (400, "An HTTP header that's mandatory for this request is not specified."),
    "MissingRequiredQueryParameter": (
        400,
        "A query parameter that's mandatory for this request is not specified.",
    ),
    "MultipleConditionHeadersNotSupported": (400, "Multiple condition headers are not supported."),
    "NoAuthenticationInformation": (
        401,
        (
            "Server failed to authenticate the request. Please refer to the information in the "
            "www-authenticate header."
        ),
    ),
    "NoPendingCopyOperation": (409, "There is currently no pending copy operation."),
    "OperationNotAllowed": (403, "The operation is not allowed."),
    "OperationNotAllowedOnRootBlob": (
        403,
        "The operation is not allowed on the current version; it is meant for earlier ones.",
    ),
    "OutOfRangeInput": (400, "One of the request inputs is out of range."),
    "OutOfRangeQueryParameterValue": (
        400,
        "One of the query parameters specified in the request URI is outside the permissible range.",
    ),
    "PendingCopyOperation": (409, "There is currently a pending copy operation."),
    "RequestBodyTooLarge": (413, "The request body is too large and exceeds the maximum permissible limit."),
    "PreviousSnapshotCannotBeNewer": (
        400,
        "The prevsnapshot query parameter value cannot be newer than snapshot query parameter value.",
    ),
    "PreviousSnapshotNotFound": (409, "The previous snapshot is not found."),
    "ResourceNotFound": (404, "The specified resource does not exist."),
    "ServerBusy": (503, "The server is busy."),
    "SequenceNumberConditionNotMet": (412, "The sequence number condition specified was not met."),
    "SequenceNumberIncrementTooLarge": (
        409,
        "The sequence number cannot be increased because it would become too large.",
    ),
    "SnapshotsPresent": (409, "This operation is not permitted because the blob has snapshots."),
    "TagsTooLarge": (400, "The tags specified exceed the maximum permissible limit."),
    "UnsatisfiableCondition": (
        400,
        "The request includes an unsatisfiable condition for this operation.",
    ),
    "UnsupportedHeader": (400, "One of the HTTP headers specified in the request is not supported."),
    "UnsupportedHttpVerb": (405, "The resource doesn't support specified Http Verb."),
    "UnsupportedQueryParameter": (
        400,
        "One of the query parameters specified in the request URI is not supported.",
    ),
    "WebContentNotFound": (404, "The requested content does not exist."),
    "NotModified": (304, "The condition specified using HTTP conditional header(s) is not met."),
}
"""Status and default message of every code this service answers with."""


class BlobError(Exception):
    """A refusal, as the client sees it.

    `details` become elements of the body after the message (`HeaderName`, `Reason`, ...), `headers`
    are sent besides the usual ones. A 304 has no body. `status` is given where a code has two.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        details: tuple[tuple[str, str], ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
        status: int | None = None,
    ) -> None:
        usual, default = CODES[code]
        super().__init__(code)
        self.status = status or usual
        self.code = "ConditionNotMet" if code == "NotModified" else code
        self.message = message or default
        self.details = details
        self.headers = headers


def naming(error: BlobError, container: str, blob: str) -> BlobError:
    """The error, with the names of what is not there, or is there already, if it is about that."""
    names: tuple[tuple[str, str], ...] = (("ContainerName", container),)
    if error.code in ("BlobNotFound", "BlobAlreadyExists"):
        names += (("BlobName", blob),)
    elif error.code not in ("ContainerNotFound", "ContainerAlreadyExists"):
        return error
    details = (*error.details, *names)
    return BlobError(error.code, error.message, details=details, headers=error.headers, status=error.status)


def invalid_header(name: str, value: str, reason: str) -> BlobError:
    """The header's value breaks a rule; `reason` states the rule."""
    return BlobError(
        "InvalidHeaderValue", details=(("HeaderName", name), ("HeaderValue", value), ("Reason", reason))
    )


def unsupported_header(name: str, value: str, reason: str) -> BlobError:
    return BlobError(
        "UnsupportedHeader", details=(("HeaderName", name), ("HeaderValue", value), ("Reason", reason))
    )


def missing_header(name: str) -> BlobError:
    return BlobError("MissingRequiredHeader", details=(("HeaderName", name),))


def invalid_parameter(
    name: str, value: str, reason: str, *, code: str = "InvalidQueryParameterValue"
) -> BlobError:
    """The query parameter's value breaks a rule; `reason` states the rule."""
    return BlobError(
        code,
        details=(("QueryParameterName", name), ("QueryParameterValue", value), ("Reason", reason)),
    )


def authentication_failed(detail: str) -> BlobError:
    """Refused credentials; `detail` says why, as the real service does."""
    return BlobError("AuthenticationFailed", details=(("AuthenticationErrorDetail", detail),))


_PLAIN = re.compile(r"[ !#-%'-;=?-~]*")
_UNCARRIED = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """Escaped for elements and attributes, without the characters that XML cannot carry at all."""
    if _PLAIN.fullmatch(text):  # as nearly all is
        return text
    return escape(_UNCARRIED.sub("\ufffd", text), quote=False).replace('"', "&quot;")


def is_xml(text: str) -> bool:
    """Whether XML 1.0 may carry all its characters, and carries them unchanged."""
    return _UNCARRIED.search(text) is None


def body(error: BlobError, request_id: str, now: Timestamp) -> bytes:
    """The XML document of the error."""
    message = f"{error.message}\nRequestId:{request_id}\nTime:{now}"
    details = "".join(f"<{name}>{xml_text(value)}</{name}>" for name, value in error.details)
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{error.code}</Code><Message>{xml_text(message)}</Message>{details}</Error>"
    ).encode()
