"""Cores and memory of sizes."""

from __future__ import annotations

import pytest

from batchite.wire.batch.vm_sizes import find


@pytest.mark.parametrize(
    ("name", "cores", "gib"),
    [
        ("STANDARD_A1", 1, 1.75),
        ("standard_a1_v2", 1, 2),
        ("Standard_A2m_v2", 2, 16),
        ("STANDARD_D2_V2", 2, 7),
        ("Standard_D11_v2", 2, 14),
        ("Standard_D15_v2", 20, 140),
        ("Standard_DS5_v2", 16, 56),
        ("standard_d2s_v3", 2, 8),
        ("Standard_D4plds_v5", 4, 8),
        ("Standard_F4s_v2", 4, 8),
        ("Standard_E4-2s_v5", 2, 32),
        ("Standard_E8s_v5", 8, 64),
        ("Standard_HB120-16rs_v3", 16, 450),
        ("Standard_NC4as_T4_v3", 4, 28),
        ("Standard_G5", 32, 448),
        ("Standard_B1ls", 1, 0.5),
        ("Small", 1, 1.75),
        ("ExtraLarge", 8, 14),
    ],
)
def test_known_sizes(name: str, cores: int, gib: float) -> None:
    size = find(name)
    assert size
    assert (size.name, size.cores, size.memory_mib) == (name, cores, gib * 1024)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "tiny",
        "Standard_",
        "Standard_D0",
        "Standard_D2s_v3;",
        "Standard_D99999",
        " Standard_D2s_v3",
        "Standard_D٢",
    ],
)
def test_other_names_are_no_sizes(name: str) -> None:
    assert find(name) is None
