"""Files of tasks and nodes, through the API, while tasks run and afterwards."""

from collections.abc import Callable
from pathlib import Path

import pytest
from azure.batch import models
from azure.core.rest import HttpRequest
from tests.service.house import House, refused, sh, until


@pytest.fixture(scope="module")
def done(house: House, pool: str) -> models.BatchTask:
    """A completed task with some files."""
    job_id = house.add_job(pool)
    script = (
        "echo 0123456789; echo oops >&2; mkdir -p a/b empty; echo deep > a/b/deep.txt;"
        "printf %s x > a/top.dat;"
        'echo spaced > "a/with space & more.txt"; chmod 640 a/top.dat; : > nothing; ln -s /etc/passwd link'
    )
    return house.run(job_id, sh(script))


def job_of(task: models.BatchTask) -> str:
    return str(task.url.split("/")[-3])


def names(files: list[models.BatchNodeFile]) -> dict[str, bool]:
    """The names of the files, and whether they are directories."""
    return {str(file.name): bool(file.is_directory) for file in files}


def test_the_files_of_a_task(house: House, done: models.BatchTask) -> None:
    files = list(house.batch.list_task_files(job_of(done), done.id))
    assert names(files) == {"stderr.txt": False, "stdout.txt": False, "wd": True}
    output = next(file for file in files if file.name == "stdout.txt")
    assert output.url == f"{done.url}/files/stdout.txt"
    assert output.properties.content_length == 11
    assert output.properties.content_type == "text/plain"
    assert output.properties.last_modified >= done.execution_info.start_time.replace(microsecond=0)


def test_all_the_files_of_a_task(house: House, done: models.BatchTask) -> None:
    found = names(list(house.batch.list_task_files(job_of(done), done.id, recursive=True)))
    assert (
        found.items()
        >= {
            "stdout.txt": False,
            "wd": True,
            "wd/a": True,
            "wd/a/b": True,
            "wd/a/b/deep.txt": False,
            "wd/a/top.dat": False,
            "wd/a/with space & more.txt": False,
            "wd/empty": True,
            "wd/nothing": False,
        }.items()
    )


def test_files_page_by_page_and_by_name(house: House, done: models.BatchTask) -> None:
    job_id = job_of(done)
    pages = house.batch.list_task_files(job_id, done.id, recursive=True, max_results=4).by_page()
    sizes = [[file.name for file in page] for page in pages]
    assert max(len(page) for page in sizes) == 4
    assert len(sizes) > 1
    together = [name for page in sizes for name in page]
    assert sorted(together) == sorted(
        names(list(house.batch.list_task_files(job_id, done.id, recursive=True)))
    )
    wanted = "startswith(name,'wd/a/')"
    found = names(list(house.batch.list_task_files(job_id, done.id, recursive=True, filter=wanted)))
    assert set(found) == {"wd/a/b", "wd/a/b/deep.txt", "wd/a/top.dat", "wd/a/with space & more.txt"}


def test_the_files_of_a_node(house: House, pool: str, done: models.BatchTask) -> None:
    node_id = done.node_info.node_id
    found = names(list(house.batch.list_node_files(pool, node_id)))
    assert (
        found.items() >= {"shared": True, "workitems": True, "applications": True, "fsmounts": True}.items()
    )
    path = f"{done.node_info.task_root_directory}/wd/a/b/deep.txt"
    assert path in names(list(house.batch.list_node_files(pool, node_id, recursive=True)))
    assert b"".join(house.batch.download_node_file(pool, node_id, path)) == b"deep\n"
    properties = house.batch.get_node_file_properties(pool, node_id, path)
    assert (properties.content_length, properties.is_directory) == (5, False)
    ranged = house.batch.download_node_file(pool, node_id, path, ocp_range="bytes=1-2")
    assert b"".join(ranged) == b"ee"


