"""Where a program may choose between what the cloud does and what is better: one value a choice.

The defaults are what the cloud does (sooner, where it takes hours), because a program that is green here
must be green there. The settings' table says what each means and reads them; nothing else decides by an
`if` of its own.
"""

from __future__ import annotations

import msgspec


class Fidelity(msgspec.Struct, frozen=True, kw_only=True):
    """The choices, as the services are told them; times are seconds."""

    empty_job_pause: float = 30.0
    """until a job ends that ends with its tasks but never had one; 0: it stays"""
    room_pause: float = 0.0
    """until a pool asks again for nodes for which there was no room; 0: it does not"""
    autoscale_interval: float = 300.0
    """at least, from one evaluation of an autoscale formula to the next"""
    autoscale_pause: float = 30.0
    """for which autoscale of a pool is not enabled again"""
    autoscale_sample: float = 30.0
    """from one sample of what autoscale formulas see to the next"""
    usage_delay: float = 7200.0
    """until usage metrics of pools tell of a half hour; 0: as soon as it is over"""
    rehydration: float = 5.0
    """for which a blob is pending on its way out of the archive tier; 0: it is there at once"""
    preemption_notice: float = 30.0
    """between telling what runs on a node that it is preempted, and ending the node"""
    preemption_absence: float = 60.0
    """until a preempted node is made anew"""
    preemptions_per_hour: float = 0.0
    """of each low-priority node, in the mean, unasked; 0: none"""
    reimages_all: bool = False
    """whether nodes of any pool can be reimaged; in the cloud, only those of cloud services"""
