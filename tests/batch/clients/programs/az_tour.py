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
    seen["applications"] = az("application summary list")
    seen["no application"] = refused("application summary show", "--application-id", "nothing")
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


def sizes(seen):
    """Up to two, and one of them away."""
    steady()
    az("pool resize", "--pool-id", NAME, "--target-dedicated-nodes", 2)
    grown = steady()
    seen["stopped late"] = refused("pool resize", "--pool-id", NAME, "--abort")
    first, _ = sorted(one["id"] for one in az("node list", "--pool-id", NAME))
    az("node delete", "--pool-id", NAME, "--node-list", first)
    shrunk = steady()
    kinds = ("targetDedicatedNodes", "currentDedicatedNodes")
    seen["sizes"] = [[found[kind] for kind in kinds] for found in (grown, shrunk)]


def scaled(seen):
    """By a formula that wants what there is."""
    formula = ["--pool-id", NAME, "--auto-scale-formula", "$TargetDedicatedNodes=1;"]
    az("pool autoscale enable", *formula)
    found = steady()
    seen["scaled"] = [found["enableAutoScale"], found["autoScaleFormula"]]
    told = az("pool autoscale evaluate", *formula)
    seen["evaluated"] = "$TargetDedicatedNodes=1" in told["results"]
    az("pool autoscale disable", "--pool-id", NAME)
    seen["not scaled"] = steady()["enableAutoScale"]


def steady():
    show = ("pool show", "--pool-id", NAME)
    return wait(lambda: az(*show), lambda found: found["allocationState"] == "steady")


def node(seen):
    idle = ["--pool-id", NAME, "--filter", "state eq 'idle'"]
    (listed,) = wait(lambda: az("node list", *idle), bool)
    one = ["--pool-id", NAME, "--node-id", listed["id"]]
    found = az("node show", *one)
    seen["node"] = [found["state"], found["startTaskInfo"]["exitCode"], found["startTaskInfo"]["result"]]
    az("pool set", "--pool-id", NAME, "--metadata", "kind=changed")
    az("pool reset", "--pool-id", NAME, "--metadata", "kind=reset", "--start-task-command-line", "/bin/true")
    changed = az("pool show", "--pool-id", NAME)
    still = az("node show", *one)["startTask"]["commandLine"] == found["startTask"]["commandLine"]
    seen["pool changed"] = [changed["startTask"]["commandLine"], changed["metadata"], still]
    (counts,) = az("pool node-counts list", "--filter", f"poolId eq '{NAME}'")
    seen["node counts"] = [counts["dedicated"]["idle"], counts["dedicated"]["total"]]
    seen["metrics so far"] = az("pool usage-metrics list")
    return one


def reach(seen, one, script_url):
    """How one gets at a node."""
    settings = az("node remote-login-settings show", *one)
    seen["login"] = [settings["remoteLoginIpAddress"], settings["remoteLoginPort"] >= 50000]
    container = script_url.partition("?")[0].rpartition("/")[0]
    wanted = ["--container-url", container, "--start-time", "2026-01-01T00:00:00Z"]
    seen["logs"] = az("node service-logs upload", *one, *wanted)["numberOfFilesUploaded"] > 0
    user = [*one, "--name", "tourist"]
    az("node user create", *user, "--is-admin", "--password", "sesame")
    seen["user again"] = refused("node user create", *user)
    az("node user reset", *one, "--user-name", "tourist", "--password", "other")
    az("node user delete", *one, "--user-name", "tourist", "--yes")
    seen["no user"] = refused("node user delete", *one, "--user-name", "tourist", "--yes")


def told(seen, one):
    """What nodes are told: to take no tasks, and to boot again."""
    az("node scheduling disable", *one)  # its option is sent as an object within itself
    off = wait(lambda: az("node show", *one), lambda found: found["state"] == "offline")
    again = refused("node scheduling disable", *one)
    az("node scheduling enable", *one)
    on = wait(lambda: az("node show", *one), lambda found: found["state"] == "idle")
    seen["scheduling"] = [off["schedulingState"], again, on["schedulingState"]]
    az("node reboot", *one, "--node-reboot-option", "requeue")
    booted = wait(lambda: az("node show", *one), lambda found: found["state"] == "idle")
    seen["rebooted"] = [booted["lastBootTime"] > on["lastBootTime"], booted["startTaskInfo"]["exitCode"]]


