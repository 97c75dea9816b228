"""Which account a request is for, and whether whoever sent it may act on that account."""

from __future__ import annotations

from collections.abc import Sequence

from batchite.configuration.accounts import BatchAccount, KnownAccounts
from batchite.web.principal import OWNER, Principal
from batchite.web.request import Incoming
from batchite.wire.batch.errors import BatchError, invalid_query
from batchite.wire.signing import shared_key
from batchite.wire.signing.parameters import ParameterError
from batchite.wire.signing.shared_key import Credential, SignedRequest
from batchite.wire.ticks import Clock, WallTime


class Keys:
    """Those who have a key of an account, at any moment of the clock."""

    def __init__(self, accounts: KnownAccounts, host_suffixes: Sequence[str], clock: Clock) -> None:
        self._accounts = accounts
        self._host_suffixes = tuple(host_suffixes)
        self._clock = clock

    def __call__(self, request: Incoming) -> tuple[BatchAccount, Principal]:
        """As `authenticate`."""
        return authenticate(request, self._accounts, self._host_suffixes, self._clock.wall())


def authenticate(
    request: Incoming, accounts: KnownAccounts, host_suffixes: Sequence[str], now: WallTime
) -> tuple[BatchAccount, Principal]:
    """The account acted on and who acts. Raises BatchError: InvalidAuthenticationInfo for a header that
    cannot be read, InvalidQueryParameterValue for what no signature covers, else AuthenticationFailed."""
    header = request.headers.get("authorization")
    if header is None:
        raise _failed(f"Send an Authorization header: {shared_key.SCHEME} <account>:<signature>.")
    credential = shared_key.parse_authorization(header)
    account = _account(credential, accounts, _named_by_host(request.host, host_suffixes))
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


def _account(credential: Credential, accounts: KnownAccounts, host_account: str | None) -> BatchAccount:
    account = accounts.find_batch(credential.account)
    if account is None:
        raise _failed(f"There is no Batch account named {credential.account!r}.")
    if host_account is not None and host_account != account.name:
        raise _failed(f"The host belongs to the account {host_account!r}, the key to {account.name!r}.")
    return account


def _failed(detail: str) -> BatchError:
    return BatchError("AuthenticationFailed", detail, (("AuthenticationErrorDetail", detail),))
