"""The task of the client beside it: counts words, and uploads what it has found to the account it is told."""

import argparse
import collections
import os

import azure.storage.blob as azureblob

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--account", required=True)
parser.add_argument("--container", required=True)
parser.add_argument("--token", required=True)
arguments = parser.parse_args()

with open(arguments.file) as text:
    word, count = collections.Counter(text.read().split()).most_common(1)[0]
result = arguments.file.replace(".txt", "_OUTPUT.txt")
with open(result, "w") as output:
    output.write(f"{word} {count} on {os.environ['AZ_BATCH_NODE_ID'][:3]}")
client = azureblob.BlockBlobService(account_name=arguments.account, sas_token=arguments.token)
client.create_blob_from_path(arguments.container, result, os.path.realpath(result))
