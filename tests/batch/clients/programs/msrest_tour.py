"""A tour of the Batch API with azure-batch 1 to 14: `msrest_tour.py RELEASE SCRIPT_URL`.

Every operation that the service has at this release's API version is called, in the words of the release.
The accounts come from the environment. Prints what was seen, in words that are the same for all releases,
and every request that went out.
"""

import base64
import hashlib
import json
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import requests
from azure.batch import BatchServiceClient, batch_auth, models

PATIENCE = 120.0
PAUSE = 0.1
MANY = [f"bulk{number:03}" for number in range(250)]
NOT_REFUSED = "no refusal"
STRANGE = r"an\out put"
"""A name of a file that is encoded, and that releases to 3.0 sign otherwise than they send it."""
LARGE = "x" * 400_000
"""Of three of these a collection has more than a request may."""


def admin():
    user = models.AutoUserSpecification(
        scope=models.AutoUserScope.pool, elevation_level=models.ElevationLevel.admin
    )
    return {"user_identity": models.UserIdentity(auto_user=user)}


@dataclass(frozen=True)
class Words:
    """What a release calls things; None is what it does not have."""

    images: str = "list_supported_images"
    image: tuple = ("canonical", "ubuntuserver", "16.04-lts")
    url: str = "batch_url"
    source: str = "http_url"
    slots: str = "task_slots_per_node"
    wire_slots: str = "taskSlotsPerNode"
    nodes: str = "dedicated_nodes"
    elevated: dict = field(default_factory=admin)
    failure: str = "failure_info"
    result: str | None = "result"
    resize_errors: str = "resize_errors"
    properties: str = "get_properties_from_{}"
    counts: bool = True
    node_counts: bool = True
    extensions: bool = False
    logs: bool = True
    lifetime: str | None = "get_all_lifetime_statistics"
    """of all jobs"""
    pool_lifetime: str = "get_all_lifetime_statistics"
    usage: str = "list_usage_metrics"
    adds_in_portions: bool = True
    """whether it makes several requests of a collection, repeats, and raises what failed"""


OLD = {"url": "base_url", "images": "list_node_agent_skus", "source": "blob_source", "counts": False,
       "slots": "max_tasks_per_node", "wire_slots": "maxTasksPerNode",
       "logs": False, "node_counts": False, "adds_in_portions": False}  # fmt: skip
RELEASES = {
    "1.0": lambda: Words(
        **OLD, image=("canonical", "ubuntuserver", "14.04.5-lts"), nodes="dedicated",
        elevated={"run_elevated": True}, failure="scheduling_error", result=None,
        resize_errors="resize_error", properties="get_node_file_properties_from_{}",
        lifetime="get_all_jobs_lifetime_statistics", usage="list_pool_usage_metrics",
        pool_lifetime="get_all_pools_lifetime_statistics",
    ),
    "3.0": lambda: Words(**OLD),
    "8.0": lambda: Words(slots="max_tasks_per_node", wire_slots="maxTasksPerNode"),
    "14.2": lambda: Words(
        image=("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts"), extensions=True, lifetime=None
    ),
}  # fmt: skip


def refusal(call, *arguments, **options):
    """Status and code of what the service refuses; a HEAD request has no code."""
    try:
        call(*arguments, **options)
    except models.BatchErrorException as error:
        return [error.response.status_code, error.error.code if error.error and error.error.code else None]
    return NOT_REFUSED


def is_refused(answer):
    return answer != NOT_REFUSED


def text(stream):
    return b"".join(stream).decode()


def moments(*times):
    """Whether these are times, each not before the one ahead of it."""
    return all(isinstance(moment, datetime) for moment in times) and all(a <= b for a, b in pairwise(times))


