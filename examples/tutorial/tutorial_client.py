"""Counts words on a pool of compute nodes: Azure Batch from the first container to the last result.

An ordinary program of Azure: it needs azure-batch 15, azure-storage-blob 12 and the keys of a Batch
and a storage account. They come from the variables AZURE_BATCH_ACCOUNT, AZURE_BATCH_ACCESS_KEY,
AZURE_BATCH_ENDPOINT and AZURE_STORAGE_CONNECTION_STRING (or AZURE_STORAGE_ACCOUNT and
AZURE_STORAGE_KEY), or from the file given with --config; see configuration.ini.example.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

import accounts
import helpers
from azure.batch import BatchClient, models
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobServiceClient

HERE = Path(__file__).resolve().parent
TASK_SCRIPT = HERE / "tutorial_task.py"
DATA_FILES = [HERE / "data" / f"taskdata{number}.txt" for number in (1, 2, 3)]

APPLICATION, INPUT, OUTPUT = CONTAINERS = ("application", "input", "output")

IMAGE_PUBLISHER = "canonical"
IMAGE_OFFER = "0001-com-ubuntu-server-jammy"
IMAGE_SKU = "22_04-lts"

HAS_STORAGE_PACKAGE = """python3 -c "import importlib.util as u; assert u.find_spec('azure.storage.blob')" """
INSTALL_STORAGE_PACKAGE = (
    "(apt-get update && apt-get -y install python3-pip && "
    "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install azure-storage-blob)"
)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, help="file with the accounts")
    parser.add_argument("--pool-id", default="PythonTutorialPool")
    parser.add_argument("--job-id", default="PythonTutorialJob")
    parser.add_argument("--vm-size", default="Standard_A1_v2", help="size of the nodes")
    parser.add_argument("--nodes", type=int, default=2, help="number of nodes")
    parser.add_argument("--words", type=int, default=3, help="how many words each task reports")
    parser.add_argument("--timeout", type=float, default=20, help="minutes to wait for the tasks")
    parser.add_argument("--output", type=Path, default=Path.home(), help="directory for the results")
    return parser.parse_args()


def create_containers(storage: BlobServiceClient) -> None:
    for name in CONTAINERS:
        try:
            storage.create_container(name)
        except ResourceExistsError:
            continue


def create_pool(
    batch: BatchClient, arguments: argparse.Namespace, application: list[models.ResourceFile]
) -> None:
    """A pool of Linux nodes, each of which has the task script in its shared directory."""
    pool_id = arguments.pool_id
    print(f"Creating pool [{pool_id}]...")
    agent_sku, image = helpers.select_image(batch, IMAGE_PUBLISHER, IMAGE_OFFER, IMAGE_SKU)
    commands = [
        "cp -r $AZ_BATCH_TASK_WORKING_DIR/* $AZ_BATCH_NODE_SHARED_DIR",
        f"{HAS_STORAGE_PACKAGE}|| {INSTALL_STORAGE_PACKAGE}",
    ]
    batch.create_pool(
        models.BatchPoolCreateOptions(
            id=pool_id,
            vm_size=arguments.vm_size,
            target_dedicated_nodes=arguments.nodes,
            virtual_machine_configuration=models.VirtualMachineConfiguration(
                image_reference=image, node_agent_sku_id=agent_sku
            ),
            start_task=models.BatchStartTask(
                command_line=helpers.wrap_in_shell(commands),
                resource_files=application,
                wait_for_success=True,
                user_identity=models.UserIdentity(
                    auto_user=models.AutoUserSpecification(
                        scope=models.AutoUserScope.POOL, elevation_level=models.ElevationLevel.ADMIN
                    )
                ),
            ),
        )
    )


def create_job(batch: BatchClient, job_id: str, pool_id: str) -> None:
    print(f"Creating job [{job_id}]...")
    batch.create_job(models.BatchJobCreateOptions(id=job_id, pool_info=models.BatchPoolInfo(pool_id=pool_id)))


def storage_account_argument(storage: BlobServiceClient) -> str:
    """The account's name, or its URL where that is not the public cloud's."""
    name, url = storage.credential.account_name, storage.url.rstrip("/")
    return name if url == f"https://{name}.blob.core.windows.net" else url


def add_tasks(
    batch: BatchClient,
    arguments: argparse.Namespace,
    inputs: list[models.ResourceFile],
    storage: BlobServiceClient,
    sas_token: str,
) -> None:
    """One task for each input file."""
    account = storage_account_argument(storage)
    tasks = []
    for file in inputs:
        command = (
            "python3 $AZ_BATCH_NODE_SHARED_DIR/tutorial_task.py "
            f"--filepath {file.file_path} --numwords {arguments.words} --storageaccount {account} "
            f'--storagecontainer {OUTPUT} --sastoken "{sas_token}"'
        )
        tasks.append(
            models.BatchTaskCreateOptions(
                id=f"topNtask{len(tasks)}",
                command_line=helpers.wrap_in_shell([command]),
                resource_files=[file],
            )
        )
    print(f"Adding {len(tasks)} tasks to job [{arguments.job_id}]...")
    batch.create_tasks(arguments.job_id, tasks)


def wait_for_results(batch: BatchClient, job_id: str, timeout: datetime.timedelta) -> None:
    """Show how the tasks come on; returns when all are completed."""
    start = f"Monitoring all tasks for 'Completed' state, timeout in {timeout}..."
    print(start, end="", flush=True)

    def show(completed: int, total: int) -> None:
        live = f"\r{start} {completed} of {total} completed"
        print(live if sys.stdout.isatty() else ".", end="", flush=True)

    helpers.wait_for_tasks(batch, job_id, timeout, show)
    print()
    print("  Success! All tasks reached the 'Completed' state within the specified timeout period.")


def report_failures(batch: BatchClient, job_id: str) -> bool:
    """Whether a task failed; prints what it had to say. Completed only means that it will not run again."""
    failed = [
        task
        for task in batch.list_tasks(job_id)
        if task.execution_info.result == models.BatchTaskExecutionResult.FAILURE
    ]
    for task in failed:
        info = task.execution_info.failure_info
        print(f"Task [{task.id}] failed: {info.message if info else task.execution_info.exit_code}")
        try:
            print(helpers.read_task_file(batch, job_id, task.id, "stderr.txt"))
        except HttpResponseError:
            print("  (it wrote nothing)")
    return bool(failed)


def download_results(storage: BlobServiceClient, directory: Path) -> None:
    print(f"Downloading all files from container [{OUTPUT}]...")
    directory.mkdir(parents=True, exist_ok=True)
    container = storage.get_container_client(OUTPUT)
    for name in container.list_blob_names():
        target = directory / Path(name).name
        with target.open("wb") as file:
            container.download_blob(name).readinto(file)
        print(f"  Downloaded blob [{name}] from container [{OUTPUT}] to {target}")
    print("  Download complete!")


def delete_containers(storage: BlobServiceClient) -> None:
    print("Deleting containers...")
    for name in CONTAINERS:
        storage.delete_container(name)


def run(batch: BatchClient, storage: BlobServiceClient, arguments: argparse.Namespace) -> bool:
    """All the steps up to the results; whether every task succeeded."""
    create_containers(storage)
    application = [helpers.upload_file(storage, APPLICATION, TASK_SCRIPT)]
    inputs = [helpers.upload_file(storage, INPUT, path) for path in DATA_FILES]
    create_pool(batch, arguments, application)
    create_job(batch, arguments.job_id, arguments.pool_id)
    add_tasks(batch, arguments, inputs, storage, helpers.container_sas(storage, OUTPUT))
    wait_for_results(batch, arguments.job_id, datetime.timedelta(minutes=arguments.timeout))
    failed = report_failures(batch, arguments.job_id)
    download_results(storage, arguments.output)
    delete_containers(storage)
    return not failed


def clean_up(batch: BatchClient, arguments: argparse.Namespace) -> None:
    """Compute nodes cost money for as long as they are there."""
    if helpers.ask_yes_no("Delete job?"):
        batch.begin_delete_job(arguments.job_id)
    if helpers.ask_yes_no("Delete pool?"):
        batch.begin_delete_pool(arguments.pool_id)


def now() -> datetime.datetime:
    return datetime.datetime.now().replace(microsecond=0)


def main() -> int:
    arguments = read_arguments()
    values = accounts.read(arguments.config)
    with accounts.batch_client(values) as batch, accounts.storage_client(values) as storage:
        start = now()
        print(f"Sample start: {start}\n")
        try:
            succeeded = run(batch, storage, arguments)
        except HttpResponseError as error:
            helpers.print_batch_error(error)
            return 1
        except (AzureError, LookupError, TimeoutError) as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
        end = now()
        print(f"\nSample end: {end}\nElapsed time: {end - start}\n")
        clean_up(batch, arguments)
    return 0 if succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
