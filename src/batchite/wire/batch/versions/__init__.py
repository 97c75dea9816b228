"""API versions; `NEWEST` is the one operations are written for."""

from __future__ import annotations

from typing import Final

from batchite.wire.batch.versions import (
    v2016_02_01,
    v2016_07_01,
    v2017_01_01,
    v2017_05_01,
    v2017_06_01,
    v2018_03_01,
    v2018_08_01,
    v2018_12_01,
    v2019_06_01,
    v2019_08_01,
    v2020_03_01,
    v2020_09_01,
    v2021_06_01,
    v2022_01_01,
    v2022_10_01,
    v2023_05_01,
    v2023_11_01,
    v2024_02_01,
    v2024_07_01,
)
from batchite.wire.batch.versions.changes import Change
from batchite.wire.batch.versions.registry import Registry

NEWEST = "2025-06-01"

OLDER: Final[dict[str, tuple[Change, ...]]] = {
    "2016-02-01.3.0": v2016_02_01.CHANGES,
    "2016-07-01.3.1": v2016_07_01.CHANGES,
    "2017-01-01.4.0": v2017_01_01.CHANGES,
    "2017-05-01.5.0": v2017_05_01.CHANGES,
    "2017-06-01.5.1": v2017_06_01.CHANGES,
    "2017-09-01.6.0": (),
    "2018-03-01.6.1": v2018_03_01.CHANGES,
    "2018-08-01.7.0": v2018_08_01.CHANGES,
    "2018-12-01.8.0": v2018_12_01.CHANGES,
    "2019-06-01.9.0": v2019_06_01.CHANGES,
    "2019-08-01.10.0": v2019_08_01.CHANGES,
    "2020-03-01.11.0": v2020_03_01.CHANGES,
    "2020-09-01.12.0": v2020_09_01.CHANGES,
    "2021-06-01.14.0": v2021_06_01.CHANGES,
    "2022-01-01.15.0": v2022_01_01.CHANGES,
    "2022-10-01.16.0": v2022_10_01.CHANGES,
    "2023-05-01.17.0": v2023_05_01.CHANGES,
    "2023-11-01.18.0": v2023_11_01.CHANGES,
    "2024-02-01.19.0": v2024_02_01.CHANGES,
    "2024-07-01.20.0": v2024_07_01.CHANGES,
}
"""What each older version did otherwise than the next one; operations say themselves when they were there."""

REGISTRY = Registry(NEWEST, OLDER)
"""Every version this service speaks."""
