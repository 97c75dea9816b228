"""What a Blob service refuses, in the words of whoever looks at it."""

from __future__ import annotations

from collections.abc import Mapping

from batchite.portal.answers import Refused

_WORDS: Mapping[str, str] = {
    "AuthenticationFailed": "The storage account refused the key that the configuration has for it. Set the "
    "right one in the config file, or look whether the clocks of both machines agree.",
    "AuthorizationFailure": "The storage account refused the key that the configuration has for it, or does "
    "not allow this to it.",
    "AuthorizationPermissionMismatch": "The storage account does not allow this to the key of the "
    "configuration.",
    "KeyBasedAuthenticationNotPermitted": "The storage account takes no keys. The portal needs one: allow "
    "shared key access for the account.",
    "ContainerNotFound": "There is no such container. It may have been deleted meanwhile.",
    "ContainerAlreadyExists": "There is a container of this name already. Choose another name.",
    "ContainerBeingDeleted": "A container of this name is being deleted. Try again in a minute.",
    "ContainerBeingCreated": "A container of this name is being made. Try again in a minute.",
    "BlobAlreadyExists": "There is a blob of this name already. Replace it, or take another name.",
    "BlobNotFound": "There is no such blob. It may have been deleted meanwhile.",
    "BlobArchived": "The blob is in the archive tier. Move it to another tier before reading it.",
    "BlobBeingRehydrated": "The blob is being brought back from the archive. Read it when that is done.",
    "SnapshotsPresent": "The blob has snapshots. Delete them first, or together with the blob.",
    "LeaseIdMissing": "Somebody has a lease on this. Break the lease, or wait until it is over.",
    "LeaseIdMismatchWithBlobOperation": "Somebody has a lease on this. Break the lease, or wait.",
    "ConditionNotMet": "It has been changed meanwhile. Look at the page again, then repeat it.",
    "InvalidBlockList": "A part of the upload is missing at the service. Upload the file again.",
    "InvalidBlobType": "There is a blob of this name of another type. Delete it first, or take another name.",
    "InvalidMetadata": "Metadata have names of letters, digits and _ that begin with a letter or _, and "
    "values without control characters.",
    "EmptyMetadataKey": "A line of metadata lacks its name.",
    "MetadataTooLarge": "Metadata are at most 8 KiB altogether.",
    "InvalidTag": "Tags have names and values of letters, digits, spaces and + - . / : = _",
    "TagsTooLarge": "A blob has at most 10 tags, with names of 128 and values of 256 characters.",
    "InvalidResourceName": "A container's name has 3 to 63 lower-case letters, digits and single hyphens.",
    "OutOfRangeInput": "A container's name has 3 to 63 lower-case letters, digits and single hyphens.",
    "ServerBusy": "The Blob service is busy. Try again in a moment.",
    "OperationTimedOut": "The Blob service took too long. Try again in a moment.",
}


class StorageProblem(Refused):
    """Something was not done; the text says why and what to do. `status` is that of HTTP, 502 where the
    service could not be reached, `code` what the service calls it."""

    def __init__(self, status: int, text: str, code: str = "") -> None:
        super().__init__(status, text)
        self.code = code


def refused(status: int, code: str, message: str, reason: str = "") -> StorageProblem:
    """What an answer of the service means; `message` is the first line of what it says itself, `reason`
    what ours adds."""
    words = _WORDS.get(code)
    if words is None:
        said = message or code or f"it answered {status}"
        words = f"The Blob service refused it: {said}" + (f" {reason}" if reason else "")
    return StorageProblem(status, words, code)


def unreachable(url: str, reason: str) -> StorageProblem:
    return StorageProblem(502, f"The Blob service at {url} cannot be reached: {reason}. Is it running?")


def broken_off(url: str, reason: str) -> StorageProblem:
    return StorageProblem(502, f"The Blob service at {url} stopped in the middle: {reason}. Try again.")
