"""Which release of the Python client speaks which API version, for refusals to name."""

from __future__ import annotations

from typing import Final

PACKAGE = "azure-batch"

RELEASES: Final[dict[str, str]] = {
    "2016-02-01.3.0": "0.30",
    "2016-07-01.3.1": "1.0",
    "2017-01-01.4.0": "2.0",
    "2017-05-01.5.0": "3.0",
    "2017-06-01.5.1": "3.1",
    "2017-09-01.6.0": "4.0",
    "2018-03-01.6.1": "4.1",
    "2018-08-01.7.0": "5.0",
    "2018-12-01.8.0": "6.0",
    "2019-06-01.9.0": "7.0",
    "2019-08-01.10.0": "8.0",
    "2020-03-01.11.0": "9.0",
    "2020-09-01.12.0": "10.0",
    "2021-06-01.14.0": "11.0",
    "2022-01-01.15.0": "12.0",
    "2022-10-01.16.0": "13.0",
    "2023-05-01.17.0": "14.0",
    "2023-11-01.18.0": "14.1",
    "2024-02-01.19.0": "14.2",
    "2024-07-01.20.0": "15.0",
    "2025-06-01": "15.1",
}
"""The first release with each version."""


def named(version: str) -> str:
    """The version with the client that speaks it, if one is known to."""
    release = RELEASES.get(version)
    return version if release is None else f"{version} ({PACKAGE} {release} for Python)"
