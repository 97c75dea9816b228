"""Application packages that come and go while nodes install them and tasks use them."""

from __future__ import annotations

import io
import zipfile
from typing import Final

from azure.batch import models as m
from tests.product.survival.insisting import send
from tests.product.survival.pools import add_pool
from tests.product.survival.strands.proof import check_once
from tests.product.survival.strands.strand import Strand
from tests.product.survival.toll import checksum

TOOL, OF_POOL = "tool", "ofpool"
PACKED: Final = "packed"
JOB: Final = "packages"
MOST: Final = 4
"""Versions that are there at a time; the oldest goes."""
BYTES: Final = 400_000


class Packages(Strand):
    rest = 2.0

    def begin(self) -> None:
        self.checksums: dict[str, str] = {}
        """by version, of what is there"""
        self.versions = 0
        self._put(OF_POOL, "1", b"of the pool")
        reference = m.BatchApplicationPackageReference(application_id=OF_POOL, version="1")
        add_pool(self.client, PACKED, 8, target_dedicated_nodes=1, application_package_references=[reference])
        self.jobs.add(JOB, PACKED)

    def step(self) -> None:
        if len(self.checksums) < MOST:
            self._add_version()
        elif self.dice.random() < 0.3 and self._is_idle():
            self._remove_version(next(iter(self.checksums)))
        self._add_task(self.dice.choice(list(self.checksums)))

    def finish(self) -> None:
        self.jobs.end_with_their_tasks(JOB)
        super().finish()

    def _is_idle(self) -> bool:
        """No task needs what is to go."""
        counts = self.insist(lambda: self.client.get_job_task_counts(JOB)).task_counts
        return counts.active == counts.running == 0

    def _add_version(self) -> None:
        self.versions += 1
        version, content = str(self.versions), self.dice.randbytes(BYTES)
        self._put(TOOL, version, content)
        self.checksums[version] = checksum(content)

    def _put(self, application: str, version: str, content: bytes) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("content", content)
        path = f"/-/applications/{application}/packages/{version}"
        self.insist(lambda: send(self.client, "PUT", path, packed.getvalue()))

    def _remove_version(self, version: str) -> None:
        path = f"/-/applications/{TOOL}/packages/{version}"
        self.insist_late(lambda: send(self.client, "DELETE", path), {"ApplicationNotFound"})
        del self.checksums[version]

    def _add_task(self, version: str) -> None:
        name = f"{JOB}-{len(self.jobs.tasks[JOB])}"
        reference = m.BatchApplicationPackageReference(application_id=TOOL, version=version)
        variable = m.EnvironmentSetting(name="PACKED", value=f"AZ_BATCH_APP_PACKAGE_{TOOL}_{version}")
        task = self.jobs.task(
            name,
            self.dice.uniform(0.2, 3),
            checksum=self.checksums[version],
            application_package_references=[reference],
            environment_settings=[variable],
        )
        self.jobs.add_tasks(JOB, [task])

    def check(self) -> None:
        """The versions are those whose addition was acknowledged, but for those removed; so are the files.
        Each task found what it named."""
        told = self.insist(lambda: send(self.client, "GET", f"/-/applications/{TOOL}")).json()
        assert [one["version"] for one in told["packages"]] == sorted(self.checksums), told
        files = [path.name for path in (self.house.data_dir / "packages").iterdir()]
        assert len(files) == len(self.checksums) + 1, files
        for name, task in self.jobs.recorded(JOB).items():
            check_once(self.house, task, self.toll.runs(name), 0)
