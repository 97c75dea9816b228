"""Sizes of virtual machines: what a `vmSize` such as `Standard_D2s_v3` gives a node.

Most names tell their cores: family, number, features, version. The tables hold the families where
the number means something else, and the memory that comes with a core.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True)
class VmSize:
    """A size; memory in MiB."""

    name: str
    cores: int
    memory_mib: int


_CORES: Final[dict[str, int]] = {
    "a0": 1, "a1": 1, "a2": 2, "a3": 4, "a4": 8, "a5": 2, "a6": 4, "a7": 8,
    "a8": 8, "a9": 16, "a10": 8, "a11": 16,
    "d1": 1, "d2": 2, "d3": 4, "d4": 8, "d11": 2, "d12": 4, "d13": 8, "d14": 16,
    "ds1": 1, "ds2": 2, "ds3": 4, "ds4": 8, "ds11": 2, "ds12": 4, "ds13": 8, "ds14": 16,
    "d1_v2": 1, "d2_v2": 2, "d3_v2": 4, "d4_v2": 8, "d5_v2": 16,
    "d11_v2": 2, "d12_v2": 4, "d13_v2": 8, "d14_v2": 16, "d15_v2": 20,
    "ds1_v2": 1, "ds2_v2": 2, "ds3_v2": 4, "ds4_v2": 8, "ds5_v2": 16,
    "ds11_v2": 2, "ds12_v2": 4, "ds13_v2": 8, "ds14_v2": 16, "ds15_v2": 20,
    "g1": 2, "g2": 4, "g3": 8, "g4": 16, "g5": 32,
    "gs1": 2, "gs2": 4, "gs3": 8, "gs4": 16, "gs5": 32,
}  # fmt: skip
"""Sizes of old families that are only numbered."""

_MEMORY: Final[dict[str, int]] = {
    "a0": 768, "a1": 1792, "a2": 3584, "a3": 7168, "a4": 14336, "a5": 14336, "a6": 28672, "a7": 57344,
    "b1ls": 512, "b1s": 1024, "b1ms": 2048, "b2s": 4096, "b2ms": 8192, "b2ts_v2": 1024, "b2ls_v2": 4096,
    "d1": 3584, "d2": 7168, "d3": 14336, "d4": 28672,
    "d11": 14336, "d12": 28672, "d13": 57344, "d14": 114688,
    "d11_v2": 14336, "d12_v2": 28672, "d13_v2": 57344, "d14_v2": 114688, "d15_v2": 143360,
    "ds1": 3584, "ds2": 7168, "ds3": 14336, "ds4": 28672,
    "d1_v2": 3584, "d2_v2": 7168, "d3_v2": 14336, "d4_v2": 28672, "d5_v2": 57344,
    "ds1_v2": 3584, "ds2_v2": 7168, "ds3_v2": 14336, "ds4_v2": 28672, "ds5_v2": 57344,
}  # fmt: skip
"""MiB of sizes that do not follow their family."""

_MIB_PER_CORE: Final[dict[str, int]] = {
    "a": 2048, "am": 8192, "b": 4096, "d": 4096, "dc": 4096, "ds": 7168, "e": 8192, "ec": 8192, "f": 2048,
    "g": 14336, "gs": 14336, "h": 7168, "hb": 3840, "hc": 8192, "hx": 8192, "l": 8192, "m": 16384,
    "nc": 7168, "nd": 9216, "ng": 2048, "np": 16384, "nv": 7168,
}  # fmt: skip

_OF_CLOUD_SERVICES: Final[dict[str, str]] = {
    "extrasmall": "standard_a0",
    "small": "standard_a1",
    "medium": "standard_a2",
    "large": "standard_a3",
    "extralarge": "standard_a4",
}
"""What their pools call sizes that others call so."""

_NAME = re.compile(
    r"(?:standard|basic)_(?P<size>(?P<family>[a-z]{1,2})(?P<number>\d{1,4})(?:-(?P<active>\d{1,4}))?"
    r"(?P<features>[a-z]{0,6})(?:_[a-z]{1,4}\d{0,4}){0,2}(?:_v\d{1,2})?)",
    re.ASCII,
)


@lru_cache(maxsize=256)
def find(name: str) -> VmSize | None:
    """The size of this name in any letter case; None if it is no name of a size."""
    known = name.lower()
    match = _NAME.fullmatch(_OF_CLOUD_SERVICES.get(known, known))
    if match is None:
        return None
    cores = _CORES.get(match["size"]) or int(match["active"] or match["number"])
    return VmSize(name, cores, _memory(match, cores)) if cores else None


def _memory(match: re.Match[str], cores: int) -> int:
    known = _MEMORY.get(match["size"])
    if known:
        return known
    family = match["family"]
    if family == "a" and match["features"].startswith("m"):
        family = "am"
    per_core = _MIB_PER_CORE.get(family) or _MIB_PER_CORE.get(family[0], 4096)
    if family in ("b", "d") and "l" in match["features"]:  # "low memory" of the newer generations
        per_core //= 2
    return per_core * (int(match["number"]) if match["active"] else cores)
