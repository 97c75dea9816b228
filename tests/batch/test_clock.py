from azure.batch import models
from tests.batch.service import IMAGE, Api
from tests.clocks import Machine

HOURS = 3600


async def test_a_clock_that_is_set_right_locks_nobody_out(api: Api, machine: Machine) -> None:
    machine.ahead_seconds = 2 * HOURS
    early = await api.get("/jobs")
    assert early.error == (403, "AuthenticationFailed")
    assert "set the client's clock" in early.message
    machine.ahead_seconds = 0
    async with api.async_client() as client:
        image = models.VirtualMachineConfiguration(IMAGE)
        options = {"vm_size": "standard_d2s_v3", "virtual_machine_configuration": image}
        for name in ("one", "two"):
            await client.create_pool(models.BatchPoolCreateOptions(id=name, **options))
        pools = [pool async for pool in client.list_pools()]
    assert pools[0].creation_time < pools[1].creation_time
