// The tour with @azure/batch 10: `node tour.mjs SCRIPT_URL`, in a folder that has it. The accounts come from the
// environment. Prints what was seen, in words that are the same for all clients, and every request that went out.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const { BatchServiceClient, BatchSharedKeyCredentials } = require("@azure/batch");

const NAME = "tour-js";
const PATIENCE = 120_000;
const PAUSE = 100;
const MANY = Array.from({ length: 250 }, (_, number) => `bulk${String(number).padStart(3, "0")}`);
const LARGE = "x".repeat(400_000); // of three of these a collection has more than a request may
const STRANGE = "an\\out put"; // a name of a file that has to be encoded

const sent = [];
const recorder = {
  create: (next) => ({
    sendRequest(request) {
      sent.push([request.method, request.url]);
      return next.sendRequest(request);
    },
  }),
};
const { AZURE_BATCH_ACCOUNT, AZURE_BATCH_ACCESS_KEY, AZURE_BATCH_ENDPOINT } = process.env;
const batch = new BatchServiceClient(
  new BatchSharedKeyCredentials(AZURE_BATCH_ACCOUNT, AZURE_BATCH_ACCESS_KEY),
  AZURE_BATCH_ENDPOINT,
  { requestPolicyFactories: (usual) => [...usual, recorder] },
);
const script = process.argv[2];
const seen = {};

// Status and code of what the service refuses; the answer to a HEAD request has no code.
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return [error.statusCode, error.body?.code ?? null];
  }
  return "no refusal";
}

