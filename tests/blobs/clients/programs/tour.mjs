// The tour with @azure/storage-blob: `node tour.mjs CONNECTION_STRING CONTAINER`, in a folder that has it.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const sdk = require("@azure/storage-blob");

const MIB = 1024 * 1024;
const LARGE = Buffer.concat(Array(20000).fill(Buffer.from(Array.from({ length: 251 }, (_, n) => n))));

const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const id = (text) => Buffer.from(text).toString("base64");

async function statusOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error.statusCode;
  }
  return "no error";
}

async function all(pages, pick) {
  const found = [];
  for await (const item of pages) found.push(pick(item));
  return found;
}

const text = async (blob) => (await blob.downloadToBuffer()).toString();

async function blobs(container) {
  const seen = {};
  const small = container.getBlockBlobClient("dir/small");
  await small.upload("hello", 5, {
    metadata: { Category: "rocks" },
    blobHTTPHeaders: { blobContentType: "text/x-tour", blobCacheControl: "no-cache" },
  });
  seen["small"] = await text(small);
  const properties = await small.getProperties();
  seen["metadata"] = properties.metadata;
  seen["content type"] = properties.contentType;
  const large = container.getBlockBlobClient("dir/large");
  await large.uploadData(LARGE, { blockSize: MIB, maxSingleShotSize: MIB, concurrency: 2 });
  seen["large"] = sha256(await large.downloadToBuffer(0, undefined, { blockSize: MIB, concurrency: 2 }));
  seen["range"] = (await large.downloadToBuffer(1000, 10)).toString("hex");
  const staged = container.getBlockBlobClient("staged");
  for (const [block, data] of [["a", "one "], ["b", "two "]])
    await staged.stageBlock(id(block), data, data.length, {
      transactionalContentMD5: createHash("md5").update(data).digest(),
    });
  seen["staged"] = (await staged.getBlockList("all")).uncommittedBlocks.length;
  await staged.commitBlockList([id("b"), id("a"), id("b")]);
  seen["committed"] = await text(staged);
  seen["missing"] = await statusOf(container.getBlobClient("nothing").getProperties());
  seen["exists"] = await statusOf(small.upload("again", 5, { conditions: { ifNoneMatch: "*" } }));
  return seen;
}

async function listing(container) {
  const listed = [];
  const pages = container.listBlobsFlat({ prefix: "dir/", includeMetadata: true }).byPage({ maxPageSize: 1 });
  for await (const page of pages) listed.push(...page.segment.blobItems);
  const walked = await all(container.listBlobsByHierarchy("/"), (item) => item.name);
  return {
    "names": listed.map((blob) => blob.name),
    "listed metadata": listed[1].metadata,
    "walked": walked.sort(),
  };
}

async function kept(container) {
  const seen = {};
  const blob = container.getBlockBlobClient("kept");
  await blob.upload("before", 6);
  const { snapshot } = await blob.createSnapshot();
  await blob.upload("after", 5);
  const old = blob.withSnapshot(snapshot);
  seen["snapshot"] = await text(old);
  seen["snapshots present"] = await statusOf(blob.delete());
  const lease = blob.getBlobLeaseClient();
  const { leaseId } = await lease.acquireLease(15);
  seen["leased"] = await statusOf(blob.upload("x", 1));
  await blob.upload("with lease", 10, { conditions: { leaseId } });
  await lease.releaseLease();
  await blob.delete({ deleteSnapshots: "include" });
  seen["gone"] = await statusOf(old.getProperties());
  return seen;
}

async function kinds(container) {
  const seen = {};
  const log = container.getAppendBlobClient("log");
  await log.create();
  for (const line of ["one ", "two "]) await log.appendBlock(line, line.length);
  seen["appended"] = await text(log);
  const disk = container.getPageBlobClient("disk");
  await disk.create(4096);
  await disk.uploadPages("p".repeat(1024), 512, 1024);
  await disk.clearPages(512, 512);
  const { pageRange } = await disk.getPageRanges();
  // What this SDK calls count is the distance from the first byte to the last.
  seen["pages"] = pageRange.map(({ offset, count }) => [offset, offset + count]);
  seen["page content"] = sha256(await disk.downloadToBuffer());
  const copy = container.getBlobClient("copy");
  const started = await (await copy.beginCopyFromURL(log.url)).pollUntilDone();
  seen["copied"] = [started.copyStatus, await text(copy)];
  return seen;
}

async function shared(container) {
  const url = await container.generateSasUrl({
    permissions: sdk.ContainerSASPermissions.parse("rl"),
    expiresOn: new Date(Date.now() + 3600_000),
  });
  const bearer = new sdk.ContainerClient(url, undefined, { retryOptions: { maxTries: 1 } });
  return {
    "shared": await text(bearer.getBlobClient("dir/small")),
    "not shared": await statusOf(bearer.getBlockBlobClient("new").upload("x", 1)),
  };
}

async function main(connectionString, name) {
  const service = sdk.BlobServiceClient.fromConnectionString(connectionString, {
    retryOptions: { maxTries: 1 },
  });
  const container = service.getContainerClient(name);
  await container.create({ metadata: { Owner: "tour" } });
  const seen = { "container metadata": (await container.getProperties()).metadata };
  seen["container exists"] = await statusOf(container.create());
  seen["containers"] = await all(service.listContainers({ prefix: name }), (found) => found.name);
  for (const part of [blobs, listing, kept, kinds, shared]) Object.assign(seen, await part(container));
  const batch = service.getBlobBatchClient();
  await batch.deleteBlobs(["dir/small", "dir/large"].map((blob) => container.getBlobClient(blob)));
  seen["left"] = await all(container.listBlobsFlat(), (blob) => blob.name);
  await container.delete();
  seen["container gone"] = await statusOf(container.getProperties());
  console.log(JSON.stringify(seen));
}

await main(...process.argv.slice(2));
