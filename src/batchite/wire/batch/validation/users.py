"""The user accounts of pools."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET
from msgspec.structs import replace

from batchite.wire.batch.errors import invalid_property, missing_property
from batchite.wire.batch.models.enums import ElevationLevel, LoginMode
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.users import LinuxUserConfiguration, UserAccount, WindowsUserConfiguration
from batchite.wire.batch.validation import rules

MAX_NAME_LENGTH = 20
_MOST_ID = 2**31 - 1
_OF_NODES = "_azbatch"
"""how the names of users begin that nodes make themselves"""


def check(where: str, accounts: Maybe[Sequence[UserAccount]]) -> None:
    """Refuse values that no account has, and two accounts of one name or number."""
    if not accounts:
        return
    for index, account in enumerate(accounts):
        _check(account, f"{where}[{index}]")
    rules.check_different(where, "name", [account.name.lower() for account in accounts])
    numbers = [account.linux_user_configuration for account in accounts]
    rules.check_different(
        where, "linuxUserConfiguration.uid", [one.uid for one in numbers if one and one.uid]
    )


def check_passwords(where: str, accounts: Maybe[Sequence[UserAccount]]) -> None:
    """Accounts that a client sends have some; those that are complete have none any more."""
    for index, account in enumerate(accounts or ()):
        if not account.password:
            raise missing_property(f"{where}[{index}].password")


def complete(accounts: Maybe[Sequence[UserAccount]]) -> Maybe[tuple[UserAccount, ...]]:
    """The accounts with their defaults and without secrets."""
    return tuple(map(_completed, accounts)) if accounts else UNSET


def _check(account: UserAccount, where: str) -> None:
    name = account.name
    if not name.strip() or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        rule = f"must have 1 to {MAX_NAME_LENGTH} characters that can be printed"
        raise invalid_property(f"{where}.name", name, rule)
    if name.lower() == "root" or name.lower().startswith(_OF_NODES):
        rule = f"must be neither root nor begin with {_OF_NODES}: nodes have such users already"
        raise invalid_property(f"{where}.name", name, rule)
    if account.linux_user_configuration:
        _check_numbers(account.linux_user_configuration, f"{where}.linuxUserConfiguration")


def _check_numbers(configuration: LinuxUserConfiguration, where: str) -> None:
    numbers = {"uid": configuration.uid, "gid": configuration.gid}
    for name, number in numbers.items():
        rules.check_range(f"{where}.{name}", number, 1, _MOST_ID)
    missing = [name for name, number in numbers.items() if number is UNSET]
    if len(missing) == 1:
        raise missing_property(f"{where}.{missing[0]}")


def _completed(account: UserAccount) -> UserAccount:
    linux, windows = account.linux_user_configuration, account.windows_user_configuration
    return replace(
        account,
        password=UNSET,
        elevation_level=account.elevation_level or ElevationLevel.NON_ADMIN,
        linux_user_configuration=replace(linux, ssh_private_key=UNSET) if linux else UNSET,
        windows_user_configuration=WindowsUserConfiguration(login_mode=windows.login_mode or LoginMode.BATCH)
        if windows
        else UNSET,
    )
