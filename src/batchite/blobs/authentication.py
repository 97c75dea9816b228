"""Who makes a request to the Blob service, and what it may do: shared key, SAS, bearer token, anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from batchite.configuration.accounts import DEVELOPMENT_STORAGE_KEY, StorageAccount
from batchite.store.blobs import containers
from batchite.store.blobs.containers import Access, Container
from batchite.store.database import Database
from batchite.web.principal import OWNER, Principal
from batchite.web.request import Incoming
from batchite.wire.blob import policies
from batchite.wire.blob.address import Address, with_slashes
from batchite.wire.blob.errors import BlobError, authentication_failed, invalid_parameter
from batchite.wire.cloud import SECONDARY
from batchite.wire.signing import bearer, known_tokens, sas, storage_key
from batchite.wire.signing.bearer import BearerError, Identity
from batchite.wire.signing.known_tokens import KnownTokens
from batchite.wire.signing.parameters import ParameterError
from batchite.wire.ticks import WallTime

_CHALLENGE = ("WWW-Authenticate", f"Bearer resource_id={bearer.AUDIENCE}")
_ANY = "Sign with SharedKey, use a shared access signature or a bearer token."
_READING_SERVICE = frozenset("rl")


@dataclass(frozen=True, slots=True)
class Needs:
    """What a SAS must grant for an operation; any one of the letters will do.

    `service` are the permissions of a service SAS (none: such a token never allows it), `account`
    those of an account SAS, `resource_type` is its `srt` ("": any). `public` is the public access of the
    container that lets anybody do it (None: nobody without credentials).
    """

    resource_type: str
    account: frozenset[str]
    service: frozenset[str] = frozenset()
    public: Access | None = None
    bearer: bool = False
    """Whether only a bearer token will do, of whatever role"""


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account with its keys decoded."""

    name: str
    keys: tuple[bytes, ...]
    is_well_known: bool
    """whether everybody knows a key of it"""
    tokens: KnownTokens = field(default_factory=KnownTokens, compare=False)

    @classmethod
    def of(cls, account: StorageAccount) -> KnownAccount:
        return cls(account.name, account.key_bytes, DEVELOPMENT_STORAGE_KEY in account.keys)


async def authenticate(
    database: Database,
    incoming: Incoming,
    address: Address,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    account: KnownAccount,
    needs: Needs,
    now: WallTime,
) -> Principal:
    """Raises BlobError for credentials that are missing, wrong or not enough."""
    authorization = headers.get("authorization")
    if needs.bearer and not (authorization and bearer.is_bearer(authorization)):
        raise _unauthenticated("Only a user with a bearer token can have a key; see: batchite token --help")
    if authorization and not bearer.is_bearer(authorization):
        return _by_key(incoming, address, headers, account, authorization, now)
    identity = _identify(authorization, account, now) if authorization else None
    if sas.is_present(query):
        stored = await _find_container(database, address) if query.get("si") else None
        target = _target(incoming, address, headers, account)
        token = _verify_sas(incoming.raw_query, query, target, account, stored, now)
        _check_user(token, identity)
        granted = token.permissions if token.role is None else token.permissions & bearer.GRANTS[token.role]
        _check_grant(token, granted, needs)
        return Principal(account.name, granted, "sas", encryption_scope=token.encryption_scope)
    if identity is not None:
        return _by_role(account, identity, needs)
    if needs.public is not None:
        _check_public(await _find_container(database, address), needs.public)
        return Principal(account.name, frozenset(), "anonymous")
    raise _unauthenticated(_ANY)


async def _find_container(database: Database, address: Address) -> Container | None:
    return await database.look(
        lambda connection: containers.find(connection, address.account, address.container)
    )


def _check_public(container: Container | None, needed: Access) -> None:
    """A container that does not exist looks like one that is private."""
    access = None if container is None else container.access
    if access != "container" and access != needed:
        raise _unauthenticated(_ANY)


def _unauthenticated(detail: str) -> BlobError:
    return BlobError(
        "NoAuthenticationInformation",
        details=(("AuthenticationErrorDetail", detail),),
        headers=(_CHALLENGE,),
    )


def _identify(authorization: str, account: KnownAccount, now: WallTime) -> Identity:
    try:
        return bearer.verify(authorization[7:].strip(), account.name, account.keys, now)
    except BearerError as error:
        raise BlobError(
            "InvalidAuthenticationInfo",
            details=(("AuthenticationErrorDetail", str(error)),),
            headers=(_CHALLENGE,),
            status=401,
        ) from None


