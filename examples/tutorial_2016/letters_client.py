"""Counts letters on a pool of compute nodes, as programs for Azure Batch were written in 2016.

An ordinary program of that year: it needs azure-batch 1.0.0 and azure-storage 0.33.0, which
requirements.txt pins with what they require, and the keys of a Batch and a storage account, which come from
the variables AZURE_BATCH_ACCOUNT, AZURE_BATCH_ACCESS_KEY, AZURE_BATCH_ENDPOINT and
AZURE_STORAGE_CONNECTION_STRING.

Programs of today are written otherwise: tutorial_client.py beside it is one.
"""

import argparse
import datetime
import os
import sys
import time

from azure.batch import BatchServiceClient, models
from azure.batch.batch_auth import SharedKeyCredentials
from azure.common import AzureException
from azure.storage.blob import BlobPermissions, BlockBlobService, ContainerPermissions

HERE = os.path.dirname(os.path.realpath(__file__))
TASK_SCRIPT = os.path.join(HERE, "letters_task.py")
DATA = os.path.join(os.path.dirname(HERE), "tutorial", "data")
DATA_FILES = [os.path.join(DATA, f"taskdata{number}.txt") for number in (1, 2, 3)]

POOL_ID = "Letters2016Pool"
JOB_ID = "Letters2016Job"
APPLICATION, INPUT, OUTPUT = CONTAINERS = ("letters-application", "letters-input", "letters-output")
PUBLISHER, OFFER, SKU = "Canonical", "UbuntuServer", "14.04"
NODES = 2
SAS_LIFETIME = datetime.timedelta(hours=2)
TIMEOUT = datetime.timedelta(minutes=20)
PAUSE_SECONDS = 1


