"""Who makes a request to the Blob service: shared key or SAS, and what a SAS allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from batchite.accounts import StorageAccount
from batchite.web.principal import OWNER, Principal
from batchite.web.request import Incoming
from batchite.wire.blob.address import SECONDARY, Address
from batchite.wire.blob.errors import BlobError, authentication_failed
from batchite.wire.signing import sas, storage_key
from batchite.wire.ticks import Timestamp


@dataclass(frozen=True, slots=True)
class Needs:
    """What a SAS must grant for an operation; any one of the letters will do.

    `service` are the permissions of a service SAS (none: such a token never allows it), `account`
    those of an account SAS, `resource_type` is its `srt`.
    """

    resource_type: str
    account: frozenset[str]
    service: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account with its keys decoded."""

    name: str
    keys: tuple[bytes, ...]

    @classmethod
    def of(cls, account: StorageAccount) -> KnownAccount:
        return cls(account.name, account.key_bytes)


def authenticate(
    incoming: Incoming,
    address: Address,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    account: KnownAccount,
    needs: Needs,
    now: Timestamp,
) -> Principal:
    """Raises BlobError for credentials that are missing, wrong or not enough."""
    authorization = headers.get("authorization")
    if authorization:
        return _by_key(incoming, address, headers, account, authorization, now)
    if sas.is_present(query):
        return _by_sas(incoming, address, query, account, needs, now)
    raise BlobError(
        "NoAuthenticationInformation",
        details=(("AuthenticationErrorDetail", "Sign with SharedKey, or use a shared access signature."),),
        headers=(("WWW-Authenticate", "SharedKey"),),
    )


def _by_key(
    incoming: Incoming,
    address: Address,
    headers: Mapping[str, str],
    account: KnownAccount,
    authorization: str,
    now: Timestamp,
) -> Principal:
    for path in _signed_paths(incoming.raw_path, address):
        request = storage_key.Signed(incoming.verb, path, incoming.query, headers)
        verdict = storage_key.verify(request, account.name, account.keys, authorization, now)
        if verdict.valid:
            break
    if verdict.outcome == "malformed":
        raise BlobError("InvalidAuthenticationInfo", details=(("AuthenticationErrorDetail", verdict.detail),))
    if not verdict.valid:
        raise authentication_failed(verdict.detail)
    return Principal(account.name, OWNER, "sharedkey")


def _signed_paths(raw_path: str, address: Address) -> Iterator[str]:
    """As sent; where the path says `account-secondary`, clients may sign it without that ending."""
    yield raw_path
    if address.secondary and not address.by_host:
        yield raw_path.replace(SECONDARY, "", 1)


def _by_sas(
    incoming: Incoming,
    address: Address,
    query: Mapping[str, str],
    account: KnownAccount,
    needs: Needs,
    now: Timestamp,
) -> Principal:
    target = sas.Target(
        account.name, address.container, address.blob, incoming.scheme, incoming.client_address
    )
    signature = query["sig"].replace(" ", "+")  # some clients leave the + of base64 as it is
    try:
        token = sas.verify({**query, "sig": signature}, target, account.keys, now)
    except sas.SasError as error:
        raise _refusal(error) from None
    _check_grant(token, needs)
    return Principal(account.name, token.permissions, "sas")


def _refusal(error: sas.SasError) -> BlobError:
    if error.failure == "protocol":
        return BlobError("AuthorizationProtocolMismatch", details=(("Reason", error.detail),))
    if error.failure == "address":
        return BlobError(
            "AuthorizationSourceIPMismatch",
            "This request is not authorized to perform this operation using this source IP "
            f"{error.detail or 'unknown'}.",
        )
    return authentication_failed(error.detail)


def _check_grant(token: sas.Token, needs: Needs) -> None:
    if token.scope == "account":
        if "b" not in token.services:
            raise BlobError("AuthorizationServiceMismatch")
        if needs.resource_type not in token.resource_types:
            raise BlobError("AuthorizationResourceTypeMismatch")
    allowed = needs.account if token.scope == "account" else needs.service
    if token.permissions.isdisjoint(allowed):
        raise BlobError(
            "AuthorizationPermissionMismatch",
            details=(("Reason", _explain(allowed)),),
        )


def _explain(allowed: frozenset[str]) -> str:
    if not allowed:
        return "a service SAS does not allow this operation; use an account SAS or an account key"
    return f"the token's permissions (sp) need {' or '.join(sorted(allowed))}"