def _by_role(account: KnownAccount, identity: Identity, needs: Needs) -> Principal:
    """An owner may do everything; on the account as a whole all others may only read."""
    if identity.role == "owner":
        return Principal(account.name, OWNER, "bearer", identity)
    grants = bearer.GRANTS[identity.role]
    if needs.resource_type == "s":
        grants &= _READING_SERVICE
    if needs.bearer or not grants.isdisjoint(needs.account):
        return Principal(account.name, grants, "bearer", identity)
    reason = f"the role {identity.role} does not allow this operation"
    raise BlobError("AuthorizationPermissionMismatch", details=(("Reason", reason),))


def _by_key(
    incoming: Incoming,
    address: Address,
    headers: Mapping[str, str],
    account: KnownAccount,
    authorization: str,
    now: WallTime,
) -> Principal:
    for path in _signed_paths(incoming.raw_path, address):
        request = storage_key.Signed(incoming.verb, path, incoming.query, headers)
        verdict = _verify_key(request, account, authorization, now)
        if verdict.outcome != "mismatch":
            break
    if verdict.outcome == "malformed":
        raise BlobError("InvalidAuthenticationInfo", details=(("AuthenticationErrorDetail", verdict.detail),))
    if verdict.outcome == "unsigned-body":
        raise BlobError("MissingContentLengthHeader", details=(("Reason", verdict.detail),))
    if not verdict.valid:
        raise authentication_failed(verdict.detail)
    return Principal(account.name, OWNER, "sharedkey")


def _verify_key(
    request: storage_key.Signed, account: KnownAccount, authorization: str, now: WallTime
) -> storage_key.Verdict:
    try:
        return storage_key.verify(request, account.name, account.keys, authorization, now)
    except ParameterError as error:
        raise _ambiguous(error) from None


def _ambiguous(error: ParameterError) -> BlobError:
    return invalid_parameter(error.name, error.value, f"it {error.reason}")


def _signed_paths(raw_path: str, address: Address) -> Iterator[str]:
    """As sent; where the path says `account-secondary`, clients may sign it without that ending, and
    slashes where it has backslashes."""
    paths = [raw_path]
    if address.secondary and not address.by_host:
        paths.append(raw_path.replace(SECONDARY, "", 1))
    for path in paths:
        yield path
        if (same := with_slashes(path)) != path:
            yield same


def _target(
    incoming: Incoming, address: Address, headers: Mapping[str, str], account: KnownAccount
) -> sas.Target:
    return sas.Target(
        account.name,
        address.container,
        address.blob,
        incoming.scheme,
        incoming.client_address,
        headers,
        incoming.query,
    )


def _verify_sas(
    raw_query: str,
    query: Mapping[str, str],
    target: sas.Target,
    account: KnownAccount,
    container: Container | None,
    now: WallTime,
) -> sas.Token:
    use = known_tokens.use_of(raw_query, query, target)
    try:
        known = account.tokens.find(use, now)
        if known is not None:
            return known
        signature = query["sig"].replace(" ", "+")  # some clients leave the + of base64 as it is
        stored = () if container is None else policies.decode(container.stored_policies)
        token = sas.verify({**query, "sig": signature}, target, account.keys, now, stored)
    except sas.SasError as error:
        raise _refusal(error) from None
    except ParameterError as error:
        raise _ambiguous(error) from None
    account.tokens.add(use, query, token)
    return token


def _check_user(token: sas.Token, identity: Identity | None) -> None:
    """A token for one user only works together with a bearer token of that user."""
    if token.user is None:
        return
    oid, tid = token.user
    if identity is None or identity.oid != oid or (tid and identity.tid != tid):
        raise authentication_failed("The signature is for one user (sduoid), whose bearer token is needed.")


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


def _check_grant(token: sas.Token, granted: frozenset[str], needs: Needs) -> None:
    if token.scope == "account":
        if "b" not in token.services:
            raise BlobError("AuthorizationServiceMismatch")
        if needs.resource_type and needs.resource_type not in token.resource_types:
            raise BlobError("AuthorizationResourceTypeMismatch")
    allowed = needs.account if token.scope == "account" else needs.service
    if needs.bearer or granted.isdisjoint(allowed):
        reason = _explain(allowed)
        if token.role is not None:
            reason += f"; so does the role of the user whose key signed it, which is {token.role}"
        raise BlobError("AuthorizationPermissionMismatch", details=(("Reason", reason),))


def _explain(allowed: frozenset[str]) -> str:
    if not allowed:
        return "a service SAS does not allow this operation; use an account SAS or an account key"
    return f"the token's permissions (sp) need {' or '.join(sorted(allowed))}"
