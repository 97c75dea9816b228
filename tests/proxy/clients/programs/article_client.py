"""A client as articles of 2016 have them: azure-batch 1.0, azure-storage 0.33, and five lines to fill in.

What stands for the cloud is what the SDKs make of these lines.
"""

import datetime
import os
import sys
import time

import azure.storage.blob as azureblob
from azure.batch import BatchServiceClient, batch_auth, models

# Filled in by whoever runs it.
batch_account_name = ""
batch_account_key = ""
batch_account_url = ""
storage_account_name = ""
storage_account_key = ""

# What the start task does beside copying, and the tasks' Python; this program's own where it is empty.
install = ""
python = ""

HERE = os.path.dirname(os.path.realpath(__file__))
TASK = os.path.join(HERE, "article_task.py")
COPY = "cp -r $AZ_BATCH_TASK_WORKING_DIR/* $AZ_BATCH_NODE_SHARED_DIR"
POOL, JOB = "ArticlePool", "ArticleJob"
APPLICATION, INPUT, OUTPUT = "application", "input", "output"
TEXTS = {"one.txt": "to be or not to be", "two.txt": "a rose is a rose is a rose"}


def in_two_hours():
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(hours=2)


def resource_file(blobs, container, name):
    token = blobs.generate_blob_shared_access_signature(
        container, name, permission=azureblob.BlobPermissions.READ, expiry=in_two_hours()
    )
    return models.ResourceFile(
        file_path=name, blob_source=blobs.make_blob_url(container, name, sas_token=token)
    )


def upload(blobs):
    """The resource files of the start task and of the tasks."""
    for container in (APPLICATION, INPUT, OUTPUT):
        blobs.create_container(container, fail_on_exist=False)
    blobs.create_blob_from_path(APPLICATION, "article_task.py", TASK)
    for name, text in TEXTS.items():
        blobs.create_blob_from_text(INPUT, name, text)
    return resource_file(blobs, APPLICATION, "article_task.py"), [
        resource_file(blobs, INPUT, name) for name in TEXTS
    ]


def create_pool(batch, script):
    agent, image = next(
        (agent.id, image)
        for agent in batch.account.list_node_agent_skus()
        for image in agent.verified_image_references
        if image.offer == "UbuntuServer" and image.sku.startswith("14.04")
    )
    batch.pool.add(
        models.PoolAddParameter(
            id=POOL,
            vm_size="Standard_A1",
            target_dedicated=1,
            virtual_machine_configuration=models.VirtualMachineConfiguration(
                image_reference=image, node_agent_sku_id=agent
            ),
            start_task=models.StartTask(
                command_line=f"/bin/bash -c 'set -e; {'; '.join(filter(None, [COPY, install]))}; wait'",
                run_elevated=bool(install),
                wait_for_success=True,
                resource_files=[script],
            ),
        )
    )


def add_tasks(batch, blobs, inputs):
    token = blobs.generate_container_shared_access_signature(
        OUTPUT, permission=azureblob.ContainerPermissions.WRITE, expiry=in_two_hours()
    )
    batch.job.add(models.JobAddParameter(JOB, models.PoolInformation(pool_id=POOL)))
    words = f'--account {storage_account_name} --container {OUTPUT} --token "{token}"'
    script = "$AZ_BATCH_NODE_SHARED_DIR/article_task.py"
    batch.task.add_collection(
        JOB,
        [
            models.TaskAddParameter(
                f"task{number}",
                f"/bin/bash -c '{python or sys.executable} -W ignore {script} {file.file_path} {words}'",
                resource_files=[file],
            )
            for number, file in enumerate(inputs)
        ],
    )


def wait(batch):
    while any(task.state != models.TaskState.completed for task in batch.task.list(JOB)):
        time.sleep(0.2)
    for task in batch.task.list(JOB):
        if task.execution_info.exit_code != 0:
            sys.exit(b"".join(batch.file.get_from_task(JOB, task.id, "stderr.txt")).decode())


def main():
    credentials = batch_auth.SharedKeyCredentials(batch_account_name, batch_account_key)
    batch = BatchServiceClient(credentials, base_url=batch_account_url)
    blobs = azureblob.BlockBlobService(account_name=storage_account_name, account_key=storage_account_key)
    script, inputs = upload(blobs)
    create_pool(batch, script)
    add_tasks(batch, blobs, inputs)
    wait(batch)
    for blob in blobs.list_blobs(OUTPUT):
        print(blob.name, blobs.get_blob_to_text(OUTPUT, blob.name).content)
    for container in (APPLICATION, INPUT, OUTPUT):
        blobs.delete_container(container)
    batch.job.delete(JOB)
    batch.pool.delete(POOL)


if __name__ == "__main__":
    main()