def now():
    """As azure-storage of that time wants it: UTC without a zone."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def upload_file(blobs, container, path):
    """Upload a file, and make a resource file of its URL, with a signature that allows reading it."""
    name = os.path.basename(path)
    print(f"Uploading file {path} to container [{container}]...")
    blobs.create_blob_from_path(container, name, path)
    token = blobs.generate_blob_shared_access_signature(
        container, name, permission=BlobPermissions.READ, expiry=now() + SAS_LIFETIME
    )
    url = blobs.make_blob_url(container, name, sas_token=token)
    return models.ResourceFile(blob_source=url, file_path=name)


def select_image(batch):
    """The node agent that runs on the wanted system, and the newest image of it that Batch has verified."""
    found = [
        (image.sku, agent.id, image)
        for agent in batch.account.list_node_agent_skus()
        for image in agent.verified_image_references
        if image.publisher == PUBLISHER and image.offer == OFFER and image.sku.startswith(SKU)
    ]
    if not found:
        sys.exit(f"Batch has no image of {PUBLISHER} {OFFER} {SKU}.")
    _, agent_sku_id, image = max(found, key=lambda entry: entry[:2])
    return agent_sku_id, image


def create_pool(batch, script):
    """Nodes whose start task puts the task script where every task finds it."""
    agent_sku_id, image = select_image(batch)
    print(f"Creating pool [{POOL_ID}] of {NODES} nodes with {image.offer} {image.sku}...")
    batch.pool.add(
        models.PoolAddParameter(
            id=POOL_ID,
            vm_size="Standard_A1",
            target_dedicated=NODES,
            max_tasks_per_node=2,
            virtual_machine_configuration=models.VirtualMachineConfiguration(
                image_reference=image, node_agent_sku_id=agent_sku_id
            ),
            start_task=models.StartTask(
                command_line="/bin/sh -c 'cp letters_task.py $AZ_BATCH_NODE_SHARED_DIR'",
                resource_files=[script],
                run_elevated=True,
                wait_for_success=True,
            ),
        )
    )


def create_job(batch):
    print(f"Creating job [{JOB_ID}]...")
    batch.job.add(models.JobAddParameter(JOB_ID, models.PoolInformation(pool_id=POOL_ID)))


def add_tasks(batch, blobs, inputs):
    """One for each input file."""
    token = blobs.generate_container_shared_access_signature(
        OUTPUT, permission=ContainerPermissions.WRITE, expiry=now() + SAS_LIFETIME
    )
    tasks = []
    for file in inputs:
        result = file.file_path.replace(".txt", "_letters.txt")
        url = blobs.make_blob_url(OUTPUT, result, sas_token=token)
        command = f'python3 $AZ_BATCH_NODE_SHARED_DIR/letters_task.py {file.file_path} "$RESULT_URL"'
        tasks.append(
            models.TaskAddParameter(
                f"letters{len(tasks)}",
                f"/bin/sh -c '{command}'",
                resource_files=[file],
                environment_settings=[models.EnvironmentSetting("RESULT_URL", url)],
            )
        )
    print(f"Adding {len(tasks)} tasks to job [{JOB_ID}]...")
    added = batch.task.add_collection(JOB_ID, tasks)
    for refused in (one for one in added.value if one.error):
        sys.exit(f"Task [{refused.task_id}] was refused: {refused.error.message.value}")


def wait_for_tasks(batch):
    print(f"Waiting for all tasks to complete, {TIMEOUT} at most...", end="")
    deadline = time.time() + TIMEOUT.total_seconds()
    while any(task.state != models.TaskState.completed for task in batch.task.list(JOB_ID)):
        if time.time() > deadline:
            sys.exit(f"\nNot all tasks completed within {TIMEOUT}.")
        print(".", end="", flush=True)
        time.sleep(PAUSE_SECONDS)
    print("\n  All tasks completed.")


def report_failures(batch):
    """Whether a task failed, told with what it wrote. Completed only means that it will not run again."""
    failed = [task for task in batch.task.list(JOB_ID) if task.execution_info.exit_code != 0]
    for task in failed:
        error = task.execution_info.scheduling_error
        print(f"Task [{task.id}] failed:", error.message if error else task.execution_info.exit_code)
        if error is None:
            written = batch.file.get_from_task(JOB_ID, task.id, "stderr.txt")
            print(b"".join(written).decode("utf-8"))
    return bool(failed)


def download_results(blobs, directory):
    print(f"Downloading all files from container [{OUTPUT}]...")
    os.makedirs(directory, exist_ok=True)
    for blob in blobs.list_blobs(OUTPUT):
        path = os.path.join(directory, os.path.basename(blob.name))
        blobs.get_blob_to_path(OUTPUT, blob.name, path)
        print(f"  Downloaded blob [{blob.name}] to {path}")


def run(batch, blobs, directory):
    """All the steps; whether every task succeeded."""
    for name in CONTAINERS:
        blobs.create_container(name, fail_on_exist=False)
    script = upload_file(blobs, APPLICATION, TASK_SCRIPT)
    inputs = [upload_file(blobs, INPUT, path) for path in DATA_FILES]
    create_pool(batch, script)
    create_job(batch)
    add_tasks(batch, blobs, inputs)
    wait_for_tasks(batch)
    failed = report_failures(batch)
    download_results(blobs, directory)
    return not failed


def clean_up(batch, blobs):
    """Nodes cost money for as long as they are there."""
    print("Deleting containers, job and pool...")
    for name in CONTAINERS:
        blobs.delete_container(name)
    batch.job.delete(JOB_ID)
    batch.pool.delete(POOL_ID)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", default=os.path.expanduser("~"), help="directory for the results")
    arguments = parser.parse_args()
    try:
        credentials = SharedKeyCredentials(
            os.environ["AZURE_BATCH_ACCOUNT"], os.environ["AZURE_BATCH_ACCESS_KEY"]
        )
        batch = BatchServiceClient(credentials, base_url=os.environ["AZURE_BATCH_ENDPOINT"])
        blobs = BlockBlobService(connection_string=os.environ["AZURE_STORAGE_CONNECTION_STRING"])
    except KeyError as missing:
        sys.exit(f"The variable {missing} is not set.")
    try:
        succeeded = run(batch, blobs, arguments.output)
    except models.BatchErrorException as error:
        sys.exit(f"Batch refused the request: {error.error.code}, {error.error.message.value}")
    except AzureException as error:
        sys.exit(str(error))
    clean_up(batch, blobs)
    return 0 if succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
