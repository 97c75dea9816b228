"""For the tests of programs that use Batch and Blob: a running service, a clock that is told the time.

    from batchite.testing import running_service

    def test_my_program():
        with running_service() as service:
            subprocess.run(["my-program"], env={**os.environ, **service.variables}, check=True)

With pytest, `pytest_plugins = ["batchite.testing.fixtures"]` in conftest.py gives the same as the
fixture `batchite_service`, one service for the whole run, and `blob_service`, which is Blob alone.
"""

from batchite.testing.clock import FakeClock
from batchite.testing.service import RunningService, ServiceError, running_service

__all__ = ["FakeClock", "RunningService", "ServiceError", "running_service"]