async function wait(what, ready) {
  const deadline = Date.now() + PATIENCE;
  while (Date.now() < deadline) {
    const answer = await what();
    if (ready(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  throw new Error(`it did not come in ${PATIENCE} ms: ${what}`);
}

// Every page of a list.
async function all(list, next) {
  const found = [];
  for (let page = await list; ; page = await next(page.odatanextLink)) {
    found.push(...page);
    if (!page.odatanextLink) return found;
  }
}

async function text(answer) {
  const chunks = [];
  for await (const chunk of (await answer).readableStreamBody) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

// Whether these are times, each not before the one ahead of it.
const moments = (...times) =>
  times.every((time, at) => time instanceof Date && !Number.isNaN(+time) && (at === 0 || times[at - 1] <= time));
const named = (list, name) => list.map((item) => item[name]);
const admin = { autoUser: { scope: "pool", elevationLevel: "admin" } };
const isAdmin = (identity) => identity.autoUser.scope === "pool" && identity.autoUser.elevationLevel === "admin";
let machine;

async function images() {
  const listed = await all(batch.account.listSupportedImages(), (link) => batch.account.listSupportedImagesNext(link));
  const image = listed.find((one) => one.nodeAgentSKUId === "batch.node.ubuntu 20.04");
  machine = { imageReference: image.imageReference, nodeAgentSKUId: image.nodeAgentSKUId };
  seen["images"] = [image.nodeAgentSKUId, [...new Set(named(listed, "osType"))].sort()];
  const applications = await all(batch.application.list(), (link) => batch.application.listNext(link));
  seen["applications"] = named(applications, "id");
  seen["no application"] = await refusal(batch.application.get("nothing"));
}

async function certificates() {
  const content = Buffer.from("\x30certificate", "latin1");
  const thumbprint = createHash("sha1").update(content).digest("hex");
  const certificate = { thumbprint, thumbprintAlgorithm: "sha1", data: content.toString("base64"), certificateFormat: "cer" };
  await batch.certificate.add(certificate);
  const listed = await all(batch.certificate.list(), (link) => batch.certificate.listNext(link));
  seen["certificates"] = listed.map((one) => one.thumbprint === thumbprint);
  const found = await batch.certificate.get("sha1", thumbprint);
  seen["certificate"] = [found.state, found.publicData !== undefined];
  seen["nothing to cancel"] = await refusal(batch.certificate.cancelDeletion("sha1", thumbprint));
  await batch.certificate.deleteMethod("sha1", thumbprint);
  seen["no certificate"] = await refusal(batch.certificate.get("sha1", thumbprint));
}

async function pool() {
  const plain = { vmSize: "Standard_A1_v2", virtualMachineConfiguration: machine };
  seen["pool before"] = (await batch.pool.exists(NAME)).body;
  const added = {
    ...plain,
    id: NAME,
    targetDedicatedNodes: 1,
    taskSlotsPerNode: 2,
    metadata: [{ name: "kind", value: "tour" }],
    startTask: {
      commandLine: "/bin/sh -c 'cp script.sh $AZ_BATCH_NODE_SHARED_DIR'",
      resourceFiles: [{ httpUrl: script, filePath: "script.sh" }],
      waitForSuccess: true,
      userIdentity: admin,
    },
  };
  await batch.pool.add(added);
  seen["pool again"] = await refusal(batch.pool.add(added));
  const wrong = { ...plain, id: `${NAME}-wrong`, taskSlotsPerNode: 5000 };
  const error = await batch.pool.add(wrong).catch((error) => error.body);
  const property = error.values.find((detail) => detail.key === "PropertyName").value;
  seen["wrong pool"] = [error.code, property === "taskSlotsPerNode"];
  seen["pool after"] = (await batch.pool.exists(NAME)).body;
  seen["no pool"] = await refusal(batch.pool.get(`${NAME}-nothing`));
  await batch.pool.add({ ...plain, id: `${NAME}-plain`, startTask: { commandLine: "/bin/true" } });
  await poolsShown();
}

async function changedPool() {
  const name = `${NAME}-plain`;
  const poolPatchOptions = { ifMatch: (await batch.pool.get(name)).eTag };
  const patch = () => batch.pool.patch(name, { metadata: [{ name: "kind", value: "changed" }] }, { poolPatchOptions });
  await patch();
  seen["pool patched late"] = await refusal(patch());
  const found = await batch.pool.get(name);
  seen["pool patched"] = [found.metadata.map((item) => [item.name, item.value]), found.startTask.commandLine];
  const nothing = { certificateReferences: [], applicationPackageReferences: [], metadata: [] };
  await batch.pool.updateProperties(name, nothing);
  const emptied = await batch.pool.get(name);
  seen["pool emptied"] = [emptied.startTask ?? null, emptied.metadata];
}

async function poolsShown() {
  const found = await wait(() => batch.pool.get(NAME), (shown) => shown.allocationState === "steady");
  const { startTask } = found;
  const shown = found.virtualMachineConfiguration;
  seen["pool"] = {
    state: found.state,
    slots: found.taskSlotsPerNode,
    nodes: [found.targetDedicatedNodes, found.currentDedicatedNodes],
    errors: found.resizeErrors ?? null,
    machine: [
      shown.nodeAgentSKUId === machine.nodeAgentSKUId,
      JSON.stringify(shown.imageReference) === JSON.stringify(machine.imageReference),
    ],
    "start task": [startTask.waitForSuccess, startTask.resourceFiles[0].httpUrl === script],
    elevated: isAdmin(startTask.userIdentity),
    metadata: found.metadata.map((item) => [item.name, item.value]),
    times: moments(found.creationTime, found.allocationStateTransitionTime),
    url: found.url.endsWith(`/pools/${NAME}`),
    tag: Boolean(found.eTag),
  };
  const poolListOptions = { filter: `startswith(id, '${NAME}')`, select: "id,taskSlotsPerNode", maxResults: 1 };
  const listed = await all(batch.pool.list({ poolListOptions }), (link) => batch.pool.listNext(link));
  listed.sort((a, b) => (a.id < b.id ? -1 : 1));
  seen["pools"] = listed.map((one) => [one.id === NAME, one.taskSlotsPerNode, one.vmSize ?? null]);
  const plain = (await batch.pool.get(`${NAME}-plain`)).startTask;
  seen["start task unless told"] = [plain.waitForSuccess, plain.maxTaskRetryCount];
  await autoscale(`${NAME}-plain`);
}

async function autoscale(name) {
  const enabled = (autoScaleFormula) => batch.pool.enableAutoScale(name, { autoScaleFormula });
  seen["no formula"] = await refusal(enabled("a formula"));
  await enabled("$TargetDedicatedNodes = 0;");
  const on = await batch.pool.get(name);
  seen["tried"] = (await batch.pool.evaluateAutoScale(name, "most = 3; $TargetDedicatedNodes = most")).results;
  seen["tried in vain"] = (await batch.pool.evaluateAutoScale(name, "something_useless")).error.code;
  await batch.pool.disableAutoScale(name);
  const off = await batch.pool.get(name);
  seen["autoscale"] = [[on.enableAutoScale, on.autoScaleFormula], off.enableAutoScale];
}

// Of the pool that had no nodes.
async function sizes() {
  const name = `${NAME}-plain`;
  const steady = () => wait(() => batch.pool.get(name), (shown) => shown.allocationState === "steady");
  const size = (shown) => [shown.targetDedicatedNodes, shown.currentDedicatedNodes];
  await batch.pool.resize(name, { targetDedicatedNodes: 1 });
  const grown = await steady();
  seen["stopped late"] = await refusal(batch.pool.stopResize(name));
  const [one] = await batch.computeNode.list(name);
  await batch.pool.removeNodes(name, { nodeList: [one.id] });
  seen["sizes"] = [size(grown), size(await steady())];
}

async function node() {
  const nodes = batch.computeNode;
  const idle = { computeNodeListOptions: { filter: "state eq 'idle'" } };
  const [listed] = await wait(() => nodes.list(NAME, idle), (found) => found.length > 0);
  const found = await nodes.get(NAME, listed.id);
  const started = found.startTaskInfo;
  seen["node"] = {
    state: [found.state, found.schedulingState],
    size: found.vmSize,
    "start task": [started.state, started.exitCode, started.failureInfo ?? null],
    result: started.result,
    script: found.startTask.resourceFiles[0].httpUrl === script,
    times: moments(found.allocationTime, started.startTime, started.endTime),
    tasks: [found.totalTasksRun, found.runningTasksCount],
  };
  seen["no node"] = await refusal(nodes.get(NAME, "tvm-nothing"));
  const only = { accountListPoolNodeCountsOptions: { filter: `poolId eq '${NAME}'` } };
  const [counts] = await batch.account.listPoolNodeCounts(only);
  seen["node counts"] = [counts.dedicated.idle, counts.dedicated.total, counts.lowPriority.total];
  return found.id;
}

// How one gets at a node.
async function reach(nodeId) {
  const settings = await batch.computeNode.getRemoteLoginSettings(NAME, nodeId);
  seen["login"] = [settings.remoteLoginIPAddress, settings.remoteLoginPort >= 50000];
  await batch.computeNode.addUser(NAME, nodeId, { name: "tourist", isAdmin: true, password: "sesame" });
  seen["user again"] = await refusal(batch.computeNode.addUser(NAME, nodeId, { name: "tourist" }));
  await batch.computeNode.updateUser(NAME, nodeId, "tourist", { password: "other" });
  await batch.computeNode.deleteUser(NAME, nodeId, "tourist");
  seen["no user"] = await refusal(batch.computeNode.deleteUser(NAME, nodeId, "tourist"));
  const logs = { containerUrl: script.split("?")[0].replace(/\/[^/]*$/, ""), startTime: new Date(Date.now() - 3.6e6) };
  const sent = await batch.computeNode.uploadBatchServiceLogs(NAME, nodeId, logs);
  seen["logs"] = [sent.numberOfFilesUploaded > 0, sent.virtualDirectoryName.startsWith(`${NAME}/${nodeId}/`)];
  seen["no desktop"] = await refusal(text(batch.computeNode.getRemoteDesktop(NAME, nodeId)));
  const extensions = batch.computeNodeExtension;
  const names = (await extensions.list(NAME, nodeId)).map((one) => one.vmExtension.name);
  seen["extensions"] = [names, (await extensions.get(NAME, nodeId, names[0])).provisioningState];
}

// What nodes are told: to take no tasks, and to boot again.
async function order(nodeId) {
  const nodes = batch.computeNode;
  const be = (state) => wait(() => nodes.get(NAME, nodeId), (found) => found.state === state);
  await nodes.disableScheduling(NAME, nodeId, { nodeDisableSchedulingOption: "taskcompletion" });
  const off = await be("offline");
  const again = await refusal(nodes.disableScheduling(NAME, nodeId));
  await nodes.enableScheduling(NAME, nodeId);
  const on = await be("idle");
  seen["scheduling"] = [off.schedulingState, again, on.schedulingState];
  await nodes.reboot(NAME, nodeId, { nodeRebootOption: "requeue" });
  const booted = await be("idle");
  seen["rebooted"] = [booted.lastBootTime > on.lastBootTime, booted.startTaskInfo.exitCode];
  seen["reimaged"] = await refusal(nodes.reimage(NAME, nodeId));
}

async function job() {
  const poolInfo = { poolId: NAME };
  await batch.job.add({ id: NAME, poolInfo, priority: 5, displayName: "A tour" });
  seen["job again"] = await refusal(batch.job.add({ id: NAME, poolInfo }));
  const found = await batch.job.get(NAME);
  seen["job"] = [found.state, found.priority, found.displayName];
  seen["job's pool"] = found.poolInfo.poolId === NAME;
  seen["job unless told"] = found.onAllTasksComplete;
  const unchanged = { jobPatchOptions: { ifMatch: found.eTag } };
  await batch.job.patch(NAME, { priority: 7 }, unchanged);
  seen["patched late"] = await refusal(batch.job.patch(NAME, { priority: 7 }, unchanged));
  const patched = await batch.job.get(NAME);
  seen["patched"] = [patched.priority, patched.displayName];
  await batch.job.update(NAME, { poolInfo, priority: 9 });
  const jobListOptions = { filter: `state eq 'active' and id eq '${NAME}'`, select: "priority" };
  const listed = await batch.job.list({ jobListOptions });
  seen["jobs"] = listed.map((one) => [one.priority, one.poolInfo ?? null]);
}

// One that has a node prepared and released, and one that does not.
async function preparedJob() {
  const name = `${NAME}-prepared`;
  const statuses = (of) => batch.job.listPreparationAndReleaseTaskStatus(of);
  seen["not prepared"] = await refusal(statuses(NAME));
  await batch.job.add({
    id: name,
    poolInfo: { poolId: NAME },
    jobPreparationTask: { commandLine: "/bin/true" },
    jobReleaseTask: { commandLine: "/bin/false" },
  });
  await batch.task.add(name, { id: "t", commandLine: "/bin/true" });
  await wait(() => batch.task.get(name, "t"), (task) => task.state === "completed");
  await batch.job.terminate(name);
  await wait(() => batch.job.get(name), (found) => found.state === "completed");
  const [one] = await statuses(name);
  const { jobPreparationTaskExecutionInfo: prepared, jobReleaseTaskExecutionInfo: released } = one;
  seen["prepared"] = [prepared.state, prepared.exitCode, prepared.retryCount];
  seen["released"] = [released.state, released.exitCode, one.poolId === NAME];
  await batch.job.deleteMethod(name);
}

async function disabledJob() {
  await batch.job.disable(NAME, "requeue");
  const disabled = await wait(() => batch.job.get(NAME), (found) => found.state === "disabled");
  await batch.job.enable(NAME);
  const again = await wait(() => batch.job.get(NAME), (found) => found.state === "active");
  seen["disabled"] = [disabled.previousState, again.previousState];
  seen["enabled again"] = await refusal(batch.job.enable(NAME));
}

// A job that brings its pool with it: that of a cloud service, without nodes.
async function ownPool() {
  const name = `${NAME}-own`;
  const wanted = { vmSize: "small", cloudServiceConfiguration: { osFamily: "4" }, taskSlotsPerNode: 2 };
  const auto = { autoPoolIdPrefix: "Tour_", poolLifetimeOption: "job", pool: wanted };
  await batch.job.add({ id: name, poolInfo: { autoPoolSpecification: auto } });
  const found = await batch.job.get(name);
  const own = await batch.pool.get(found.executionInfo.poolId);
  const kept = found.poolInfo.autoPoolSpecification;
  seen["own pool"] = [
    own.id.startsWith("Tour_"),
    own.cloudServiceConfiguration.osFamily,
    own.taskSlotsPerNode,
    [kept.autoPoolIdPrefix, kept.keepAlive, kept.pool.cloudServiceConfiguration.osFamily],
  ];
  await batch.job.deleteMethod(name);
  seen["own pool gone"] = !(await wait(() => batch.pool.exists(own.id), (there) => !there.body)).body;
}

// Its first job is there at once; the next one comes long after the tour.
async function schedule() {
  const name = `${NAME}-nightly`;
  const jobs = { poolInfo: { poolId: NAME }, priority: 5 };
  const added = { id: name, schedule: { recurrenceInterval: "P1D", startWindow: "PT5M" }, jobSpecification: jobs };
  await batch.jobSchedule.add(added);
  seen["schedule again"] = await refusal(batch.jobSchedule.add(added));
  const found = await batch.jobSchedule.get(name);
  const there = [name, `${name}-not`].map(async (one) => (await batch.jobSchedule.exists(one)).body);
  seen["schedule there"] = await Promise.all(there);
  const day = 86_400_000;
  seen["schedule"] = [
    found.state,
    Number(/^P(\d+)D/.exec(found.schedule.recurrenceInterval)[1]),
    found.jobSpecification.priority,
    found.executionInfo.recentJob.id === `${name}:job-1`,
    found.executionInfo.nextRunTime - found.creationTime >= day,
  ];
  const listed = await batch.job.listFromJobSchedule(name);
  seen["jobs of the schedule"] = listed.map((one) => [one.id === `${name}:job-1`, one.priority]);
  seen["a job's own id"] = (await batch.job.get(`${name}:job-1`)).state;
  const unchanged = { jobSchedulePatchOptions: { ifMatch: found.eTag } };
  const wanted = { metadata: [{ name: "a", value: "b" }] };
  await batch.jobSchedule.patch(name, wanted, unchanged);
  seen["schedule patched late"] = await refusal(batch.jobSchedule.patch(name, wanted, unchanged));
  await batch.jobSchedule.update(name, { schedule: {}, jobSpecification: { ...jobs, priority: 7 } });
  await batch.jobSchedule.disable(name);
  const jobScheduleListOptions = { filter: `state eq 'disabled' and id eq '${name}'` };
  seen["schedules"] = (await batch.jobSchedule.list({ jobScheduleListOptions })).map((one) => [
    one.jobSpecification.priority,
    one.metadata ?? null,
    one.schedule.recurrenceInterval ?? null,
  ]);
  await batch.jobSchedule.enable(name);
  await batch.jobSchedule.terminate(name);
  const ended = await wait(() => batch.jobSchedule.get(name), (one) => one.state === "completed");
  const reason = (await batch.job.get(`${name}:job-1`)).executionInfo.terminateReason;
  seen["schedule ended"] = [reason, moments(ended.creationTime, ended.executionInfo.endTime)];
  await batch.jobSchedule.deleteMethod(name);
  seen["schedule gone"] = await wait(() => refusal(batch.jobSchedule.get(name)), (answer) => answer !== "no refusal");
}

async function tasks() {
  const add = (id, commandLine, more) => batch.task.add(NAME, { id, commandLine, ...more });
  await add("works", `/bin/sh -c 'sh $AZ_BATCH_NODE_SHARED_DIR/script.sh; cp in/file.sh "${STRANGE}"'`, {
    resourceFiles: [{ httpUrl: script, filePath: "in/file.sh" }],
    environmentSettings: [{ name: "WHOM", value: "tourist" }],
    userIdentity: admin,
  });
  seen["task again"] = await refusal(add("works", "/bin/true"));
  await add("fails", "/bin/sh -c 'echo oh >&2; exit 3'", { constraints: { maxTaskRetryCount: 1 } });
  await add("starts", "/no/such/program");
  await add("stays", "/bin/sleep 600");
  const found = await batch.task.get(NAME, "works");
  seen["task"] = {
    script: found.resourceFiles[0].httpUrl === script,
    environment: found.environmentSettings.map((item) => [item.name, item.value]),
    elevated: isAdmin(found.userIdentity),
    "kept for days": Number(/^P(\d+)D$/.exec(found.constraints.retentionTime)[1]),
    retries: found.constraints.maxTaskRetryCount,
    url: found.url.endsWith(`/jobs/${NAME}/tasks/works`),
  };
  seen["no task"] = await refusal(batch.task.get(NAME, "nothing"));
}

// In a job whose pool never comes.
async function collections() {
  const name = `${NAME}-bulk`;
  const task = (id, more) => ({ id, commandLine: "/bin/true", ...more });
  await batch.job.add({ id: name, poolInfo: { poolId: `${NAME}-never` } });
  for (let start = 0; start < MANY.length; start += 100) {
    await batch.task.addCollection(name, MANY.slice(start, start + 100).map((id) => task(id)));
  }
  const taskListOptions = { select: "id", maxResults: 100 };
  const listed = await all(batch.task.list(name, { taskListOptions }), (link) => batch.task.listNext(link));
  seen["collection"] = JSON.stringify(named(listed, "id").sort()) === JSON.stringify(MANY);
  const again = (await batch.task.addCollection(name, [task(MANY[0]), task("once")])).value;
  const results = [MANY[0], "once"].map((id) => again.find((one) => one.taskId === id));
  seen["again"] = results.map((one) => [one.status, one.error?.code ?? null]);
  const wrong = (await batch.task.addCollection(name, [task("a/b"), task("c/d")])).value;
  seen["wrong ones"] = wrong.map((one) => one.error.code);
  const environmentSettings = [{ name: "LARGE", value: LARGE }];
  const three = [0, 1, 2].map((number) => task(`large${number}`, { environmentSettings }));
  seen["too large"] = await refusal(batch.task.addCollection(name, three));
  await batch.job.deleteMethod(name);
}

async function taskEnds(nodeId) {
  const of = (id) => batch.task.get(NAME, id);
  const ended = {};
  for (const id of ["works", "fails", "starts"]) {
    const found = await wait(() => of(id), (one) => one.state === "completed");
    const info = found.executionInfo;
    ended[id] = [
      info.exitCode ?? null,
      info.failureInfo?.code ?? null,
      info.retryCount,
      info.result,
      moments(found.creationTime, info.startTime, info.endTime),
    ];
  }
  seen["ended"] = ended;
  await wait(() => of("stays"), (one) => one.state === "running");
  const counts = (await batch.job.getTaskCounts(NAME)).taskCounts;
  seen["counts"] = [counts.active, counts.running, counts.completed, counts.succeeded, counts.failed];
  await batch.task.terminate(NAME, "stays");
  const stayed = await wait(() => of("stays"), (one) => one.state === "completed");
  seen["terminated"] = [stayed.state, stayed.executionInfo.failureInfo.code];
  await batch.task.update(NAME, "stays", { constraints: { maxTaskRetryCount: 4 } });
  await batch.task.reactivate(NAME, "stays");
  const anew = await wait(() => of("stays"), (one) => one.state === "running");
  seen["anew"] = [anew.constraints.maxTaskRetryCount, anew.executionInfo.retryCount];
  seen["subtasks"] = (await batch.task.listSubtasks(NAME, "stays")).value;
  await batch.task.terminate(NAME, "stays");
  await wait(() => of("stays"), (one) => one.state === "completed");
  seen["not anew"] = await refusal(batch.task.reactivate(NAME, "works"));
  const taskListOptions = { filter: "state eq 'completed'", maxResults: 2 };
  const listed = await all(batch.task.list(NAME, { taskListOptions }), (link) => batch.task.listNext(link));
  seen["completed"] = named(listed, "id").sort();
  seen["where"] = listed.every((one) => one.nodeInfo.nodeId === nodeId);
  await batch.task.deleteMethod(NAME, "stays");
  seen["deleted"] = await wait(() => refusal(of("stays")), (answer) => answer !== "no refusal");
}

// Of a duration below an hour.
function seconds(duration) {
  const [, minutes, rest] = /^PT(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(duration);
  return 60 * Number(minutes ?? 0) + Number(rest ?? 0);
}

async function used() {
  const ofJob = (await batch.job.get(NAME, { jobGetOptions: { expand: "stats" } })).stats;
  const ofTask = (await batch.task.get(NAME, "fails", { taskGetOptions: { expand: "stats" } })).stats;
  const plain = (await batch.task.get(NAME, "fails")).stats;
  seen["used"] = [ofJob.numTaskRetries, ofJob.numSucceededTasks, ofJob.numFailedTasks].map(Number);
  seen["used by a task"] = [seconds(ofTask.wallClockTime) < seconds(ofJob.wallClockTime), plain ?? null];
  const ofPool = (await batch.pool.get(NAME, { poolGetOptions: { expand: "stats" } })).stats;
  const coreTime = seconds(ofPool.usageStats.dedicatedCoreTime);
  seen["used of a pool"] = [coreTime > 0, moments(ofPool.startTime, ofPool.lastUpdateTime)];
  seen["metrics so far"] = await all(batch.pool.listUsageMetrics(), (link) => batch.pool.listUsageMetricsNext(link));
  const ofAll = await batch.pool.getAllLifetimeStatistics();
  seen["used of all pools"] = seconds(ofAll.usageStats.dedicatedCoreTime) >= coreTime;
  const ever = await batch.job.getAllLifetimeStatistics();
  const isAll = seconds(ever.wallClockTime) >= seconds(ofJob.wallClockTime);
  seen["used by all jobs"] = [isAll, moments(ever.startTime, ever.lastUpdateTime)];
}

// The headers of a file, which come without its content. This client knows "False" for a text only.
const told = (headers) => {
  const isDirectory = { False: false, True: true }[headers.ocpBatchFileIsdirectory];
  return [headers.contentLength, isDirectory, moments(headers.lastModified)];
};

async function taskFiles() {
  const files = batch.file;
  const listed = await files.listFromTask(NAME, "works", { recursive: true });
  seen["task files"] = Object.fromEntries(
    listed.map((file) => [file.name, file.isDirectory || file.properties.contentLength]),
  );
  seen["printed"] = await text(files.getFromTask(NAME, "works", "stdout.txt"));
  const part = { fileGetFromTaskOptions: { ocpRange: "bytes=6-12" } };
  seen["part"] = await text(files.getFromTask(NAME, "works", "stdout.txt", part));
  seen["below"] = (await text(files.getFromTask(NAME, "works", "wd/in/file.sh"))).startsWith("echo");
  seen["told"] = told(await files.getPropertiesFromTask(NAME, "works", "stdout.txt"));
  await files.deleteFromTask(NAME, "works", `wd/${STRANGE}`);
  seen["file deleted"] = await refusal(files.getPropertiesFromTask(NAME, "works", `wd/${STRANGE}`));
  seen["no file"] = await refusal(files.getFromTask(NAME, "works", `wd/${STRANGE}`));
}

async function nodeFiles(nodeId) {
  const files = batch.file;
  const path = "shared/script.sh";
  const listed = named(await files.listFromComputeNode(NAME, nodeId, { recursive: true }), "name");
  seen["node files"] = [path, "startup/wd/script.sh", "startup/stdout.txt"].every((name) => listed.includes(name));
  seen["script"] = (await text(files.getFromComputeNode(NAME, nodeId, path))).startsWith("echo");
  seen["told of the node's"] = told(await files.getPropertiesFromComputeNode(NAME, nodeId, path));
  await files.deleteFromComputeNode(NAME, nodeId, path);
  seen["node file deleted"] = await refusal(files.getPropertiesFromComputeNode(NAME, nodeId, path));
}

async function end() {
  await batch.job.terminate(NAME, { terminateReason: "seen enough" });
  const ended = await wait(() => batch.job.get(NAME), (found) => found.state === "completed");
  seen["job ended"] = [ended.executionInfo.terminateReason, moments(ended.executionInfo.endTime)];
  seen["too late"] = await refusal(batch.task.add(NAME, { id: "late", commandLine: "/bin/true" }));
  await batch.job.deleteMethod(NAME);
  await wait(() => refusal(batch.job.get(NAME)), ([status]) => status === 404);
  for (const name of [NAME, `${NAME}-plain`]) {
    await batch.pool.deleteMethod(name);
    await wait(() => batch.pool.exists(name), (there) => !there.body);
  }
}

await images();
await certificates();
await pool();
await changedPool();
await sizes();
const nodeId = await node();
await reach(nodeId);
await order(nodeId);
await job();
await preparedJob();
await disabledJob();
await ownPool();
await schedule();
await tasks();
await collections();
await taskEnds(nodeId);
await used();
await taskFiles();
await nodeFiles(nodeId);
await end();
console.log(JSON.stringify({ seen, requests: sent }));
