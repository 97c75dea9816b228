"""Rules of accounts, whether they are configured or made here."""

from __future__ import annotations

MAX_QUOTA = 2**31 - 1


def check_account_name(given: object) -> str:
    """Raises ValueError."""
    if not isinstance(given, str) or not 3 <= len(given) <= 24 or not _is_lower_alphanumeric(given):
        raise ValueError("an account's name has 3 to 24 lower-case letters and digits")
    return given


def _is_lower_alphanumeric(text: str) -> bool:
    return text.isascii() and text.isalnum() and text == text.lower()


def check_quota(given: object) -> int:
    """Raises ValueError."""
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= MAX_QUOTA:
        raise ValueError(f"a quota is a whole number from 0 to {MAX_QUOTA}")
    return given
