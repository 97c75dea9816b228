"""The supervisor holds little, since it stays for as long as the services run."""

import subprocess
import sys

import pytest

HEAVY = {"_ssl", "alembic", "asyncio", "hashlib", "pydantic", "rich", "sqlalchemy", "starlette", "uvicorn"}


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("cli.ahead", HEAVY | {"click", "logging", "msgspec"}),  # what precedes the start of the services
        ("supervisor", HEAVY | {"click"}),
        ("cli.serve", HEAVY),
        ("cli.announcement", HEAVY),
    ],
)
def test_what_serve_imports_is_light(room: str, forbidden: set[str]) -> None:
    program = f"import sys, batchite.{room}; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", program], text=True).split()
    assert f"batchite.{room}" in modules
    assert forbidden.isdisjoint(modules)


def test_the_portal_is_imported_when_somebody_looks() -> None:
    program = "import sys, batchite.processes.batch; print(*sys.modules)"
    modules = set(subprocess.check_output([sys.executable, "-c", program], text=True).split())
    assert "batchite.processes.portal" in modules
    assert {"jinja2", "batchite.portal.app"}.isdisjoint(modules)