def test_parts_of_a_file(house: House, done: models.BatchTask) -> None:
    job_id = job_of(done)
    assert house.text(job_id, done.id) == "0123456789\n"
    for wanted, content in {
        "bytes=0-0": "0",
        "bytes=2-4": "234",
        "bytes=8-": "89\n",
        "bytes=5-1000": "56789\n",
    }.items():
        assert house.text(job_id, done.id, ocp_range=wanted) == content
    with refused(416, "InvalidRange"):
        house.text(job_id, done.id, ocp_range="bytes=11-12")
    assert house.text(job_id, done.id, "wd/nothing") == ""


def test_properties_of_a_file(house: House, done: models.BatchTask) -> None:
    properties = house.batch.get_task_file_properties(job_of(done), done.id, "wd/a/top.dat")
    assert properties.content_length == 1
    assert properties.is_directory is False
    assert properties.file_mode.endswith("640")
    assert properties.url.endswith("a/top.dat") or properties.url.endswith("a%2Ftop.dat")
    assert house.batch.get_task_file_properties(job_of(done), done.id, "wd/a").is_directory is True


@pytest.mark.parametrize("path", ["wd/a/b/deep.txt", "wd\\a\\b\\deep.txt", "wd/./a//b/deep.txt"])
def test_a_path_is_one_segment_of_the_address(house: House, done: models.BatchTask, path: str) -> None:
    """The official client sends its slashes as %2F."""
    assert house.text(job_of(done), done.id, path) == "deep\n"


def test_a_name_with_unusual_characters(house: House, done: models.BatchTask) -> None:
    assert house.text(job_of(done), done.id, "wd/a/with space & more.txt") == "spaced\n"


@pytest.mark.parametrize(
    "path",
    ["wd/missing", "wd/../../secret", "../stdout.txt", "/etc/passwd", "wd/link", "wd/a", "stdout.txt/x"],
)
def test_what_is_no_file_of_the_task(house: House, done: models.BatchTask, path: str) -> None:
    with refused(404, "FileNotFound"):
        house.text(job_of(done), done.id, path)


def test_what_a_task_plants_leads_nowhere(house: House, job: str) -> None:
    """Links out of the task's directory, a pipe that nobody writes to, a loop of directories."""
    script = (
        "ln -sf /etc/passwd ../stdout.txt; rm ../stderr.txt; mkfifo pipe; ln -s /etc away; ln -s . loop;"
        "mkdir real; echo inside > real/file"
    )
    task = house.run(job, sh(script))
    assert task.execution_info.exit_code == 0
    for path in ("stdout.txt", "stderr.txt", "wd/pipe", "wd/away/passwd", "wd/away"):
        with refused(404, "FileNotFound"):
            house.text(job, task.id, path)
    assert house.text(job, task.id, "wd/real/file") == "inside\n"
    found = names(list(house.batch.list_task_files(job, task.id, recursive=True)))
    assert found.items() >= {"wd/real": True, "wd/real/file": False}.items()
    assert not any(name.startswith(("wd/away/", "wd/loop/")) for name in found)


def test_names_that_are_not_text(house: House, job: str) -> None:
    """What is listed can be fetched and deleted, by name as by URL."""
    script = (
        r"for name in a\\344 a\\345 a%%E4 \\303\\244; do printf $name > $(printf $name); done;"
        r"mkdir $(printf \\377); echo in > $(printf \\377)/in"
    )
    task = house.run(job, sh(script))
    assert task.execution_info.exit_code == 0, house.text(job, task.id, "stderr.txt")
    files = {file.name: file for file in house.batch.list_task_files(job, task.id, recursive=True)}
    spelled = {"wd/a�E4": b"a\xe4", "wd/a�E5": b"a\xe5", "wd/a%E4": b"a%E4", "wd/ä": "ä".encode()}
    assert files.keys() >= {*spelled, "wd/�FF", "wd/�FF/in"}
    for name, content in spelled.items():
        assert b"".join(house.batch.download_task_file(job, task.id, name)) == content
        asked = HttpRequest("GET", f"{files[name].url}?api-version=2025-06-01")
        assert house.batch.send_request(asked, stream=True).read() == content
    assert house.text(job, task.id, "wd/�FF/in") == "in\n"
    house.batch.delete_task_file(job, task.id, "wd/�FF", recursive=True)
    house.batch.delete_task_file(job, task.id, "wd/a�E4")
    left = {file.name for file in house.batch.list_task_files(job, task.id, recursive=True)}
    assert files.keys() - left == {"wd/a�E4", "wd/�FF", "wd/�FF/in"}


