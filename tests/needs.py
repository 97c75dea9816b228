"""What some tests need beside Python and make.

Without it they are skipped, and say why; where `CI` is set they fail, so that nothing is skipped
there unnoticed.
"""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def programs(*names: str) -> None:
    """Go on only if these programs are there."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        unmet(f"needs {', '.join(missing)}; .ci/run installs what is missing when it runs as root")


def unmet(reason: str) -> NoReturn:
    """Skip the test, or fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