def job(seen):
    az("job create", "--id", NAME, "--pool-id", NAME, "--priority", 5)
    seen["job again"] = refused("job create", "--id", NAME, "--pool-id", NAME)
    priorities = [az("job show", "--job-id", NAME)["priority"]]
    az("job set", "--job-id", NAME, "--priority", 7)
    priorities.append(az("job show", "--job-id", NAME)["priority"])
    az("job reset", "--job-id", NAME, "--priority", 9, "--pool-id", NAME)
    priorities += [one["priority"] for one in az("job list", "--filter", f"id eq '{NAME}'")]
    seen["priorities"] = priorities

    def comes_to(state):
        return wait(lambda: az("job show", "--job-id", NAME), lambda found: found["state"] == state)

    az("job disable", "--job-id", NAME, "--disable-tasks", "requeue")
    disabled = comes_to("disabled")["previousState"]
    az("job enable", "--job-id", NAME)
    seen["not prepared"] = refused("job prep-release-status list", "--job-id", NAME)
    seen["disabled"] = [disabled, comes_to("active")["previousState"]]


def schedule(seen):
    """Its first job is there at once; the next one comes long after the tour."""
    name = f"{NAME}-nightly"
    one = ["--job-schedule-id", name]
    create = ["--id", name, "--pool-id", NAME, "--recurrence-interval", "P1D", "--priority", 5]
    az("job-schedule create", *create)
    seen["schedule again"] = refused("job-schedule create", *create)
    found = az("job-schedule show", *one)
    jobs = az("job list", *one)
    made = [found["executionInfo"]["recentJob"]["id"], *(job["id"] for job in jobs)]
    seen["schedule"] = [found["state"], made]
    az("job-schedule set", *one, "--metadata", "kind=changed")
    az("job-schedule disable", *one)
    listed = az("job-schedule list", "--filter", "state eq 'disabled'")
    seen["schedules"] = [[item["id"], item["metadata"]] for item in listed]
    az("job-schedule enable", *one)
    az("job-schedule reset", *one, "--pool-id", NAME, "--priority", 7, "--recurrence-interval", "P2D")
    found = az("job-schedule show", *one)
    seen["schedule anew"] = [found["jobSpecification"]["priority"], found.get("metadata")]
    az("job-schedule stop", *one)
    wait(lambda: az("job-schedule show", *one), lambda found: found["state"] == "completed")
    ended = az("job show", "--job-id", f"{name}:job-1")["executionInfo"]["terminateReason"]
    seen["schedule ended"] = ended
    az("job-schedule delete", *one, "--yes")
    gone = wait(lambda: refused("job-schedule show", *one), lambda why: why != "no refusal")
    seen["schedule gone"] = gone


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
    one = ["--job-id", NAME, "--task-id", "stays"]
    az("task reset", *one, "--max-task-retry-count", 4)
    az("task reactivate", *one)
    anew = wait(lambda: of("stays"), lambda found: found["state"] == "running")
    seen["anew"] = [anew["constraints"]["maxTaskRetryCount"], az("task subtask list", *one)]
    az("task stop", *one)
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
        sizes(seen)
        scaled(seen)
        one = node(seen)
        reach(seen, one, script_url)
        told(seen, one)
        job(seen)
        schedule(seen)
        tasks(seen, script_url, folder)
        files(seen, "task", ["--job-id", NAME, "--task-id", "works"], "wd/out.txt", folder)
        files(seen, "node", one, "shared/script.sh", folder)
        end(seen)
    print(json.dumps({"seen": seen, "requests": sent}))


if __name__ == "__main__":
    main(*sys.argv[1:])
