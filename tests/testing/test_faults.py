"""What other people's tests can make go wrong, in services that run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import RetryPolicy
from azure.storage.blob import BlobServiceClient
from tests.product.survival.house import until

from batchite.testing import RunningService, ServiceError, directories, running_service
from batchite.testing.service import start, stop


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with running_service() as running:
        yield running


@pytest.fixture
def batch(service: RunningService) -> Iterator[BatchClient]:
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    with BatchClient(service.batch_url, credential, retry_policy=RetryPolicy.no_retries()) as client:
        yield client
    service.stop_failing()


def pool(nodes: int) -> m.BatchPoolCreateOptions:
    image = m.BatchVmImageReference(
        publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
    )
    machine = m.VirtualMachineConfiguration(
        image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04"
    )
    return m.BatchPoolCreateOptions(
        id="p",
        vm_size="standard_a1_v2",
        virtual_machine_configuration=machine,
        target_dedicated_nodes=nodes,
    )


def jobs(batch: BatchClient) -> set[str]:
    return {str(job.id) for job in batch.list_jobs()}


def test_requests_of_batch_fail_as_often_as_asked(service: RunningService, batch: BatchClient) -> None:
    service.fail("Job_List", times=2)
    for _ in range(2):
        with pytest.raises(HttpResponseError) as refused:
            list(batch.list_jobs())
        assert refused.value.status_code == 503
        assert '"code":"ServerBusy"' in refused.value.response.text()  # type: ignore[union-attr]
    assert "refused" not in jobs(batch)


def test_a_failed_request_has_changed_nothing(service: RunningService, batch: BatchClient) -> None:
    service.fail("Job_Add", code="ActiveJobAndScheduleQuotaReached")
    job = m.BatchJobCreateOptions(id="refused", pool_info=m.BatchPoolInfo(pool_id="p"))
    with pytest.raises(HttpResponseError) as refused:
        batch.create_job(job)
    assert refused.value.status_code == 409
    assert "refused" not in jobs(batch)


def test_requests_of_blob_fail_too(service: RunningService) -> None:
    connection = service.storage_connection_string
    with BlobServiceClient.from_connection_string(connection, retry_total=0) as client:
        container = client.create_container("things")
        service.fail("PUT blob", 500)
        with pytest.raises(HttpResponseError) as refused:
            container.upload_blob("one", b"content")
        assert (refused.value.status_code, refused.value.error_code) == (500, "InternalError")
        container.upload_blob("one", b"content")


def test_faults_can_be_forgotten(service: RunningService, batch: BatchClient) -> None:
    service.fail("Job_List", times=100)
    service.stop_failing()
    assert "refused" not in jobs(batch)


def test_only_who_started_the_services_may_ask(service: RunningService) -> None:
    stranger = dataclasses.replace(service, token="guess")
    with pytest.raises(ServiceError):
        stranger.fail("Job_List")
    with pytest.raises(ServiceError, match="no operation 'Job_Lits'"):
        service.fail("Job_Lits")


def test_a_lost_node_is_replaced_and_its_task_runs_again(service: RunningService, batch: BatchClient) -> None:
    batch.create_pool(pool(1))
    batch.create_job(m.BatchJobCreateOptions(id="j", pool_info=m.BatchPoolInfo(pool_id="p")))
    batch.create_task("j", m.BatchTaskCreateOptions(id="t", command_line="/bin/sleep 600"))
    until(lambda: batch.get_task("j", "t").state == "running", "the task runs")
    (lost,) = batch.list_nodes("p")
    service.lose_node(lost.id)

    def runs_elsewhere() -> bool:
        task = batch.get_task("j", "t")
        return task.state == "running" and task.node_info is not None and task.node_info.node_id != lost.id

    until(runs_elsewhere, "the task runs on another node")
    assert [node.id for node in batch.list_nodes("p")] != [lost.id]
    with pytest.raises(ServiceError, match="no node"):
        service.lose_node(lost.id)


def test_what_a_shell_has_set_is_not_for_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHITE_TLS", "true")
    monkeypatch.setenv("BATCHITE_DATA_DIR", "/nonexistent")
    with running_service(only="blob") as running:
        assert running.blob_url.startswith("http://")


def test_a_killed_run_leaves_nothing_after_the_next(tmp_path: Path) -> None:
    place = tmp_path / f"{directories.PREFIX}killed"
    place.mkdir()
    (place / directories.OWNER).touch()
    service = start(place / "data", only="batch")
    directories.sweep(tmp_path)
    assert place.exists()  # the service still runs
    stop(service)
    directories.sweep(tmp_path)
    assert not place.exists()


def test_directories_in_use_or_just_made_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (new := tmp_path / f"{directories.PREFIX}new").mkdir()
    with directories.temporary() as one, directories.temporary() as two:
        assert one.parent.exists()
        assert two.parent.exists()
    assert list(tmp_path.iterdir()) == [new]