class Tour:
    def __init__(self, release, script_url):
        self.words = RELEASES[release]()
        self.name = f"tour-{release.replace('.', '-')}"
        self.script_url = script_url
        self.logs_url = script_url.partition("?")[0].rpartition("/")[0]
        self.seen = {}
        account, key, url = (
            os.environ[f"AZURE_BATCH_{name}"] for name in ("ACCOUNT", "ACCESS_KEY", "ENDPOINT")
        )
        credentials = batch_auth.SharedKeyCredentials(account, key)
        self.batch = BatchServiceClient(credentials, **{self.words.url: url})

    def take(self):
        before = (self.images, self.pool, self.changed_pool, self.sizes, self.nodes, self.reach, self.told)
        jobs = (self.job, self.prepared_job, self.disabled_job, self.own_pool, self.schedule)
        after = (self.tasks, self.collections, self.task_ends, self.used)
        for part in (*before, *jobs, *after, self.task_files, self.node_files, self.end):
            part()

    def is_script(self, file):
        return getattr(file, self.words.source) == self.script_url

    def wait(self, what, ready):
        """The first answer that is `ready`."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if ready(answer := what()):
                return answer
            time.sleep(PAUSE)
        raise TimeoutError(f"it did not come in {PATIENCE:.0f} s: {what}")

    def images(self):
        listed = list(getattr(self.batch.account, self.words.images)())
        if self.words.images == "list_node_agent_skus":
            found = [(image, agent.id) for agent in listed for image in agent.verified_image_references]
            systems = {agent.os_type for agent in listed}
        else:
            found = [(image.image_reference, image.node_agent_sku_id) for image in listed]
            systems = {image.os_type for image in listed}
        self.image, self.agent = next(
            (image, agent) for image, agent in found
            if tuple(map(str.lower, (image.publisher, image.offer, image.sku))) == self.words.image
        )  # fmt: skip
        self.seen["images"] = [self.agent, sorted(getattr(system, "value", system) for system in systems)]

        self.seen["applications"] = [one.id for one in self.batch.application.list()]
        self.seen["no application"] = refusal(self.batch.application.get, "nothing")
        self.certificates()

    def certificates(self):
        public = b"\x30certificate"
        name = ("sha1", hashlib.sha1(public).hexdigest())  # noqa: S324 - the name of a certificate
        self.batch.certificate.add(
            models.CertificateAddParameter(
                thumbprint=name[1],
                thumbprint_algorithm=name[0],
                data=base64.b64encode(public).decode(),
                certificate_format="cer",
            )
        )
        self.seen["certificates"] = [one.thumbprint == name[1] for one in self.batch.certificate.list()]
        found = self.batch.certificate.get(*name)
        self.seen["certificate"] = [getattr(found.state, "value", found.state), found.public_data is not None]
        self.seen["nothing to cancel"] = refusal(self.batch.certificate.cancel_deletion, *name)
        self.batch.certificate.delete(*name)
        self.seen["no certificate"] = refusal(self.batch.certificate.get, *name)

    # pools and nodes

    def pool_parameter(self, name, **more):
        machine = models.VirtualMachineConfiguration(image_reference=self.image, node_agent_sku_id=self.agent)
        return models.PoolAddParameter(
            id=name, vm_size="Standard_A1_v2", virtual_machine_configuration=machine, **more
        )

    def pool(self):
        pool, words, seen = self.batch.pool, self.words, self.seen
        seen["pool before"] = pool.exists(self.name)
        file = models.ResourceFile(**{words.source: self.script_url, "file_path": "script.sh"})
        start = models.StartTask(
            command_line="/bin/sh -c 'cp script.sh $AZ_BATCH_NODE_SHARED_DIR'",
            resource_files=[file], wait_for_success=True, **words.elevated,
        )  # fmt: skip
        sizes = {words.slots: 2, f"target_{words.nodes}": 1}
        metadata = [models.MetadataItem(name="kind", value="tour")]
        added = self.pool_parameter(self.name, start_task=start, metadata=metadata, **sizes)
        pool.add(added)
        seen["pool again"] = refusal(pool.add, added)
        wrong = self.pool_parameter(f"{self.name}-wrong", **{words.slots: 5000})
        try:
            pool.add(wrong)
        except models.BatchErrorException as error:
            values = {detail.key: detail.value for detail in error.error.values}
            seen["wrong pool"] = [error.error.code, values["PropertyName"] == words.wire_slots]
        seen["pool after"] = pool.exists(self.name)
        seen["no pool"] = refusal(pool.get, f"{self.name}-nothing")
        plain = models.StartTask(command_line="/bin/true")
        pool.add(self.pool_parameter(f"{self.name}-plain", start_task=plain))
        self.pools_shown()

    def pools_shown(self):
        pool, words, seen = self.batch.pool, self.words, self.seen
        steady = models.AllocationState.steady
        found = self.wait(lambda: pool.get(self.name), lambda shown: shown.allocation_state == steady)
        start, machine = found.start_task, found.virtual_machine_configuration
        seen["pool"] = {
            "state": found.state.value,
            "slots": getattr(found, words.slots),
            "nodes": [getattr(found, f"{which}_{words.nodes}") for which in ("target", "current")],
            "errors": getattr(found, words.resize_errors),
            "machine": [machine.node_agent_sku_id == self.agent, machine.image_reference == self.image],
            "start task": [start.wait_for_success, self.is_script(*start.resource_files)],
            "elevated": all(getattr(start, name) == value for name, value in words.elevated.items()),
            "metadata": [(item.name, item.value) for item in found.metadata],
            "times": moments(found.creation_time, found.allocation_state_transition_time),
            "url": found.url.endswith(f"/pools/{self.name}"),
            "tag": bool(found.e_tag),
        }  # fmt: skip
        ours, some = f"startswith(id, '{self.name}')", f"id,{words.wire_slots}"
        chosen = models.PoolListOptions(filter=ours, select=some, max_results=1)
        seen["pools"] = [
            (listed.id == self.name, getattr(listed, words.slots), listed.vm_size)
            for listed in sorted(pool.list(chosen), key=lambda listed: listed.id)
        ]
        plain = pool.get(f"{self.name}-plain").start_task
        seen["start task unless told"] = [plain.wait_for_success, plain.max_task_retry_count]
        self.autoscale(f"{self.name}-plain")

    def autoscale(self, name):
        pool, seen = self.batch.pool, self.seen
        seen["no formula"] = refusal(pool.enable_auto_scale, name, auto_scale_formula="a formula")
        pool.enable_auto_scale(name, auto_scale_formula="$TargetDedicatedNodes = 0;")
        on = pool.get(name)
        seen["tried"] = pool.evaluate_auto_scale(name, "most = 3; $TargetDedicatedNodes = most").results
        seen["tried in vain"] = pool.evaluate_auto_scale(name, "something_useless").error.code
        pool.disable_auto_scale(name)
        off = pool.get(name)
        seen["autoscale"] = [[on.enable_auto_scale, on.auto_scale_formula], off.enable_auto_scale]

    def changed_pool(self):
        pool, name, seen = self.batch.pool, f"{self.name}-plain", self.seen
        metadata = [models.MetadataItem(name="kind", value="changed")]
        wanted = models.PoolPatchParameter(metadata=metadata)
        unchanged = models.PoolPatchOptions(if_match=pool.get(name).e_tag)
        pool.patch(name, wanted, unchanged)
        seen["pool patched late"] = refusal(pool.patch, name, wanted, unchanged)
        found = pool.get(name)
        shown = [(item.name, item.value) for item in found.metadata]
        seen["pool patched"] = [shown, found.start_task.command_line]
        nothing = models.PoolUpdatePropertiesParameter(
            certificate_references=[], application_package_references=[], metadata=[]
        )
        pool.update_properties(name, nothing)
        found = pool.get(name)
        seen["pool emptied"] = [found.start_task, found.metadata]
        if hasattr(pool, "upgrade_os"):
            self.upgraded_pool()

    def upgraded_pool(self):
        """Of a cloud service, without nodes."""
        pool, name = self.batch.pool, f"{self.name}-service"
        service = models.CloudServiceConfiguration(os_family="4")
        pool.add(models.PoolAddParameter(id=name, vm_size="small", cloud_service_configuration=service))
        pool.upgrade_os(name, "WA-GUEST-OS-4.45")
        self.seen["pool upgraded"] = pool.get(name).cloud_service_configuration.target_os_version
        pool.delete(name)
        self.wait(lambda: not pool.exists(name), bool)

    def sizes(self):
        """Of the pool that had no nodes."""
        pool, words, seen, name = self.batch.pool, self.words, self.seen, f"{self.name}-plain"
        pool.resize(name, models.PoolResizeParameter(**{f"target_{words.nodes}": 1}))
        grown = self.steady(name)
        seen["stopped late"] = refusal(pool.stop_resize, name)
        (node,) = self.batch.compute_node.list(name)
        pool.remove_nodes(name, models.NodeRemoveParameter(node_list=[node.id]))
        shrunk = self.steady(name)
        kinds = [f"{which}_{words.nodes}" for which in ("target", "current")]
        seen["sizes"] = [[getattr(found, kind) for kind in kinds] for found in (grown, shrunk)]

    def steady(self, name):
        steady = models.AllocationState.steady
        return self.wait(lambda: self.batch.pool.get(name), lambda shown: shown.allocation_state == steady)

    def nodes(self):
        words, seen, nodes = self.words, self.seen, self.batch.compute_node
        idle = models.ComputeNodeListOptions(filter="state eq 'idle'")
        (listed,) = self.wait(lambda: list(nodes.list(self.name, idle)), bool)
        node = nodes.get(self.name, listed.id)
        self.node = node.id
        started = node.start_task_info
        seen["node"] = {
            "state": [node.state.value, node.scheduling_state.value],
            "size": node.vm_size,
            "start task": [started.state.value, started.exit_code, getattr(started, words.failure)],
            "result": words.result and getattr(started, words.result).value,
            "script": self.is_script(*node.start_task.resource_files),
            "times": moments(node.allocation_time, started.start_time, started.end_time),
            "tasks": [node.total_tasks_run, node.running_tasks_count],
        }  # fmt: skip
        seen["no node"] = refusal(nodes.get, self.name, "tvm-nothing")
        if words.node_counts:
            only = models.AccountListPoolNodeCountsOptions(filter=f"poolId eq '{self.name}'")
            (counts,) = self.batch.account.list_pool_node_counts(only)
            seen["node counts"] = [counts.dedicated.idle, counts.dedicated.total, counts.low_priority.total]

    def reach(self):
        """How one gets at a node."""
        seen, nodes, one = self.seen, self.batch.compute_node, (self.name, self.node)
        settings = nodes.get_remote_login_settings(*one)
        seen["login"] = [settings.remote_login_ip_address, settings.remote_login_port >= 50000]
        nodes.add_user(*one, models.ComputeNodeUser(name="tourist", is_admin=True, password="sesame"))
        seen["user again"] = refusal(nodes.add_user, *one, models.ComputeNodeUser(name="tourist"))
        nodes.update_user(*one, "tourist", models.NodeUpdateUserParameter(password="other"))
        nodes.delete_user(*one, "tourist")
        seen["no user"] = refusal(nodes.delete_user, *one, "tourist")
        if self.words.logs:
            since = datetime.now() - timedelta(hours=1)
            wanted = models.UploadBatchServiceLogsConfiguration(container_url=self.logs_url, start_time=since)
            sent = nodes.upload_batch_service_logs(*one, wanted)
            seen["logs"] = [
                sent.number_of_files_uploaded > 0,
                sent.virtual_directory_name.startswith(f"{self.name}/{self.node}/"),
            ]
        seen["no desktop"] = refusal(lambda: b"".join(nodes.get_remote_desktop(*one)))
        if self.words.extensions:
            found = list(self.batch.compute_node_extension.list(*one))
            names = [extension.vm_extension.name for extension in found]
            again = self.batch.compute_node_extension.get(*one, names[0])
            seen["extensions"] = [names, again.provisioning_state]

    def told(self):
        """What nodes are told: to take no tasks, and to boot again."""
        seen, nodes, one = self.seen, self.batch.compute_node, (self.name, self.node)
        nodes.disable_scheduling(*one, node_disable_scheduling_option="taskCompletion")
        off = self.wait(lambda: nodes.get(*one), lambda node: node.state == models.ComputeNodeState.offline)
        again = refusal(nodes.disable_scheduling, *one)
        nodes.enable_scheduling(*one)
        on = self.wait(lambda: nodes.get(*one), lambda node: node.state == models.ComputeNodeState.idle)
        seen["scheduling"] = [off.scheduling_state.value, again, on.scheduling_state.value]
        nodes.reboot(*one, node_reboot_option="requeue")
        booted = self.wait(lambda: nodes.get(*one), lambda node: node.state == models.ComputeNodeState.idle)
        seen["rebooted"] = [booted.last_boot_time > on.last_boot_time, booted.start_task_info.exit_code]
        seen["reimaged"] = refusal(nodes.reimage, *one)

    # jobs and tasks

    def job(self):
        job, seen = self.batch.job, self.seen
        pool = models.PoolInformation(pool_id=self.name)
        job.add(models.JobAddParameter(id=self.name, pool_info=pool, priority=5, display_name="A tour"))
        seen["job again"] = refusal(job.add, models.JobAddParameter(id=self.name, pool_info=pool))
        found = job.get(self.name)
        seen["job"] = [found.state.value, found.priority, found.display_name]
        seen["job's pool"] = found.pool_info.pool_id == self.name
        seen["job unless told"] = found.on_all_tasks_complete.value.lower()
        wanted, unchanged = models.JobPatchParameter(priority=7), models.JobPatchOptions(if_match=found.e_tag)
        job.patch(self.name, wanted, unchanged)
        seen["patched late"] = refusal(job.patch, self.name, wanted, unchanged)
        seen["patched"] = [job.get(self.name).priority, job.get(self.name).display_name]
        job.update(self.name, models.JobUpdateParameter(pool_info=pool, priority=9))
        chosen = models.JobListOptions(filter=f"state eq 'active' and id eq '{self.name}'", select="priority")
        seen["jobs"] = [(listed.priority, listed.pool_info) for listed in job.list(chosen)]

    def prepared_job(self):
        """One that has a node prepared and released, and one that does not."""
        job, task, name = self.batch.job, self.batch.task, f"{self.name}-prepared"
        statuses = job.list_preparation_and_release_task_status
        self.seen["not prepared"] = refusal(lambda: list(statuses(self.name)))
        job.add(
            models.JobAddParameter(
                id=name,
                pool_info=models.PoolInformation(pool_id=self.name),
                job_preparation_task=models.JobPreparationTask(command_line="/bin/true"),
                job_release_task=models.JobReleaseTask(command_line="/bin/false"),
            )
        )
        task.add(name, models.TaskAddParameter(id="t", command_line="/bin/true"))
        self.wait(lambda: task.get(name, "t"), lambda found: found.state == models.TaskState.completed)
        job.terminate(name)
        self.wait(lambda: job.get(name), lambda found: found.state == models.JobState.completed)
        (one,) = statuses(name)
        prepared, released = one.job_preparation_task_execution_info, one.job_release_task_execution_info
        self.seen["prepared"] = [prepared.state.value, prepared.exit_code, prepared.retry_count]
        self.seen["released"] = [released.state.value, released.exit_code, one.pool_id == self.name]
        job.delete(name)

    def disabled_job(self):
        job, seen, name = self.batch.job, self.seen, self.name
        job.disable(name, "requeue")
        disabled = self.wait(lambda: job.get(name), lambda found: found.state == models.JobState.disabled)
        job.enable(name)
        again = self.wait(lambda: job.get(name), lambda found: found.state == models.JobState.active)
        seen["disabled"] = [disabled.previous_state.value, again.previous_state.value]
        seen["enabled again"] = refusal(job.enable, name)

    def own_pool(self):
        """A job that brings its pool with it: that of a cloud service, without nodes."""
        job, pool, name = self.batch.job, self.batch.pool, f"{self.name}-own"
        wanted = models.PoolSpecification(
            vm_size="small",
            cloud_service_configuration=models.CloudServiceConfiguration(os_family="4"),
            **{self.words.slots: 2},
        )
        auto = models.AutoPoolSpecification(
            auto_pool_id_prefix="Tour_", pool_lifetime_option=models.PoolLifetimeOption.job, pool=wanted
        )
        info = models.PoolInformation(auto_pool_specification=auto)
        job.add(models.JobAddParameter(id=name, pool_info=info))
        found = job.get(name)
        own = pool.get(found.execution_info.pool_id)
        kept = found.pool_info.auto_pool_specification
        self.seen["own pool"] = [
            own.id.startswith("Tour_"),
            own.cloud_service_configuration.os_family,
            getattr(own, self.words.slots),
            [kept.auto_pool_id_prefix, kept.keep_alive, kept.pool.cloud_service_configuration.os_family],
        ]
        job.delete(name)
        self.seen["own pool gone"] = self.wait(lambda: not pool.exists(own.id), bool)

    def schedule(self):
        """Its first job is there at once; the next one comes long after the tour."""
        schedules, name, seen = self.batch.job_schedule, f"{self.name}-nightly", self.seen
        nightly = models.Schedule(recurrence_interval=timedelta(days=1), start_window=timedelta(minutes=5))
        jobs = models.JobSpecification(pool_info=models.PoolInformation(pool_id=self.name), priority=5)
        added = models.JobScheduleAddParameter(id=name, schedule=nightly, job_specification=jobs)
        schedules.add(added)
        seen["schedule again"] = refusal(schedules.add, added)
        found = schedules.get(name)
        seen["schedule there"] = [schedules.exists(name), schedules.exists(f"{name}-not")]
        seen["schedule"] = [
            found.state.value,
            found.schedule.recurrence_interval.days,
            found.job_specification.priority,
            found.execution_info.recent_job.id == f"{name}:job-1",
            found.execution_info.next_run_time - found.creation_time >= timedelta(days=1),
        ]
        listed = list(self.batch.job.list_from_job_schedule(name))
        seen["jobs of the schedule"] = [(one.id == f"{name}:job-1", one.priority) for one in listed]
        seen["a job's own id"] = self.batch.job.get(f"{name}:job-1").state.value
        unchanged = models.JobSchedulePatchOptions(if_match=found.e_tag)
        wanted = models.JobSchedulePatchParameter(metadata=[models.MetadataItem(name="a", value="b")])
        schedules.patch(name, wanted, unchanged)
        seen["schedule patched late"] = refusal(schedules.patch, name, wanted, unchanged)
        jobs.priority = 7
        schedules.update(
            name, models.JobScheduleUpdateParameter(schedule=models.Schedule(), job_specification=jobs)
        )
        schedules.disable(name)
        chosen = models.JobScheduleListOptions(filter=f"state eq 'disabled' and id eq '{name}'")
        seen["schedules"] = [
            (one.job_specification.priority, one.metadata, one.schedule.recurrence_interval)
            for one in schedules.list(chosen)
        ]
        schedules.enable(name)
        schedules.terminate(name)
        ended = self.wait(lambda: schedules.get(name), lambda one: one.state.value == "completed")
        reason = self.batch.job.get(f"{name}:job-1").execution_info.terminate_reason
        seen["schedule ended"] = [reason, moments(ended.creation_time, ended.execution_info.end_time)]
        schedules.delete(name)
        seen["schedule gone"] = self.wait(lambda: refusal(schedules.get, name), is_refused)

    def add_task(self, name, command, **more):
        self.batch.task.add(self.name, models.TaskAddParameter(id=name, command_line=command, **more))

    def tasks(self):
        task, words, seen = self.batch.task, self.words, self.seen
        file = models.ResourceFile(**{words.source: self.script_url, "file_path": "in/file.sh"})
        settings = [models.EnvironmentSetting(name="WHOM", value="tourist")]
        script = f"/bin/sh -c 'sh $AZ_BATCH_NODE_SHARED_DIR/script.sh; cp in/file.sh \"{STRANGE}\"'"
        self.add_task("works", script, resource_files=[file], environment_settings=settings, **words.elevated)
        seen["task again"] = refusal(self.add_task, "works", "/bin/true")
        self.add_task("fails", "/bin/sh -c 'echo oh >&2; exit 3'",
                      constraints=models.TaskConstraints(max_task_retry_count=1))  # fmt: skip
        self.add_task("starts", "/no/such/program")
        self.add_task("stays", "/bin/sleep 600")
        found = task.get(self.name, "works")
        seen["task"] = {
            "script": self.is_script(*found.resource_files),
            "environment": [(item.name, item.value) for item in found.environment_settings],
            "elevated": all(getattr(found, name) == value for name, value in words.elevated.items()),
            "kept for days": found.constraints.retention_time.days,
            "retries": found.constraints.max_task_retry_count,
            "url": found.url.endswith(f"/jobs/{self.name}/tasks/works"),
        }
        seen["no task"] = refusal(task.get, self.name, "nothing")

    def collections(self):
        """In a job whose pool never comes."""
        task, name = self.batch.task, f"{self.name}-bulk"
        nowhere = models.PoolInformation(pool_id=f"{self.name}-never")
        self.batch.job.add(models.JobAddParameter(id=name, pool_info=nowhere))
        added = [models.TaskAddParameter(id=each, command_line="/bin/true") for each in MANY]
        for start in range(0, len(added), 100):
            task.add_collection(name, added[start : start + 100])
        ids = models.TaskListOptions(select="id", max_results=100)
        self.seen["collection"] = sorted(listed.id for listed in task.list(name, ids)) == MANY
        again = [*added[:1], models.TaskAddParameter(id="once", command_line="/bin/true")]
        results = {one.task_id: one for one in task.add_collection(name, again).value}
        self.seen["again"] = [
            [result.status.value.lower(), result.error and result.error.code]
            for result in (results["bulk000"], results["once"])
        ]
        self.seen["wrong ones"] = self.refused_in_collection(name)
        large = [models.EnvironmentSetting(name="LARGE", value=LARGE)]
        three = [
            models.TaskAddParameter(id=f"large{number}", command_line="/bin/true", environment_settings=large)
            for number in range(3)
        ]
        if self.words.adds_in_portions:
            self.seen["too large"] = len(task.add_collection(name, three).value)
        else:
            self.seen["too large"] = refusal(task.add_collection, name, three)
        self.batch.job.delete(name)

    def refused_in_collection(self, job):
        """Their codes. Two, because 8.0 stumbles over the text it makes of a single one."""
        wrong = [models.TaskAddParameter(id=name, command_line="/bin/true") for name in ("a/b", "c/d")]
        if not self.words.adds_in_portions:
            return [one.error.code for one in self.batch.task.add_collection(job, wrong).value]
        try:
            self.batch.task.add_collection(job, wrong)
        except models.CreateTasksErrorException as error:
            return [one.error.code for one in error.failure_tasks]
        return NOT_REFUSED

    def task_anew(self):
        """One that was ended is given other constraints, runs again, and is ended again."""
        task, seen = self.batch.task, self.seen
        task.update(self.name, "stays", constraints=models.TaskConstraints(max_task_retry_count=4))
        seen["subtasks"] = task.list_subtasks(self.name, "stays").value
        if not hasattr(task, "reactivate"):
            return
        task.reactivate(self.name, "stays")
        found = self.wait(lambda: task.get(self.name, "stays"), lambda one: one.state.value == "running")
        seen["anew"] = [found.constraints.max_task_retry_count, found.execution_info.retry_count]
        task.terminate(self.name, "stays")
        self.wait(lambda: task.get(self.name, "stays"), lambda one: one.state.value == "completed")
        seen["not anew"] = refusal(task.reactivate, self.name, "works")

    def task_ends(self):
        task, words, seen = self.batch.task, self.words, self.seen
        completed = models.TaskState.completed
        running = models.TaskState.running
        ended = {}
        for name in ("works", "fails", "starts"):
            found = self.wait(lambda name=name: task.get(self.name, name), lambda one: one.state == completed)
            info, failure = found.execution_info, getattr(found.execution_info, words.failure)
            ended[name] = [info.exit_code, failure and failure.code, info.retry_count,
                           words.result and getattr(info, words.result).value,
                           moments(found.creation_time, info.start_time, info.end_time)]  # fmt: skip
        seen["ended"] = ended
        self.wait(lambda: task.get(self.name, "stays"), lambda one: one.state == running)
        if words.counts:
            counts = self.batch.job.get_task_counts(self.name)
            of = getattr(counts, "task_counts", counts)
            seen["counts"] = [of.active, of.running, of.completed, of.succeeded, of.failed]
        task.terminate(self.name, "stays")
        stayed = self.wait(lambda: task.get(self.name, "stays"), lambda one: one.state == completed)
        failure = getattr(stayed.execution_info, words.failure)
        seen["terminated"] = [stayed.state.value, failure and failure.code]
        self.task_anew()
        ends = models.TaskListOptions(filter="state eq 'completed'", max_results=2)
        listed = list(task.list(self.name, ends))
        seen["completed"] = sorted(one.id for one in listed)
        seen["where"] = {one.node_info.node_id == self.node for one in listed} == {True}
        task.delete(self.name, "stays")
        seen["deleted"] = self.wait(lambda: refusal(task.get, self.name, "stays"), is_refused)

    def used(self):
        job, task, seen = self.batch.job, self.batch.task, self.seen
        of_job = job.get(self.name, models.JobGetOptions(expand="stats")).stats
        of_task = task.get(self.name, "fails", models.TaskGetOptions(expand="stats")).stats
        plain = task.get(self.name, "fails").stats
        seen["used"] = [of_job.num_task_retries, of_job.num_succeeded_tasks, of_job.num_failed_tasks]
        seen["used by a task"] = [of_task.wall_clock_time < of_job.wall_clock_time, plain]
        of_pool = self.batch.pool.get(self.name, models.PoolGetOptions(expand="stats")).stats
        core_time = of_pool.usage_stats.dedicated_core_time
        seen["used of a pool"] = [bool(core_time), moments(of_pool.start_time, of_pool.last_update_time)]
        seen["metrics so far"] = list(getattr(self.batch.pool, self.words.usage)())
        if self.words.lifetime:
            of_all = getattr(self.batch.pool, self.words.pool_lifetime)()
            seen["used of all pools"] = of_all.usage_stats.dedicated_core_time >= core_time
            ever = getattr(job, self.words.lifetime)()
            is_all = ever.wall_clock_time >= of_job.wall_clock_time
            seen["used by all jobs"] = [is_all, moments(ever.start_time, ever.last_update_time)]

    # files

    def task_files(self):
        files, seen = self.batch.file, self.seen
        seen["task files"] = {
            file.name: file.is_directory or file.properties.content_length
            for file in files.list_from_task(self.name, "works", recursive=True)
        }
        seen["printed"] = text(files.get_from_task(self.name, "works", "stdout.txt"))
        part = models.FileGetFromTaskOptions(ocp_range="bytes=6-12")
        seen["part"] = text(files.get_from_task(self.name, "works", "stdout.txt", part))
        seen["below"] = text(files.get_from_task(self.name, "works", "wd/in/file.sh")).startswith("echo")
        told = getattr(files, self.words.properties.format("task"))
        seen["told"] = told_of(told(self.name, "works", "stdout.txt", raw=True))
        files.delete_from_task(self.name, "works", f"wd/{STRANGE}")
        seen["file deleted"] = refusal(told, self.name, "works", f"wd/{STRANGE}")
        seen["no file"] = refusal(files.get_from_task, self.name, "works", f"wd/{STRANGE}")

    def node_files(self):
        files, seen = self.batch.file, self.seen
        listed = {file.name for file in files.list_from_compute_node(self.name, self.node, recursive=True)}
        seen["node files"] = {"shared/script.sh", "startup/wd/script.sh", "startup/stdout.txt"} <= listed
        path = "shared/script.sh"
        seen["script"] = text(files.get_from_compute_node(self.name, self.node, path)).startswith("echo")
        told = getattr(files, self.words.properties.format("compute_node"))
        seen["told of the node's"] = told_of(told(self.name, self.node, path, raw=True))
        files.delete_from_compute_node(self.name, self.node, path)
        seen["node file deleted"] = refusal(told, self.name, self.node, path)

    def end(self):
        job, pool, seen = self.batch.job, self.batch.pool, self.seen
        job.terminate(self.name, terminate_reason="seen enough")
        completed = models.JobState.completed
        ended = self.wait(lambda: job.get(self.name), lambda found: found.state == completed)
        seen["job ended"] = [ended.execution_info.terminate_reason, moments(ended.execution_info.end_time)]
        seen["too late"] = refusal(self.add_task, "late", "/bin/true")
        job.delete(self.name)
        self.wait(lambda: refusal(job.get, self.name), is_refused)
        for name in (self.name, f"{self.name}-plain"):
            pool.delete(name)
            self.wait(lambda name=name: pool.exists(name), lambda there: not there)


def told_of(answer):
    """The headers of a file, which come without its content."""
    of = answer.headers
    return [of["Content-Length"], of["ocp-batch-file-isdirectory"], moments(of["Last-Modified"])]


def main(release, script_url):
    sent = []
    send = requests.adapters.HTTPAdapter.send

    def sending(adapter, request, **options):
        sent.append([request.method, request.url])
        return send(adapter, request, **options)

    requests.adapters.HTTPAdapter.send = sending
    tour = Tour(release, script_url)
    tour.take()
    print(json.dumps({"seen": tour.seen, "requests": sent}))


if __name__ == "__main__":
    main(*sys.argv[1:])
