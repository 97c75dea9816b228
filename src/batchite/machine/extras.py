"""Packages that few need: installed by an extra, asked for when they are wanted."""

from __future__ import annotations

from importlib.util import find_spec

EXTRAS = {"obstore": "stores", "psycopg": "postgres", "trustme": "tls"}
"""The extra of `pyproject.toml` that brings a package."""


class MissingPackageError(Exception):
    """What was asked for needs a package that is not installed; the text says which command brings it."""


def require(package: str, purpose: str) -> None:
    """Raises MissingPackageError; `purpose` begins its sentence."""
    if find_spec(package) is None:
        extra = EXTRAS[package]
        raise MissingPackageError(
            f"{purpose} needs the package {package}, which is not installed; it comes with: "
            f"pip install 'batchite[{extra}]'"
        )
