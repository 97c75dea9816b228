"""A script of 2016, whose pools are cloud services of a family of Windows."""

from __future__ import annotations

from azure.core.rest import HttpRequest
from tests.product.survival.house import until
from tests.product.survival.insisting import client_of

from batchite.testing import running_service

THEN = "api-version=2016-07-01.3.1"
POOL = {
    "vmSize": "small",
    "cloudServiceConfiguration": {"osFamily": "4", "targetOSVersion": "*"},
    "targetDedicated": 1,
}


def test_its_nodes_understand_its_command_lines() -> None:
    with running_service(only="batch", variables={"BATCHITE_SANDBOX_TIER": "process"}) as service:
        client = client_of(service)

        def ask(verb: str, path: str, body: object = None) -> str:
            request = HttpRequest(verb, f"{path}?{THEN}", json=body)
            if body is not None:
                request.headers["Content-Type"] = "application/json; odata=minimalmetadata"
            return client.send_request(request).text()

        auto = {"autoPoolIdPrefix": "Then", "poolLifetimeOption": "job", "pool": POOL}
        ask("POST", "/jobs", {"id": "job", "poolInfo": {"autoPoolSpecification": auto}})
        ask(
            "POST", "/jobs/job/tasks", {"id": "task", "commandLine": "cmd /c echo %AZ_BATCH_TASK_ID%>out.txt"}
        )
        until(lambda: client.get_task("job", "task").state == "completed", "the task ends")
        assert client.get_task("job", "task").execution_info.exit_code == 0
        assert ask("GET", "/jobs/job/tasks/task/files/wd%5Cout.txt") == "task\n"
        pool_id = client.get_job("job").execution_info.pool_id
        assert '"cloudServiceConfiguration":{"osFamily":"4"' in ask("GET", f"/pools/{pool_id}")
