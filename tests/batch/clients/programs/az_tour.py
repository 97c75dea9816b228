"""The tour with `az batch`, within the interpreter that has azure-cli: `az_tour.py SCRIPT_URL`.

The accounts come from the environment. Prints what was seen and every request that went out.
"""

import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import requests
from azure.cli.core import __version__, get_default_cli

NAME = "tour-az"
PATIENCE = 120.0
PAUSE = 0.1


class RefusedError(Exception):
    """Its text starts with the error's code."""


def az(command, *more):
    """What `az batch` prints, as JSON."""
    printed = io.StringIO()
    cli = get_default_cli()
    code = cli.invoke(["batch", *command.split(), *map(str, more), "-o", "json"], out_file=printed)
    if code:
        raise RefusedError(str(cli.result.error))
    return json.loads(printed.getvalue() or "null")


def refused(command, *more):
    """Why the service refused it."""
    try:
        az(command, *more)
    except RefusedError as error:
        return str(error).strip().partition("\n")[0]
    return "no refusal"


def wait(what, ready):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if ready(answer := what()):
            return answer
        time.sleep(PAUSE)
    raise TimeoutError(f"it did not come in {PATIENCE:.0f} s: {what}")


def know_the_version():
    """Without it, at its first start, az looks in the cloud for a newer one."""
    known = Path(os.environ["AZURE_CONFIG_DIR"], "versionCheck.json")
    known.write_text(json.dumps({"versions": {"core": {"local": __version__}}}))


def pool(seen, script_url):
    images = az("pool supported-images list")
    image = next(one for one in images if one["nodeAgentSkuId"] == "batch.node.ubuntu 22.04")
    named = image["imageReference"]
    create = ["--id", NAME, "--vm-size", "Standard_A1_v2", "--node-agent-sku-id", image["nodeAgentSkuId"],
              "--image", f"{named['publisher']}:{named['offer']}:{named['sku']}",
              "--target-dedicated-nodes", 1, "--task-slots-per-node", 2, "--metadata", "kind=tour",
              "--start-task-command-line", "/bin/sh -c 'cp script.sh $AZ_BATCH_NODE_SHARED_DIR'",
              "--start-task-resource-files", f"script.sh={script_url}",
              "--start-task-wait-for-success"]  # fmt: skip
    az("pool create", *create)
    seen["pool again"] = refused("pool create", *create)
    seen["no pool"] = refused("pool show", "--pool-id", "nothing")
    found = az("pool show", "--pool-id", NAME)
    script = found["startTask"]["resourceFiles"][0]
    seen["pool"] = [
        found["state"],
        found["targetDedicatedNodes"],
        found["taskSlotsPerNode"],
        found["metadata"],
    ]
    seen["start task"] = [found["startTask"]["waitForSuccess"], script["httpUrl"] == script_url]
    listed = az("pool list", "--filter", f"id eq '{NAME}'", "--select", "id,vmSize")
    seen["pools"] = [{name: value for name, value in one.items() if value is not None} for one in listed]


def node(seen):
    idle = ["--pool-id", NAME, "--filter", "state eq 'idle'"]
    (listed,) = wait(lambda: az("node list", *idle), bool)
    one = ["--pool-id", NAME, "--node-id", listed["id"]]
    found = az("node show", *one)
    seen["node"] = [found["state"], found["startTaskInfo"]["exitCode"], found["startTaskInfo"]["result"]]
    (counts,) = az("pool node-counts list", "--filter", f"poolId eq '{NAME}'")
    seen["node counts"] = [counts["dedicated"]["idle"], counts["dedicated"]["total"]]
    return one


def job(seen):
    az("job create", "--id", NAME, "--pool-id", NAME, "--priority", 5)
    seen["job again"] = refused("job create", "--id", NAME, "--pool-id", NAME)
    priorities = [az("job show", "--job-id", NAME)["priority"]]
    az("job set", "--job-id", NAME, "--priority", 7)
    priorities.append(az("job show", "--job-id", NAME)["priority"])
    az("job reset", "--job-id", NAME, "--priority", 9, "--pool-id", NAME)
    priorities += [one["priority"] for one in az("job list", "--filter", f"id eq '{NAME}'")]
    seen["priorities"] = priorities


