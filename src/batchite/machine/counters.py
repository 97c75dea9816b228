"""What the kernel counts of the machine's disks and network, since it booted.

Counted is what passes the device, whoever asked for it: nodes of one machine share both.
"""

from __future__ import annotations

import os
from typing import NamedTuple


class DiskOperations(NamedTuple):
    reads: int
    writes: int


class NetworkBytes(NamedTuple):
    received: int
    sent: int


def disk_operations(directory: str) -> DiskOperations | None:
    """Of the device that holds the directory; None where it is on none, as in memory."""
    try:
        device = os.stat(directory).st_dev
        with open(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat") as file:
            fields = file.read().split()
        return DiskOperations(int(fields[0]), int(fields[4]))
    except (OSError, IndexError, ValueError):
        return None


def network_bytes() -> NetworkBytes | None:
    """Of all interfaces of this network namespace, loopback too: our own services are reached by it."""
    try:
        with open("/proc/net/dev") as file:
            lines = [line.partition(":")[2].split() for line in file if ":" in line]
        return NetworkBytes(sum(int(line[0]) for line in lines), sum(int(line[8]) for line in lines))
    except (OSError, IndexError, ValueError):
        return None
