"""What nodes run, by its kind."""

from __future__ import annotations

from typing import Literal

Kind = Literal["task", "starttask", "preparation", "release"]
"""Only tasks take slots and may wait for them; everything else starts at once."""