def tasks(seen, script_url, folder):
    az("task create", "--job-id", NAME, "--task-id", "works", "--resource-files", f"in/file.sh={script_url}",
       "--command-line", "/bin/sh -c 'sh in/file.sh; echo more > out.txt'",
       "--environment-settings", "WHOM=tourist")  # fmt: skip
    several = folder / "tasks.json"
    lines = {"fails": "/bin/sh -c 'exit 3'", "stays": "/bin/sleep 600"}
    several.write_text(json.dumps([{"id": name, "commandLine": line} for name, line in lines.items()]))
    added = az("task create", "--job-id", NAME, "--json-file", several)
    seen["added"] = sorted((one["taskId"], one["status"]) for one in added)
    seen["task again"] = refused(
        "task create", "--job-id", NAME, "--task-id", "works", "--command-line", "/bin/true"
    )

    def of(name):
        return az("task show", "--job-id", NAME, "--task-id", name)

    def ended(name):
        return wait(lambda: of(name), lambda found: found["state"] == "completed")["executionInfo"]

    seen["ended"] = {name: [ended(name)["exitCode"], ended(name)["result"]] for name in ("works", "fails")}
    wait(lambda: of("stays"), lambda found: found["state"] == "running")
    counts = az("job task-counts show", "--job-id", NAME)["taskCounts"]
    seen["counts"] = [counts[name] for name in ("active", "running", "completed", "succeeded", "failed")]
    az("task stop", "--job-id", NAME, "--task-id", "stays")
    ended("stays")
    completed = az("task list", "--job-id", NAME, "--filter", "state eq 'completed'")
    seen["completed"] = sorted(one["id"] for one in completed)
    az("task delete", "--job-id", NAME, "--task-id", "stays", "--yes")
    shown = ["task show", "--job-id", NAME, "--task-id", "stays"]
    seen["deleted"] = wait(lambda: refused(*shown), lambda why: why != "no refusal")


def files(seen, owner, one, path, folder):
    """Of a task or a node."""
    seen[f"{owner} files"] = path in {file["name"] for file in az(f"{owner} file list", *one, "--recursive")}
    target = folder / owner
    az(f"{owner} file download", *one, "--file-path", path, "--destination", target)
    seen[f"{owner} file"] = target.read_text()
    az(f"{owner} file delete", *one, "--file-path", path, "--yes")
    seen[f"{owner} file deleted"] = refused(f"{owner} file download", *one, "--file-path", path,
                                            "--destination", folder / "nothing")  # fmt: skip


def end(seen):
    az("job stop", "--job-id", NAME, "--terminate-reason", "seen enough")
    ended = wait(lambda: az("job show", "--job-id", NAME), lambda found: found["state"] == "completed")
    seen["job ended"] = ended["executionInfo"]["terminateReason"]
    az("job delete", "--job-id", NAME, "--yes")
    az("pool delete", "--pool-id", NAME, "--yes")
    for kind in ("job", "pool"):
        wait(lambda kind=kind: refused(f"{kind} show", f"--{kind}-id", NAME), lambda why: why != "no refusal")


def main(script_url):
    sent = []
    send = requests.adapters.HTTPAdapter.send

    def sending(adapter, request, **options):
        sent.append([request.method, request.url])
        return send(adapter, request, **options)

    requests.adapters.HTTPAdapter.send = sending
    seen = {}
    know_the_version()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        pool(seen, script_url)
        one = node(seen)
        job(seen)
        tasks(seen, script_url, folder)
        files(seen, "task", ["--job-id", NAME, "--task-id", "works"], "wd/out.txt", folder)
        files(seen, "node", one, "shared/script.sh", folder)
        end(seen)
    print(json.dumps({"seen": seen, "requests": sent}))


if __name__ == "__main__":
    main(*sys.argv[1:])
