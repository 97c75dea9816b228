"""The task of the tutorial: counts the words of a text file and uploads the most frequent ones.

Runs on the compute nodes, one task for each file. The only credential it gets is a SAS that allows
writing into one container.
"""

from __future__ import annotations

import argparse
import collections
import os
import re
from pathlib import Path

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def most_frequent(text: str, count: int) -> list[tuple[str, int]]:
    """The `count` most frequent words with their numbers; words as frequent as each other by alphabet."""
    words = collections.Counter(match.group().lower() for match in WORD.finditer(text))
    return sorted(words.items(), key=lambda entry: (-entry[1], entry[0]))[:count]


def report(frequent: list[tuple[str, int]]) -> str:
    """The words and who counted them."""
    width = max((len(word) for word, _ in frequent), default=0)
    lines = [f"{word.ljust(width)}  {count}" for word, count in frequent]
    lines.append("-" * 30)
    for what in ("NODE_ID", "TASK_ID", "JOB_ID", "POOL_ID"):
        lines.append(f"{what[:-3].capitalize()}: {os.environ.get(f'AZ_BATCH_{what}', 'none')}")
    return "\n".join(lines) + "\n"


def account_url(account: str) -> str:
    """The Blob endpoint of a storage account: of the public cloud, unless a URL was given."""
    return account if "://" in account else f"https://{account}.blob.core.windows.net"


def upload(path: Path, account: str, container: str, sas_token: str) -> None:
    """Upload a file into the container with the right the SAS gives."""
    from azure.storage.blob import BlobClient

    url = f"{account_url(account).rstrip('/')}/{container}/{path.name}?{sas_token.lstrip('?')}"
    with BlobClient.from_blob_url(url) as blob, path.open("rb") as data:
        blob.upload_blob(data, overwrite=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filepath", type=Path, required=True, help="text file to count the words of")
    parser.add_argument("--numwords", type=int, required=True, help="how many words to write")
    parser.add_argument("--storageaccount", required=True, help="name of the account, or its Blob URL")
    parser.add_argument("--storagecontainer", required=True, help="container for the output")
    parser.add_argument("--sastoken", required=True, help="SAS that allows writing into the container")
    arguments = parser.parse_args()

    text = arguments.filepath.read_text(encoding="utf-8")
    output = Path(f"{arguments.filepath.stem}_OUTPUT.txt")
    output.write_text(report(most_frequent(text, arguments.numwords)), encoding="utf-8")
    print(f"Uploading {output} to container [{arguments.storagecontainer}]")
    upload(output, arguments.storageaccount, arguments.storagecontainer, arguments.sastoken)


if __name__ == "__main__":
    main()
