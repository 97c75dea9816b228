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
    rehydration: float = 5.0
    """for which a blob is pending on its way out of the archive tier; 0: it is there at once"""
