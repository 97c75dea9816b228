// Asks the Blob service with @azure/storage-blob: `node storage.mjs ACCOUNT KEY`, in a folder that has it.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const { BlobServiceClient, StorageSharedKeyCredential } = require("@azure/storage-blob");

const [account, key] = process.argv.slice(2);
const url = `https://${account}.blob.core.windows.net`;
const storage = new BlobServiceClient(url, new StorageSharedKeyCredential(account, key));
const container = storage.getContainerClient("javascript");
await container.create();
const blob = container.getBlockBlobClient("large");
await blob.uploadData(Buffer.alloc(10_000_000, 7));
const read = await blob.downloadToBuffer();
console.log(JSON.stringify({ length: read.length, last: read.at(-1), url: blob.url }));
