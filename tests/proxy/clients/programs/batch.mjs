// Asks the Batch service with @azure/batch: `node batch.mjs ACCOUNT KEY`, in a folder that has it.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const { BatchServiceClient, BatchSharedKeyCredentials } = require("@azure/batch");

const [account, key] = process.argv.slice(2);
const credentials = new BatchSharedKeyCredentials(account, key);
const batch = new BatchServiceClient(credentials, `https://${account}.japaneast.batch.azure.com`);
await batch.job.add({ id: "javascript", poolInfo: { poolId: "none" } });
console.log(JSON.stringify([(await batch.job.get("javascript")).url]));
