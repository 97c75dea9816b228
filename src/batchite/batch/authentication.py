"""Which account a request is for, and whether whoever sent it may act on that account."""

from __future__ import annotations

from collections.abc import Sequence

from batchite.configuration.accounts import BatchAccount, KnownAccounts
from batchite.web.principal import OWNER, Principal
from batchite.web.request import Incoming
from batchite.wire.batch.errors import BatchError, invalid_query
from batchite.wire.signing import bearer, shared_key, task_tokens
from batchite.wire.signing.parameters import ParameterError
from batchite.wire.signing.shared_key import SignedRequest
from batchite.wire.signing.task_tokens import TaskTokenError
from batchite.wire.ticks import Clock, WallTime

_NOTHING: frozenset[str] = frozenset()


class Keys:
    """Those who have a key of an account, at any moment of the clock."""

    def __init__(self, accounts: KnownAccounts, host_suffixes: Sequence[str], clock: Clock) -> None:
        self._accounts = accounts
        self._host_suffixes = tuple(host_suffixes)
        self._clock = clock

    def __call__(self, request: Incoming) -> tuple[BatchAccount, Principal]:
        """As `authenticate`."""
        return authenticate(request, self._accounts, self._host_suffixes, self._clock.wall())


class KeysAndTokens:
    """Those who have a key of an account, and tasks that have a token for their own job; what that permits
    is for `task_access` to say."""

    def __init__(self, accounts: KnownAccounts, host_suffixes: Sequence[str], clock: Clock) -> None:
        self._accounts = accounts
        self._host_suffixes = tuple(host_suffixes)
        self._clock = clock

    def __call__(self, request: Incoming) -> tuple[BatchAccount, Principal]:
        """As `authenticate`."""
        now = self._clock.wall()
        header = request.headers.get("authorization", "").strip()
        if not bearer.is_bearer(header):
            return authenticate(request, self._accounts, self._host_suffixes, now)
        token = header.partition(" ")[2].strip()
        try:
            grant = task_tokens.read(token)
        except TaskTokenError as error:
            raise BatchError("InvalidAuthenticationInfo", str(error), (("Reason", str(error)),)) from None
        account = _account(grant.account, self._accounts, _named_by_host(request.host, self._host_suffixes))
        try:
            task_tokens.verify(token, grant, account.key_bytes, now)
        except TaskTokenError as error:
            raise _failed(str(error)) from None
        return account, Principal(account.name, _NOTHING, "tasktoken", job=grant.job)


def authenticate(
    request: Incoming, accounts: KnownAccounts, host_suffixes: Sequence[str], now: WallTime
) -> tuple[BatchAccount, Principal]:
    """The account acted on and who acts. Raises BatchError: InvalidAuthenticationInfo for a header that
    cannot be read, InvalidQueryParameterValue for what no signature covers, InsufficientAccountPermissions
    for tokens, which are good for no more than the operations of a job, else AuthenticationFailed."""
    header = request.headers.get("authorization")
    if header is None:
        raise _failed(f"Send an Authorization header: {shared_key.SCHEME} <account>:<signature>.")
    if bearer.is_bearer(header.strip()):
        detail = "Tokens of tasks are for the operations of their own job. Sign with a key of the account."
        raise BatchError("InsufficientAccountPermissions", detail)
    credential = shared_key.parse_authorization(header)
    account = _account(credential.account, accounts, _named_by_host(request.host, host_suffixes))
    signed = SignedRequest(request.verb, request.raw_path, request.query, tuple(request.headers.items()))
    try:
        verdict = shared_key.verify(signed, credential, account.key_bytes, now)
    except ParameterError as error:
        raise invalid_query(error.name, error.value, error.reason) from None
    if not verdict.is_valid:
        raise shared_key.refusal(verdict)
    return account, Principal(account.name, OWNER, "sharedkey")


def _named_by_host(host: str, suffixes: Sequence[str]) -> str | None:
    """The account in `account.suffix`; None if the host has another form."""
    name = host.lower().rpartition(":")[0] or host.lower()
    suffix = next((suffix for suffix in suffixes if name.endswith(f".{suffix}")), None)
    return None if suffix is None else name.removesuffix(f".{suffix}").partition(".")[0]


def _account(name: str, accounts: KnownAccounts, host_account: str | None) -> BatchAccount:
    account = accounts.find_batch(name)
    if account is None:
        raise _failed(f"There is no Batch account named {name!r}.")
    if host_account is not None and host_account != account.name:
        raise _failed(f"The host belongs to the account {host_account!r}, key or token to {account.name!r}.")
    return account


def _failed(detail: str) -> BatchError:
    return BatchError("AuthenticationFailed", detail, (("AuthenticationErrorDetail", detail),))