def test_a_running_tasks_files_can_be_read(house: House, job: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    task_id = house.add_task(job, sh(f"echo first; until test -e {go}; do sleep 0.02; done; echo second"))
    house.wait_for_task(job, task_id, "running")
    house.wait_for_text(job, task_id, "first\n")
    assert house.text(job, task_id) == "first\n"
    assert set(names(list(house.batch.list_task_files(job, task_id)))) == {"stdout.txt", "stderr.txt", "wd"}
    go.touch()
    house.wait_for_task(job, task_id)
    assert house.text(job, task_id) == "first\nsecond\n"


def test_a_large_file_comes_whole(house: House, job: str) -> None:
    size = 20_000_000
    task = house.run(job, sh(f"head -c {size} /dev/zero > large"))
    content = house.batch.download_task_file(job, task.id, "wd/large")
    assert sum(len(chunk) for chunk in content) == size


def test_deleting_files(house: House, job: str) -> None:
    task = house.run(job, sh("mkdir -p d/e; touch d/e/f g"))

    def gone(path: str) -> None:
        with refused(404, "FileNotFound"):
            house.text(job, task.id, path)

    house.batch.delete_task_file(job, task.id, "wd/g")
    gone("wd/g")
    with refused(409, "OperationInvalidForCurrentState"):
        house.batch.delete_task_file(job, task.id, "wd/d")
    assert house.text(job, task.id, "wd/d/e/f") == ""
    house.batch.delete_task_file(job, task.id, "wd/d", recursive=True)
    gone("wd/d/e/f")
    assert house.text(job, task.id) == ""
    path = f"{task.node_info.task_root_directory}/stdout.txt"
    house.batch.delete_node_file(task.node_info.pool_id, task.node_info.node_id, path)
    gone("stdout.txt")


def test_files_that_are_not_there_yet_or_not_any_more(house: House) -> None:
    pool_id = house.add_pool(0)
    job_id = house.add_job(pool_id)
    task_id = house.add_task(job_id, "true")
    with refused(409, "TaskFilesUnavailable"):
        house.text(job_id, task_id)
    house.batch.begin_delete_job(job_id)
    house.delete_pool(pool_id)
    brief = house.ready_pool(1)
    job_id = house.add_job(brief)
    task = house.run(job_id, "true")
    house.delete_pool(brief)
    with refused(409, "TaskFilesUnavailable"):
        house.text(job_id, task.id)
    with refused(404, "PoolNotFound"):
        list(house.batch.list_node_files(brief, task.node_info.node_id))


def test_files_of_what_does_not_exist(house: House, pool: str, job: str) -> None:
    looks: dict[str, Callable[[], object]] = {
        "JobNotFound": lambda: house.text("missing", "task"),
        "TaskNotFound": lambda: house.text(job, "missing"),
        "NodeNotFound": lambda: list(house.batch.list_node_files(pool, "missing")),
    }
    for code, look in looks.items():
        with refused(404, code):
            look()


def test_a_job_that_goes_takes_its_files_with_it(house: House, job: str) -> None:
    task = house.run(job, sh("pwd"))
    directory = Path(house.text(job, task.id).strip())
    house.batch.begin_delete_job(job, polling_interval=0.05).wait()
    until(directory.exists, lambda there: not there, "the directory gone")
