"""Makes the pictures of docs/portal.md anew, with Chromium: `python docs/screenshots.py`."""

from __future__ import annotations

import shutil
from pathlib import Path

import azure.batch
from azure.batch import models
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient
from playwright.sync_api import Page, sync_playwright

from batchite.testing.service import RunningService, running_service

HERE = Path(__file__).resolve().parent / "images"
WIDE, NARROW = {"width": 1200, "height": 700}, {"width": 390, "height": 760}
SECONDS = 8000
"""milliseconds, for tasks to run"""


def main() -> None:
    with running_service() as service, sync_playwright() as playwright:
        fill(service)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=WIDE, color_scheme="light")
        (line,) = [line for line in service.lines if line.startswith("Portal")]
        page.goto(line.split()[1])
        page.wait_for_url("**/-/portal/")
        page.wait_for_timeout(SECONDS)
        shoot(page, "home")
        page.get_by_role("link", name="frames").first.click()
        page.wait_for_load_state()
        shoot(page, "job")
        page.get_by_role("link", name="Pools", exact=True).click()
        page.get_by_role("link", name="render").first.click()
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(NARROW)
        page.wait_for_timeout(500)
        shoot(page, "pool-narrow")
        browser.close()


def fill(service: RunningService) -> None:
    """Pools, jobs and tasks, some of which fail."""
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    client = azure.batch.BatchClient(service.batch_url, credential)
    client.create_pool(pool("render", 3, command="/bin/sh -c 'mkdir -p textures'"))
    client.create_pool(pool("transcode", 2, command="/bin/sh -c 'ffmpeg -version'"))
    for job_id, pool_id in (("frames", "render"), ("trailer", "transcode")):
        client.create_job(
            models.BatchJobCreateOptions(id=job_id, pool_info=models.BatchPoolInfo(pool_id=pool_id))
        )
    for number in range(1, 15):
        end = "echo out of memory on tile 7 >&2; exit 3" if number in (5, 9) else "exit 0"
        seconds = 600 if number > 11 else 1
        command = f"/bin/sh -c 'sleep {seconds}; {end}'"
        task = models.BatchTaskCreateOptions(id=f"frame-{number:02}", command_line=command)
        client.create_task("frames", task)
    client.create_task("trailer", models.BatchTaskCreateOptions(id="cut", command_line="/bin/true"))
    blobs = BlobServiceClient.from_connection_string(service.storage_connection_string)
    blobs.create_container("frames").upload_blob("night/frame-01.txt", b"pixels")


def pool(pool_id: str, nodes: int, *, command: str) -> models.BatchPoolCreateOptions:
    machine = models.VirtualMachineConfiguration(
        image_reference=models.BatchVmImageReference(
            publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
        ),
        node_agent_sku_id="batch.node.ubuntu 22.04",
    )
    return models.BatchPoolCreateOptions(
        id=pool_id,
        vm_size="Standard_D2s_v3",
        virtual_machine_configuration=machine,
        target_dedicated_nodes=nodes,
        start_task=models.BatchStartTask(command_line=command, wait_for_success=True),
    )


def shoot(page: Page, name: str) -> None:
    page.screenshot(path=HERE / f"{name}.png")


if __name__ == "__main__":
    main()
